"""What is said in pieces of a recording, written down by faster-whisper.

A recording is given in stretches of up to half a minute that begin and end in pauses, since Whisper hears no more at a
time, and words at the edges of what it is given are those that it gets wrong. Its word times say which clip a word is
in; where they leave that open, the clip is heard once more for itself.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from finetune_tts.audio.reading import read_part, resample
from finetune_tts.corpus.clips import one_line
from finetune_tts.corpus.cutting import NO_SPEECH, UNLIKE, Cut
from finetune_tts.data.progress import progress
from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import read_text
from finetune_tts.json_text import parse_json

_RATE = 16000
_LONGEST = 28.0  # seconds of a stretch; Whisper hears 30
_STRADDLES = 0.08  # seconds by which a word may reach over the end of its clip
_DOUBTFUL = 0.35  # mean chance of the words below which a transcript is dropped
_TRIED = 5  # stretches that the language is told by


@dataclass(frozen=True)
class HeardWord:
    """A word with the signs around it, when it is heard in seconds, and how likely it is."""

    text: str
    start: float
    end: float
    chance: float


def require_transcriber(model: str) -> None:
    """Find out without loading anything whether recordings can be transcribed.

    Raises:
        UserError: faster-whisper is not installed, or ``model`` is a folder without a model for it.
    """
    if find_spec("faster_whisper") is None:
        raise UserError(
            "--make_dataset: recordings without a text are transcribed by faster-whisper, which is not installed. "
            "Install it: pip install 'finetune-tts[transcribe]'; or give the text: --transcript FILE"
        )
    if Path(model).is_dir() and not (Path(model) / "model.bin").is_file():
        raise UserError(f"--whisper {model}: there is no model.bin in it. Name a folder of a model for faster-whisper.")


class Transcriber:
    """Writes recordings down.

    Args:
        model: a name that faster-whisper knows, or a folder of a model for CTranslate2.
        language: a code of Whisper; None to find out.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UserError: faster-whisper cannot be imported, or does not know the model or the language.
    """

    def __init__(self, model: str, language: str | None, device: str = "auto") -> None:
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise UserError(
                f"--make_dataset: faster-whisper is installed, but cannot be used ({excerpt(str(error))}). "
                "Install it again: pip install --force-reinstall faster-whisper; or give the text: --transcript FILE"
            ) from error

        try:
            self._model: Any = WhisperModel(model, device=device, compute_type="auto")
        except (ValueError, RuntimeError, OSError) as error:
            raise UserError(
                f"--whisper {model}: faster-whisper cannot load it ({str(error).splitlines()[0]}). Give a name that "
                "it knows, such as small, or the folder of a model for it."
            ) from error
        self.name = model
        known = list(self._model.supported_languages)  # English alone of some
        self.language = whisper_language(language, known) if language else known[0] if len(known) == 1 else None

    def find_language(self, stretches: Sequence[np.ndarray]) -> str:
        """The language that most of some waveforms ``[T]`` at 16,000 Hz are in."""
        sums: dict[str, float] = {}
        for samples in stretches:
            for code, chance in self._model.detect_language(samples)[2]:
                sums[code] = sums.get(code, 0.0) + chance
        return max(sums, key=lambda code: sums[code])

    def words(self, samples: np.ndarray) -> list[HeardWord]:
        """The words of a waveform ``[T]`` at 16,000 Hz."""
        segments, _ = self._model.transcribe(
            samples,
            language=self.language,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        return [
            HeardWord(word.word, float(word.start), float(word.end), float(word.probability))
            for segment in segments
            for word in segment.words or ()
        ]


def whisper_language(language: str, known: Sequence[str]) -> str:
    """The code of Whisper for a language: ``en`` for ``en-us``, ``zh`` for ``zh-cn``.

    Raises:
        UserError: Whisper does not know it.
    """
    code = language.strip().lower().replace("_", "-").split("-")[0]
    code = {"cmn": "zh", "yue": "zh", "nb": "no"}.get(code, code)
    if code not in known:
        raise UserError(f"--language {language}: this speech recogniser knows {', '.join(sorted(known))}.")
    return code


def transcribed(transcriber: Transcriber, recording: Path, cuts: Sequence[Cut], kept: Path) -> list[Cut]:
    """Write down what is said in each clip.

    Args:
        transcriber: that listens.
        recording: that the clips are of.
        cuts: without texts; those with a fault stay as they are.
        kept: a file to which each stretch is added when it is done, and which is not done again.

    Returns:
        ``cuts`` with texts, or with what is the matter.
    """
    good = [cut for cut in cuts if not cut.fault]
    stretches = list(_stretches(good))
    if transcriber.language is None and stretches:
        some = stretches[:: max(1, len(stretches) // _TRIED)][:_TRIED]
        transcriber.language = transcriber.find_language([_samples(recording, stretch) for stretch in some])
    done = _read(kept)
    status = recording.stat()
    source = f"{recording.resolve()} {status.st_size} {status.st_mtime_ns} {transcriber.name} {transcriber.language}"
    written: dict[Cut, Cut] = {}
    with kept.open("a", encoding="utf-8") as file:
        for stretch in progress(stretches, len(stretches), "Transcribing"):
            key = f"{source} {[(cut.start, cut.end) for cut in stretch]}"
            if key not in done:
                found = _transcribe(transcriber, recording, stretch)
                file.write(json.dumps({"key": key, "cuts": [asdict(cut) for cut in found]}, ensure_ascii=False) + "\n")
                file.flush()
                done[key] = found
            written.update(zip(stretch, done[key], strict=True))
    return [written.get(cut, cut) for cut in cuts]


def _read(kept: Path) -> dict[str, list[Cut]]:
    """What was written down before; a line that was cut off by a crash counts for nothing."""
    found: dict[str, list[Cut]] = {}
    for line in read_text(kept).splitlines() if kept.exists() else ():
        try:
            entry = parse_json(line)
            found[entry["key"]] = [Cut(**values) for values in entry["cuts"]]
        except (ValueError, TypeError, KeyError):
            continue
    if kept.exists() and not read_text(kept).endswith("\n"):
        with kept.open("a", encoding="utf-8") as file:
            file.write("\n")
    return found


def _stretches(cuts: Sequence[Cut]) -> Iterator[list[Cut]]:
    """Clips that are heard at once: in a row, for as long as Whisper hears."""
    stretch: list[Cut] = []
    for cut in cuts:
        if stretch and cut.end - stretch[0].start > _LONGEST:
            yield stretch
            stretch = []
        stretch.append(cut)
    if stretch:
        yield stretch


def _samples(recording: Path, stretch: Sequence[Cut]) -> np.ndarray:
    part = read_part(recording, stretch[0].start, stretch[-1].end)
    return resample(part.waveform, part.sample_rate, _RATE)


def _transcribe(transcriber: Transcriber, recording: Path, stretch: Sequence[Cut]) -> list[Cut]:
    words = transcriber.words(_samples(recording, stretch))
    begin = stretch[0].start
    found = []
    for cut in stretch:
        start, end = cut.start - begin, cut.end - begin
        within = [word for word in words if start <= (word.start + word.end) / 2 < end]
        clear = all(start - _STRADDLES <= word.start and word.end <= end + _STRADDLES for word in within)
        if len(stretch) > 1 and not (within and clear):
            within = transcriber.words(_samples(recording, [cut]))
        found.append(_written(cut, within))
    return found


def _written(cut: Cut, words: Sequence[HeardWord]) -> Cut:
    text = one_line("".join(word.text for word in words))
    if not any(character.isalnum() for character in text):
        return replace(cut, text="", confidence=0.0, fault=NO_SPEECH)
    confidence = float(np.mean([word.chance for word in words]))
    return replace(cut, text=text, confidence=confidence, fault=UNLIKE if confidence < _DOUBTFUL else "")
