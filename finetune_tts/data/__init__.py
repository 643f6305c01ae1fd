"""Data sets: formatters, samples, splits, batching, the feature cache."""
