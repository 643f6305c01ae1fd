"""What a model in training sounds like: test sentences, synthesised, kept as files, shown on the dashboard."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from finetune_tts.audio.pictures import alignment_picture
from finetune_tts.audio.reading import write_waveform
from finetune_tts.files import replacing
from finetune_tts.runs.folder import ALIGNMENT_SUFFIX, sample_folder, sample_words


@dataclass(frozen=True)
class SpokenSample:
    """A sentence, spoken by the network as it is."""

    waveform: np.ndarray
    """``[T_wav]`` float32."""
    sample_rate: int
    mel: np.ndarray | None = None
    """``[T_mel, n_mels]``"""
    alignment: np.ndarray | None = None
    """``[T_mel, T_text]``"""


#: Speaks a test sentence: a text, or a list of text, speaker, style and language as configs have them.
Speaker = Callable[[nn.Module, Any], SpokenSample]


def sentence_text(sentence: Any) -> str:
    """The words of a test sentence of a config."""
    return str(sentence[0]) if isinstance(sentence, list | tuple) else str(sentence)


def write_samples(folder: Path, step: int, samples: Mapping[str, SpokenSample]) -> list[Path]:
    """Write ``samples/step_<step>/<n>_<words>.wav`` in the run folder, and beside it the alignment as a picture.

    Args:
        folder: of the run.
        step: of the weights that spoke.
        samples: by sentence.

    Returns:
        the sounds, in order.
    """
    target = sample_folder(folder, step)
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (text, sample) in enumerate(samples.items(), start=1):
        paths.append(target / f"{number}_{sample_words(text)}.wav")
        write_waveform(paths[-1], sample.waveform, sample.sample_rate)
        if sample.alignment is not None:
            with replacing(paths[-1].with_suffix(ALIGNMENT_SUFFIX)) as file:
                file.write(alignment_picture(sample.alignment))
    return paths


def figures_of(name: str, mel: np.ndarray | None, alignment: np.ndarray | None) -> dict[str, Any]:
    """Draw a spectrogram ``[T_mel, n_mels]`` and an alignment ``[T_mel, T_text]`` as matplotlib figures, by title."""
    figures = {}
    if mel is not None:
        figures[f"{name}/spectrogram"] = _image(mel.T, "frame", "mel channel")
    if alignment is not None:
        figures[f"{name}/alignment"] = _image(alignment.T, "frame", "token")
    return figures


def _image(values: np.ndarray, across: str, up: str) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), dpi=80)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    figure.colorbar(axes.imshow(values, aspect="auto", origin="lower", interpolation="none"), ax=axes)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return figure
