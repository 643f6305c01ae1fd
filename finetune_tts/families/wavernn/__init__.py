"""WaveRNN."""
