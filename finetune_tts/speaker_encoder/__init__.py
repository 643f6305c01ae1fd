"""Networks that turn a recording into a vector of who speaks: a d-vector."""
