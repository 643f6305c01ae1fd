"""Fine-tune pre-trained text-to-speech models on a person's own recordings."""

__version__ = "0.1.0"
