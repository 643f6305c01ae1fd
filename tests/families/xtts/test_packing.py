"""Matrices of 8-bit numbers say nearly the same as those of float32."""

import pytest
import torch

from finetune_tts.families.xtts.packing import PackedProjection, pack
from finetune_tts.families.xtts.transformer import Context, Projection, Transformer


@pytest.mark.parametrize(("batch", "rows"), [(1, 1), (2, 3), (2, 40)])
@pytest.mark.parametrize("largest", [1.0, 1e-4])
@pytest.mark.parametrize("widths", [(64, 96), (64, 95), (2048, 32), (4096, 32)])
def test_a_packed_matrix_maps_nearly_the_same(batch, rows, largest, widths):
    torch.manual_seed(0)
    projection = Projection(*widths)
    projection.weight.data = torch.randn(widths) * largest
    projection.weight.data[:, 5] = 0.0  # a column of zeros divides by nothing
    projection.bias.data.normal_(std=largest)
    x = torch.randn(batch, rows, widths[0])
    expected = projection(x)
    found = PackedProjection(projection)(x)
    assert found.shape == expected.shape
    assert (found - expected).norm() / expected.norm() < 0.02


def test_a_packed_transformer_keeps_its_size_down_and_its_answers_near():
    torch.manual_seed(0)
    transformer = Transformer(layers=2, width=64, heads=4).eval()
    vectors = torch.randn(1, 12, 64)
    with torch.no_grad():
        expected = transformer(vectors, Context())
        pack(transformer)
        found = transformer(vectors, Context())
    assert (found - expected).norm() / expected.norm() < 0.02
    assert not any(isinstance(module, Projection) for module in transformer.modules())
    matrices = [tensor for tensor in transformer.state_dict().values() if tensor.dim() == 2]
    assert len(matrices) == 8
    assert all(tensor.dtype == torch.int8 for tensor in matrices)
