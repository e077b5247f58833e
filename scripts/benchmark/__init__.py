"""Timing framecache beside other readers, on the same files, in one run."""
