"""A Glow-TTS as an ONNX file, for programs that have no torch.

The inputs are named as those of other exported models are: ``input`` ``[1, T_text]`` token ids, ``input_lengths``
``[1]``, ``scales`` ``[2]`` noise and duration factor, and where the model knows them ``sid`` ``[1]`` speaker or
``d_vectors`` ``[1, D]``. The output is ``output`` ``[1, T_mel, n_mels]``, a mel spectrogram for a vocoder.

sherpa-onnx calls an acoustic model otherwise: ``x`` ``[1, T]``, ``x_length`` ``[1]``, ``noise_scale`` ``[1]``,
``length_scale`` ``[1]``, ``sid`` ``[1]`` for several speakers, and takes ``mel`` ``[1, n_mels, T_mel]``.
"""

from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from finetune_tts.families.glow_tts.network import GlowTTS
from finetune_tts.families.onnx_file import Graph, conditions_of, example_text, export_graph, require_packages
from finetune_tts.families.speech import Exported, ExportSubject
from finetune_tts.layers.flow_decoder import InvertibleConv


class _Inverted(InvertibleConv):
    """Undoes a mixing of channels with a matrix that was inverted beforehand, as no ONNX graph can."""

    def __init__(self, original: InvertibleConv) -> None:
        super().__init__(original.num_splits, original.num_splits)
        self.weight = nn.Parameter(torch.linalg.inv(original.weight.detach()))

    def reverse(self, z: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        return self._mix(z, self.weight) * mask


class _Speaking(nn.Module):
    def __init__(self, network: GlowTTS, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network = deepcopy(network)
        self.names = names
        flows = self.network.decoder.flows
        for number, flow in enumerate(flows):
            if isinstance(flow, InvertibleConv):
                flows[number] = _Inverted(flow)

    def forward(self, token_ids: Tensor, token_lengths: Tensor, scales: Tensor, *conditions: Tensor) -> Tensor:
        given = dict(zip(self.names, conditions, strict=True))
        return self.network.inference(
            token_ids,
            token_lengths,
            speaker_ids=given.get("sid"),
            d_vectors=given.get("d_vectors"),
            noise_scale=scales[0],
            length_scale=scales[1],
        ).mel


class _Acoustic(nn.Module):
    """Reads and draws as sherpa-onnx wants it."""

    def __init__(self, speaking: _Speaking, subject: ExportSubject) -> None:
        super().__init__()
        assert subject.reading is not None
        assert subject.drawing is not None
        self.speaking, self.reading, self.drawing = speaking, subject.reading, subject.drawing
        self.fixed = subject.fixed

    def forward(
        self, given: Tensor, length: Tensor, noise_scale: Tensor, length_scale: Tensor, *speaker: Tensor
    ) -> Tensor:
        token_ids = self.reading(given[:, : length[0]])
        lengths = torch.ones_like(token_ids).sum(dim=1)
        rows = [torch.full_like(lengths, row) for row in self.fixed.values()]
        mel = self.speaking(token_ids, lengths, torch.cat([noise_scale, length_scale]), *speaker, *rows)
        drawn: Tensor = self.drawing(mel.transpose(1, 2))
        return drawn


def export_onnx(subject: ExportSubject, path: Path) -> Exported:
    """Write a model as an ONNX file, and compare what it draws with what torch draws.

    Args:
        subject: the model; its weight norms are folded.
        path: the file to write.

    Raises:
        UserError: packages are missing, or the file says something else.
    """
    require_packages()
    network = subject.network
    assert isinstance(network, GlowTTS)
    network.prepare_for_inference()
    conditions = conditions_of(subject)
    graph = Graph(
        module=_Speaking(network, tuple(conditions)).eval(),
        inputs=("input", "input_lengths", "scales", *conditions),
        outputs=("output",),
        variable_axes={"input": {1: "tokens"}, "output": {1: "frames"}},
        # Without noise, so that both draw the same.
        example=lambda tokens: (*example_text(subject.symbols, tokens), torch.tensor([0.0, 1.0]), *conditions.values()),
        scales={"noise": subject.config.inference_noise_scale, "durations": subject.config.length_scale},
    )
    return export_graph(graph, path)


def export_acoustic(subject: ExportSubject, path: Path) -> Exported:
    """Write a model as sherpa-onnx calls it, and compare what it draws with what torch draws.

    Args:
        subject: the model, with what it reads and what it is to draw; its weight norms are folded.
        path: the file to write.

    Raises:
        UserError: packages are missing, or the file says something else.
    """
    require_packages()
    network = subject.network
    assert isinstance(network, GlowTTS)
    network.prepare_for_inference()
    named = conditions_of(subject)
    told = {name: value for name, value in named.items() if name not in subject.fixed}
    graph = Graph(
        module=_Acoustic(_Speaking(network, tuple(named)), subject).eval(),
        inputs=("x", "x_length", "noise_scale", "length_scale", *told),
        outputs=("mel",),
        variable_axes={"x": {1: "tokens"}, "mel": {2: "frames"}},
        example=lambda tokens: (
            *example_text(subject.symbols, tokens), torch.tensor([0.0]), torch.tensor([1.0]), *told.values()
        ),
        scales={"noise": subject.config.inference_noise_scale, "durations": subject.config.length_scale},
    )  # fmt: skip
    return export_graph(graph, path)
