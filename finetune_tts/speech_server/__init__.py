"""A page and an API over HTTP that synthesise."""
