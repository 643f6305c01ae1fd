"""Tacotron and Tacotron 2: networks that draw a spectrogram frame by frame, reading the text with attention."""
