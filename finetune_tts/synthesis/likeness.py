"""Speaking like somebody's recordings, whichever way a model knows voices."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from finetune_tts.errors import UserError
from finetune_tts.speaker_encoder.encoder import EncoderFiles, SpeakerEncoder, encoder_of_model, load_speaker_encoder
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.voice import Voice


class Likeness:
    """Finds out what makes a voice speak like recordings. A speaker encoder is loaded when it is needed first.

    Args:
        voice: that is to speak.
        beside: a file of the model, or its folder, where its speaker encoder may lie.
        encoder: the speaker encoder, if another one than the model's is to be used.
        device: where that is to compute.
    """

    def __init__(
        self, voice: Voice, beside: Path, encoder: EncoderFiles | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self._voice, self._device, self._named = voice, device, encoder
        self._folder = beside if beside.is_dir() else beside.parent
        self._encoder: SpeakerEncoder | None = None

    def give(self, delivery: Delivery, recordings: Sequence[str | Path]) -> Delivery:
        """Return ``delivery``, spoken like recordings of one speaker.

        Raises:
            UserError: the model cannot, it has no speaker encoder, or a recording cannot be used.
        """
        imitator = self._voice.imitator
        if imitator is None:
            return replace(delivery, d_vector=self.vector(recordings))
        if self._named is not None:
            raise UserError("--encoder_path: this model listens to recordings itself. Leave the flag out.")
        return replace(delivery, voice=imitator.heard(recordings))

    def vector(self, recordings: Sequence[str | Path]) -> np.ndarray:
        """The mean vector ``[D]`` of recordings of one speaker; raises as :meth:`give`."""
        self._voice.require_d_vectors()
        if self._encoder is None:
            files = self._named or encoder_of_model(self._voice.config.to_dict(), self._folder)
            if files is None:
                raise UserError(
                    "--speaker_wav: the model brings no speaker encoder (model_se.pth and config_se.json). Name the "
                    "one that it was trained with by --encoder_path and --encoder_config_path."
                )
            self._encoder = load_speaker_encoder(files, device=self._device)
        return self._encoder.vector_of_files([Path(path) for path in recordings])
