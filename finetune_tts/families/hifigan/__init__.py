"""HiFi-GAN."""
