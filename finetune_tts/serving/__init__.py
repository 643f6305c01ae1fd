"""Pages that the browser on this machine gets from this program, and nobody else."""
