"""Glow-TTS."""
