"""Late gradients are those that autograd would make."""

import torch

from finetune_tts.layers.recurrence import LateProduct


def test_a_recurrence_of_late_products_has_the_gradients_of_a_plain_one():
    torch.manual_seed(0)
    weight = torch.randn(4, 4, requires_grad=True)
    offsets = torch.randn(5, 3, 4, requires_grad=True)

    def run(late):
        product = LateProduct(weight, offsets)
        x, total = torch.ones(3, 4), torch.zeros(())
        for step in range(5):
            x = torch.tanh(product(step, x) if late else offsets[step] + x @ weight.t())
            total = total + x.square().sum()
        return torch.autograd.grad(total, [weight, offsets])

    for late, plain in zip(run(True), run(False), strict=True):
        torch.testing.assert_close(late, plain)
