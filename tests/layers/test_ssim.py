import torch

from finetune_tts.layers.ssim import similarity_loss


def test_equal_spectrograms_have_no_loss():
    mel = torch.randn(2, 20, 16)
    assert float(similarity_loss(mel, mel, torch.tensor([20, 14]))) < 1e-6


def test_unlike_spectrograms_have_some_with_a_gradient_that_helps():
    torch.manual_seed(0)
    target, predicted = torch.randn(2, 20, 16), torch.randn(2, 20, 16, requires_grad=True)
    lengths = torch.tensor([20, 14])
    loss = similarity_loss(predicted, target, lengths)
    (gradient,) = torch.autograd.grad(loss, predicted)
    assert float(loss.detach()) > 0.5
    assert similarity_loss(predicted.detach() - 0.1 * gradient / gradient.norm(), target, lengths) < loss
    # Central difference along the gradient.
    step = 1e-2 * gradient / gradient.norm()
    ends = [similarity_loss(predicted.detach() + sign * step, target, lengths) for sign in (1, -1)]
    torch.testing.assert_close((ends[0] - ends[1]) / 2e-2, gradient.norm(), rtol=0.05, atol=0)


def test_padding_does_not_count():
    torch.manual_seed(0)
    target, predicted = torch.randn(1, 30, 16).abs(), torch.randn(1, 30, 16).abs()
    lengths = torch.tensor([20])
    before = similarity_loss(predicted, target, lengths)
    predicted[:, 20:] = 1e3
    target[:, 20:] = -1e3
    torch.testing.assert_close(similarity_loss(predicted, target, lengths), before)


def test_clips_shorter_than_the_window_and_large_spectrograms_can_be_compared():
    assert similarity_loss(torch.randn(2, 4, 5), torch.randn(2, 4, 5), torch.tensor([4, 3])).isfinite()
    assert similarity_loss(torch.randn(1, 400, 513), torch.randn(1, 400, 513), torch.tensor([400])).isfinite()
