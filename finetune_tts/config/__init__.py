"""Coqpit dataclasses in 🐸TTS's field names, reading released configs, overrides."""
