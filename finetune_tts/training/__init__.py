"""The bridge to the PyPI trainer: task, trainer, console."""
