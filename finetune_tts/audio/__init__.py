"""Files to arrays and back: reading, resampling, spectrograms, Griffin-Lim."""
