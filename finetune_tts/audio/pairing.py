"""A model and a vocoder that were trained apart: the spectrogram of the one brought to the settings of the other.

Dimensions: ``T`` frames of the model, ``T'`` frames of the vocoder.
"""

from collections.abc import Iterator

import numpy as np

from finetune_tts.audio.levels import Line
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.errors import UserError

MOST_STRETCHED = 2.0
"""A frame may become so many frames at the most, or the other way round; beyond that nothing is left of the speech."""
MEL_RANGE_TOLERANCE = 0.12
"""Share by which the highest frequency of the mel bands may differ: that of 22,050 and 24,000 Hz is nine percent."""
LOWEST_TOLERANCE = 100.0
"""Hz by which the lowest frequency may differ: releases have 0 or 50."""
_CLOSE = 1e-3


class Pairing:
    """Brings spectrograms of a model to a vocoder.

    The normalisation of the model, by range or by statistics, is undone and that of the vocoder is done; where their
    decibels differ too, the way leads through amplitudes. Where one has more frames in a second than the other, frames
    are interpolated, as in 🐸TTS.

    Args:
        model: how the model's spectrograms were made.
        vocoder: how the vocoder's were made.
    """

    def __init__(self, model: SpectrogramExtractor, vocoder: SpectrogramExtractor) -> None:
        self._model = model
        self._vocoder = vocoder
        #: frames of the vocoder for each frame of the model.
        self.stretch = (vocoder.sample_rate / vocoder.hop_length) / (model.sample_rate / model.hop_length)

    def misfits(self) -> list[str]:
        """Why the two do not belong together, a line each; nothing where they do."""
        return list(self._misfits())

    def require_fit(
        self, flag: str, way_out: str = "Choose another, or leave it out: Griffin-Lim then generates the waveform."
    ) -> None:
        """Refuse a pair that cannot fit.

        Args:
            flag: what the user said, for the message.
            way_out: what the user can do.

        Raises:
            UserError: all reasons.
        """
        misfits = self.misfits()
        if misfits:
            raise UserError(f"{flag}: this vocoder does not fit the model: {'; '.join(misfits)}. {way_out}")

    def bring(self, mel: np.ndarray) -> np.ndarray:
        """Turn a spectrogram of the model, ``[n_mels, T]``, into one for the vocoder, ``[n_mels, T']``."""
        brought = self._vocoder.mel_from_decibels(self._decibels(mel))
        if abs(self.stretch - 1.0) < _CLOSE:
            return brought
        import torch
        from torch.nn import functional as F

        frames = max(1, int(brought.shape[1] * self.stretch))
        stretched = F.interpolate(torch.from_numpy(brought)[None], size=frames, mode="linear", align_corners=False)
        return stretched[0].numpy()

    def lines(self) -> tuple[Line, ...] | None:
        """What :meth:`bring` does to the numbers of a spectrogram, for programs that do it themselves.

        None where it does more: where frames are interpolated, or one of both has amplitudes in place of decibels.
        """
        return None if abs(self.stretch - 1.0) >= _CLOSE else self._model.lines_to(self._vocoder)

    def _decibels(self, mel: np.ndarray) -> np.ndarray:
        """The spectrogram on the vocoder's logarithmic scale, not normalised."""
        if _scale(self._model) == _scale(self._vocoder):
            return self._model.mel_to_decibels(mel)
        return self._vocoder.decibels_of_mel(self._model.mel_amplitudes(mel))

    def _misfits(self) -> Iterator[str]:
        model, vocoder = self._model.audio, self._vocoder.audio
        if model.num_mels != vocoder.num_mels:
            yield f"the model has {model.num_mels} mel bands and the vocoder {vocoder.num_mels}"
        if not 1 / MOST_STRETCHED <= self.stretch <= MOST_STRETCHED:
            yield (
                f"the model has {model.sample_rate / self._model.hop_length:.1f} frames a second and the vocoder "
                f"{vocoder.sample_rate / self._vocoder.hop_length:.1f}"
            )
        highest = [audio.mel_fmax or audio.sample_rate / 2 for audio in (model, vocoder)]
        lowest = [audio.mel_fmin or 0.0 for audio in (model, vocoder)]
        if abs(highest[0] - highest[1]) > MEL_RANGE_TOLERANCE * max(highest) or (
            abs(lowest[0] - lowest[1]) > LOWEST_TOLERANCE
        ):
            yield (
                f"the mel bands of the model go from {lowest[0]:g} to {highest[0]:g} Hz and those of the vocoder from "
                f"{lowest[1]:g} to {highest[1]:g}"
            )


def _scale(extractor: SpectrogramExtractor) -> tuple[object, ...]:
    audio = extractor.audio
    return audio.do_amp_to_db_mel, audio.log_func, audio.spec_gain
