"""Layers that are written by hand give what torch's own give, gradients included, and one switch takes torch's."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from finetune_tts.families.neural_hmm.likelihood import Clips, log_likelihood
from finetune_tts.layers.channels_last import channels_last, conv1d
from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.flow_decoder import FlowDecoder
from finetune_tts.layers.gru import gru_over_time, runs_by_hand
from finetune_tts.layers.location_attention import Comparison
from finetune_tts.layers.lstm import LSTMLoop, lstm_over_time
from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.recurrence import LateProduct
from finetune_tts.layers.resampling import stretch_and_smooth
from finetune_tts.layers.ssim import similarity_loss
from finetune_tts.layers.torch_layers import HAND_WRITTEN, by_hand, torch_layers
from finetune_tts.layers.wavenet import WaveNet

B, S, T, A, H, N, K = 2, 9, 4, 3, 5, 6, 3


def attention_energies():
    keys, v, kernel, queries = torch.randn(B, S, A), torch.randn(1, A), torch.randn(A, 2, K), torch.randn(T, B, A)

    def run(keys, v, kernel, queries):
        comparison = Comparison(keys, v, kernel, queries)
        weights = read = torch.zeros(B, S)
        for step in range(T):
            weights = torch.softmax(comparison(comparison.offsets[step], weights, read), dim=1)
            read = read + weights
        return read

    return run, [keys, v, kernel, queries]


def lies_channels_last():
    return lambda x, weight: F.leaky_relu(conv1d(channels_last(x), weight, None)), [
        torch.randn(B, N, T * T),
        torch.randn(H, N, K),
    ]


def dropped():
    def run(x):
        torch.manual_seed(1)
        # The elements differ, as torch draws others; their number and what is made of them do not.
        y = dropout(torch.relu(x) + 1, 0.5, True)
        return torch.stack([y.max(), (y > 0).float().mean().round(decimals=1)])

    return run, [torch.zeros(40_000)]


def likelihood():
    clips = Clips(torch.tensor([S, S - 2]), torch.tensor([T, T - 1]))

    def run(heard, texts, frames, weight, bias):
        return log_likelihood(heard, texts, frames, clips, [weight, bias], 0.3).log_likelihood / 100

    return run, [torch.randn(B, S, H), torch.randn(B, T, H), torch.randn(B, S, A), torch.randn(7, H), torch.randn(7)]


def lstm_loop():
    def run(weight, offsets, mix):
        torch.manual_seed(1)
        lstm = LSTMLoop(weight, offsets, dropout=0.3, cell_dropout=0.2)
        x, hiddens = torch.zeros(B, N), []
        for _ in range(T):
            hiddens.append(lstm(x))
            x = torch.tanh(hiddens[-1] @ mix)
        return torch.stack(hiddens)

    return run, [torch.randn(4 * H, N + H), torch.randn(T, B, 4 * H), torch.randn(H, N)]


def lstm():
    def run(inputs, weight):
        torch.manual_seed(1)
        return lstm_over_time(inputs, weight, dropout=0.3)

    return run, [torch.randn(T, B, 4 * H), torch.randn(4 * H, H)]


def product():
    def run(weight, offsets):
        of = LateProduct(weight, offsets)
        x = torch.ones(B, H)
        for step in range(T):
            x = torch.tanh(of(step, x))
        return x

    return run, [torch.randn(H, H), torch.randn(T, B, H)]


def ssim_window():
    target = torch.rand(B, 20, 15)
    return lambda predicted: similarity_loss(predicted, target, torch.tensor([20, 17])), [torch.rand(B, 20, 15)]


def stretched():
    return stretch_and_smooth, [torch.randn(B, 1, A, T), torch.randn(1, 1, 1, 2 * H + 1)]


def with_weights(module, call):
    """A case in which the weights of a module are leaves too; ``call(run, *tensors)``."""
    names = [name for name, _ in module.named_parameters()]
    weights = [
        0.5 * torch.randn_like(weight) if weight.dim() > 1 else weight.detach() for weight in module.parameters()
    ]

    def run(*leaves):
        own = dict(zip(names, leaves, strict=False))
        return call(lambda *inputs: functional_call(module, own, inputs), *leaves[len(names) :])

    return run, weights


def gru():
    layer = nn.GRU(N, H)

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = layer

        def forward(self, x):
            return gru_over_time(self.gru, x) if runs_by_hand(self.gru, x) else self.gru(x)[0]

    run, weights = with_weights(Layer(), lambda network, x: network(x))
    return run, [*weights, torch.randn(T, B, N)]


LENGTHS = torch.tensor([26, 2, 12])  # with padding, and one shorter than a kernel


def wavenet():
    network = WaveNet(N, 5, num_layers=3, dropout=0.0)
    mask = sequence_mask(LENGTHS).unsqueeze(1).float()
    run, weights = with_weights(network, lambda network, x: network(x * mask, mask))
    return run, [*weights, torch.randn(len(LENGTHS), N, 26)]


def wavenet_of_speakers():
    network = WaveNet(N, 5, num_layers=2, condition_channels=H)
    mask = sequence_mask(LENGTHS).unsqueeze(1).float()
    run, weights = with_weights(network, lambda network, x, speaker: network(x * mask, mask, speaker))
    return run, [*weights, torch.randn(len(LENGTHS), N, 26), torch.randn(len(LENGTHS), H, 1)]


def flow(sigmoid_scale=False):
    decoder = FlowDecoder(
        4, hidden_channels=6, kernel_size=5, dilation_rate=1, num_flow_blocks=2, num_coupling_layers=2, dropout=0.0,
        num_splits=4, num_squeeze=2, sigmoid_scale=sigmoid_scale, condition_channels=H,
    )  # fmt: skip
    mask = sequence_mask(LENGTHS).unsqueeze(1).float()
    scale = torch.tensor([0.3, 0.5, 0.7])  # so that each sequence has its own gradient

    def call(network, mel, speaker):
        z, log_determinant = network(mel, mask, speaker)
        return torch.cat([z.flatten(), log_determinant * scale])

    run, weights = with_weights(decoder, call)
    for place, weight in enumerate(decoder.parameters()):  # a rotation stays: its determinant is positive
        weights[place] = weight.detach() if weight.shape == (4, 4) else 0.2 * torch.randn_like(weight)
    return run, [*weights, torch.randn(len(LENGTHS), 4, 26), torch.randn(len(LENGTHS), H, 1)]


def flow_with_sigmoid():
    return flow(sigmoid_scale=True)


CASES = {
    "attention_energies": [attention_energies],
    "channels_last": [lies_channels_last],
    "dropout": [dropped],
    "flow": [flow, flow_with_sigmoid],
    "gru": [gru],
    "likelihood": [likelihood],
    "lstm": [lstm_loop, lstm],
    "product": [product],
    "ssim_window": [ssim_window],
    "stretch": [stretched],
    "wavenet": [wavenet, wavenet_of_speakers],
}


def test_every_layer_written_by_hand_is_compared():
    assert set(CASES) == set(HAND_WRITTEN)


@pytest.mark.parametrize(("layer", "case"), [(layer, case) for layer, cases in CASES.items() for case in cases])
def test_both_ways_give_the_same_numbers_and_gradients(layer, case):
    torch.manual_seed(0)
    run, tensors = case()
    # The LSTMs drop the same elements both ways, as their dropout stays by hand.
    found = []
    for names in (None, (layer,)):
        leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        if names is None:
            assert by_hand(layer)
            output = run(*leaves)
        else:
            with torch_layers(*names):
                assert not by_hand(layer)
                output = run(*leaves)
        output.square().sum().backward()
        found.append([output.detach(), *(leaf.grad for leaf in leaves if layer != "dropout")])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_context_takes_all_and_gives_them_back():
    with torch_layers():
        assert not any(map(by_hand, HAND_WRITTEN))
        with torch_layers("lstm"):
            assert not any(map(by_hand, HAND_WRITTEN))
    with pytest.raises(KeyError), torch_layers("lstm"):
        raise KeyError
    assert all(map(by_hand, HAND_WRITTEN))


def test_an_unknown_layer_is_named():
    with pytest.raises(ValueError, match="no layer is called lstn"), torch_layers("lstn"):
        pass


@pytest.mark.parametrize(("value", "expected"), [(None, "True"), ("0", "True"), ("1", "False")])
def test_the_environment_takes_torchs_everywhere(value, expected):
    environment = {key: text for key, text in os.environ.items() if key != "TTS_TORCH_LAYERS"}
    code = "from finetune_tts.layers.torch_layers import by_hand; print(by_hand('lstm'))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | ({"TTS_TORCH_LAYERS": value} if value else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == expected
