"""Writes a network as an ONNX file, and holds the file against torch."""

import importlib.util
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from finetune_tts.errors import UserError
from finetune_tts.families.speech import Exported, ExportSubject
from finetune_tts.files import replacing

OPSET = 17
TOLERANCE = 1e-3
"""Farthest that a number of the exported model may be from torch's."""

_PACKAGES = ("onnx", "onnxruntime")
_TRACED_TOKENS = 13  # any number; the lengths stay variables
_COMPARED_TOKENS = (3, 2 * _TRACED_TOKENS)


@dataclass(frozen=True)
class Graph:
    """What is exported.

    Attributes:
        module: speaks, with everything that a caller may choose as a tensor.
        inputs: names of its arguments.
        outputs: names of what it gives.
        variable_axes: name → axis → what it is called, for those that have no fixed size.
        example: arguments of it, for a text of so many tokens; without anything that is drawn.
        scales: what stands in the input of that name → what the config takes for it.
    """

    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    variable_axes: Mapping[str, Mapping[int, str]]
    example: Callable[[int], tuple[Tensor, ...]]
    scales: Mapping[str, float] = field(default_factory=dict)


def require_packages() -> None:
    """Find out whether a file can be written and compared.

    Raises:
        UserError: packages are missing.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"--export needs {' and '.join(missing)}: pip install 'finetune-tts[export]'")


def conditions_of(subject: ExportSubject) -> dict[str, Tensor]:
    """One speaker and one language, as the model is told them, under the names that coqui-tts gives them."""
    found: dict[str, Tensor] = {}
    if subject.config.use_d_vector_file:
        size: int = subject.config.d_vector_dim
        found["d_vectors"] = torch.ones(1, size)
    elif subject.speakers:
        found["sid"] = torch.tensor([subject.speakers - 1])
    if subject.languages:
        found["langid"] = torch.tensor([subject.languages - 1])
    return found


def example_text(symbols: int, tokens: int) -> tuple[Tensor, Tensor]:
    """Token ids ``[1, tokens]`` of a vocabulary, and their number ``[1]``."""
    generator = torch.Generator().manual_seed(tokens)
    return torch.randint(0, symbols, (1, tokens), generator=generator), torch.tensor([tokens])


def export_graph(graph: Graph, path: Path) -> Exported:
    """Write a graph as an ONNX file, and compare what it says with what torch says.

    Args:
        graph: on the CPU, in eval mode.
        path: the file to write.

    Raises:
        UserError: the file says something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / path.name
        _write(graph, written)
        difference = _difference(graph, written)
        if not difference <= TOLERANCE:
            raise UserError(f"--export: the exported model would differ from torch's by {difference:.2g}: not written.")
        with replacing(path) as file, written.open("rb") as source:
            shutil.copyfileobj(source, file)
    return Exported(path, graph.inputs, difference, tuple(graph.scales.values()), tuple(graph.scales))


def _write(graph: Graph, path: Path) -> None:
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter warns of every Python number in the network, and that there is a newer one, which needs more
        # packages and cannot follow lengths that the network computes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.module,
            graph.example(_TRACED_TOKENS),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes={name: dict(axes) for name, axes in graph.variable_axes.items()},
        )


def _difference(graph: Graph, path: Path) -> float:
    """The largest distance of two numbers, over texts of other lengths than the one that was traced."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    largest = 0.0
    for tokens in _COMPARED_TOKENS:
        example = graph.example(tokens)
        # A condition that the network does not use is no input of the file.
        wanted = {entry.name for entry in session.get_inputs()}
        feed = {name: value.numpy() for name, value in zip(graph.inputs, example, strict=True) if name in wanted}
        with torch.no_grad():
            answer = graph.module(*example)
        expected = [answer] if isinstance(answer, Tensor) else list(answer)
        for exported, tensor in zip(session.run(None, feed), expected, strict=True):
            if exported.shape != tuple(tensor.shape):
                return float("inf")
            largest = max(largest, float(np.abs(exported - tensor.numpy()).max()))
    return largest
