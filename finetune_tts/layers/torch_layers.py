"""Whether layers that are written by hand for speed give way to torch's own.

Some layers here have a forward and a backward pass of their own, or lay tensors out in memory in their own way, since
that is faster on a CPU; ``benchmarks/layers.py`` measures what each brings. Every one of them can be computed by torch
and its autograd instead, with the same results but for rounding. That is slower, and is for finding out whether a
fault lies in them: set the environment variable ``TTS_TORCH_LAYERS=1``, or use :func:`torch_layers`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

#: Layers that have a version by hand and one of torch's.
HAND_WRITTEN = (
    "attention_energies",
    "channels_last",
    "dropout",
    "flow",
    "gru",
    "likelihood",
    "lstm",
    "product",
    "ssim_window",
    "stretch",
    "wavenet",
)

_torchs: frozenset[str] = frozenset(HAND_WRITTEN if os.environ.get("TTS_TORCH_LAYERS", "0") not in ("", "0") else ())


def by_hand(layer: str) -> bool:
    """Whether ``layer``, one of :data:`HAND_WRITTEN`, is to be computed by the version written by hand."""
    assert layer in HAND_WRITTEN, layer
    return layer not in _torchs


@contextmanager
def torch_layers(*layers: str) -> Iterator[None]:
    """Have these layers, or all where none is named, computed by torch in the block, in all threads.

    A forward pass decides for its backward pass, which may come later.

    Raises:
        ValueError: there is no layer of such a name.
    """
    global _torchs
    unknown = set(layers) - set(HAND_WRITTEN)
    if unknown:
        raise ValueError(f"no layer is called {', '.join(sorted(unknown))}; there are {', '.join(HAND_WRITTEN)}.")
    before = _torchs
    _torchs = before | frozenset(layers or HAND_WRITTEN)
    try:
        yield
    finally:
        _torchs = before
