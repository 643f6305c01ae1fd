"""A very small Tacotron of each variant is tuned, stopped, resumed and spoken with; r is kept, lowered and raised."""

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.assembly.assembly import assemble
from finetune_tts.assembly.request import Request
from finetune_tts.audio.reading import write_waveform
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.config.making import save_config
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import config_from_dict, load_config
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.loading import load_voice
from finetune_tts.training.run import fit, open_run
from finetune_tts.training.settings import RunLimits

pytestmark = pytest.mark.usefixtures("small_widths")

RATE = 8000
FIELDS = {
    "run_name": "test",
    "characters": {"pad": "_", "characters": "abcdefgh", "punctuations": " ."},
    "audio": {"sample_rate": RATE, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": 8,
              "mel_fmax": 4000.0, "griffin_lim_iters": 2, "do_trim_silence": False},
    "encoder_in_features": 8, "decoder_in_features": 8, "max_decoder_steps": 20,
    "batch_size": 3, "eval_batch_size": 3, "epochs": 2, "eval_split_size": 2, "test_sentences": ["a bad egg."],
    "save_step": 3, "optimizer": "AdamW", "optimizer_params": {}, "lr": 0.001,
}  # fmt: skip
STYLE = {"use_gst": True, "gst": {"gst_embedding_dim": 8, "gst_num_heads": 2, "gst_num_style_tokens": 3}}
CAPACITRON = {
    "use_capacitron_vae": True,
    "capacitron_vae": {"capacitron_VAE_embedding_dim": 4, "capacitron_text_summary_embedding_dim": 4},
    "optimizer": "CapacitronOptimizer",
    "optimizer_params": {"AdamW": {}, "SGD": {"lr": 0.1, "momentum": 0.9}},
}
VARIANTS = {
    "tacotron capacitron": {"model": "tacotron", **CAPACITRON},
    "tacotron2 capacitron": {"model": "Tacotron2", "attention_type": "dynamic_convolution", **CAPACITRON},
    "tacotron": {"model": "tacotron", "memory_size": 3},
    "tacotron DDC": {"model": "Tacotron", "double_decoder_consistency": True, "ddc_r": 5},
    "tacotron2": {"model": "tacotron2"},
    "tacotron2 DDC": {"model": "Tacotron2", "double_decoder_consistency": True, "ddc_r": 6, "r": 3},
    "tacotron2 DCA": {"model": "tacotron2", "attention_type": "dynamic_convolution"},
    "tacotron2 graves": {"model": "tacotron2", "attention_type": "graves", "attention_heads": 3},
    "tacotron2 forward attention": {
        "model": "tacotron2", "use_forward_attn": True, "transition_agent": True, "forward_attn_mask": True,
        "attention_win": True, "attention_norm": "softmax", "prenet_type": "bn", "separate_stopnet": False,
    },
    "tacotron2 bidirectional": {"model": "tacotron2", "bidirectional_decoder": True, "loss_masking": False},
    "tacotron2 style": {"model": "tacotron2", **STYLE},
    "tacotron2 speakers": {"model": "tacotron2", "use_speaker_embedding": True, "speaker_embedding_dim": 4},
    "tacotron2 gradual": {"model": "tacotron2", "r": 4, "gradual_training": [[0, 4, 8], [2, 2, 8], [5, 1, 8]]},
}  # fmt: skip


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    random = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("data") / "clips"
    (root / "wavs").mkdir(parents=True)
    texts = ["a bad egg", "head bed", "faded", "cage faced", "deaf aged", "beef", "a hag", "fed dad"]
    for number, text in enumerate(texts):
        write_waveform(root / "wavs" / f"{number}.wav", 0.3 * random.normal(size=4000 + 300 * len(text)), RATE)
    lines = [f"{number}|{text}|{text}\n" for number, text in enumerate(texts)]
    (root / "metadata.csv").write_text("".join(lines))
    return root


@pytest.fixture
def config_of(recordings, tmp_path):
    def make(fields, **more):
        config = config_from_dict({**deepcopy(FIELDS), **fields, **more, "output_path": str(tmp_path / "output")})
        path = str(recordings)
        config.datasets = [DatasetConfig(formatter="ljspeech", path=path, meta_file_train="metadata.csv")]
        return config

    return make


def write_release(folder: Path, config, rows: int = 0, **fields) -> Path:
    """A released model of ``config``, with its speakers beside it."""
    folder.mkdir()
    config = config_from_dict(config.to_dict())
    config.datasets = []
    if rows:
        (folder / "speakers.json").write_text(json.dumps({f"old {row}": row for row in range(rows)}))
        config.speakers_file = "speakers.json"
    torch.manual_seed(5)
    network = build_model(config, len(build_tokenizer(config).vocabulary), rows)
    torch.save({"model": network.state_dict(), "config": config.to_dict(), **fields}, folder / "model_file.pth")
    save_config(config, folder / "config.json")
    return folder / "model_file.pth"


def run(config, **request):
    return fit(assemble(Request(config, device="cpu", **request)).job)


QUICK = ("tacotron2 DDC", "tacotron2 capacitron")


@pytest.mark.parametrize(
    "variant", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS]
)
def test_a_variant_is_tuned_stopped_resumed_and_spoken_with(variant, config_of, tmp_path):
    fields = VARIANTS[variant]
    rows = 2 if fields.get("use_speaker_embedding") else 0
    release = write_release(tmp_path / "release", config_of(fields), rows)
    whole = run(config_of(fields), restore_path=release, limits=RunLimits(max_steps=4))
    assert np.isfinite(list(whole.eval_losses.values())).all()
    assert "align_error" in whole.eval_losses
    stopped = run(config_of(fields, run_name="stopped"), restore_path=release, limits=RunLimits(max_steps=3))
    resumed = open_run(stopped.folder)
    again = fit(assemble(Request(resumed.config, device="cpu", limits=RunLimits(max_steps=4)), resumed).job)
    assert again.eval_losses == whole.eval_losses
    first, second = (read_checkpoint(result.folder / "checkpoint_4.pth").model for result in (whole, again))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    voice = load_voice(again.folder / "checkpoint_4.pth")
    speech = voice.speak("a bad egg", Delivery(speaker=voice.speaker_names[0] if rows else None))
    assert len(speech.waveform) > 0
    assert np.isfinite(speech.waveform).all()


def test_a_release_of_capacitron_gets_fresh_optimizers_and_its_rate_whatever_its_own_were(config_of, tmp_path):
    fixed = {
        "lr_scheduler": "StepwiseGradualLR", "scheduler_after_epoch": False,
        "lr_scheduler_params": {"gradual_learning_rates": [[0, 0.5], [2e4, 0.1]]},
    }  # fmt: skip
    config = config_of(VARIANTS["tacotron2 capacitron"], **fixed)
    states = [{"state": {0: {"step": 9, "exp_avg": torch.ones(1)}}, "param_groups": [{"lr": 5.0}]}, {"state": {}}]
    release = write_release(tmp_path / "release", config, optimizer=states, scheduler={"last_epoch": 9})
    result = run(config, restore_path=release, fill_in=True, limits=RunLimits(max_steps=1))
    saved = read_checkpoint(result.folder / "best_model.pth")
    assert [state["param_groups"][0]["lr"] for state in saved.optimizer[0]] == pytest.approx([3e-5, 0.1])
    beta = "capacitron_vae_layer.beta"
    assert float(saved.model[beta]) != float(read_checkpoint(release).model[beta])
    assert {"capacitron_vae_kl_term", "capacitron_beta", "loss"} <= set(result.eval_losses)


def test_symbols_and_speakers_grow_and_keep_their_rows(config_of, tmp_path):
    fields = VARIANTS["tacotron2 speakers"]
    release = write_release(tmp_path / "release", config_of(fields), rows=2)
    config = config_of(fields, speakers_file=str(release.parent / "speakers.json"))
    config.characters.characters = "habcdefgz"
    result = run(config, restore_path=release, limits=RunLimits(max_steps=1))
    before = read_checkpoint(release).model
    after = read_checkpoint(result.folder / "best_model.pth").model
    assert len(after["speaker_embedding.weight"]) == 3
    old = build_tokenizer(load_config(release.parent / "config.json")).vocabulary.symbols
    new = build_tokenizer(load_config(result.folder / "config.json")).vocabulary.symbols
    assert set(old) < set(new)
    # One step at 0.001 leaves a row where it was.
    for symbol in old[1:]:
        rows = [table["embedding.weight"][symbols.index(symbol)] for table, symbols in ((before, old), (after, new))]
        torch.testing.assert_close(*rows, atol=5e-3, rtol=0)
    torch.testing.assert_close(
        after["speaker_embedding.weight"][:2], before["speaker_embedding.weight"], atol=5e-3, rtol=0
    )


def test_the_r_that_a_release_ended_with_stays(config_of, tmp_path):
    fields = {"model": "Tacotron2", "r": 5, "gradual_training": [[0, 5, 64], [10, 3, 32], [99, 2, 32]]}
    release = write_release(tmp_path / "release", config_of(fields), r=2)
    assert load_voice(release).network.frames_per_step == 2
    result = run(config_of(fields), restore_path=release, limits=RunLimits(max_steps=1))
    config = load_config(result.folder / "config.json")
    # What coqui-tts builds the network of, and what it trains on with.
    assert (config.r, [entry[:2] for entry in config.gradual_training]) == (5, [[0, 5], [0, 2]])
    assert read_checkpoint(result.folder / "best_model.pth").extra["r"] == 2
    assert load_voice(result.folder / "best_model.pth").network.frames_per_step == 2


def test_a_smaller_r_uses_a_part_of_the_projection(config_of, tmp_path):
    fields = {"model": "tacotron2", "r": 4}
    release = write_release(tmp_path / "release", config_of(fields))
    config = config_of(fields)
    config.r = 3
    result = run(config, restore_path=release, chosen=frozenset({"r"}), limits=RunLimits(max_steps=1))
    assert read_checkpoint(result.folder / "best_model.pth").extra["r"] == 3
    assert load_config(result.folder / "config.json").r == 4


@pytest.mark.parametrize("model", ["tacotron", "tacotron2"])
def test_a_larger_r_begins_with_the_last_frame_repeated(model, config_of, tmp_path, caplog):
    release = write_release(tmp_path / "release", config_of({"model": model, "r": 2}))
    config = config_of({"model": model, "r": 4})
    with caplog.at_level("WARNING", logger="finetune_tts"):
        assembly = assemble(Request(config, restore_path=release, device="cpu", chosen=frozenset({"r"})))
    assert "r = 4: the decoder of the model draws 2 frames a step at most" in caplog.text
    name = "decoder.linear_projection.linear_layer.weight" if model == "tacotron2" else "decoder.proj_to_mel.weight"
    rows = assembly.job.network.state_dict()[name].unflatten(0, (4, 8))
    before = read_checkpoint(release).model[name].unflatten(0, (2, 8))
    torch.testing.assert_close(rows[:2], before)
    torch.testing.assert_close(rows[3], before[1])
    assert assembly.report is not None
    assert not assembly.report.non_finite


def test_a_coarse_decoder_that_the_release_lacks_begins_fresh(config_of, tmp_path):
    release = write_release(tmp_path / "release", config_of({"model": "tacotron2"}))
    config = config_of({"model": "tacotron2", "double_decoder_consistency": True})
    assert assemble(Request(config, restore_path=release, device="cpu")).report is not None


def test_gradual_training_lowers_r_step_by_step(config_of):
    result = run(config_of(VARIANTS["tacotron2 gradual"]), limits=RunLimits(max_steps=4))
    checkpoints = {step: read_checkpoint(result.folder / f"checkpoint_{step}.pth") for step in (3, 4)}
    assert [checkpoint.extra["r"] for checkpoint in checkpoints.values()] == [2, 2]
    assert load_config(result.folder / "config.json").gradual_training == [[0, 4, 8], [2, 2, 8], [5, 1, 8]]
    assert load_voice(result.folder / "checkpoint_4.pth").network.frames_per_step == 2
