"""`python -m framecache`."""

import sys

from framecache.cli import main

sys.exit(main())
