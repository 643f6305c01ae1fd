"""The families of models: one folder an architecture."""
