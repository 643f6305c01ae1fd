"""Text to token ids: cleaners, phonemizers, characters, tokenizer."""
