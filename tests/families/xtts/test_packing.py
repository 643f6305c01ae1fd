"""Matrices of 8-bit numbers say nearly the same as those of float32."""

import pytest
import torch

from finetune_tts.families.xtts.packing import PackedProjection, pack
from finetune_tts.families.xtts.transformer import Context, Projection, Transformer


@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("largest", [1.0, 1e-4])
def test_a_packed_matrix_maps_nearly_the_same(rows, largest):
    torch.manual_seed(0)
    projection = Projection(64, 96)
    projection.weight.data = torch.randn(64, 96) * largest
    projection.weight.data[:, 5] = 0.0  # a column of zeros divides by nothing
    projection.bias.data.normal_()
    x = torch.randn(2, rows, 64)
    expected = projection(x) - projection.bias
    found = PackedProjection(projection)(x) - projection.bias
    assert found.shape == expected.shape
    assert found.dtype == torch.float32
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
