"""Speaking like recordings, with a model that listens to them itself."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.base import Config
from finetune_tts.data.speakers import SpeakerNames
from finetune_tts.errors import UserError
from finetune_tts.families.speech import Listening
from finetune_tts.synthesis.interruption import speaking

logger = logging.getLogger(__name__)

_SHOWN = 10


class Imitator:
    """Listens to recordings for a network.

    Args:
        network: that listens.
        config: the model's.
        extractor: of the model's audio settings.
        listening: how it does so.
        voices: whom it knows by name.

    Attributes:
        recordings: further speakers, by name, whose recordings are listened to each time, as the network learns.
    """

    def __init__(
        self,
        network: nn.Module,
        config: Config,
        extractor: SpectrogramExtractor,
        listening: Listening,
        voices: Mapping[str, Any],
    ) -> None:
        self._network, self._config, self._extractor, self._listening = network, config, extractor, listening
        self.voices = voices
        self.recordings: Mapping[str, Sequence[Path]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Whom it knows."""
        return tuple(dict.fromkeys((*self.recordings, *self.voices)))

    def heard(self, files: Sequence[str | Path]) -> Any:
        """Listen to recordings of one speaker: what ``Voice.speak`` takes as ``voice``.

        Raises:
            UserError: a recording cannot be used.
        """
        recordings = [self._extractor.load(path) for path in files]
        with speaking(self._network):
            return self._listening.hear(self._network, self._config, recordings)

    def heard_all(self, recordings: Mapping[str, Sequence[Path]]) -> Iterator[tuple[str, Any]]:
        """Listen to all clips of each speaker; a speaker whose clips are all too short is skipped, and named."""
        with speaking(self._network):
            for name, files in recordings.items():
                try:
                    clips = [self._extractor.load(path) for path in files]
                    yield name, self._listening.hear_all(self._network, self._config, clips)
                except UserError as error:
                    logger.warning("The voice of %s: %s", name, error)

    def read(self, path: Path) -> None:
        """Know the voices of a file, in the place of those before.

        Raises:
            UserError: it cannot be read.
        """
        self.voices = self._listening.read(path)

    def known(self, name: str | None) -> Any:
        """The voice of a speaker.

        Args:
            name: None for the only one.

        Raises:
            UserError: there is none of that name, or several and none is named.
        """
        names = self.names
        if not names:
            raise UserError(
                "This model speaks like a recording: name one, or several of one speaker, with --speaker_wav."
            )
        if name is None:
            if len(names) > 1:
                some = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
                raise UserError(
                    f"This model has {len(names)} speakers: choose one with --speaker_idx ({some}), or give "
                    "recordings to imitate with --speaker_wav."
                )
            name = names[0]
        name = names[SpeakerNames({known: place for place, known in enumerate(names)}).id(name)]
        return self.heard(self.recordings[name]) if name in self.recordings else self.voices[name]
