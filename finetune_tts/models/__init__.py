"""One architecture a file: network and objective."""
