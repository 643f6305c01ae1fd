"""How an architecture turns token ids into something to hear: what it is asked, and what it answers.

How each one does it stands in its family's ``speech.py``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.data.batch import Batch
from finetune_tts.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Request:
    """One sentence to synthesise.

    Attributes:
        token_ids: ``[1, T_text]`` on the network's device.
        speaker_id: ``[1]`` for a network with a speaker embedding.
        d_vector: ``[1, D]`` for a network with d-vectors.
        language_id: ``[1]`` for a network with a language embedding.
        noise_scale, length_scale: in place of the config's, where given.
        style: how it is to sound, as the network takes it, for an architecture that takes a style.
        voice: who speaks, as the network takes it, for one that listens to recordings itself.
    """

    token_ids: Tensor
    speaker_id: Tensor | None = None
    d_vector: Tensor | None = None
    language_id: Tensor | None = None
    noise_scale: float | None = None
    length_scale: float | None = None
    style: Any | None = None
    voice: Any | None = None


@dataclass(frozen=True)
class Spectrogram:
    """What a network answers.

    Attributes:
        mel: ``[T_mel, n_mels]`` as the network was trained on it.
        alignment: ``[T_mel, T_text]``; one row for several frames where the network draws them in one step.
        linear: ``[T_mel, n_freq]``, of a network that makes a linear spectrogram too.
    """

    mel: np.ndarray
    alignment: np.ndarray
    linear: np.ndarray | None = None


@dataclass(frozen=True)
class Waveform:
    """What a network answers that needs no vocoder.

    Attributes:
        waveform: ``[T_wav]`` float32 at the rate of the family's ``output_rate``.
        alignment: ``[T_spec, T_text]``; None where the network has none.
    """

    waveform: np.ndarray
    alignment: np.ndarray | None = None


#: ``(network, config, request) → answer``, for a network in eval mode.
Speak = Callable[[Any, Any, Request], Spectrogram | Waveform]
#: ``(network, batch) → mel spectrograms [B, T, n_mels], frames [B]``; as long as the recordings, but for rounding.
Force = Callable[[Any, Batch], tuple[Tensor, Tensor]]


#: ``(network, config, request) → parts of a waveform [T_wav]``, each as soon as it is made.
Stream = Callable[[Any, Any, Request], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Listening:
    """How a network speaks like a recording that it listens to itself.

    Attributes:
        hear: ``(network, config, recordings) → voice``, of waveforms ``[T_wav]`` of one speaker at the model's rate; a
            voice is what ``Request.voice`` takes.
        file_name: of the voices that a model knows by name, beside its weights.
        hear_all: the same, of all clips of a speaker: what a run is to sound like.
        read: the voices of such a file, by name.
        write: writes such a file.
    """

    hear: Callable[[Any, Any, Sequence[np.ndarray]], Any]
    hear_all: Callable[[Any, Any, Sequence[np.ndarray]], Any]
    file_name: str
    read: Callable[[Path], dict[str, Any]]
    write: Callable[[Path, Mapping[str, Any]], None]


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended.

    Attributes:
        folder: of the run.
        config: of the run.
        best: its best model; None where it has none.
        build: builds its network for speaking.
        recordings: of each speaker, that were trained on.
        load: reads a recording, ``[T_wav]`` at the model's rate.
        device: of the run.
    """

    folder: Path
    config: Any
    best: Path | None
    build: Callable[[], nn.Module]
    recordings: Mapping[str, Sequence[Path]]
    load: Callable[[Path], np.ndarray]
    device: torch.device


@dataclass(frozen=True)
class StyleContext:
    """What a family needs to bring a style into the form that its network takes.

    Attributes:
        config: the model's.
        extractor: of the model's audio settings.
        tokenizer: the model's.
        network: that will take it.
    """

    config: Any
    extractor: SpectrogramExtractor
    tokenizer: Tokenizer
    network: nn.Module

    @property
    def device(self) -> torch.device:
        """Of the network."""
        return next(self.network.parameters()).device


#: ``(context, style of the family's read_style) → Request.style``; None stands for what the config names, if anything.
StyleOf = Callable[[StyleContext, Any | None], Any | None]


@dataclass(frozen=True)
class ExportSubject:
    """A model that is written for programs that have no torch.

    Attributes:
        network: on the CPU, in eval mode.
        config: the model's.
        symbols: size of its vocabulary.
        speakers: rows of its speaker embedding; 0 for a model without one.
        languages: rows of its language embedding, likewise.
        fixed: row of the embedding that an input ``sid`` or ``langid`` would choose, for one that the file does not ask
            its caller for.
        end_mark: a token that the caller adds and that is not spoken, as its place from the end; 0 for none.
        reading: makes the model's token ids ``[1, T]`` of what the caller gives, ``[1, T']``; None where it gives them.
        drawing: makes of its spectrogram ``[1, n_mels, T_mel]`` the one that is wanted; None for one that speaks.
    """

    network: nn.Module
    config: Any
    symbols: int
    speakers: int
    languages: int
    fixed: Mapping[str, int] = field(default_factory=dict)
    end_mark: int = 0
    reading: nn.Module | None = None
    drawing: nn.Module | None = None


@dataclass(frozen=True)
class Exported:
    """An exported model.

    Attributes:
        path: of the file.
        inputs: names of its inputs.
        difference: the largest between its samples and torch's.
        scales: what the config takes for the input of that name; empty for a file without one.
        scale_names: what they are.
        noise_length: of the input of that name: for each frame, and beyond that; empty where there is none.
    """

    path: Path
    inputs: tuple[str, ...]
    difference: float
    scales: tuple[float, ...] = ()
    scale_names: tuple[str, ...] = ()
    noise_length: tuple[int, ...] = ()


#: ``(subject, file to write) → what was written``.
Export = Callable[[ExportSubject, Path], Exported]
