"""Neural HMMs: Neural HMM TTS, and OverFlow, which puts a flow before the spectrogram."""
