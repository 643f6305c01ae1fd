"""A model as YourTTS is released: VITS that knows speakers by d-vectors and languages by rows, encoder beside it."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import config_from_dict

pytestmark = pytest.mark.usefixtures("small_widths")

RATE = 8000
SPEAKERS = {"a": "female-en-5", "b": "female-en-5\n", "c": "male-pt-3\n"}
ELSEWHERE = "/home/someone/releases"
ARGUMENTS = {
    "out_channels": 65, "hidden_channels": 8, "hidden_channels_ffn_text_encoder": 8, "num_layers_text_encoder": 1,
    "num_layers_posterior_encoder": 1, "num_layers_flow": 1, "upsample_initial_channel_decoder": 16,
    "upsample_rates_decoder": [8, 4], "upsample_kernel_sizes_decoder": [16, 8], "resblock_type_decoder": "2",
    "resblock_kernel_sizes_decoder": [3], "resblock_dilation_sizes_decoder": [[1]],
    "periods_multi_period_discriminator": [2], "spec_segment_size": 8, "use_sdp": True, "inference_noise_scale": 0.0,
    "use_d_vector_file": True, "d_vector_dim": 6, "d_vector_file": [f"{ELSEWHERE}/speakers.json"],
    "use_language_embedding": True, "embedded_language_dim": 2, "language_ids_file": f"{ELSEWHERE}/language_ids.json",
    "use_speaker_encoder_as_loss": True, "speaker_encoder_config_path": f"{ELSEWHERE}/encoder/config.json",
    "speaker_encoder_model_path": f"{ELSEWHERE}/encoder/best_model.pth.tar",
}  # fmt: skip
CONFIG = {
    "model": "vits",
    "run_name": "multilingual",
    "output_path": ELSEWHERE,
    "model_args": ARGUMENTS,
    "audio": {"sample_rate": RATE, "fft_size": 128, "win_length": 128, "hop_length": 32, "num_mels": 16},
    "speaker_encoder_loss_alpha": 9.0,
    "text_cleaner": "multilingual_cleaners",
    "characters": {"characters_class": "TTS.tts.models.vits.VitsCharacters", "pad": "_", "characters": "abcdefgh",
                   "punctuations": " .", "eos": "*", "bos": "^", "blank": None},
    "add_blank": True,
    "use_d_vector_file": True,
    "d_vector_dim": 6,
    "d_vector_file": f"{ELSEWHERE}/speakers.json",
    "use_language_embedding": True,
    "language_ids_file": f"{ELSEWHERE}/language_ids.json",
    "languages": ["en", "fr-fr", "pt-br"],
    "test_sentences": [["a bad egg.", "female-en-5", None, "en"], ["a hag.", "male-pt-3\n", None, "pt-br"]],
    "datasets": [{"name": "vctk", "path": f"{ELSEWHERE}/VCTK", "meta_file_train": "x", "language": "en"}],
}  # fmt: skip


@pytest.fixture
def model(make_encoder, tmp_path):
    """A release without discriminator, as YourTTS's is."""
    folder = tmp_path / "model"
    make_encoder(folder)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "language_ids.json").write_text(json.dumps({"en": 0, "fr-fr": 1, "pt-br": 2}))
    random = np.random.default_rng(0)
    DVectors({key: random.normal(size=6) for key in SPEAKERS}, SPEAKERS).write(folder / "speakers.json")
    config = config_from_dict(CONFIG, quiet=True)
    torch.manual_seed(3)
    state = build_model(config, len(build_tokenizer(config).vocabulary), 0, 3).state_dict()
    state = {name: tensor for name, tensor in state.items() if not name.startswith("disc.")}
    torch.save({"model": state, "step": 1000, "config": CONFIG}, folder / "model_file.pth")
    return folder


@pytest.fixture
def catalog_words(make_catalog, model):
    """What names the model on the command line, as a catalog does."""
    return ("--models_file", make_catalog(model, architecture="vits"), "--model_name", "tts_models/xx/test/glow-tts")


def listen(path):
    wav, rate = soundfile.read(path)
    assert rate == RATE
    return wav


def test_it_speaks_with_its_speakers_and_like_recordings(tts, catalog_words, recordings):
    def say(name, *words):
        outcome = tts(*catalog_words, "--text", "a bad egg", "--out_path", name, *words)
        assert outcome.status == 0, outcome.err
        return listen(name)

    names = tts(*catalog_words, "--list_speaker_idxs").out.splitlines()
    assert "male-pt-3" in names
    clips = [recordings / "wavs" / f"clip{number}.wav" for number in (1, 2)]
    spoken = [
        say("old.wav", "--speaker_idx", "male-pt-3", "--language_idx", "pt-br"),
        say("other.wav", "--speaker_idx", "male-pt-3", "--language_idx", "en"),
        say("one.wav", "--speaker_wav", clips[0], "--language_idx", "pt-br"),
        say("both.wav", "--speaker_wav", *clips, "--language_idx", "pt-br"),
    ]
    assert len({wav.tobytes() for wav in spoken}) == 4
    words = (*catalog_words, "--text", "egg")
    tts(*words, "--speaker_idx", "male-pt-3").refused("3 languages", "--language_idx", "fr-fr")
    tts(*words, "--language_idx", "en").refused("speakers", "--speaker_idx")


@pytest.mark.slow
def test_it_is_tuned_to_a_new_speaker_of_a_new_language(tune, tts, catalog_words, model, recordings, tmp_path):
    words = (*catalog_words, "--dataset_path", recordings, "--discriminator_warm_up", 1)
    outcome = tune(*words, "--max_steps", 3, "--coqpit.datasets.0.language", "gl", "--coqpit.batch_size", 2)
    run = outcome.run_folder
    assert f"New speakers: {recordings.name}" in outcome.err
    assert "New languages: gl; the 3 of the model keep their rows." in outcome.err
    assert "loss_spk_encoder" in (run / "history.jsonl").read_text()
    # The sentences of its makers are spoken by the new voice, in the language that they are written in.
    assert len(list(run.glob("samples/*/*.wav"))) == 2
    # Its encoder tells in the report how like the recordings the voices are.
    report = (run / "report.html").read_text(encoding="utf-8")
    listen, forgotten = report.split("What was forgotten")
    assert listen.count("<audio ") == 1 + 2 * 3
    # Each of its own speakers and languages is heard before and after.
    assert forgotten.count("<audio ") == 2 * (3 + 3)
    assert "language fr-fr" in forgotten
    assert "speaker similarity" in report
    assert f"--speaker_idx {recordings.name} --language_idx en" in outcome.line("synthesise with it: ")

    config = json.loads((run / "config.json").read_text())
    assert config["test_sentences"][1] == ["a hag.", recordings.name, None, "pt-br"]
    for group in (config, config["model_args"]):
        assert group["d_vector_file"] in ("d_vectors.json", ["d_vectors.json"])
        assert group["language_ids_file"] == "language_ids.json"
    assert config["model_args"]["speaker_encoder_model_path"] == "model_se.pth"
    assert config["model_args"]["speaker_encoder_config_path"] == "config_se.json"
    assert json.loads((run / "language_ids.json").read_text()) == {"en": 0, "fr-fr": 1, "pt-br": 2, "gl": 3}
    vectors, old = DVectors.read(run / "d_vectors.json"), DVectors.read(model / "speakers.json")
    assert all(np.array_equal(vectors.vectors[key], old.vectors[key]) for key in SPEAKERS)
    state = read_checkpoint(run / "best_model.pth").model
    assert len(state["emb_l.weight"]) == 4
    assert not any(name.startswith("speaker_encoder") or "torch_spec" in name for name in state)

    shutil.rmtree(model)
    assert tune("--continue_path", run, "--max_steps", 4).status == 0
    away = shutil.move(run, tmp_path / "away")
    wav = recordings / "wavs" / "clip1.wav"
    for who, language in ((("--speaker_idx", "male-pt-3"), "pt-br"), (("--speaker_idx", recordings.name), "gl"),
                          (("--speaker_wav", wav), "en")):  # fmt: skip
        outcome = tts("--model_path", away, "--text", "egg", *who, "--language_idx", language)
        assert outcome.status == 0, outcome.err


def test_files_of_a_release_are_found_beside_its_config(tts, tune, model, recordings):
    """Whoever unpacked it: the paths in it are those of the machine that trained it."""
    words = ("--text", "egg", "--speaker_idx", "male-pt-3", "--language_idx", "fr-fr")
    assert tts("--model_path", model, *words).status == 0
    assert tts("--model_path", model / "model_file.pth", "--config_path", model / "config.json", *words).status == 0
    outcome = tune("--restore_path", model, "--dataset_path", recordings, "--max_steps", 1, "--coqpit.batch_size", 2,
                   "--coqpit.datasets.0.language", "fr-fr")  # fmt: skip
    run = outcome.run_folder
    assert json.loads((run / "language_ids.json").read_text()) == {"en": 0, "fr-fr": 1, "pt-br": 2}


def test_a_language_that_is_not_named_is_a_mistake(tune, catalog_words, recordings):
    outcome = tune(*catalog_words, "--dataset_path", recordings, "--max_steps", 1)
    outcome.refused("9 recordings do not say their language", "--coqpit.datasets.0.language", "en, fr-fr, pt-br")


def test_its_encoder_computes_d_vectors(tune, catalog_words, recordings):
    outcome = tune(*catalog_words, "--dataset_path", recordings, "--compute_embeddings", "mine.json")
    assert outcome.status == 0, outcome.err
    assert len(DVectors.read("mine.json").vectors) == 9


def test_an_encoder_that_is_to_judge_must_be_there(tune, model, recordings):
    (model / "model_se.pth").unlink()
    vectors = DVectors.read(model / "speakers.json")
    names = {f"#wavs/clip{number}": "me" for number in range(9)}
    DVectors(dict.fromkeys(names, vectors.of_speaker("male-pt-3")), names).write("mine.json")
    words = ("--restore_path", model, "--dataset_path", recordings, "--coqpit.datasets.0.language", "en")
    words = (*words, "--coqpit.d_vector_file", "mine.json", "--max_steps", 1, "--coqpit.batch_size", 2)
    tune(*words).refused("use_speaker_encoder_as_loss is true", "--encoder_path")
    assert tune(*words, "--coqpit.model_args.use_speaker_encoder_as_loss", "false").status == 0


def test_a_recording_is_said_again_in_another_voice(tts, model, recordings):
    clips = [recordings / "wavs" / f"clip{number}.wav" for number in (0, 1)]

    def convert(name, *words):
        outcome = tts("--model_path", model, "--reference_wav", clips[0], "--out_path", name, *words)
        assert outcome.status == 0, outcome.err
        return listen(name)

    converted = [
        convert("known.wav", "--speaker_idx", "male-pt-3"),
        convert("heard.wav", "--speaker_wav", clips[1]),
        convert("named.wav", "--speaker_wav", clips[1], "--reference_speaker_idx", "male-pt-3"),
    ]
    assert len({wav.tobytes() for wav in converted}) == 3
    assert all(abs(len(wav) - len(listen(clips[0]))) <= 32 for wav in converted)
    (model / "model_se.pth").unlink()
    words = ("--model_path", model, "--reference_wav", clips[0], "--speaker_idx", "male-pt-3")
    tts(*words).refused("brings no speaker encoder", "--encoder_path")
    assert tts(*words, "--reference_speaker_idx", "female-en-5").status == 0
