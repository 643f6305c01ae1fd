"""VITS aligns, cuts, speaks and converts in each of its variants."""

import pytest
import torch

from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.vits.building import build_spectrogram_front
from finetune_tts.families.vits.config import VitsArgs, VitsConfig
from finetune_tts.families.vits.latent import log_likelihood, random_starts, slices
from finetune_tts.families.vits.passes import Draws

TINY = {
    "hidden_channels": 8,
    "hidden_channels_ffn_text_encoder": 8,
    "num_layers_text_encoder": 1,
    "num_layers_posterior_encoder": 1,
    "num_layers_flow": 1,
    "upsample_initial_channel_decoder": 16,
    "upsample_rates_decoder": [8, 8, 2, 2],
    "spec_segment_size": 4,
    "init_discriminator": False,
}


@pytest.fixture
def network_of():
    def make(**changes):
        torch.manual_seed(0)
        args = VitsArgs(**{**TINY, **changes})
        return build_model(VitsConfig(model_args=args), 11, 3, 2).eval()

    return make


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return {
        "token_ids": torch.randint(0, 11, (2, 7)),
        "token_lengths": torch.tensor([7, 4]),
        "spectrograms": torch.rand(2, 513, 20),
        "spectrogram_lengths": torch.tensor([20, 12]),
    }


SPEAKERS = {"use_speaker_embedding": True, "speaker_embedding_channels": 6}
VARIANTS = {
    "one voice": ({}, {}),
    "one number for durations": ({"use_sdp": False}, {}),
    "speakers": (SPEAKERS, {"speaker_ids": torch.tensor([0, 2])}),
    "d-vectors": ({"use_d_vector_file": True, "d_vector_dim": 5}, {"d_vectors": torch.ones(2, 5)}),
    "languages": ({"use_language_embedding": True}, {"language_ids": torch.tensor([0, 1])}),
    "durations without speaker": (
        {**SPEAKERS, "condition_dp_on_speaker": False},
        {"speaker_ids": torch.tensor([0, 2])},
    ),
    "a lower encoder rate": ({"encoder_sample_rate": 11025}, {}),
    "a decoder that raises the rate": (
        {"encoder_sample_rate": 11025, "interpolate_z": False, "upsample_rates_decoder": [8, 8, 4, 2]},
        {},
    ),
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_trains_and_speaks(variant, network_of, batch):
    changes, conditions = variant
    network = network_of(**changes)
    factor = 2 if "encoder_sample_rate" in changes else 1
    output = network(**batch, **conditions)
    assert output.waveforms.shape == (2, 1, 4 * 256 * factor)
    assert output.alignment.sum(dim=1).eq(output.mask.squeeze(1)).all()
    assert torch.isfinite(output.duration_loss).all()
    speech = network.inference(batch["token_ids"], batch["token_lengths"], **conditions)
    assert speech.waveforms.shape[2] == int(speech.lengths.max()) * 256 * factor
    assert speech.durations[1, 4:].eq(0).all()


def test_the_same_draws_give_the_same_numbers_and_others_do_not(network_of, batch):
    network = network_of()
    draws = Draws(
        posterior=torch.ones(2, 8, 20), slice_starts=torch.tensor([3, 0]), durations=torch.full((2, 2, 7), 0.5)
    )
    first, second = (network(**batch, draws=draws) for _ in range(2))
    assert torch.equal(first.waveforms, second.waveforms)
    assert torch.equal(first.duration_loss, second.duration_loss)
    assert not torch.equal(first.waveforms, network(**batch).waveforms)


def test_the_duration_loss_leaves_the_text_encoder_alone_unless_asked(network_of, batch):
    for detach in (True, False):
        network = network_of(detach_dp_input=detach)
        network(**batch).duration_loss.sum().backward()
        assert (network.text_encoder.emb.weight.grad is None) == detach


def test_padding_changes_nothing(network_of, batch):
    network = network_of()
    alone = {
        "token_ids": batch["token_ids"][1:, :4],
        "token_lengths": batch["token_lengths"][1:],
        "spectrograms": batch["spectrograms"][1:, :, :12],
        "spectrogram_lengths": batch["spectrogram_lengths"][1:],
    }
    noise = torch.randn(2, 8, 20)
    starts = torch.zeros(2, dtype=torch.long)
    padded = network(**batch, draws=Draws(noise, starts))
    single = network(**alone, draws=Draws(noise[1:, :, :12], starts[1:]))
    torch.testing.assert_close(padded.waveforms[1:], single.waveforms, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(padded.z_prior[1:, :, :12], single.z_prior, rtol=1e-4, atol=1e-6)
    assert torch.equal(padded.alignment[1:, :4, :12], single.alignment)


def test_noise_on_the_likelihoods_changes_alignments(network_of, batch):
    network = network_of()
    noise = torch.zeros(2, 8, 20)
    plain = network(**batch, draws=Draws(noise))
    torch.manual_seed(3)
    noisy = network(**batch, draws=Draws(noise), alignment_noise=5.0)
    assert not torch.equal(plain.alignment, noisy.alignment)
    assert noisy.alignment.sum(dim=1).eq(noisy.mask.squeeze(1)).all()


def test_given_durations_and_a_bound_on_frames_count(network_of, batch):
    speech = network_of().inference(
        batch["token_ids"][:1],
        batch["token_lengths"][:1],
        durations=torch.tensor([[1, 2, 3, 1, 1, 1, 1]]).float(),
        max_frames=6,
    )
    assert int(speech.lengths) == 10
    assert speech.waveforms.shape[2] == 6 * 256


def test_a_voice_converted_into_itself_without_noise_is_what_the_decoder_makes(network_of, batch):
    network = network_of(**SPEAKERS)
    with torch.no_grad():
        network.posterior_encoder.proj.weight[8:] = 0
        network.posterior_encoder.proj.bias[8:] = -30.0  # no deviation
    lengths = batch["spectrogram_lengths"][:1]
    spectrograms = batch["spectrograms"][:1]
    one, other = network.condition(torch.tensor([0]), None), network.condition(torch.tensor([1]), None)
    same = network.convert(spectrograms, lengths, source=one, target=one).waveforms
    mean, _ = network.posterior_encoder(spectrograms, torch.ones(1, 1, 20), one)
    torch.testing.assert_close(same, network.waveform_decoder(mean, one), rtol=1e-3, atol=1e-5)
    assert not torch.allclose(same, network.convert(spectrograms, lengths, source=one, target=other).waveforms)


def test_who_speaks_has_to_be_said(network_of, batch):
    with pytest.raises(ValueError, match="speaker_ids is missing"):
        network_of(**SPEAKERS)(**batch)
    with pytest.raises(ValueError, match="language_ids is missing"):
        network_of(use_language_embedding=True)(**batch)


def test_a_network_that_cannot_be_built_is_a_mistake_that_is_named():
    with pytest.raises(UserError, match="no VITS that can be built"):
        build_model(VitsConfig(model_args=VitsArgs(**{**TINY, "hidden_channels": 9})), 5)


def test_the_likelihood_is_that_of_the_gaussians():
    torch.manual_seed(0)
    z, mean, log_scale = torch.randn(2, 3, 5), torch.randn(2, 3, 4), 0.3 * torch.randn(2, 3, 4)
    normal = torch.distributions.Normal(mean.unsqueeze(-1), log_scale.exp().unsqueeze(-1))
    torch.testing.assert_close(log_likelihood(z, mean, log_scale), normal.log_prob(z.unsqueeze(2)).sum(dim=1))


def test_slices_begin_where_they_should_and_end_in_silence():
    x = torch.arange(6.0).reshape(1, 1, 6).expand(2, 1, 6)
    assert slices(x, torch.tensor([0, 2]), 3).squeeze(1).tolist() == [[0, 1, 2], [2, 3, 4]]
    assert slices(x, torch.tensor([0, 0]), 8)[0, 0].tolist() == [0, 1, 2, 3, 4, 5, 0, 0]


def test_random_slices_lie_inside_and_reach_both_ends():
    torch.manual_seed(0)
    starts = random_starts(torch.tensor([10, 3]).repeat(500), 8)
    assert set(starts[::2].tolist()) == {0, 1, 2}
    assert set(starts[1::2].tolist()) == {0}


def test_spectrograms_have_one_frame_a_hop_even_of_the_shortest_clip():
    front = build_spectrogram_front(VitsConfig())
    assert front.linear(torch.randn(1, 256 * 7 + 100)).shape == (1, 513, 7)
    assert torch.isfinite(front.mel(torch.zeros(1, 100))).all()


@pytest.mark.parametrize(("fft_size", "hop_length"), [(1024, 256), (1024, 512), (1024, 1024), (1024, 255), (64, 63)])
def test_spectrograms_of_any_length_have_a_frame_at_least(fft_size, hop_length):
    config = VitsConfig()
    config.audio.fft_size, config.audio.win_length, config.audio.hop_length = fft_size, fft_size, hop_length
    front = build_spectrogram_front(config)
    for samples in (1, 50, hop_length - 1, hop_length):
        assert front.linear(torch.zeros(1, samples)).shape[2] == 1


@pytest.mark.parametrize("use_sdp", [True, False])
@pytest.mark.parametrize("bias", [20.0, float("inf"), float("nan")])
def test_a_duration_predictor_that_has_diverged_is_cut(use_sdp, bias, network_of, batch):
    network = network_of(use_sdp=use_sdp)
    predictor = network.duration_predictor
    with torch.no_grad():
        (predictor.flows[0].translation if use_sdp else predictor.proj.bias).fill_(-bias if use_sdp else bias)
    speech = network.inference(batch["token_ids"], batch["token_lengths"])
    longest = torch.tensor([500 + 50 * 7, 500 + 50 * 4])
    assert (speech.lengths <= longest).all()
    assert not (speech.frames_asked_for <= speech.lengths).any()
    assert speech.waveforms.shape[2] == int(speech.lengths.max()) * 256
