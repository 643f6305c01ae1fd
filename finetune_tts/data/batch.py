"""A batch: what a training step takes in.

Legend: B batch, T_text tokens of the longest text, T_mel frames of the longest spectrogram, D numbers in a d-vector,
T_wav samples of the longest waveform, T_codes codes of the longest recording.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Item:
    """One sample as arrays.

    Attributes:
        token_ids: ``[T_text]`` int64.
        mel: ``[n_mels, T_mel]`` float32; ``n_mels`` is 0 for a model that does not read it.
        name: the sample's unique name.
        text: its text as the data set writes it.
        speaker_id: row of the speaker embedding, None for a model without.
        d_vector: ``[D]`` float32, None for a model without.
        language_id: row of the language embedding, None for a model without.
        linear: ``[n_freq, T_mel]`` float32, None unless the model wants it.
        waveform: ``[hop_length * T_mel]`` float32, None unless the model wants it.
        codes: ``[T_codes]`` int64, None unless the model wants them.
        pitch: ``[T_mel]`` float32, 0 where there is no voice, None unless the model wants it.
        energy: ``[T_mel]`` float32, likewise.
    """

    token_ids: np.ndarray
    mel: np.ndarray
    name: str
    text: str
    speaker_id: int | None = None
    d_vector: np.ndarray | None = None
    language_id: int | None = None
    linear: np.ndarray | None = None
    waveform: np.ndarray | None = None
    codes: np.ndarray | None = None
    pitch: np.ndarray | None = None
    energy: np.ndarray | None = None


Group = TypeVar("Group", bound="TensorGroup")


@dataclass(frozen=True)
class TensorGroup:
    """Tensors that move together, beside other things that stay."""

    def to(self: Group, device: torch.device | str, non_blocking: bool = False) -> Group:
        """The group on another device; with ``non_blocking`` the copy of pinned memory does not hold up the caller."""
        return self._mapped(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self: Group) -> Group:
        """The group in page-locked memory, from where it is copied to a GPU while the GPU works."""
        return self._mapped(lambda tensor: tensor.pin_memory())

    def _mapped(self: Group, change: Callable[[Tensor], Tensor]) -> Group:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        changed: dict[str, Any] = {name: change(value) for name, value in values.items() if isinstance(value, Tensor)}
        return replace(self, **changed)


@dataclass(frozen=True)
class Batch(TensorGroup):
    """Samples of about the same length, padded to one shape, the longest text first.

    Attributes:
        token_ids: ``[B, T_text]`` int64, filled with the vocabulary's padding id.
        token_lengths: ``[B]`` int64, falling.
        token_counts: the same numbers, which stay on the host.
        mels: ``[B, T_mel, n_mels]`` float32, filled with 0; ``n_mels`` is 0 for a model that does not read them.
        mel_lengths: ``[B]`` int64.
        mel_counts: the same numbers, which stay on the host.
        names: unique names of the samples.
        texts: their texts.
        speaker_ids: ``[B]`` int64 or None.
        d_vectors: ``[B, D]`` float32 or None.
        language_ids: ``[B]`` int64 or None.
        linears: ``[B, T_mel, n_freq]`` float32, filled with 0, or None.
        waveforms: ``[B, 1, T_wav]`` float32, filled with 0, or None; each is ``hop_length`` times its mel frames long.
        waveform_lengths: ``[B]`` int64, or None.
        waveform_counts: the same numbers, which stay on the host.
        codes: ``[B, T_codes]`` int64, filled with 0, or None.
        code_lengths: ``[B]`` int64, or None.
        code_counts: the same numbers, which stay on the host.
        pitch: ``[B, 1, T_mel]`` float32, filled with 0, or None.
        energy: ``[B, 1, T_mel]`` float32, filled with 0, or None.
    """

    token_ids: Tensor
    token_lengths: Tensor
    mels: Tensor
    mel_lengths: Tensor
    names: list[str]
    texts: list[str]
    token_counts: tuple[int, ...] | None = None
    mel_counts: tuple[int, ...] | None = None
    speaker_ids: Tensor | None = None
    d_vectors: Tensor | None = None
    language_ids: Tensor | None = None
    linears: Tensor | None = None
    waveforms: Tensor | None = None
    waveform_lengths: Tensor | None = None
    waveform_counts: tuple[int, ...] | None = None
    codes: Tensor | None = None
    code_lengths: Tensor | None = None
    code_counts: tuple[int, ...] | None = None
    pitch: Tensor | None = None
    energy: Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Collate:
    """Makes a batch of items.

    Attributes:
        pad_id: token id that fills the texts.
        frames_per_step: T_mel becomes a multiple of it (the reduction factor of autoregressive models).
    """

    pad_id: int
    frames_per_step: int = 1

    def __call__(self, items: Sequence[Item]) -> Batch:
        """Pad the items to one shape; those with the longest texts come first, as packed sequences want it."""
        items = sorted(items, key=lambda item: len(item.token_ids), reverse=True)
        longest_mel = max(item.mel.shape[1] for item in items)
        frames = -(-longest_mel // self.frames_per_step) * self.frames_per_step
        linears = [item.linear for item in items if item.linear is not None]
        waveforms = [item.waveform for item in items if item.waveform is not None]
        codes = [item.codes for item in items if item.codes is not None]
        samples = [len(waveform) for waveform in waveforms]
        hop_length = samples[0] // items[0].mel.shape[1] if samples else 0
        return Batch(
            token_ids=_padded([item.token_ids for item in items], len(items[0].token_ids), self.pad_id),
            token_lengths=torch.tensor([len(item.token_ids) for item in items]),
            mels=_padded([item.mel.T for item in items], frames, 0.0),
            mel_lengths=torch.tensor([item.mel.shape[1] for item in items]),
            names=[item.name for item in items],
            texts=[item.text for item in items],
            token_counts=tuple(len(item.token_ids) for item in items),
            mel_counts=tuple(item.mel.shape[1] for item in items),
            speaker_ids=_ids([item.speaker_id for item in items]),
            d_vectors=_rows([item.d_vector for item in items]),
            language_ids=_ids([item.language_id for item in items]),
            linears=_padded([linear.T for linear in linears], frames, 0.0) if linears else None,
            waveforms=_padded(waveforms, frames * hop_length, 0.0).unsqueeze(1) if waveforms else None,
            waveform_lengths=torch.tensor(samples) if waveforms else None,
            waveform_counts=tuple(samples) if waveforms else None,
            codes=_padded(codes, max(map(len, codes)), 0) if codes else None,
            code_lengths=torch.tensor([len(row) for row in codes]) if codes else None,
            code_counts=tuple(len(row) for row in codes) if codes else None,
            pitch=_contours([item.pitch for item in items], frames),
            energy=_contours([item.energy for item in items], frames),
        )


def _padded(arrays: Sequence[np.ndarray], length: int, fill: float) -> Tensor:
    """Stack arrays ``[T, ...]`` of different T to ``[B, length, ...]``."""
    padded = np.full((len(arrays), length, *arrays[0].shape[1:]), fill, dtype=arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(padded)


def _contours(contours: Sequence[np.ndarray | None], frames: int) -> Tensor | None:
    known = [contour for contour in contours if contour is not None]
    return _padded(known, frames, 0.0).unsqueeze(1) if known else None


def _ids(ids: Sequence[int | None]) -> Tensor | None:
    known = [value for value in ids if value is not None]
    return torch.tensor(known) if known else None


def _rows(vectors: Sequence[np.ndarray | None]) -> Tensor | None:
    known = [vector for vector in vectors if vector is not None]
    return torch.from_numpy(np.stack(known)) if known else None
