"""A family that was added by following CONTRIBUTING.md: four frames of each symbol's own spectrum."""
