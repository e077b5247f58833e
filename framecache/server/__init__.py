"""The frame server: frames by number over HTTP, and a page to scrub in (extra `server`)."""
