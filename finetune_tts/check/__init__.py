"""The check before a run."""
