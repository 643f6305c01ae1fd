"""Capacitron's posterior, its loss and its names, held to the numbers of coqui-tts 0.28.0 under the rule of weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from finetune_tts.families.tacotron.attention import AttentionOptions
from finetune_tts.families.tacotron.capacitron import (
    CapacitronOptions,
    CapacitronVAE,
    Posterior,
    Reference,
    capacitron_loss,
)
from finetune_tts.families.tacotron.loss import TacotronLossOptions, tacotron_loss
from finetune_tts.families.tacotron.network import NetworkOptions, TacotronNetwork
from finetune_tts.families.tacotron.tacotron import Tacotron
from finetune_tts.families.tacotron.tacotron2 import Tacotron2

GOLDEN_SEED = 7
OPTIONS = CapacitronOptions(channels=12, text_channels=10, sees_speaker=True)


@pytest.fixture
def capacitron(with_rule_weights):
    network = CapacitronVAE(20, OPTIONS, symbol_channels=24, speaker_channels=6)
    return with_rule_weights(network, seed=GOLDEN_SEED)


@pytest.fixture
def recordings():
    draw = np.random.RandomState(3)
    mels = torch.from_numpy(draw.standard_normal((3, 45, 20)).astype(np.float32))
    lengths = torch.tensor([45, 33, 8])
    for mel, length in zip(mels, lengths, strict=True):
        mel[length:] = 0
    symbols = torch.from_numpy(draw.standard_normal((3, 9, 24)).astype(np.float32))
    speaker = torch.from_numpy(draw.standard_normal((3, 6)).astype(np.float32))
    return mels, lengths, symbols, torch.tensor([9, 4, 6]), speaker


def test_the_tensors_have_the_released_names(capacitron):
    shapes = {name: tuple(tensor.shape) for name, tensor in capacitron.state_dict().items()}
    convolutions = {f"encoder.{kind}.{layer}" for kind in ("convs", "bns") for layer in range(6)}
    modules = {name.rpartition(".")[0] for name in shapes}
    assert modules == convolutions | {
        *("", "encoder.recurrence", "text_summary_net.lstm", "post_encoder_mlp.net.0", "post_encoder_mlp.net.2")
    }
    assert shapes["beta"] == (1,)
    assert shapes["encoder.convs.5.weight"] == (128, 128, 3, 3)
    assert shapes["encoder.recurrence.weight_ih_l0"] == (512, 384)
    assert shapes["text_summary_net.lstm.weight_ih_l0"] == (40, 24)
    assert shapes["post_encoder_mlp.net.0.weight"] == (12, 128 + 10 + 6)
    assert shapes["post_encoder_mlp.net.2.weight"] == (24, 12)


def test_the_posterior_is_that_of_coqui(capacitron, recordings):
    posterior = capacitron(*recordings)
    mean = [[0.00681779, 0.10194485, -0.07971248], [-0.28244203, 0.13910121, -0.08078229],
            [-0.19424526, 0.16857213, -0.01227781]]  # fmt: skip
    variance = [[0.64186287, 0.58198267, 0.743379], [0.58654666, 0.59722292, 0.72400379],
                [0.68052298, 0.62048924, 0.73584098]]  # fmt: skip
    torch.testing.assert_close(posterior.mean[:, :3], torch.tensor(mean), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(posterior.variance[:, :3], torch.tensor(variance), rtol=1e-4, atol=1e-6)
    assert posterior.mean.norm().item() == pytest.approx(1.2118177, rel=1e-4)
    assert posterior.variance.norm().item() == pytest.approx(4.1039844, rel=1e-4)
    assert posterior.divergence().item() == pytest.approx(0.6759444, rel=1e-4)


def test_a_seed_draws_the_vectors_that_it_draws_in_coqui(capacitron, recordings):
    torch.manual_seed(5)
    vectors = capacitron(*recordings).sample()
    assert vectors.norm().item() == pytest.approx(6.2290416, rel=1e-4)
    assert vectors[:, 0].tolist() == pytest.approx([1.4828252, 0.4741714, 0.4808367], rel=1e-4)


def test_gradients_reach_every_tensor_but_beta_as_in_coqui(capacitron, recordings):
    torch.manual_seed(5)
    posterior = capacitron(*recordings)
    (posterior.sample().square().sum() + posterior.divergence()).backward()
    norms = {name: tensor.grad.norm().item() for name, tensor in capacitron.named_parameters() if name != "beta"}
    assert capacitron.beta.grad is None
    expected = {
        "encoder.convs.0.weight": 0.18118954,
        "encoder.convs.5.weight": 11.0353727,
        "encoder.bns.0.bias": 0.06589805,
        "encoder.bns.5.weight": 0.52990699,
        "encoder.recurrence.weight_hh_l0": 3.70424628,
        "encoder.recurrence.bias_ih_l0": 6.51166773,
        "text_summary_net.lstm.weight_ih_l0": 4.49211216,
        "text_summary_net.lstm.weight_hh_l0": 0.67938715,
        "post_encoder_mlp.net.0.weight": 25.5912228,
        "post_encoder_mlp.net.2.bias": 17.5660992,
    }
    assert {name: norms[name] for name in expected} == pytest.approx(expected, rel=1e-3)


def test_a_clip_has_the_same_posterior_alone_and_in_any_batch(capacitron, recordings):
    mels, lengths, symbols, symbol_lengths, speaker = recordings
    together = capacitron(*recordings)
    for clip in range(3):
        frames, size = int(lengths[clip]), int(symbol_lengths[clip])
        one = slice(clip, clip + 1)
        alone = capacitron(mels[one, :frames], lengths[one], symbols[one, :size], symbol_lengths[one], speaker[one])
        torch.testing.assert_close(alone.mean[0], together.mean[clip], rtol=1e-4, atol=1e-6)


def test_noise_that_is_given_moves_the_mean_by_deviations():
    posterior = Posterior(torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 9.0]]))
    assert posterior.sample(torch.tensor([[0.5, -1.0]])).tolist() == [[2.0, -1.0]]
    assert posterior.sample(torch.zeros(1, 2)).tolist() == [[1.0, 2.0]]


def test_the_prior_says_nothing(capacitron):
    prior = capacitron.prior(4)
    assert prior.mean.shape == (4, 12)
    assert prior.divergence().item() == 0.0


def test_a_network_without_text_and_speaker_sees_the_recording_alone():
    network = CapacitronVAE(8, CapacitronOptions(channels=4, text_channels=0), symbol_channels=6)
    assert network.post_encoder_mlp.net[0].in_features == 128
    assert not hasattr(network, "text_summary_net")
    posterior = network(torch.randn(2, 5, 8), torch.tensor([5, 3]), torch.empty(2, 0, 6), torch.tensor([0, 0]))
    assert posterior.mean.shape == (2, 4)


def test_a_posterior_that_sees_speakers_needs_them(capacitron, recordings):
    with pytest.raises(ValueError, match="has no speakers"):
        CapacitronVAE(20, OPTIONS, symbol_channels=24)
    with pytest.raises(ValueError, match="speaker is missing"):
        capacitron(*recordings[:4])


def test_beta_starts_as_a_multiplier_of_one_and_climbs_where_the_divergence_is_above_the_capacity():
    beta = CapacitronVAE(8, CapacitronOptions(), symbol_channels=6).beta
    mean = torch.full((2, 4), 2.0, requires_grad=True)
    posterior = Posterior(mean, torch.ones(2, 4))  # 8 nats
    for capacity, direction in ((5.0, -1.0), (10.0, 1.0)):
        losses = capacitron_loss(posterior, beta, capacity=capacity, weight=0.5, numbers_per_clip=100.0)
        assert losses.multiplier.item() == pytest.approx(1.0)
        assert losses.divergence.item() == pytest.approx(8.0)
        assert losses.latent.item() == pytest.approx(0.5 * (8 - capacity) / 100)
        assert losses.beta.item() == pytest.approx(capacity - 8)
        (slope,) = torch.autograd.grad(losses.beta, beta, retain_graph=True)
        assert slope.item() * direction > 0
    assert torch.autograd.grad(losses.latent, beta, retain_graph=True, allow_unused=True) == (None,)
    assert torch.autograd.grad(losses.beta, mean, allow_unused=True) == (None,)


# Whole networks: batch, losses and gradients as coqui-tts 0.28.0 gives them with the same weights and the same noise.

PROSODY = CapacitronOptions(channels=16, text_channels=16)
DYNAMIC = AttentionOptions(kind="dynamic_convolution", norm="softmax")


@dataclass(frozen=True)
class Golden:
    """A network, and what coqui-tts 0.28.0 computes with it."""

    make: Callable[[], TacotronNetwork]
    loss: TacotronLossOptions
    losses: dict[str, float]
    norms: dict[str, float]
    gradients: dict[str, float]


GOLDEN = {
    "Tacotron 2": Golden(
        make=lambda: Tacotron2(options=NetworkOptions(num_symbols=20, attention=DYNAMIC, capacitron=PROSODY)),
        loss=TacotronLossOptions(
            decoder_similarity=0.0, postnet_similarity=0.0, stop_weight=15.0, masked=False, prosody=1.0, capacity=10.0
        ),
        losses={
            "decoder_loss": 0.749273777,
            "postnet_loss": 0.798320711,
            "stopnet_loss": 1.509540558,
            "capacitron_vae_loss": -0.002763360273,
            "capacitron_vae_beta_loss": 6.632064819,
            "capacitron_vae_kl_term": 0.634186566,
            "capacitron_beta": 0.708114147,
            "loss": 2.797787189,
        },
        norms={"outputs": 23.821193695, "decoder_outputs": 12.357851982, "alignments": 3.023590565},
        gradients={
            "embedding.weight": 0.0016398972,
            "capacitron_vae_layer.beta": 4.7525,
            "capacitron_vae_layer.encoder.convs.0.weight": 0.0001274697,
            "capacitron_vae_layer.encoder.recurrence.weight_ih_l0": 0.0123346280,
            "capacitron_vae_layer.text_summary_net.lstm.weight_ih_l0": 0.00077870837,
            "capacitron_vae_layer.post_encoder_mlp.net.2.weight": 0.0061265058,
            "decoder.attention_rnn.weight_ih": 0.1816383153,
        },
    ),
    "Tacotron 2 of several speakers": Golden(
        make=lambda: Tacotron2(
            options=NetworkOptions(num_symbols=20, num_speakers=4, capacitron=replace(PROSODY, sees_speaker=True))
        ),
        loss=TacotronLossOptions(stop_weight=15.0, prosody=1.0, capacity=10.0),
        losses={
            "decoder_loss": 0.997478247,
            "postnet_loss": 1.064880967,
            "capacitron_vae_loss": -0.00374295656,
            "capacitron_vae_beta_loss": 6.687416077,
            "capacitron_vae_kl_term": 0.556020021,
            "loss": 3.566299438,
        },
        norms={"outputs": 23.161914825, "decoder_outputs": 10.500203133, "alignments": 2.499158859},
        gradients={
            "embedding.weight": 0.0020997825,
            "speaker_embedding.weight": 0.0459831543,
            "capacitron_vae_layer.beta": 4.7921,
            "capacitron_vae_layer.encoder.convs.0.weight": 4.3892334e-05,
            "capacitron_vae_layer.encoder.recurrence.weight_ih_l0": 0.0039090323,
            "capacitron_vae_layer.text_summary_net.lstm.weight_ih_l0": 0.00029579407,
            "capacitron_vae_layer.post_encoder_mlp.net.2.weight": 0.003024772,
            "decoder.attention_rnn.weight_ih": 0.0750656873,
        },
    ),
    "Tacotron": Golden(
        make=lambda: Tacotron(
            options=NetworkOptions(num_symbols=20, attention=AttentionOptions(kind="graves"), capacitron=PROSODY)
        ),
        loss=TacotronLossOptions(guided_attention=0.0, stop_weight=15.0, prosody=1.0, capacity=10.0),
        losses={
            "decoder_loss": 1.196014404,
            "postnet_loss": 1.028945684,
            "capacitron_vae_loss": -0.00371211511,
            "capacitron_vae_beta_loss": 6.632312775,
            "capacitron_vae_kl_term": 0.633836925,
            "loss": 3.576428413,
        },
        norms={"outputs": 36.178073883, "decoder_outputs": 33.48871994, "alignments": 1.342042923},
        gradients={
            "embedding.weight": 0.001948667,
            "capacitron_vae_layer.beta": 4.7527,
            "capacitron_vae_layer.encoder.convs.0.weight": 0.00027077054,
            "capacitron_vae_layer.encoder.recurrence.weight_ih_l0": 0.0198562387,
            "capacitron_vae_layer.text_summary_net.lstm.weight_ih_l0": 0.0014767327,
            "capacitron_vae_layer.post_encoder_mlp.net.2.weight": 0.0083779003,
            "decoder.attention_rnn.weight_ih": 0.426125437,
        },
    ),
}


def golden_batch():
    draw = np.random.RandomState(3)
    token_ids = torch.from_numpy(draw.randint(1, 20, (3, 11)))
    token_lengths, mel_lengths = torch.tensor([11, 8, 5]), torch.tensor([30, 23, 14])
    mels = torch.from_numpy(draw.standard_normal((3, 30, 80)).astype(np.float32))
    linear = torch.from_numpy(draw.standard_normal((3, 30, 513)).astype(np.float32))
    for clip in range(3):
        token_ids[clip, token_lengths[clip] :] = 0
        mels[clip, mel_lengths[clip] :] = 0
        linear[clip, mel_lengths[clip] :] = 0
    return token_ids, token_lengths, mels, mel_lengths, linear


@pytest.mark.parametrize("name", GOLDEN)
def test_networks_with_capacitron_give_the_numbers_of_coqui(with_rule_weights, name):
    golden = GOLDEN[name]
    network = golden.make()
    kept = {key: tensor.clone() for key, tensor in network.state_dict().items() if key.endswith("attention.prior")}
    with_rule_weights(network, kept, seed=GOLDEN_SEED)
    token_ids, token_lengths, mels, mel_lengths, linear = golden_batch()
    speakers = torch.tensor([1, 0, 2]) if network.options.num_speakers else None
    torch.manual_seed(5)
    noise = torch.randn(3, 16)

    output = network(token_ids, token_lengths, mels, mel_lengths, speakers, noise=noise)
    targets = linear if name == "Tacotron" else mels
    losses = tacotron_loss(output, token_lengths, mels, mel_lengths, targets, frames_per_step=2, options=golden.loss)

    found = {"loss": losses.total, **losses.terms}
    assert {key: found[key].item() for key in golden.losses} == pytest.approx(golden.losses, rel=1e-4)
    norms = {key: getattr(output, key).detach().norm().item() for key in golden.norms}
    assert norms == pytest.approx(golden.norms, rel=1e-4)
    losses.total.backward(retain_graph=True)
    assert network.capacitron_vae_layer.beta.grad is None
    losses.terms["capacitron_vae_beta_loss"].backward()
    gradients = {key: network.get_parameter(key).grad.norm().item() for key in golden.gradients}
    assert gradients == pytest.approx(golden.gradients, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "from_prior", "from_recording"),
    [
        ("Tacotron 2", (4.949238777, 3.044723034), (4.804465771, 2.828925848)),
        ("Tacotron", (14.570568085, 13.198994637), (14.454885483, 12.705796242)),
    ],
)
def test_speech_from_the_prior_and_like_a_recording_is_that_of_coqui(
    with_rule_weights, name, from_prior, from_recording
):
    network = GOLDEN[name].make()
    kept = {key: tensor.clone() for key, tensor in network.state_dict().items() if key.endswith("attention.prior")}
    with_rule_weights(network, kept, seed=GOLDEN_SEED)
    token_ids, _, mels, _, _ = golden_batch()
    reference = Reference(mels[:1], token_ids[:1, :7])
    for expected, given in ((from_prior, None), (from_recording, reference)):
        torch.manual_seed(5)
        speech = network.inference(token_ids[:1], reference=given, noise=torch.randn(1, 16), max_steps=6)
        found = [speech.outputs.norm().item(), speech.decoder_outputs.norm().item()]
        assert found == pytest.approx(expected, rel=1e-4)


def test_the_noise_decides_how_a_text_is_spoken(with_rule_weights):
    network = with_rule_weights(GOLDEN["Tacotron"].make(), seed=GOLDEN_SEED)
    token_ids = golden_batch()[0][:1]
    spoken = [network.inference(token_ids, noise=torch.full((1, 16), value), max_steps=4) for value in (0.0, 0.0, 2.0)]
    assert torch.equal(spoken[0].outputs, spoken[1].outputs)
    assert not torch.allclose(spoken[0].outputs, spoken[2].outputs)
