"""What holds for any Glow-TTS, small or large."""

import pytest
import torch

from finetune_tts.families.glow_tts.loss import glow_tts_loss
from finetune_tts.families.glow_tts.network import GlowTTS

ENCODERS = {
    "rel_pos_transformer": {
        "kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2, "hidden_channels_ffn": 16,
        "rel_attn_window_size": 4,
    },
    "gated_conv": {"kernel_size": 5, "dropout_p": 0.1, "num_layers": 1},
    "residual_conv_bn": {"kernel_size": 4, "dilations": [1], "num_res_blocks": 1},
}  # fmt: skip


def tiny(**options) -> GlowTTS:
    torch.manual_seed(1)
    sizes = {
        "num_symbols": 12, "out_channels": 8, "hidden_channels_enc": 16, "hidden_channels_dec": 16,
        "hidden_channels_dp": 8, "num_flow_blocks_dec": 2, "num_block_layers": 2,
        "encoder_params": ENCODERS["rel_pos_transformer"],
    }  # fmt: skip
    return GlowTTS(**{**sizes, **options})


@pytest.fixture
def batch():
    torch.manual_seed(2)
    return {
        "token_ids": torch.randint(0, 12, (3, 7)),
        "token_lengths": torch.tensor([7, 5, 3]),
        "mels": torch.randn(3, 31, 8),
        "mel_lengths": torch.tensor([31, 24, 10]),
    }


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_learns(encoder, batch):
    network = tiny(encoder_type=encoder, encoder_params=ENCODERS[encoder])
    network.initialise_actnorm(batch["mels"], batch["mel_lengths"])
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(20):
        loss = glow_tts_loss(network(**batch), batch["token_lengths"], batch["mel_lengths"]).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.3


def test_the_flow_runs_backwards(batch):
    network = tiny(sigmoid_scale=True).eval()
    with torch.no_grad():
        for parameter in network.decoder.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        mel, lengths = batch["mels"][:, :30].transpose(1, 2), batch["mel_lengths"].clamp(max=30)
        mask = (torch.arange(30) < lengths[:, None])[:, None].float()
        z, _ = network.decoder(mel, mask)
        torch.testing.assert_close(network.decoder.reverse(z, mask), mel * mask, atol=1e-4, rtol=1e-3)


def test_the_log_determinant_is_that_of_the_jacobian():
    network = tiny().eval()
    with torch.no_grad():
        for parameter in network.decoder.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    mel, mask = torch.randn(1, 8, 4), torch.ones(1, 1, 4)
    jacobian = torch.autograd.functional.jacobian(lambda x: network.decoder(x, mask)[0], mel).reshape(32, 32)
    torch.testing.assert_close(network.decoder(mel, mask)[1][0], torch.linalg.slogdet(jacobian)[1])


def test_padding_changes_nothing(batch):
    network = tiny().eval()
    whole = network(**batch)
    alone = network(batch["token_ids"][2:, :3], torch.tensor([3]), batch["mels"][2:, :10], torch.tensor([10]))
    torch.testing.assert_close(whole.z[2:, :10], alone.z, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(whole.log_durations[2:, :3], alone.log_durations, atol=1e-5, rtol=1e-4)
    assert (whole.z[2, 10:] == 0).all()


def test_data_dependent_initialisation_normalizes_what_leaves_each_actnorm(batch):
    network = tiny(num_flow_blocks_dec=1)
    leaving = []
    network.decoder.flows[0].register_forward_hook(
        lambda module, inputs, outputs: leaving.append((outputs[0], inputs[1]))
    )
    network.initialise_actnorm(batch["mels"], batch["mel_lengths"])
    leaving.clear()
    network(**batch)
    (x, mask), *_ = leaving
    inside = x.transpose(1, 2)[mask[:, 0] > 0]  # [frames, F]
    torch.testing.assert_close(inside.mean(0), torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(inside.std(0, correction=0), torch.ones(16), atol=1e-4, rtol=0)


def test_training_pass_leaves_actnorm_as_it_is(batch):
    network = tiny()
    before = network.decoder.flows[0].bias.clone()
    network.train()
    network(**batch)
    assert torch.equal(network.decoder.flows[0].bias, before)


def test_speech_in_a_batch_is_speech_alone(batch):
    network = tiny().eval()
    together = network.inference(batch["token_ids"], batch["token_lengths"])
    alone = network.inference(batch["token_ids"][1:2, :5], batch["token_lengths"][1:2])
    assert together.mel_lengths[1] == alone.mel_lengths[0]
    frames = int(alone.mel_lengths[0])
    torch.testing.assert_close(together.mel[1, :frames], alone.mel[0, :frames], atol=1e-5, rtol=1e-4)


def test_alignment_of_a_recording_sets_the_timing(batch):
    network = tiny().eval()
    teacher = network(**batch)
    speech = network.inference_with_alignment(**batch)
    assert torch.equal(speech.alignment, teacher.alignment)
    assert speech.mel.shape == (3, 30, 8)


def test_length_scale_slows_down(batch):
    network = tiny().eval()
    torch.nn.init.constant_(network.encoder.duration_predictor.proj.bias, 1.5)
    normal = network.inference(batch["token_ids"], batch["token_lengths"])
    slow = network.inference(batch["token_ids"], batch["token_lengths"], length_scale=2.0)
    assert (slow.mel_lengths > 1.5 * normal.mel_lengths).all()


def test_noise_varies_and_its_absence_does_not(batch):
    network = tiny().eval()
    texts = (batch["token_ids"], batch["token_lengths"])
    assert torch.equal(network.inference(*texts).mel, network.inference(*texts).mel)
    assert not torch.equal(network.inference(*texts, noise_scale=0.5).mel, network.inference(*texts).mel)


def test_speakers_change_the_speech(batch):
    network = tiny(num_speakers=3, speaker_channels=16).eval()
    for flow in list(network.decoder.flows)[2::3]:
        torch.nn.init.normal_(flow.end.weight, std=0.1)
    texts = (batch["token_ids"][:1], batch["token_lengths"][:1])
    first, second = (network.inference(*texts, speaker_ids=torch.tensor([row])) for row in (0, 1))
    frames = int(min(first.mel_lengths[0], second.mel_lengths[0]))
    assert not torch.allclose(first.mel[:, :frames], second.mel[:, :frames])
    with pytest.raises(ValueError, match="speaker_ids"):
        network.inference(*texts)


def test_wrong_sizes_are_refused_with_their_names():
    with pytest.raises(ValueError, match="num_splits 3"):
        tiny(num_splits=3)
    with pytest.raises(ValueError, match="encoder_type 'lstm'"):
        tiny(encoder_type="lstm")


def test_bf16_autocast_stays_close(batch):
    network = tiny().eval()
    exact = glow_tts_loss(network(**batch), batch["token_lengths"], batch["mel_lengths"]).total
    with torch.autocast("cpu", torch.bfloat16):
        rough = glow_tts_loss(network(**batch), batch["token_lengths"], batch["mel_lengths"]).total
    assert rough.dtype == torch.float32
    assert rough.item() == pytest.approx(exact.item(), rel=0.02)


@pytest.mark.parametrize("bias", [6.0, 50.0, 1e4, float("inf")])
def test_a_duration_predictor_that_has_diverged_is_cut(batch, bias):
    network = tiny().eval()
    with torch.no_grad():
        network.encoder.duration_predictor.proj.bias.fill_(bias)
    speech = network.inference(batch["token_ids"], batch["token_lengths"])
    bounds = torch.tensor([500 + 50 * 7, 500 + 50 * 5, 500 + 50 * 3])
    assert torch.equal(speech.mel_lengths, bounds)
    assert not (speech.frames_asked_for <= bounds).any()
    assert torch.isfinite(speech.mel).all()


@pytest.mark.parametrize("squeeze", [1, 2, 4])
def test_a_single_symbol_of_a_single_frame_is_heard(squeeze):
    network = tiny(num_squeeze=squeeze, num_splits=4).eval()
    with torch.no_grad():
        network.encoder.duration_predictor.proj.bias.fill_(-20.0)
    speech = network.inference(torch.tensor([[3]]), torch.tensor([1]))
    assert speech.mel_lengths.tolist() == [squeeze]
    assert speech.mel.shape[1] == squeeze
