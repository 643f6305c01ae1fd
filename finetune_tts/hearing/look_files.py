"""What is to be heard of a step, on disk: sounds and what they say in a folder, and what was heard in a file beside it.

``hearing/step_<step>/`` in the run folder, until it is heard, and ``hearing/step_<step>.json`` after that.
"""

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from finetune_tts.audio.reading import read_original, write_waveform
from finetune_tts.errors import UserError
from finetune_tts.files import write_json
from finetune_tts.hearing.held_out_sentences import Sentence
from finetune_tts.hearing.listener import Utterance, spread
from finetune_tts.hearing.looks import Look
from finetune_tts.hearing.metrics import METRICS
from finetune_tts.hearing.spoken import Spoken
from finetune_tts.json_text import read_json
from finetune_tts.runs.folder import HEARING_NAME

_LOOK_NAME = "look.json"
WEIGHTS_NAME = "weights.pth"


@dataclass(frozen=True)
class ToHear:
    """A sentence that a model in training has synthesised.

    Attributes:
        sentence: what it says, and a recording of it.
        spoken: how it says it.
        values: metrics that are known already, of what is not in the sound.
        recorded: the recording, where the sentence names none.
    """

    sentence: Sentence
    spoken: Spoken
    values: Mapping[str, float]
    recorded: Spoken | None = None


def look_folder(run: Path, step: int) -> Path:
    """Where the sounds of a look are that is to be heard."""
    return run / HEARING_NAME / f"step_{step:07d}"


def write_look(run: Path, step: int, heard: Sequence[ToHear]) -> Path:
    """Write the sounds of a step; the look is whole once its list stands. What was there of the step is thrown away."""
    folder = look_folder(run, step)
    throw_away(folder)
    _result_path(folder).unlink(missing_ok=True)
    folder.mkdir(parents=True)
    items = []
    for number, one in enumerate(heard, start=1):
        sentence = one.sentence
        write_waveform(folder / f"{number}.wav", one.spoken.waveform, one.spoken.sample_rate)
        if one.recorded is not None:
            write_waveform(folder / f"{number}_recorded.wav", one.recorded.waveform, one.recorded.sample_rate)
            sentence = replace(sentence, recording=f"{number}_recorded.wav")
        items.append({"sentence": asdict(sentence), "values": dict(one.values)})
    write_json(folder / _LOOK_NAME, {"step": step, "items": items})
    return folder


def read_look(folder: Path) -> list[ToHear]:
    """Read what :func:`write_look` has written.

    Raises:
        UserError: it is not all there.
    """
    path = folder / _LOOK_NAME
    found = []
    try:
        for number, item in enumerate(read_json(path, what="look at a run")["items"], start=1):
            sentence = Sentence(**item["sentence"])
            if sentence.recording:
                sentence = replace(sentence, recording=str(folder / sentence.recording))
            sound = read_original(folder / f"{number}.wav")
            found.append(ToHear(sentence, Spoken(sound.waveform, sound.sample_rate), item["values"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not what a run has synthesised to be heard ({error}).") from error
    return found


def write_result(
    folder: Path, heard: Sequence[ToHear], utterances: Sequence[Utterance], warnings: Sequence[str]
) -> None:
    """Write what was heard of a look: each sentence, and the means over them."""
    told = [replace(utterance, values={**one.values, **utterance.values})
            for one, utterance in zip(heard, utterances, strict=True)]  # fmt: skip
    means = {key: found.mean for key in METRICS if (found := spread(told, key)) is not None}
    sentences = [
        {"text": one.sentence.text, "speaker": one.sentence.speaker, "values": _finite(utterance.values),
         "heard": utterance.heard, "note": utterance.note}
        for one, utterance in zip(heard, told, strict=True)
    ]  # fmt: skip
    write_json(_result_path(folder), {"values": _finite(means), "sentences": sentences, "warnings": list(warnings)})


def read_result(run: Path, step: int) -> tuple[Look, list[str]] | None:
    """What was heard of a step, and what whoever heard it has to say; None while it is not known.

    Raises:
        UserError: the file is not what :func:`write_result` writes.
    """
    path = _result_path(look_folder(run, step))
    if not path.is_file():
        return None
    found: Any = read_json(path, what="what was heard of a run")
    try:
        values = {str(key): float(value) for key, value in found["values"].items()}
        return Look(step, values), [str(warning) for warning in found["warnings"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not what was heard of a run ({error}).") from error


def is_whole(folder: Path) -> bool:
    """Whether the sounds of a look are all there."""
    return (folder / _LOOK_NAME).is_file()


def throw_away(folder: Path) -> None:
    """Remove the sounds of a look."""
    shutil.rmtree(folder, ignore_errors=True)


def _result_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {key: value for key, value in values.items() if math.isfinite(value)}
