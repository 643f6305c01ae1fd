"""A vocoder as an ONNX file, for programs that have no torch.

The input ``mel`` is ``[1, M, T]``, a spectrogram with the vocoder's own audio settings. A vocoder that turns noise into
speech has the input ``noise`` too, standard normal numbers. The output is ``output`` ``[1, 1, T_wav]``.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.families.onnx_file import Graph, export_graph, require_packages
from finetune_tts.families.speech import Exported, ExportSubject

#: ``(network, frames) → shape of the noise`` for a spectrogram of so many frames.
NoiseShape = Callable[[Any, int], tuple[int, ...]]


class _Generating(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, mel: Tensor, *noise: Tensor) -> Tensor:
        made: Tensor = self.network.inference(mel, *noise)  # type: ignore[operator]  # of a generator
        return made


def export_vocoder(subject: ExportSubject, path: Path, *, noise: NoiseShape | None = None) -> Exported:
    """Write a vocoder as an ONNX file, and compare what it generates with what torch generates.

    Args:
        subject: the vocoder; its weight norms are folded.
        path: the file to write.
        noise: the shape of its noise; None for one that takes none.

    Raises:
        UserError: packages are missing, or the file says something else.
    """
    require_packages()
    network, bands = subject.network, int(subject.config.audio.num_mels)

    def example(frames: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(frames)
        shapes = [(1, bands, frames), *([noise(network, frames)] if noise is not None else [])]
        return tuple(torch.randn(shape, generator=generator) for shape in shapes)

    inputs = ("mel", "noise") if noise is not None else ("mel",)
    axes = {"mel": {2: "frames"}, "noise": {2: "noise_length"}, "output": {2: "samples"}}
    graph = Graph(
        module=_Generating(network).eval(),
        inputs=inputs,
        outputs=("output",),
        variable_axes={name: axes[name] for name in (*inputs, "output")},
        example=example,
    )
    exported = export_graph(graph, path)
    if noise is None:
        return exported
    none, one = (noise(network, frames)[2] for frames in (0, 1))
    return replace(exported, noise_length=(one - none, none))
