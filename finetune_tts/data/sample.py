"""A sample: one recording and what is said in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording of a data set with its transcript.

    Attributes:
        text: what is said, as the data set writes it; empty where a layout holds no text.
        audio_file: the recording, in any format that libsndfile reads.
        speaker: the speaker's name.
        language: the language's name, empty if the data set states none.
        name: unique name as 🐸TTS makes it, ``dataset_name#relative/path/without/extension``.
        dataset: name of the data set that it comes from.
        split: ``train`` or ``eval`` where the data set itself says so (a metadata file of its own for
            evaluation), else ``any``.
    """

    text: str
    audio_file: Path
    speaker: str
    language: str
    name: str
    dataset: str = ""
    split: Literal["any", "train", "eval"] = "any"
