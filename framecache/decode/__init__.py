"""Getting a frame: opening a file safely, deciding how to move, decoding, converting."""
