"""A feed-forward model as an ONNX file, for programs that have no torch.

The inputs are named as those of other exported models are: ``input`` ``[1, T_text]`` token ids, ``input_lengths``
``[1]``, ``scales`` ``[3]`` duration factor, factor of the pitch and what is added to it, in deviations from its mean,
and where the model knows them ``sid`` ``[1]`` speaker or ``d_vectors`` ``[1, D]``. The output is ``output``
``[1, T_mel, n_mels]``, a mel spectrogram for a vocoder.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from finetune_tts.families.feed_forward.network import FeedForwardTTS
from finetune_tts.families.onnx_file import Graph, conditions_of, example_text, export_graph, require_packages
from finetune_tts.families.speech import Exported, ExportSubject


class _Speaking(nn.Module):
    def __init__(self, network: FeedForwardTTS, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, token_ids: Tensor, token_lengths: Tensor, scales: Tensor, *conditions: Tensor) -> Tensor:
        given = dict(zip(self.names, conditions, strict=True))
        return self.network.inference(
            token_ids,
            token_lengths,
            speaker_ids=given.get("sid"),
            d_vectors=given.get("d_vectors"),
            length_scale=scales[0],
            pitch_factor=scales[1],
            pitch_shift=scales[2],
        ).mels


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
    assert isinstance(network, FeedForwardTTS)
    network.prepare_for_inference()
    conditions = conditions_of(subject)
    graph = Graph(
        module=_Speaking(network, tuple(conditions)).eval(),
        inputs=("input", "input_lengths", "scales", *conditions),
        outputs=("output",),
        variable_axes={"input": {1: "tokens"}, "output": {1: "frames"}},
        example=lambda tokens: (
            *example_text(subject.symbols, tokens),
            torch.tensor([1.0, 1.0, 0.0]),
            *conditions.values(),
        ),
        scales={
            "durations": subject.config.model_args.length_scale,
            "factor of the pitch": 1.0,
            "added to the pitch": 0.0,
        },
    )
    return export_graph(graph, path)
