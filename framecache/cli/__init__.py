"""The command line: what the library knows and does, for people who write no code. Needs the extra `cli`."""
