"""A very small VITS in each variant is tuned, stopped, resumed and spoken with."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from finetune_tts.assembly.assembly import assemble
from finetune_tts.assembly.request import Request
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.vits.config import VitsArgs, VitsConfig
from finetune_tts.families.vits.task import VITSTask, freeze_modules
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.loading import load_voice
from finetune_tts.training.run import fit, open_run
from finetune_tts.training.settings import RunLimits

pytestmark = pytest.mark.usefixtures("small_widths")

RATE = 16000
TEXTS = ("one two three", "four five six", "seven eight", "nine ten eleven", "twelve one two", "three four")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Six clips of two speakers in two languages."""
    folder = tmp_path / "recordings"
    (folder / "wavs").mkdir(parents=True)
    lines = []
    for number, text in enumerate(TEXTS):
        time = np.arange(int(RATE * (0.7 + 0.05 * number))) / RATE
        wav = 0.4 * np.sin(2 * np.pi * (120 + 40 * number) * time) * (1 + 0.3 * np.sin(20 * time))
        soundfile.write(folder / "wavs" / f"clip{number}.wav", wav, RATE)
        lines.append(f"wavs/clip{number}.wav|{text}|{'ana' if number % 2 else 'rui'}|{'pt' if number % 2 else 'en'}")
    (folder / "metadata.csv").write_text("\n".join(["audio_file|text|speaker_name|language", *lines]) + "\n")
    return folder


@pytest.fixture
def config_of(tmp_path: Path, recordings: Path):
    def make(run: dict | None = None, **args: object) -> VitsConfig:
        network = {
            "hidden_channels": 8, "hidden_channels_ffn_text_encoder": 8, "num_layers_text_encoder": 1,
            "num_layers_posterior_encoder": 1, "num_layers_flow": 1, "upsample_initial_channel_decoder": 16,
            "resblock_kernel_sizes_decoder": [3], "resblock_dilation_sizes_decoder": [[1]],
            "periods_multi_period_discriminator": [2], "spec_segment_size": 8, **args,
        }  # fmt: skip
        config = VitsConfig(model_args=VitsArgs(**network))
        config.audio.sample_rate = RATE
        config.datasets = [DatasetConfig(formatter="auto", path=str(recordings))]
        values = {
            "output_path": str(tmp_path / "runs"), "run_name": "small", "batch_size": 2, "eval_batch_size": 2,
            "epochs": 2, "print_step": 1, "save_step": 100, "eval_split_size": 2.0, "dashboard_logger": "tensorboard",
            "test_sentences": [], **(run or {}),
        }  # fmt: skip
        for name, value in values.items():
            setattr(config, name, value)
        return config

    return make


SPEAKERS = {"use_speaker_embedding": True, "speaker_embedding_channels": 6}
VARIANTS = {
    "one voice": {},
    "one number for durations, noisy alignments": {"use_sdp": False, "use_noise_scaled_mas": True},
    "speakers and languages": {**SPEAKERS, "use_language_embedding": True},
    "a lower encoder rate": {"encoder_sample_rate": 8000},
}


def test_clips_are_read_without_the_mel_spectrograms_that_vits_never_looks_at(config_of):
    job = assemble(Request(config_of(), device="cpu")).job
    for data in (job.train_data, job.eval_data):
        clip = data[0]
        assert clip.mel.shape == (0, data.mel_lengths()[0])
        assert len(clip.waveform) == 256 * clip.mel.shape[1]


@pytest.mark.parametrize("args", VARIANTS.values(), ids=VARIANTS)
def test_a_run_that_stopped_goes_on_with_the_same_numbers_and_speaks(args, config_of):
    whole = fit(assemble(Request(config_of(**args), device="cpu")).job)
    stopped = fit(assemble(Request(config_of(**args), device="cpu", limits=RunLimits(max_steps=3))).job)
    run = open_run(stopped.folder)
    again = fit(assemble(Request(run.config, device="cpu"), run).job)
    assert (stopped.steps, again.steps) == (3, whole.steps)
    first, second = (read_checkpoint(result.folder / f"checkpoint_{whole.steps}.pth") for result in (whole, again))
    assert first.model.keys() == second.model.keys()
    assert [name for name in first.model if not torch.equal(first.model[name], second.model[name])] == []
    voice = load_voice(whole.folder)
    assert voice.network.disc is None
    who = {"speaker": "ana", "language": "pt"} if "use_speaker_embedding" in args else {}
    speech = voice.speak("one two", Delivery(**who))
    assert speech.seconds > 0.05
    assert np.isfinite(speech.waveform).all()


@pytest.fixture
def pretrained(tmp_path: Path, config_of) -> Path:
    """A release without a discriminator, of two speakers, one of whom the recordings do not have."""
    folder = tmp_path / "release"
    folder.mkdir()
    config = config_of(**SPEAKERS, use_language_embedding=True)
    config.datasets = []
    torch.manual_seed(4)
    network = build_model(config, len(build_tokenizer(config).vocabulary), 2, 2)
    config.speakers_file = config.model_args.speakers_file = "speakers.json"
    config.language_ids_file = config.model_args.language_ids_file = "language_ids.json"
    (folder / "speakers.json").write_text(json.dumps({"eva": 0, "ana": 1}))
    (folder / "language_ids.json").write_text(json.dumps({"de": 0, "pt": 1}))
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    weights = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("disc.")}
    torch.save({"model": weights}, folder / "model_file.pth")
    return folder


def tuning(config: VitsConfig, pretrained: Path, **fields: object) -> Request:
    config.speakers_file = config.model_args.speakers_file = str(pretrained / "speakers.json")
    config.language_ids_file = config.model_args.language_ids_file = str(pretrained / "language_ids.json")
    return Request(config, restore_path=pretrained, device="cpu", **fields)


def test_speakers_and_languages_grow_and_an_old_voice_is_the_same_bit_for_bit_before_training(config_of, pretrained):
    config = config_of(**SPEAKERS, use_language_embedding=True)
    assembly = assemble(tuning(config, pretrained))
    assert assembly.material.voice.speaker_names == ("eva", "ana", "rui")
    assert assembly.material.voice.languages == ("de", "pt", "en")
    before = load_voice(pretrained)
    for speaker, language in (("eva", "de"), ("ana", "pt")):
        old = before.speak("one two three", Delivery(speaker=speaker, language=language))
        new = assembly.material.voice.speak("one two three", Delivery(speaker=speaker, language=language))
        assert np.array_equal(old.waveform, new.waveform)


def test_a_missing_discriminator_learns_alone_first(config_of, pretrained):
    config = config_of(**SPEAKERS, use_language_embedding=True)
    assembly = assemble(tuning(config, pretrained, limits=RunLimits(discriminator_warm_up=2, max_steps=2)))
    assert assembly.job.fresh_discriminator
    assert "disc" in assembly.report.table()
    before = {name: tensor.clone() for name, tensor in assembly.job.network.state_dict().items()}
    fit(assembly.job)
    changed = {name.split(".")[0] for name, tensor in assembly.job.network.state_dict().items()
               if not torch.equal(tensor, before[name])}  # fmt: skip
    assert changed == {"disc"}


def test_lr_sets_both_rates(config_of):
    config = config_of({"lr": 3e-5})
    assembly = assemble(Request(config, device="cpu", chosen=frozenset({"lr"})))
    assert (config.lr_gen, config.lr_disc) == (3e-5, 3e-5)
    assert VITSTask(assembly.job.network, config).get_lr() == [3e-5, 3e-5]


FROZEN = {
    "freeze_encoder": {"text_encoder", "emb_l"},
    "freeze_DP": {"duration_predictor"},
    "freeze_PE": {"posterior_encoder"},
    "freeze_flow_decoder": {"flow"},
    "freeze_waveform_decoder": {"waveform_decoder"},
}


@pytest.mark.parametrize(("field", "modules"), FROZEN.items(), ids=FROZEN)
def test_what_is_frozen_by_name_stays(field, modules, config_of):
    config = config_of(**SPEAKERS, use_language_embedding=True, **{field: True})
    network = build_model(config, 5, 2, 2)
    assert set(freeze_modules(network, config.model_args)) == modules
    trained = {id(parameter) for parameter in VITSTask(network, config).generator_parameters()}
    for name, parameter in network.named_parameters():
        part = name.split(".")[0]
        if part != "disc":
            assert (id(parameter) in trained) == (part not in modules), name


def test_frozen_parts_keep_their_weights_in_a_run(config_of):
    config = config_of(freeze_encoder=True, freeze_PE=True)
    assembly = assemble(Request(config, device="cpu", limits=RunLimits(max_steps=2)))
    before = {name: tensor.clone() for name, tensor in assembly.job.network.state_dict().items()}
    fit(assembly.job)
    kept = {name.split(".")[0] for name, tensor in assembly.job.network.state_dict().items()
            if torch.equal(tensor, before[name])}  # fmt: skip
    assert {"text_encoder", "posterior_encoder"} <= kept
    assert "waveform_decoder" not in kept


def test_what_is_to_begin_fresh_does(config_of, pretrained):
    config = config_of(**SPEAKERS, use_language_embedding=True, reinit_DP=True)
    network = assemble(tuning(config, pretrained)).job.network
    old = read_checkpoint(pretrained).model
    assert torch.equal(network.flow.flows[0].pre.weight, old["flow.flows.0.pre.weight"])
    assert not torch.equal(network.duration_predictor.pre.weight, old["duration_predictor.pre.weight"])


def test_training_without_a_discriminator_is_a_mistake_that_is_named(config_of):
    with pytest.raises(UserError, match="init_discriminator is false"):
        fit(assemble(Request(config_of(init_discriminator=False), device="cpu")).job)


def test_bfloat16_trains_with_finite_losses(config_of):
    config = config_of({"mixed_precision": True, "precision": "bf16"})
    result = fit(
        assemble(Request(config, device="cpu", chosen=frozenset({"precision"}), limits=RunLimits(max_steps=2))).job
    )
    assert all(np.isfinite(loss) for loss in result.eval_losses.values())
    assert "loss_without_disc" in result.eval_losses
