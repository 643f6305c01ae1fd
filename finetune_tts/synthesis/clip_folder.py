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
_START = b'{"audio_file": "'
_NEEDED = ("audio_file", "text", "made_by")


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
            UserError: there is a file of that name which was not written for such a list, or where its folder belongs.
        """
        for folder in Path(name).parents:
            if (self.path / folder).is_file():
                raise UserError(
                    f"{self.path / name}: {self.path / folder} is a file, and no folder. Rename one of them."
                )
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
        self._append(self._known[name])
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
        for number, line in enumerate(lines, start=1):
            facts = _facts(line)
            if facts is None:
                raise UserError(
                    f"{self._metadata}, line {number}: is no line of a list of clips that tts wrote. Choose another "
                    "--out_dir."
                )
            known[facts["audio_file"]] = facts
        if last:  # it was cut off, or somebody else wrote it: a file of ours ends with the end of a line
            facts = _facts(last)
            if facts is None and (not last.startswith(_START) or _parsed(last) is not None):
                raise UserError(f"{self._metadata}: is no list of clips that tts wrote. Choose another --out_dir.")
            os.truncate(self._metadata, self._metadata.stat().st_size - len(last))
            if facts is not None:
                known[facts["audio_file"]] = facts
                self._append(facts)
        return known

    def _append(self, facts: dict[str, Any]) -> None:
        with self._metadata.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_line(facts))


def _facts(line: bytes) -> dict[str, Any] | None:
    """What a line of the metadata says; None for what somebody else wrote, whose recordings are not to be replaced."""
    facts = _parsed(line)
    if not isinstance(facts, dict) or not all(isinstance(facts.get(name), str) for name in _NEEDED):
        return None
    return facts


def _parsed(line: bytes) -> Any:
    try:
        return parse_json(line.decode("utf-8"))
    except (NotJSON, UnicodeDecodeError):
        return None


def _line(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False) + "\n"
