"""What sherpa-onnx calls the kinds of networks that it knows."""

#: one that draws a spectrogram of phonemes.
ACOUSTIC_MODEL = "matcha-tts"
#: one that generates a waveform of a spectrogram, and takes nothing else.
VOCODER = "hifigan"
#: it looks for both in the list of tokens, and writes them only into texts of models that ask for it.
ENDS = ("^", "$")
