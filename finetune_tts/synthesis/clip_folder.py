"""A folder of clips that were synthesised from a list, and the metadata that say what is in which.

The metadata are a data set's (``metadata.jsonl``): one line a clip, written as soon as its file stands, so that work
that was interrupted continues where it stopped.
"""

import json
import os
from pathlib import Path
from typing import Any

from finetune_tts.audio.writing import write_sound
from finetune_tts.errors import UserError
from finetune_tts.files import read_bytes, replacing
from finetune_tts.json_text import NotJSON, parse_json
from finetune_tts.synthesis.voice import Speech

METADATA = "metadata.jsonl"


class ClipFolder:
    """Writes clips, and knows which are there already.

    Args:
        path: the folder; made if it is not there, but for those above it.
        made_by: tells what made the clips: model and delivery. A clip that something else made is made again.

    Raises:
        UserError: the folder cannot be made, or its metadata cannot be read.
    """

    def __init__(self, path: Path, made_by: str) -> None:
        self.path, self._made_by = path, made_by
        try:
            path.mkdir(exist_ok=True)
        except FileExistsError:
            raise UserError(f"--out_dir {path}: is no folder. Name one.") from None
        except FileNotFoundError:
            raise UserError(f"--out_dir {path}: the folder {path.parent} does not exist. Create it first.") from None
        except OSError as error:
            raise UserError(f"--out_dir {path}: cannot be made ({error.strerror}).") from error
        self._metadata = path / METADATA
        self._known = self._read() if self._metadata.exists() else {}

    def holds(self, name: str, text: str) -> bool:
        """Whether the clip is there, of this text and made by the same model in the same way.

        Raises:
            UserError: there is a file of that name which was not written for such a list.
        """
        known = self._known.get(name)
        if not (self.path / name).exists():
            return False
        if known is None:
            raise UserError(
                f"{self.path / name}: is there already, and {METADATA} does not say from what. It is not overwritten: "
                "choose another --out_dir, or move it away."
            )
        return known.get("text") == text and known.get("made_by") == self._made_by

    def write(self, name: str, text: str, speech: Speech, **facts: Any) -> Path:
        """Write a clip and its line of the metadata.

        Raises:
            OSError: it cannot be written.
        """
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sound(path, speech.waveform, speech.sample_rate)
        seconds = round(speech.seconds, 3)
        self._known[name] = {"audio_file": name, "text": text, "seconds": seconds, **facts, "made_by": self._made_by}
        with self._metadata.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_line(self._known[name]))
        return path

    def finish(self) -> None:
        """Write the metadata again: one line for each clip that is there, by name."""
        with replacing(self._metadata, "w") as file:
            for name in sorted(self._known):
                if (self.path / name).exists():
                    file.write(_line(self._known[name]))

    def _read(self) -> dict[str, dict[str, Any]]:
        known = {}
        *lines, last = read_bytes(self._metadata).split(b"\n")
        if last:  # cut off: a file of ours ends with the end of a line
            os.truncate(self._metadata, self._metadata.stat().st_size - len(last))
        for number, line in enumerate(lines, start=1):
            try:
                facts = parse_json(line.decode("utf-8"))
                known[str(facts["audio_file"])] = dict(facts)
            except (NotJSON, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
                raise UserError(
                    f"{self._metadata}, line {number}: is no line of a list of clips. Choose another --out_dir."
                ) from error
        return known


def _line(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False) + "\n"
