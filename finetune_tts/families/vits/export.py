"""A VITS as an ONNX file, for programs that have no torch.

The inputs have the names that coqui-tts gives them: ``input`` ``[B, T_text]`` token ids, ``input_lengths`` ``[B]``,
``scales`` ``[3]`` noise, duration factor, noise of durations, and where the model knows them ``sid`` ``[B]`` speakers,
``d_vectors`` ``[B, D]``, ``langid`` ``[B]`` languages. The output is ``output`` ``[B, 1, T_wav]``. Piper and
sherpa-onnx call a voice in the same way.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from finetune_tts.families.onnx_file import Graph, conditions_of, example_text, export_graph, require_packages
from finetune_tts.families.speech import Exported, ExportSubject
from finetune_tts.families.vits.network import VITS


class _Speaking(nn.Module):
    def __init__(self, network: VITS, names: tuple[str, ...], fixed: Mapping[str, int], end_mark: int) -> None:
        super().__init__()
        self.network = network
        self.names = names
        self.fixed = fixed
        self.end_mark = end_mark

    def forward(self, token_ids: Tensor, token_lengths: Tensor, scales: Tensor, *conditions: Tensor) -> Tensor:
        if self.end_mark:  # whoever adds one speaks one text at a time, so that its place is the same in all rows
            place = token_ids.shape[1] - self.end_mark
            token_ids = torch.cat([token_ids[:, :place], token_ids[:, place + 1 :]], dim=1)
            token_lengths = token_lengths - 1
        given = dict(zip(self.names, conditions, strict=True))
        given |= {name: torch.full_like(token_lengths, row) for name, row in self.fixed.items()}
        return self.network.inference(
            token_ids,
            token_lengths,
            speaker_ids=given.get("sid"),
            d_vectors=given.get("d_vectors"),
            language_ids=given.get("langid"),
            noise_scale=scales[0],
            length_scale=scales[1],
            duration_noise_scale=scales[2],
        ).waveforms


def export_onnx(subject: ExportSubject, path: Path) -> Exported:
    """Write a voice as an ONNX file, and compare what it says with what torch says.

    Args:
        subject: the model; its weight norms are folded.
        path: the file to write.

    Raises:
        UserError: packages are missing, or the file says something else.
    """
    require_packages()
    network = subject.network
    assert isinstance(network, VITS)
    network.prepare_for_inference()
    conditions = {name: value for name, value in conditions_of(subject).items() if name not in subject.fixed}
    args = subject.config.model_args

    def example(tokens: int) -> tuple[Tensor, ...]:
        # Without noise, so that both say the same.
        return *example_text(subject.symbols, tokens), torch.tensor([0.0, 1.0, 0.0]), *conditions.values()

    graph = Graph(
        module=_Speaking(network, tuple(conditions), subject.fixed, subject.end_mark).eval(),
        inputs=("input", "input_lengths", "scales", *conditions),
        outputs=("output",),
        variable_axes={
            "input": {0: "batch", 1: "tokens"},
            "input_lengths": {0: "batch"},
            "output": {0: "batch", 2: "samples"},
            **{name: {0: "batch"} for name in conditions},
        },
        example=example,
        scales={
            "noise": args.inference_noise_scale,
            "durations": args.length_scale,
            "noise of durations": args.inference_noise_scale_dp,
        },
    )
    return export_graph(graph, path)
