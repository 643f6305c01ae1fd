"""Weight files: reading released ones, writing whole ones, the restore report."""
