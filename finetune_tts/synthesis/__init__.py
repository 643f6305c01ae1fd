"""A trained model to speech."""
