"""VITS: text → waveform in one network, one part of it a file.

``network.py`` puts the parts together and is the place to begin reading.
"""
