"""How XTTS reads: cleaners of its languages, scripts to letters, words to pieces, and vocabularies that grow."""
