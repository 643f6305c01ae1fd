"""Feed-forward models with durations: FastPitch, FastSpeech, FastSpeech 2, SpeedySpeech."""
