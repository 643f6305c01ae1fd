"""The check works for every architecture, without knowing any."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import finetune_tts
from finetune_tts.assembly.assembly import assemble
from finetune_tts.assembly.request import Request
from finetune_tts.check.checking import check, freeze_switches, quick_check
from finetune_tts.check.finding import Severity
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.registry import family_of, names

pytestmark = pytest.mark.usefixtures("small_widths")

VOICE = Path(finetune_tts.__file__).parent / "assets" / "demo" / "recordings"
RATE = 16000
COMMON = {
    "run_name": "small", "batch_size": 2, "eval_batch_size": 2, "epochs": 3, "eval_split_size": 2.0,
    "text_cleaner": "basic_cleaners", "test_sentences": [],
    "audio": {"sample_rate": RATE, "fft_size": 512, "win_length": 512, "hop_length": 256, "num_mels": 20},
}  # fmt: skip
TRANSFORMER = {"hidden_channels_ffn": 8, "num_heads": 1, "num_layers": 1, "dropout_p": 0.1}
CONVOLUTIONS = {"kernel_size": 4, "dilations": [1], "num_conv_blocks": 1, "num_res_blocks": 1}
FEED_FORWARD = {
    "out_channels": 20, "hidden_channels": 8, "duration_predictor_hidden_channels": 8,
    "pitch_predictor_hidden_channels": 8, "energy_predictor_hidden_channels": 8,
    "encoder_params": TRANSFORMER, "decoder_params": TRANSFORMER,
}  # fmt: skip
NEURAL_HMM = {
    "out_channels": 20, "encoder_in_out_features": 8, "prenet_dim": 4, "memory_rnn_dim": 8, "outputnet_size": [8],
    "max_sampling_time": 40,
}  # fmt: skip
NETWORKS = {
    "glow_tts": {
        "out_channels": 20, "hidden_channels_enc": 8, "hidden_channels_dec": 8, "hidden_channels_dp": 8,
        "num_flow_blocks_dec": 1, "num_block_layers": 1,
        "encoder_params": {"kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2,
                           "hidden_channels_ffn": 8, "input_length": None},
    },
    **{name: {"model_args": FEED_FORWARD} for name in ("fast_pitch", "fastspeech2", "fast_speech")},
    "speedy_speech": {
        "model_args": {**FEED_FORWARD, "encoder_params": CONVOLUTIONS, "decoder_params": CONVOLUTIONS},
    },
    "neuralhmm_tts": NEURAL_HMM,
    "overflow": {**NEURAL_HMM, "hidden_channels_dec": 8, "num_flow_blocks_dec": 1, "num_block_layers": 1},
    "tacotron": {"encoder_in_features": 8, "decoder_in_features": 8, "optimizer": "AdamW", "optimizer_params": {}},
    "tacotron2": {"encoder_in_features": 8, "decoder_in_features": 8, "optimizer": "AdamW", "optimizer_params": {}},
    "vits": {
        "model_args": {
            "hidden_channels": 8, "hidden_channels_ffn_text_encoder": 8, "num_layers_text_encoder": 1,
            "num_layers_posterior_encoder": 1, "num_layers_flow": 1, "upsample_initial_channel_decoder": 16,
            "resblock_kernel_sizes_decoder": [3], "resblock_dilation_sizes_decoder": [[1]],
            "periods_multi_period_discriminator": [2], "spec_segment_size": 8, "out_channels": 257,
        },
    },
}  # fmt: skip


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Eight clips of a real voice."""
    folder = tmp_path / "recordings"
    (folder / "wavs").mkdir(parents=True)
    lines = (VOICE / "metadata.csv").read_text(encoding="utf-8").splitlines()[:8]
    for line in lines:
        name = line.split("|")[0]
        wav, rate = soundfile.read(VOICE / "wavs" / f"{name}.flac")
        soundfile.write(folder / "wavs" / f"{name}.wav", wav, rate)
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def make_request(tmp_path: Path, recordings: Path) -> Callable[..., Request]:
    """A run of an architecture from a whole release, or from scratch."""

    def make(architecture: str, *, restored: bool = True, **fields: object) -> Request:
        config: SpeechConfig = config_from_dict({"model": architecture, **COMMON, **NETWORKS[architecture]})
        config.output_path = str(tmp_path / "output")
        folder = tmp_path / f"release-{architecture}"
        if restored and not folder.exists():
            folder.mkdir()
            torch.manual_seed(1)
            network = build_model(config, len(build_tokenizer(config).vocabulary))
            torch.save({"model": network.state_dict()}, folder / "model_file.pth")
            (folder / "config.json").write_text(json.dumps(config.to_dict()))
        config.datasets = [DatasetConfig(formatter="auto", path=str(recordings))]
        return Request(config, restore_path=folder if restored else None, device="cpu", **fields)

    return make


def test_no_architecture_is_forgotten():
    # Vocoders are checked in tests/cli/test_vocoders.py, models that listen to recordings in tests/cli/test_xtts.py.
    listening = {name for name in names(vocoders=False) if family_of(name).implementation.listening is not None}
    assert set(NETWORKS) == set(names(vocoders=False)) - listening


@pytest.mark.parametrize("architecture", NETWORKS)
def test_every_architecture_can_be_checked(make_request, architecture, tmp_path):
    report = check(make_request(architecture))
    assert report.severity is Severity.FINE, [f for f in report.findings if f.severity is not Severity.FINE]
    assert report.trial is not None
    assert report.trial.measured_steps == 3
    assert report.trial.batch_size == 2
    assert report.trial.steps == 9
    assert report.model is not None
    assert report.model.fresh == 0
    assert report.model.restored > 10
    advice = {advice.field: advice for advice in report.advice}
    assert {"batch_size", "epochs", "eval_split_size", "freezing"} <= advice.keys()
    assert any(field.startswith("lr") for field in advice)
    assert json.loads(json.dumps(report.to_dict()))["status"] == "fine"
    assert not [path for path in (tmp_path / "output").iterdir() if path.name != "feature_cache"]


@pytest.mark.parametrize("architecture", NETWORKS)
def test_no_more_features_are_computed_than_are_tried(make_request, architecture, recordings, tmp_path):
    lines = (recordings / "metadata.csv").read_text().splitlines()
    for number in range(30):
        name = lines[number % 8].split("|")[0]
        wav, rate = soundfile.read(recordings / "wavs" / f"{name}.wav")
        soundfile.write(recordings / "wavs" / f"more{number}.wav", wav * (0.9 - 0.01 * number), rate)
        lines.append(f"more{number}|{lines[number % 8].split('|')[1]} {'a' * number}|")
    lines = [f"{line.split('|')[0]}|{line.split('|')[1]}" for line in lines]
    (recordings / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    check(make_request(architecture))
    mels = list((tmp_path / "output").rglob("*.mel.npy"))
    assert 0 < len(mels) <= 10  # the longest two, three times two, and two that are held out


@pytest.mark.parametrize("architecture", NETWORKS)
def test_a_model_from_nothing_can_be_checked(make_request, architecture):
    report = check(make_request(architecture, restored=False))
    advised = {finding.id for finding in report.findings if finding.severity is not Severity.FINE}
    assert advised == {"restore"}
    assert report.trial.measured_steps == 3


def test_a_discriminator_that_a_release_does_not_hold_is_told(make_request, tmp_path):
    request = make_request("vits")
    path = tmp_path / "release-vits" / "model_file.pth"
    weights = torch.load(path)["model"]
    torch.save({"model": {name: w for name, w in weights.items() if not name.startswith("disc.")}}, path)
    report = check(request)
    (finding,) = [finding for finding in report.findings if finding.id == "restore"]
    assert finding.severity is Severity.ADVISES
    assert "disc" in finding.title
    # All parts learn in the steps that are timed, whatever the warm-up does.
    assert {"loss_0", "loss_1"} <= report.trial.losses.keys()


def test_freezing_is_advised_where_there_is_little_to_read_and_a_switch_for_it(make_request):
    advice = {advice.field: advice for advice in check(make_request("vits")).advice}
    assert (advice["freezing"].value, advice["freezing"].used) == ("freeze_encoder", "nothing")
    assert "freeze_encoder" in freeze_switches(make_request("vits").config)
    assert freeze_switches(make_request("glow_tts").config) == {}


def test_a_check_changes_no_weights_on_disk(make_request, tmp_path):
    request = make_request("glow_tts")
    path = tmp_path / "release-glow_tts" / "model_file.pth"
    before = path.read_bytes()
    check(request)
    assert path.read_bytes() == before


def test_the_short_check_decodes_a_few_recordings_and_finds_their_faults(make_request, recordings, monkeypatch):
    path = recordings / "wavs" / "voice_0003.wav"
    wav, rate = soundfile.read(path)
    soundfile.write(path, wav + 0.05 * np.random.default_rng(0).standard_normal(len(wav)), rate)
    assembly = assemble(make_request("glow_tts"))
    monkeypatch.setattr("finetune_tts.check.checking.QUICK_CLIPS", 4)
    found = {finding.id: finding for finding in quick_check(assembly)}
    assert "unknown_symbols" not in found  # the assembly has said it
    monkeypatch.setattr("finetune_tts.check.checking.QUICK_CLIPS", 200)
    found = {finding.id: finding for finding in quick_check(assembly)}
    assert [Path(clip.file).name for clip in found["noisy"].clips] == ["voice_0003.wav"]


def test_what_would_stop_the_run_keeps_steps_from_being_tried(make_request, recordings):
    (recordings / "wavs" / "voice_0002.wav").unlink()
    report = check(make_request("glow_tts"))
    assert report.severity is Severity.STOPS
    assert report.trial is None
    assert report.machine is not None


def test_texts_are_read_also_where_the_model_cannot_be_built(make_request):
    request = make_request("glow_tts")
    report = check(replace(request, restore_path=Path("nowhere")))
    assert {finding.id for finding in report.findings if finding.severity is Severity.STOPS} == {"run"}
    assert "coverage" in {finding.id for finding in report.findings}
    assert report.data.symbols_heard["e"] > 10


def test_the_pitch_is_looked_at_where_a_model_learns_it(make_request):
    found = {finding.id: finding for finding in check(make_request("fast_pitch")).findings}
    assert "Hz" in found["pitch"].title
    assert found["pitch"].severity is Severity.FINE
    assert "pitch" not in {finding.id for finding in check(make_request("speedy_speech")).findings}
