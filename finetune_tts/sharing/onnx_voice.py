"""A voice whose network is an ONNX file: what other programs will hear."""

from pathlib import Path
from typing import Any

import numpy as np

from finetune_tts.families.registry import family_of
from finetune_tts.families.speech import Exported, Request, Spectrogram, Waveform
from finetune_tts.synthesis.voice import Voice

NOISE = "noise"


class OnnxVoice(Voice):
    """Synthesises with onnxruntime, without noise; text is read and spectrograms are heard as ever.

    Args:
        voice: that was exported.
        exported: what was written of it.
        path: the file, or one that was made of it.
    """

    def __init__(self, voice: Voice, exported: Exported, path: Path) -> None:
        import onnxruntime

        super().__init__(
            voice.network,
            voice.config,
            voice.tokenizer,
            voice.extractor,
            speakers=voice.speakers,
            d_vectors=voice.d_vectors,
            languages=voice.language_rows,
        )
        self.vocoder = voice.vocoder
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self._scales = [
            0.0 if NOISE in name else value for name, value in zip(exported.scale_names, exported.scales, strict=True)
        ]

    def answer(self, request: Request) -> Spectrogram | Waveform:
        """Let the file answer."""
        given: dict[str, Any] = {
            "input": request.token_ids,
            "input_lengths": np.array([request.token_ids.shape[1]]),
            "scales": np.array(self._scales, dtype=np.float32),
            "sid": request.speaker_id,
            "d_vectors": request.d_vector,
            "langid": request.language_id,
        }
        # A condition that the network does not use is no input of the file.
        feed = {entry.name: np.asarray(given[entry.name]) for entry in self._session.get_inputs()}
        (output,) = self._session.run(None, feed)
        if family_of(self.config.model).makes_waveform:
            return Waveform(output[0, 0])
        return Spectrogram(output[0], np.zeros((len(output[0]), 0), dtype=np.float32))
