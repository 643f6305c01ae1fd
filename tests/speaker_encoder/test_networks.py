"""Speaker encoders: windows, gradients to the waveform, and weights that are not theirs."""

import json

import pytest
import torch

from finetune_tts.errors import UserError
from finetune_tts.layers.parameter_count import count_parameters
from finetune_tts.speaker_encoder.building import build_speaker_encoder, restored_speaker_encoder
from finetune_tts.speaker_encoder.config import load_encoder_config
from finetune_tts.speaker_encoder.frozen import FrozenSpeakerEncoder
from finetune_tts.speaker_encoder.windows import compute_embedding

AUDIO = {"sample_rate": 8000, "fft_size": 128, "win_length": 100, "hop_length": 40, "num_mels": 16, "preemphasis": 0.9}
NETWORKS = {
    "lstm": {"model_name": "lstm", "input_dim": 16, "proj_dim": 6, "lstm_dim": 8, "num_lstm_layers": 2},
    "lstm, last state": {
        "model_name": "LSTM", "input_dim": 16, "proj_dim": 6, "lstm_dim": 8, "num_lstm_layers": 2,
        "use_lstm_with_projection": False,
    },
    "resnet": {
        "model_name": "resnet", "input_dim": 16, "proj_dim": 6, "log_input": True,
        "layers": [1, 1, 1, 1], "num_filters": [8, 8, 8, 8],
    },
    "resnet, mean only": {
        "model_name": "resnet", "input_dim": 16, "proj_dim": 6, "encoder_type": "SAP",
        "layers": [1, 2, 1, 1], "num_filters": [8, 8, 16, 8],
    },
}  # fmt: skip


@pytest.fixture
def make_config(tmp_path):
    def make(network="resnet", waveforms=True, **params):
        values = {"model": "speaker_encoder", "audio": AUDIO}
        values["model_params"] = {**NETWORKS[network], "use_torch_spec": waveforms, **params}
        (tmp_path / "config_se.json").write_text(json.dumps(values))
        return load_encoder_config(tmp_path / "config_se.json")

    return make


@pytest.fixture
def make_network(make_config):
    def make(*args, **params):
        torch.manual_seed(1)
        return build_speaker_encoder(make_config(*args, **params)).eval()

    return make


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_embeds_waveforms_and_spectrograms(make_network, name):
    with torch.no_grad():
        by_waveform = make_network(name)(noise(3, 2000))
        by_mel = make_network(name, waveforms=False)(noise(3, 16, 30).abs())
    for vectors in (by_waveform, by_mel):
        assert vectors.shape == (3, 6)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


def test_the_level_of_a_recording_does_not_matter(make_network):
    network = make_network("resnet")
    with torch.no_grad():
        torch.testing.assert_close(network(noise(1, 2000)), network(0.5 * noise(1, 2000)), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("samples", "windows"), [(2000, 10), (450, 10), (400, 1), (200, 1)])
def test_a_recording_is_the_mean_of_its_windows(make_network, samples, windows):
    network = make_network("resnet")
    wav = noise(samples)
    length = min(samples, 400)  # ten frames of 40 samples
    starts = [int(number * (samples - length) / 9) for number in range(10)]
    calls = []
    network.register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
    found = compute_embedding(network, wav, num_frames=10)
    assert calls == [windows]
    with torch.no_grad():
        expected = torch.stack([network(wav[None, start : start + length])[0] for start in starts]).mean(dim=0)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    assert not found.requires_grad


def test_a_spectrogram_is_read_whole(make_network):
    network = make_network("lstm", waveforms=False)
    mel = noise(16, 500)
    torch.testing.assert_close(compute_embedding(network, mel), network(mel[None])[0].detach())


def test_the_shortest_recording_is_embedded(make_network):
    network = make_network("resnet")
    assert torch.isfinite(compute_embedding(network, noise(network.torch_spec.shortest))).all()


def test_silence_gives_finite_vectors_and_gradients(make_network):
    frozen = FrozenSpeakerEncoder(make_network("resnet"), source_rate=8000, encoder_rate=8000)
    wav = torch.zeros(1, 1000, requires_grad=True)
    vectors = frozen(wav)
    vectors.sum().backward()
    assert torch.isfinite(vectors).all()
    assert torch.isfinite(wav.grad).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_frozen_encoder_passes_gradients_to_the_waveform_and_keeps_its_weights(make_network, name):
    frozen = FrozenSpeakerEncoder(make_network(name), source_rate=12000, encoder_rate=8000)
    before = {key: tensor.clone() for key, tensor in frozen.state_dict().items()}
    frozen.train()
    wav = noise(2, 3000).requires_grad_()
    vectors = frozen(wav)
    (vectors[0] @ vectors[1]).backward()
    assert wav.grad.abs().sum() > 0
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in frozen.parameters())
    assert all(torch.equal(before[key], tensor) for key, tensor in frozen.state_dict().items())
    assert not any(isinstance(module, torch.nn.BatchNorm2d) and module.training for module in frozen.modules())


def test_a_gradient_step_brings_a_waveform_nearer_to_a_voice(make_network):
    frozen = FrozenSpeakerEncoder(make_network("resnet"), source_rate=8000, encoder_rate=8000)
    wanted = frozen(noise(1, 1500).flip(1)).detach()
    wav = noise(1, 1500).requires_grad_()
    similarity = (frozen(wav) * wanted).sum()
    (gradient,) = torch.autograd.grad(similarity, wav)
    nearer = wav.detach() + 1e-3 * gradient / gradient.norm()
    assert (frozen(nearer) * wanted).sum() > similarity


def test_half_precision_around_a_frozen_encoder_changes_nothing(make_network):
    frozen = FrozenSpeakerEncoder(make_network("resnet"), source_rate=8000, encoder_rate=8000)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = frozen(noise(1, 2000))
    assert torch.equal(inside, frozen(noise(1, 2000)))


def test_an_encoder_of_spectrograms_cannot_judge_waveforms(make_network):
    with pytest.raises(ValueError, match="use_torch_spec"):
        FrozenSpeakerEncoder(make_network("lstm", waveforms=False), source_rate=8000, encoder_rate=8000)


def test_weights_of_another_size_are_refused(make_config, make_network):
    state = make_network("resnet").state_dict()
    with pytest.raises(UserError, match=r"model_se.pth: 2 tensors .* fc.weight .*config_se.json that belongs"):
        restored_speaker_encoder(make_config("resnet", proj_dim=7), state, source="model_se.pth")


def test_weights_of_another_network_are_refused(make_config, make_network):
    with pytest.raises(UserError, match=r"model_se.pth: \d+ tensors"):
        restored_speaker_encoder(make_config("resnet"), make_network("lstm").state_dict(), source="model_se.pth")


def test_a_front_end_that_the_config_denies_is_refused(make_config, make_network):
    state = make_network("resnet").state_dict()
    with pytest.raises(UserError, match=r"torch_spec.0.filter \(left over"):
        restored_speaker_encoder(make_config("resnet", waveforms=False), state, source="model_se.pth")


def test_weights_that_are_no_numbers_are_refused(make_config, make_network):
    state = make_network("resnet").state_dict()
    state["fc.bias"][0] = torch.nan
    with pytest.raises(UserError, match=r"fc.bias holds NaN"):
        restored_speaker_encoder(make_config("resnet"), state, source="model_se.pth")


def test_the_weights_say_whether_layers_are_projected(make_config, make_network):
    state = make_network("lstm").state_dict()
    network = restored_speaker_encoder(
        make_config("lstm", use_lstm_with_projection=False), state, source="model_se.pth"
    )
    assert network.state_dict().keys() == state.keys()


def test_an_encoder_that_no_machine_holds_is_refused_with_its_field(make_config):
    with pytest.raises(UserError, match=r"model_params.lstm_dim = 8192: the speaker encoder would have more than"):
        build_speaker_encoder(make_config("lstm", lstm_dim=8192, num_lstm_layers=32))


@pytest.mark.parametrize("name", ["lstm", "resnet"])
@pytest.mark.parametrize("waveforms", [True, False])
def test_the_parameters_of_an_encoder_can_be_counted_without_memory_for_them(make_config, name, waveforms):
    config = make_config(name, waveforms)
    expected = sum(parameter.numel() for parameter in build_speaker_encoder(config).parameters())
    assert count_parameters(lambda: build_speaker_encoder(config), 10**9) == expected
