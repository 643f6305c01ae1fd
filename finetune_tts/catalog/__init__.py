"""Catalog names to files: entries, look-up, verified download, cache folder."""
