"""What a request asks for, checked before it waits for its turn."""

import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune_tts.audio.writing import SOUND_KINDS, SoundKind
from finetune_tts.errors import UserError, counted, excerpt
from finetune_tts.families.registry import ENTRIES, family_of, style_flags
from finetune_tts.json_text import NotJSON, parse_json
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.voice import Voice

logger = logging.getLogger(__name__)

PCM = "pcm"
_SLOWEST, _FASTEST = 0.25, 4.0
_MOST_RECORDINGS = 8
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        text: to synthesise.
        delivery: how, but for the recordings.
        recordings: of the speaker to imitate.
        stream: send the speech while it is made.
        kind: of the answer; None for bare samples of 16 bits.
    """

    text: str
    delivery: Delivery
    recordings: Sequence[Path] = ()
    stream: bool = False
    kind: SoundKind | None = SOUND_KINDS[".wav"]


@dataclass(frozen=True)
class Rules:
    """What requests may ask for.

    Attributes:
        voice: that speaks.
        delivery: how, where a request does not say.
        most_text: characters.
        wav_dir: folder of recordings that may be named; None for none.
    """

    voice: Voice
    delivery: Delivery
    most_text: int
    wav_dir: Path | None = None

    def read(self, fields: Mapping[str, str]) -> Asked:
        """Read the fields of ``/api/tts``.

        Raises:
            UserError: one of them is missing, or is not what it should be.
        """
        text = self._text(fields.get("text", ""), "text")
        delivery = replace(
            self.delivery,
            **self._who(fields.get("speaker_id", ""), fields.get("language_id", "")),
            **self._how(fields),
        )
        style, recordings = self._style(fields), self._recordings(fields.get("speaker_wav", ""))
        stream = self._yes(fields.get("stream", ""), "stream")
        kind = self._kind(fields.get("format", "wav"), stream=stream)
        return Asked(text, delivery if style is None else replace(delivery, style=style), recordings, stream, kind)

    def read_speech(self, fields: Mapping[str, Any]) -> Asked:
        """Read the object of ``/v1/audio/speech``, whose ``model`` is ignored: there is one.

        Raises:
            UserError: as :meth:`read`.
        """
        for name in ("input", "voice", "response_format", "language", "stream_format"):
            if not isinstance(fields.get(name, ""), str):
                raise UserError(f"{name}: must be a text.")
        text = self._text(fields.get("input", ""), "input")
        stream = fields.get("stream_format") is not None
        if fields.get("stream_format", "audio") != "audio":
            raise UserError("stream_format: must be audio.")
        delivery = replace(
            self.delivery,
            **self._who(fields.get("voice", ""), fields.get("language", "")),
            **self._how({"speed": str(fields.get("speed", ""))}),
        )
        kind = self._kind(fields.get("response_format", "mp3"), stream=stream)
        return Asked(text, delivery, stream=stream, kind=kind)

    def _text(self, text: str, name: str) -> str:
        if not text.strip():
            raise UserError(f"{name}: is missing. What is to be said?")
        if len(text) > self.most_text:
            raise UserError(f"{name}: {counted(len(text), 'character')}; {self.most_text:,} can be.")
        return text

    def _who(self, speaker: str, language: str) -> dict[str, Any]:
        """Who speaks and in which language; clients that have to name both may, where there is no choice."""
        told: dict[str, Any] = {}
        names, languages = self.voice.speaker_names, self.voice.languages
        if speaker and speaker not in names and len(names) <= 1 and self.voice.imitator is None:
            logger.info("speaker_id %s: ignored, as this model has one speaker.", excerpt(speaker))
        elif speaker:
            if speaker not in names:
                raise UserError(f"speaker_id {excerpt(speaker)}: {_instead(names, 'speaker')}")
            told |= {"speaker": speaker, "d_vector": None, "voice": None}
        if language and not languages:
            logger.info("language_id %s: ignored, as this model has one language.", excerpt(language))
        elif language:
            if language not in languages:
                raise UserError(f"language_id {excerpt(language)}: {_instead(languages, 'language')}")
            told["language"] = language
        return told

    def _how(self, fields: Mapping[str, str]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if fields.get("speed"):
            told["length_scale"] = 1 / _number(fields["speed"], "speed", _SLOWEST, _FASTEST)
        if fields.get("noise_scale"):
            told["noise_scale"] = _number(fields["noise_scale"], "noise_scale", 0, 10)
        if fields.get("seed"):
            if not re.fullmatch("[0-9]{1,18}", fields["seed"]):
                raise UserError(f"seed {excerpt(fields['seed'])}: must be a whole number, at least 0.")
            told["seed"] = int(fields["seed"])
        return told

    def _style(self, fields: Mapping[str, str]) -> Any | None:
        """How it is to sound: ``style_wav`` as coqui-tts has it, or numbers that this kind of model knows."""
        given = fields.get("style_wav", "").strip()
        if given.startswith("{"):
            try:
                weights = parse_json(given)
            except NotJSON as error:
                raise UserError(f"style_wav: is no JSON: {error}.") from error
            if not all(isinstance(weight, int | float) for weight in weights.values()):
                raise UserError("style_wav: must be an object of token numbers and weights.")
            return weights
        if given:
            return self._recording(given, "style_wav")
        model = self.voice.config.model
        own = {flag.name for flag in ENTRIES[model].flags if not flag.is_path}
        foreign = next((flag.name for flag, _ in style_flags() if flag.name not in own and fields.get(flag.name)), None)
        if foreign is not None and not foreign.endswith("_wav"):
            raise UserError(f"{foreign}: this kind of model does not know it; leave it out.")
        numbers = {name: fields[name] for name in own if fields.get(name)}
        for name, value in numbers.items():
            _number(value, name, -1e6, 1e6)  # a path is none
        return family_of(model).read_style(numbers) if numbers else None

    def _recordings(self, given: str) -> list[Path]:
        names = [name for name in given.split(",") if name]
        if len(names) > _MOST_RECORDINGS:
            raise UserError(f"speaker_wav: {len(names)} recordings; {_MOST_RECORDINGS} can be.")
        return [self._recording(name, "speaker_wav") for name in names]

    def _recording(self, name: str, field: str) -> Path:
        """A recording in the folder of those, and nowhere else."""
        if self.wav_dir is None:
            raise UserError(f"{field}: this server takes no recordings. It does if it is started with --wav_dir DIR.")
        root = self.wav_dir.resolve()
        try:
            path = (root / name).resolve()
            found = path.is_relative_to(root) and path.is_file()
        except (OSError, ValueError, RuntimeError):
            found = False
        if not found:
            raise UserError(f"{field} {excerpt(name)}: there is no such recording in the server's folder of those.")
        return path

    def _kind(self, name: str, *, stream: bool) -> SoundKind | None:
        if name == PCM:
            return None
        kind = SOUND_KINDS.get(f".{name.lower()}")
        if kind is None:
            known = ", ".join(suffix[1:] for suffix in SOUND_KINDS if suffix != ".wave")
            raise UserError(f"format {excerpt(name)}: must be one of {known}, {PCM}.")
        if stream and kind is not SOUND_KINDS[".wav"]:
            raise UserError(f"format {name}: a stream is wav or {PCM}.")
        return kind

    def _yes(self, value: str, name: str) -> bool:
        if value.lower() not in (*_YES, *_NO):
            raise UserError(f"{name} {excerpt(value)}: must be true or false.")
        return value.lower() in _YES


def _instead(names: Sequence[str], what: str) -> str:
    if not names:
        return f"this model has no {what} of its own; leave it out."
    return f"this model has no such {what}: {', '.join(names[:10])}{', …' if len(names) > 10 else ''}."


def _number(text: str, name: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise UserError(f"{name} {excerpt(text)}: must be a number from {low:g} to {high:g}.")
    return value
