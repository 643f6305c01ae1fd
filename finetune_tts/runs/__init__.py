"""What a run folder holds, for those who write it and for those who read it."""
