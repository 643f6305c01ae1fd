"""WaveGrad."""
