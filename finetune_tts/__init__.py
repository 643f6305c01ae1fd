"""Fine-tune pre-trained text-to-speech models on your own recordings."""

__version__ = "0.1.0"
