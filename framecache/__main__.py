"""`python -m framecache`, and the command `framecache`."""

from __future__ import annotations

import sys

# As shells say of a program that Ctrl-C ended: 128 and the signal's number.
EXIT_INTERRUPTED = 130


def main() -> int:
    """Run the command line on `sys.argv`; the exit code: 0, 1 for a failure (one line on stderr), 2 for wrong usage."""
    try:
        from framecache.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        print(f"framecache: the command line needs {error.name}: pip install 'framecache[cli]'", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return run()


if __name__ == "__main__":
    sys.exit(main())
