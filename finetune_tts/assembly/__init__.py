"""From a config, recordings and weights to a job."""
