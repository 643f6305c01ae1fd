import pytest
import torch
from torch import nn

from finetune_tts.errors import UserError
from finetune_tts.layers.spectral_norm import SpectralNormConv1d
from finetune_tts.tasks.freezing import freeze, hold_statistics
from finetune_tts.tasks.patterns import is_named


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
        self.decoder = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4, affine=False))
        self.judge = SpectralNormConv1d(4, 1, 1)

    def forward(self, x):
        return self.judge(self.decoder(self.encoder(x)).unsqueeze(2))


def learning(network):
    return {name for name, weight in network.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("pattern", ["encoder.*", "encoder", "enc*"])
def test_a_pattern_names_weights_or_the_module_that_they_are_in(pattern):
    network = Network()
    freeze(network, [pattern])
    assert {name.split(".")[0] for name in learning(network)} == {"decoder", "judge"}


def test_a_pattern_names_no_module_that_begins_alike():
    assert not is_named("encoder_two.weight", "encoder")
    assert not is_named("Encoder.weight", "encoder.*")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("encodr.*", "Near are encoder"),
        ("decoder.7.one", "The parts of decoder are 0, 1"),
        ("zzz", "The parts of it are encoder, decoder, judge"),
    ],
)
def test_a_pattern_that_names_nothing_is_refused_with_names_that_there_are(pattern, said):
    with pytest.raises(UserError, match=f"--coqpit.freeze .*names no weight.*{said}"):
        freeze(Network(), ["decoder.0", pattern])


def test_nothing_left_to_learn_is_refused():
    with pytest.raises(UserError, match="leaves nothing to learn"):
        freeze(Network(), ["*"])


def test_a_training_pass_changes_the_statistics_of_what_learns_alone():
    network = Network()
    freeze(network, ["encoder", "judge"])
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network.train()
    hold_statistics(network)
    network(torch.randn(8, 4))
    moved = {name for name, buffer in network.named_buffers() if not torch.equal(buffer, before[name])}
    assert {name.rpartition(".")[0] for name in moved} == {"decoder.1", "decoder.2"}
