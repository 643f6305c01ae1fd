"""Ways out: a voice as files for other programs, and who may use it."""
