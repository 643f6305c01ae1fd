"""The weights of an ONNX file in fewer bits: 16-bit floats, or 8-bit whole numbers with a scale for each channel.

They are made 32-bit floats again where they are used, so that nothing is computed in fewer bits: durations that are
summed over thousands of frames, and the flow of a waveform, need them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from finetune_tts.files import replacing

FEWEST_NUMBERS = 256
"""Of a weight that is worth it."""

_LARGEST_HALF = float(np.finfo(np.float16).max)
_QUANTISED_INPUTS = {"Conv": 1, "ConvTranspose": 1, "MatMul": 1, "Gemm": 1, "Gather": 0}
"""Kind of a node → which of its inputs are weights that 8 bits suffice for."""


def store_as(path: Path, target: Path, precision: str) -> None:
    """Write an ONNX file again, with its weights in fewer bits.

    Args:
        path: the file.
        target: the file to write.
        precision: ``fp16`` or ``int8``.

    Raises:
        OSError: it cannot be written.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    stored = {"fp16": _halved, "int8": _quantised}[precision]
    weights = _weights(graph, only_products=precision == "int8")
    replaced = {weight.name: stored(weight, axis) for weight, axis in weights}
    kept = [weight for weight in graph.initializer if weight.name not in replaced]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    nodes = list(graph.node)
    del graph.node[:]
    for initializers, node in replaced.values():
        graph.initializer.extend(initializers)
        graph.node.append(node)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    with replacing(target) as file:
        file.write(model.SerializeToString())


def add_metadata(path: Path, texts: Mapping[str, str]) -> None:
    """Put texts with names into an ONNX file.

    Raises:
        OSError: it cannot be written.
    """
    import onnx

    model = onnx.load(path)
    for name, text in texts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = name, text
    with replacing(path) as file:
        file.write(model.SerializeToString())


def _weights(graph: Any, *, only_products: bool) -> list[tuple[Any, int]]:
    """The weights that are worth storing otherwise, and their axis of channels."""
    from onnx import TensorProto, numpy_helper

    axes: dict[str, int] = {}
    elsewhere: set[str] = set()
    for node in graph.node:
        place = _QUANTISED_INPUTS.get(node.op_type)
        for number, name in enumerate(node.input):
            if number != place:
                elsewhere.add(name)
            else:
                axes[name] = _channel_axis(node)
    found = []
    for weight in graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < FEWEST_NUMBERS:
            continue
        fits = float(np.abs(numpy_helper.to_array(weight)).max()) <= _LARGEST_HALF
        if fits and (not only_products or (weight.name in axes and weight.name not in elsewhere)):
            found.append((weight, axes.get(weight.name, 0)))
    return found


def _channel_axis(node: Any) -> int:
    """Along which axis of its weights the numbers of a node differ in size."""
    if node.op_type == "ConvTranspose":
        return 1
    if node.op_type == "MatMul":
        return -1
    if node.op_type == "Gemm":
        transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
        return 0 if transposed else 1
    return 0


def _halved(weight: Any, axis: int) -> tuple[list[Any], Any]:
    from onnx import TensorProto, helper, numpy_helper

    stored = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{weight.name}_fp16")
    return [stored], helper.make_node("Cast", [stored.name], [weight.name], to=TensorProto.FLOAT)


def _quantised(weight: Any, axis: int) -> tuple[list[Any], Any]:
    from onnx import helper, numpy_helper

    values = numpy_helper.to_array(weight)
    axis %= values.ndim
    others = tuple(other for other in range(values.ndim) if other != axis)
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / 127, np.finfo(np.float32).tiny)
    numbers = np.clip(np.round(values / scale), -127, 127).astype(np.int8)
    names = [f"{weight.name}_{part}" for part in ("int8", "scale", "zero")]
    flat = scale.reshape(-1).astype(np.float32)
    parts = [numbers, flat, np.zeros(len(flat), np.int8)]
    stored = [numpy_helper.from_array(part, name) for part, name in zip(parts, names, strict=True)]
    return stored, helper.make_node("DequantizeLinear", names, [weight.name], axis=axis)
