"""Classic scripts."""
