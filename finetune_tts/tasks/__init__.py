"""Tasks: what is optimised, how, and by which optimizer."""
