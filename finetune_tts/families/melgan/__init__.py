"""MelGAN, full-band and multi-band MelGAN."""
