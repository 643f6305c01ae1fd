"""Text of XTTS: cleaners by language, sentences that fit, and a byte-pair vocabulary that can grow."""
