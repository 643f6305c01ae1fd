"""A voice that Piper trained is fine-tuned by its checkpoint, speaks here, and goes back to Piper."""

import argparse
import json
import pathlib
import sys
import types

import numpy as np
import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import config_from_dict, load_config, own_form
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.loading import load_voice

pytestmark = pytest.mark.usefixtures("small_widths")

BRIEFLY = ("--coqpit.batch_size", 2, "--coqpit.test_sentences", "[]", "--no_check", "--no_report")
PHONEMES = "_^$ ,.?abdefhijklmnoprstuvwzæðŋɐɑɔəɚɛɡɪɹʃʊʒˈˌːᵻ"
ROWS = len(PHONEMES) + 2  # some that no phoneme has
#: what Lightning keeps of a network's making; tuples are tuples there
NETWORK = {
    "batch_size": 32, "sample_rate": 16000, "num_symbols": ROWS, "num_speakers": 1, "resblock": "2",
    "resblock_kernel_sizes": (3,), "resblock_dilation_sizes": ((1, 2),), "upsample_rates": (8, 8),
    "upsample_initial_channel": 16, "upsample_kernel_sizes": (16, 16), "filter_length": 256, "hop_length": 64,
    "win_length": 256, "mel_channels": 20, "mel_fmin": 0.0, "mel_fmax": None, "inter_channels": 8,
    "hidden_channels": 8, "filter_channels": 16, "n_heads": 2, "n_layers": 1, "kernel_size": 3, "p_dropout": 0.1,
    "n_layers_q": 3, "use_spectral_norm": False, "gin_channels": 0, "use_sdp": True, "segment_size": 1024,
    "dataset": [pathlib.PurePosixPath("/home/someone/dataset.jsonl")], "betas": (0.8, 0.99),
}  # fmt: skip
VOICE = {
    "audio": {"sample_rate": 16000, "quality": "x_low"},
    "espeak": {"voice": "en-us"},
    "inference": {"noise_scale": 0.5, "length_scale": 1.1, "noise_w": 0.6},
    "phoneme_type": "espeak",
    "phoneme_map": {},
    "phoneme_id_map": {phoneme: [place] for place, phoneme in enumerate(PHONEMES)},
    "num_symbols": ROWS,
    "num_speakers": 1,
    "speaker_id_map": {},
}
SPOKEN = """
import json, sys
from piper import PiperVoice, SynthesisConfig
given = json.loads(sys.argv[1])
voice = PiperVoice.load(given["path"])
quiet = SynthesisConfig(noise_scale=0, noise_w_scale=0, normalize_audio=False, speaker_id=given["speaker"])
print(json.dumps([[c.phoneme_ids, c.audio_float_array.tolist()] for c in voice.synthesize(given["text"], quiet)]))
"""
ORIGINAL = """
import json, pathlib, sys, warnings
warnings.simplefilter("ignore")
import torch
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
from piper.train.vits.models import MultiPeriodDiscriminator, SynthesizerTrn
given = json.loads(sys.argv[1])
settings, folder = given["settings"], pathlib.Path(given["folder"])
names = ("inter_channels hidden_channels filter_channels n_heads n_layers kernel_size p_dropout resblock "
    "resblock_kernel_sizes resblock_dilation_sizes upsample_rates upsample_initial_channel upsample_kernel_sizes "
    "gin_channels use_sdp").split()
torch.manual_seed(1)
network = SynthesizerTrn(n_vocab=256, spec_channels=513, segment_size=32, n_speakers=settings["num_speakers"],
    **{name: settings[name] for name in names})
with torch.no_grad():
    for parameter in network.parameters():
        parameter += 0.02 * torch.randn_like(parameter)
state = {f"model_g.{name}": value for name, value in network.state_dict().items()}
state |= {f"model_d.{name}": value for name, value in MultiPeriodDiscriminator().state_dict().items()}
folder.mkdir()
torch.save({"epoch": 3, "global_step": 77, "pytorch-lightning_version": "1.7.7", "state_dict": state,
    "hyper_parameters": settings}, folder / "epoch=3-step=77.ckpt")
ids = {phoneme: ids for phoneme, ids in DEFAULT_PHONEME_ID_MAP.items() if len(phoneme) == 1}
(folder / "config.json").write_text(json.dumps(given["voice"] | {"phoneme_id_map": ids}))
network.eval()
tokens = torch.tensor([given["ids"]])
speaker = torch.tensor([1]) if settings["num_speakers"] > 1 else None
with torch.no_grad():
    said = network.infer(tokens, torch.tensor([tokens.shape[1]]), sid=speaker, noise_scale=0, noise_scale_w=0)[0]
print(json.dumps([said[0, 0].tolist(), list(ids)]))
"""
USUAL = NETWORK | {
    "sample_rate": 22050, "num_symbols": 256, "filter_length": 1024, "hop_length": 256, "win_length": 1024,
    "mel_channels": 80, "segment_size": 8192, "inter_channels": 96, "hidden_channels": 96, "filter_channels": 384,
    "n_layers": 6, "resblock_kernel_sizes": (3, 5, 7), "resblock_dilation_sizes": ((1, 2), (2, 6), (3, 12)),
    "upsample_rates": (8, 8, 4), "upsample_initial_channel": 64, "upsample_kernel_sizes": (16, 16, 8),
}  # fmt: skip
LARGE = USUAL | {
    "resblock": "1", "resblock_kernel_sizes": (3, 7, 11), "resblock_dilation_sizes": ((1, 3, 5),) * 3,
    "upsample_rates": (8, 8, 2, 2), "upsample_kernel_sizes": (16, 16, 4, 4), "num_speakers": 2, "gin_channels": 512,
}  # fmt: skip


@pytest.fixture
def voice(tmp_path, original_names):
    """Writes a voice as Piper's training leaves it; returns its checkpoint."""

    def make(speakers: int = 1, *, judge: bool = True, beside: bool = True, more=None, **settings):
        folder = tmp_path / "piper"
        folder.mkdir()
        network_settings = {**NETWORK, "num_speakers": speakers, "gin_channels": 4 if speakers > 1 else 0, **settings}
        names = {f"p{row}": row for row in range(speakers)} if speakers > 1 else {}
        described = {**VOICE, "num_speakers": speakers, "speaker_id_map": names}
        described["num_symbols"] = network_settings["num_symbols"]
        if beside:
            (folder / "config.json").write_text(json.dumps(described))
        config = config_from_dict(own_form({**described, **network_settings}, folder / "config.json"))
        torch.manual_seed(5)
        network = build_model(config, network_settings["num_symbols"], speakers, for_training=judge)
        state = network.state_dict()
        heard = {name: tensor for name, tensor in state.items() if not name.startswith("disc.")}
        weights = {f"model_g.{name}": tensor for name, tensor in original_names(heard).items()}
        for name, tensor in state.items():
            if name.startswith("disc."):
                weights[name.replace("disc.nets.", "model_d.discriminators.")] = tensor
        content = {
            "epoch": 3, "global_step": 77, "pytorch-lightning_version": "1.7.7", "state_dict": weights,
            "hyper_parameters": network_settings, "hparams_name": "kwargs", "loops": {}, "optimizer_states": [],
            "callbacks": {"ModelCheckpoint{}": {"current_score": torch.tensor(1.0)}}, **(more or {}),
        }  # fmt: skip
        torch.save(content, folder / "epoch=3-step=77.ckpt")
        return folder / "epoch=3-step=77.ckpt"

    return make


def test_it_speaks_as_it_is(voice, tts):
    checkpoint = voice()
    outcome = tts("--model_path", checkpoint, "--text", "A bad egg.")
    assert outcome.status == 0, outcome.err
    there = load_voice(checkpoint)
    encoded = there.tokenizer.encode("A bad, egg.")
    spelled = [PHONEMES.index(symbol) for symbol in encoded.spelled]
    assert encoded.ids == [1, 0, *(id for symbol in spelled for id in (symbol, 0)), 2]
    args = there.config.model_args
    assert (args.inference_noise_scale, args.length_scale, args.inference_noise_scale_dp) == (0.5, 1.1, 0.6)
    assert (there.config.audio.sample_rate, there.config.audio.fft_size, args.spec_segment_size) == (16000, 256, 16)
    assert (args.hidden_channels, args.hidden_channels_dp, args.resblock_type_decoder) == (8, 8, "2")


def test_it_is_fine_tuned_and_then_a_model_like_any_other(voice, tune, tts, recordings, tmp_path):
    checkpoint = voice()
    outcome = tune(
        "--restore_path", checkpoint, "--dataset_path", recordings, "--output_path", tmp_path / "runs",
        "--max_steps", 2, *BRIEFLY,
    )  # fmt: skip
    folder = outcome.run_folder
    assert "learns alone" not in outcome.err  # its discriminator was trained, too
    config = load_config(folder / "config.json")
    assert (config.phonemizer, config.phoneme_language, config.model_args.hidden_channels) == ("piper", "en-us", 8)
    assert config.model_args.upsample_rates_decoder == [8, 8]
    before, after = read_checkpoint(checkpoint).model, read_checkpoint(folder).model
    assert after["text_encoder.emb.weight"].shape == before["model_g.enc_p.emb.weight"].shape
    assert tts("--model_path", folder, "--text", "a bad egg").status == 0


@pytest.mark.slow
def test_its_speakers_keep_their_names_and_their_rows(voice, tune, recordings, tmp_path):
    checkpoint = voice(speakers=3)
    assert load_voice(checkpoint).speaker_names == ("p0", "p1", "p2")
    outcome = tune(
        "--restore_path", checkpoint, "--dataset_path", recordings, "--output_path", tmp_path / "runs",
        "--max_steps", 1, *BRIEFLY,
    )  # fmt: skip
    names = json.loads((outcome.run_folder / "speakers.json").read_text())
    assert {name: names[name] for name in ("p0", "p1", "p2")} == {"p0": 0, "p1": 1, "p2": 2}


def test_without_a_config_the_language_has_to_be_told(voice, tune, recordings, tmp_path):
    checkpoint = voice(beside=False, num_symbols=256)
    words = (
        "--restore_path", checkpoint, "--dataset_path", recordings, "--output_path", tmp_path / "runs",
        "--max_steps", 1, *BRIEFLY,
    )  # fmt: skip
    tune(*words).refused("phoneme_language is not set", "--coqpit.phoneme_language")


@pytest.mark.slow
def test_it_is_found_in_its_folder_and_by_a_name_of_a_catalog(voice, tune, tts, make_catalog, recordings, tmp_path):
    checkpoint = voice()
    assert read_checkpoint(checkpoint.parent).path == checkpoint
    words = ("--models_file", make_catalog(checkpoint.parent, architecture="vits"), "--model_name")
    name = "tts_models/xx/test/glow-tts"
    outcome = tts(*words, name, "--text", "a bad egg")
    assert outcome.status == 0, outcome.err
    outcome = tune(*words, name, "--dataset_path", recordings, "--max_steps", 1, *BRIEFLY)
    assert load_config(outcome.run_folder / "config.json").phonemizer == "piper"


def test_the_highest_step_of_a_folder_counts_or_the_only_checkpoint(voice):
    checkpoint = voice()
    later = checkpoint.with_name("epoch=4-step=100.ckpt")
    later.write_bytes(checkpoint.read_bytes())
    assert read_checkpoint(checkpoint.parent).path == later
    later.unlink()
    checkpoint = checkpoint.rename(checkpoint.with_name("lessac.ckpt"))
    assert read_checkpoint(checkpoint.parent).path == checkpoint


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"phoneme_type": "text"}, ['config.json: phoneme_type = "text"', "phonemes of espeak-ng"]),
        ({"vowel_clusters": [["a", "ɪ"]]}, ["config.json: vowel_clusters", "Choose a voice without them"]),
        (
            {"phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [3, 4]}},
            ['phoneme_id_map."a" = [3, 4]', "one number"],
        ),
        ({"phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [2]}}, ['gives "$" and "a" the same number 2']),
        ({"phoneme_id_map": {"_": [0], "a": [1]}}, ["phoneme_id_map lacks ^, $"]),
        ({"num_symbols": 3}, ["num_symbols = 3", f"above {len(PHONEMES) - 1}"]),
    ],
    ids=["characters", "clusters", "two ids", "the same id", "no ends", "too few rows"],
)
def test_a_voice_that_cannot_be_read_is_refused_in_words(change, parts, voice, tts):
    checkpoint = voice()
    (checkpoint.parent / "config.json").write_text(json.dumps(VOICE | change))
    tts("--model_path", checkpoint, "--text", "a bad egg").refused(*parts)


def test_a_network_with_another_inner_width_is_refused_in_words(voice, tts):
    checkpoint = voice()
    content = torch.load(checkpoint, weights_only=False)
    content["hyper_parameters"]["inter_channels"] = 16
    torch.save(content, checkpoint)
    tts("--model_path", checkpoint, "--text", "a bad egg").refused("inter_channels = 16 and hidden_channels = 8 differ")


def test_an_onnx_file_cannot_be_fine_tuned(tune, recordings, tmp_path):
    (tmp_path / "voice.onnx").write_bytes(b"\x08\x08\x12\x07pytorch")
    (tmp_path / "config.json").write_text(json.dumps(VOICE))
    tune("--restore_path", tmp_path / "voice.onnx", "--dataset_path", recordings).refused(
        "voice.onnx: is an ONNX file", "Give the checkpoint that it was exported from"
    )


def test_settings_in_objects_of_lightning_and_argparse_are_read_and_others_refused(voice, monkeypatch):
    for name in ("pytorch_lightning", "pytorch_lightning.utilities", "pytorch_lightning.utilities.parsing"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    module = sys.modules["pytorch_lightning.utilities.parsing"]
    module.AttributeDict = type("AttributeDict", (dict,), {"__module__": module.__name__})
    settings = module.AttributeDict({**NETWORK, "options": argparse.Namespace(quality="x_low")})
    checkpoint = voice(more={"hyper_parameters": settings})
    found = read_checkpoint(checkpoint)
    assert (found.config["hidden_channels"], found.config["options"]) == (8, {"quality": "x_low"})
    assert (found.step, found.epoch) == (77, 3)
    monkeypatch.setattr(module, "Trainer", type("Trainer", (), {"__module__": module.__name__}), raising=False)
    torch.save({"state_dict": {"x": torch.ones(1)}, "hyper_parameters": {"trainer": module.Trainer()}}, checkpoint)
    with pytest.raises(UserError, match="refused: its pickle names pytorch_lightning.utilities.parsing.Trainer"):
        read_checkpoint(checkpoint)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [USUAL, LARGE], ids=["one speaker", "two speakers, large"])
def test_the_network_says_what_piper_says(settings, client, tmp_path):
    ids = [1, 0, 20, 0, 59, 0, 24, 0, 120, 0, 27, 0, 2]
    voice = VOICE | {
        "num_symbols": 256, "num_speakers": settings["num_speakers"], "audio": {"sample_rate": 22050},
        "speaker_id_map": {f"p{row}": row for row in range(settings["num_speakers"])},
    }  # fmt: skip
    said, phonemes = client(ORIGINAL, settings=settings, folder=tmp_path / "piper", voice=voice, ids=ids)
    there = load_voice(tmp_path / "piper")
    speaker = torch.tensor([1]) if settings["num_speakers"] > 1 else None
    waveforms = there.network.inference(
        torch.tensor([ids]), torch.tensor([len(ids)]), speaker_ids=speaker,
        noise_scale=0.0, duration_noise_scale=0.0, length_scale=1.0,
    ).waveforms  # fmt: skip
    assert waveforms.shape[2] == len(said)
    assert np.abs(waveforms[0, 0].numpy() - said).max() < 1e-5
    assert there.tokenizer.vocabulary.symbols[: len(phonemes)] == tuple(phonemes)
    (tmp_path / "piper" / "config.json").unlink()
    inside = config_from_dict(own_form(read_checkpoint(tmp_path / "piper").config, tmp_path / "x.ckpt"))
    assert inside.characters.vocab_dict[: len(phonemes)] == phonemes


@pytest.mark.slow
@pytest.mark.parametrize("speakers", [1, 2])
def test_a_run_goes_back_to_piper(speakers, voice, tune, client, recordings, tmp_path):
    outcome = tune(
        "--restore_path", voice(speakers=speakers), "--dataset_path", recordings, "--output_path", tmp_path / "runs",
        "--max_steps", 2, *BRIEFLY,
    )  # fmt: skip
    folder = outcome.run_folder
    assert tune("--export", "piper", folder).status == 0
    row = speakers - 1
    ((ids, samples),) = client(SPOKEN, path=folder / "voice.onnx", text="Hello, and the bed.", speaker=row)
    there = load_voice(folder)
    assert there.tokenizer.encode("Hello, and the bed.").ids == ids
    there.config.model_args.inference_noise_scale_dp = 0.0
    name = f"p{row}" if speakers > 1 else None
    expected = there.speak("Hello, and the bed.", Delivery(speaker=name, noise_scale=0.0)).waveform
    assert np.abs(np.array(samples) - expected).max() < 1e-3
