"""UnivNet."""
