"""A VITS as an ONNX file, for programs that have no torch.

The inputs have the names that coqui-tts gives them: ``input`` ``[B, T_text]`` token ids, ``input_lengths`` ``[B]``,
``scales`` ``[3]`` noise, duration factor, noise of durations, and where the model knows them ``sid`` ``[B]`` speakers,
``d_vectors`` ``[B, D]``, ``langid`` ``[B]`` languages. The output is ``output`` ``[B, 1, T_wav]``.
"""

import importlib.util
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from finetune_tts.errors import UserError
from finetune_tts.families.speech import Exported, ExportSubject
from finetune_tts.families.vits.network import VITS
from finetune_tts.files import replacing

OPSET = 17
TOLERANCE = 1e-3
"""Farthest that a sample of the exported model may be from torch's."""

_PACKAGES = ("onnx", "onnxruntime")
_TRACED_TOKENS = 13  # any number; the lengths stay variables


class _Graph(nn.Module):
    """What is exported: speaking, with everything that a caller may choose as a tensor."""

    def __init__(self, network: VITS, names: tuple[str, ...]) -> None:
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
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"--export needs {' and '.join(missing)}: pip install 'finetune-tts[export]'")
    network = subject.network
    assert isinstance(network, VITS)
    network.prepare_for_inference()
    conditions = _conditions(subject)
    graph = _Graph(network, tuple(conditions)).eval()
    names = ("input", "input_lengths", "scales", *conditions)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / path.name
        _write(graph, names, _example(subject, conditions, _TRACED_TOKENS), written)
        difference = _difference(written, names, graph, subject, conditions)
        if not difference <= TOLERANCE:
            raise UserError(f"--export: the exported model would differ from torch's by {difference:.2g}: not written.")
        with replacing(path) as file, written.open("rb") as source:
            shutil.copyfileobj(source, file)
    return Exported(path, names, difference)


def _write(graph: _Graph, names: tuple[str, ...], example: tuple[Tensor, ...], path: Path) -> None:
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter warns of every Python number in the network, and that there is a newer one, which needs more
        # packages and cannot follow lengths that the network computes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            example,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(names),
            output_names=["output"],
            dynamic_axes={
                "input": {0: "batch", 1: "tokens"},
                "input_lengths": {0: "batch"},
                "output": {0: "batch", 2: "samples"},
                **{name: {0: "batch"} for name in graph.names},
            },
        )


def _conditions(subject: ExportSubject) -> dict[str, Tensor]:
    """One speaker and one language, as the model is told them; the names are those of the graph."""
    found: dict[str, Tensor] = {}
    if subject.config.use_d_vector_file:
        size: int = subject.config.d_vector_dim
        found["d_vectors"] = torch.ones(1, size)
    elif subject.speakers:
        found["sid"] = torch.tensor([subject.speakers - 1])
    if subject.languages:
        found["langid"] = torch.tensor([subject.languages - 1])
    return found


def _example(subject: ExportSubject, conditions: dict[str, Tensor], tokens: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(tokens)
    ids = torch.randint(0, subject.symbols, (1, tokens), generator=generator)
    # Without noise, so that both say the same.
    return ids, torch.tensor([tokens]), torch.tensor([0.0, 1.0, 0.0]), *conditions.values()


def _difference(
    path: Path, names: tuple[str, ...], graph: _Graph, subject: ExportSubject, conditions: dict[str, Tensor]
) -> float:
    """The largest distance of two samples, over texts of other lengths than the one that was traced."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    largest = 0.0
    for tokens in (3, 2 * _TRACED_TOKENS):
        example = _example(subject, conditions, tokens)
        # A condition that the network does not use is no input of the file.
        wanted = {entry.name for entry in session.get_inputs()}
        feed = {name: value.numpy() for name, value in zip(names, example, strict=True) if name in wanted}
        (exported,) = session.run(None, feed)
        with torch.no_grad():
            expected = graph(*example).numpy()
        if exported.shape != expected.shape:
            return float("inf")
        largest = max(largest, float(np.abs(exported - expected).max()))
    return largest
