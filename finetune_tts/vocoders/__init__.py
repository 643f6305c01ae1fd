"""Vocoders: one architecture a file, from mel spectrograms to waveforms, with the discriminators that train them."""
