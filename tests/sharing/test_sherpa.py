"""A voice exported for sherpa-onnx is spoken by it as it is spoken here, whether it reads phonemes or characters."""

import numpy as np
import pytest

from finetune_tts.cli import finetune
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.loading import load_voice

#: sherpa-onnx 1 has espeak-ng in it; its second version is given the phonemes
SPOKEN = """
import json, sys
given = json.loads(sys.argv[1])
if given["phonemes"] and isinstance(given["phonemes"], str):
    sys.path.insert(0, f"{sys.prefix}/sherpa-onnx-2")
import sherpa_onnx
assert sherpa_onnx.__version__.startswith("2" if isinstance(given["phonemes"], str) else "1")
folder = given["folder"]
vits = sherpa_onnx.OfflineTtsVitsModelConfig(
    model=f"{folder}/model.onnx", tokens=f"{folder}/tokens.txt", lexicon="",
    data_dir=f"{folder}/espeak-ng-data" if given["phonemes"] is True else "",
    noise_scale=0.0, noise_scale_w=0.0, length_scale=1.0)
config = sherpa_onnx.OfflineTtsConfig(
    model=sherpa_onnx.OfflineTtsModelConfig(vits=vits), max_num_sentences=1, silence_scale=1.0)
assert config.validate()
tts = sherpa_onnx.OfflineTts(config)
exact = sherpa_onnx.GenerationConfig()
exact.sid, exact.speed, exact.silence_scale = given["speaker"], 1.0, 1.0  # or it shortens what is quiet
if isinstance(given["phonemes"], str):
    exact.phoneme_codepoints = [list(map(ord, given["phonemes"]))]
audio = tts.generate(given["text"], exact)
print(json.dumps([list(map(float, audio.samples)), audio.sample_rate, tts.num_speakers]))
"""
ENDS = {
    "enable_eos_bos_chars": True,
    "characters": {
        "characters_class": "TTS.tts.utils.text.characters.IPAPhonemes", "pad": "<PAD>", "eos": "<EOS>",
        "bos": "<BOS>", "blank": "<BLNK>", "punctuations": "!,. ", "characters": "abdhiklostuwzçəɐɑɔɛɜɪʊʌˈːˌœ\u0303",
    },
}  # fmt: skip
SILENT = {"inference_noise_scale_dp": 0.0}
LETTERS = {"use_phonemes": False, "phonemizer": None, "text_cleaner": "basic_cleaners"}
KINDS = {
    "phonemes": {},
    "phonemes between ends": ENDS,
    "phonemes without blanks": {"add_blank": False},
    "phonemes without blanks between ends": ENDS | {"add_blank": False},
    "characters": LETTERS,
    "characters between ends": LETTERS | ENDS,
    "characters without blanks": LETTERS | {"add_blank": False},
}


def exported(folder, capsys):
    assert finetune.main(["--export", "sherpa", str(folder)]) == 0
    return capsys.readouterr().out


def test_the_folder_has_the_tokens_and_the_data_of_espeak(vits_of, capsys):
    folder = vits_of()
    out = exported(folder, capsys)
    tokens = (folder / "sherpa-onnx" / "tokens.txt").read_text(encoding="utf-8").splitlines()
    vocabulary = load_voice(folder).tokenizer.vocabulary
    assert f"  {vocabulary.id(' ')}" in tokens
    assert f"ə {vocabulary.id('ə')}" in tokens
    assert not any(line.startswith("<") for line in tokens)
    assert (folder / "sherpa-onnx" / "espeak-ng-data" / "phontab").is_file()
    assert "noise scale 0.667, duration factor 1, noise of durations 1" in out


def test_what_the_file_carries(vits_of, capsys):
    onnx = pytest.importorskip("onnx")
    folder = vits_of(speakers=3)
    exported(folder, capsys)
    properties = onnx.load(folder / "sherpa-onnx" / "model.onnx").metadata_props
    carried = {entry.key: entry.value for entry in properties}
    vocabulary = load_voice(folder).tokenizer.vocabulary
    wanted = {
        "comment": "coqui", "voice": "en-us", "sample_rate": "22050", "n_speakers": "3", "add_blank": "1",
        "use_eos_bos": "0", "blank_id": str(vocabulary.id(vocabulary.blank)), "frontend": "",
    }  # fmt: skip
    assert {name: carried[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"languages": 2}, "speaks 2 languages"),
        ({"characters": ENDS["characters"] | {"punctuations": "!. "}}, "has no comma among its symbols"),
        (LETTERS | ENDS | {"add_blank": False}, "leaves eos out"),
    ],
    ids=["languages", "no comma", "letters between ends"],
)
def test_what_it_cannot_speak_is_refused_in_words(fields, message, vits_of, capsys):
    folder = vits_of(**fields)
    assert finetune.main(["--export", "sherpa", str(folder)]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "sherpa-onnx").exists()


def test_a_model_that_it_cannot_read_for_leaves_no_folder(make_run, capsys):
    folder = make_run()
    assert finetune.main(["--export", "sherpa", str(folder)]) == 2
    assert "sherpa-onnx gives phonemes of espeak-ng" in capsys.readouterr().err
    assert not (folder / "sherpa-onnx").exists()


@pytest.fixture
def spoken(client, capsys):
    """What sherpa-onnx makes of a text, and what is made of it here, without noise."""

    def speak(folder, phonemes, text, row=0, name=None):
        exported(folder, capsys)
        samples, rate, speakers = client(
            SPOKEN, folder=folder / "sherpa-onnx", text=text, phonemes=phonemes, speaker=row
        )
        speech = load_voice(folder).speak(text, Delivery(speaker=name, noise_scale=0.0))
        assert rate == speech.sample_rate
        return np.array(samples), speech.waveform, speakers

    return speak


@pytest.mark.slow
@pytest.mark.parametrize("fields", KINDS.values(), ids=KINDS)
def test_sherpa_onnx_speaks_it_as_it_is_spoken_here(fields, vits_of, spoken):
    folder = vits_of(args=SILENT, **fields)
    # Where characters stand between ends, it adds an empty sentence behind a full stop.
    theirs, ours, speakers = spoken(folder, fields.get("use_phonemes", True), "Hello, world")
    assert speakers == 1
    assert len(theirs) == len(ours)
    assert np.abs(theirs - ours).max() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("row", [0, 1])
def test_a_speaker_is_told_by_its_row(row, vits_of, spoken):
    theirs, ours, speakers = spoken(vits_of(speakers=2, args=SILENT), True, "Hello, world.", row, ("ana", "ana-1")[row])
    assert speakers == 2
    assert np.abs(theirs - ours).max() < 1e-3


@pytest.mark.slow
def test_its_second_version_speaks_phonemes_that_it_is_given(vits_of, spoken):
    folder = vits_of(args=SILENT)
    phonemes = load_voice(folder).tokenizer.encode("Hello, world.").spelled
    theirs, ours, _ = spoken(folder, phonemes, "Hello, world.")
    assert np.abs(theirs - ours).max() < 1e-3
