"""A Glow-TTS exported for sherpa-onnx with its vocoder is spoken by it as it is spoken here."""

import numpy as np
import pytest

from finetune_tts.cli import finetune
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.loading import load_voice
from finetune_tts.synthesis.vocoder import load_vocoder

SPOKEN = """
import json, sys
given = json.loads(sys.argv[1])
sys.path[:0] = [f"{sys.prefix}/sherpa-onnx-2"] if given["phonemes"] else []
import sherpa_onnx
assert sherpa_onnx.__version__.startswith("2" if given["phonemes"] else "1")
folder = given["folder"]
matcha = sherpa_onnx.OfflineTtsMatchaModelConfig(
    acoustic_model=f"{folder}/model.onnx", vocoder=f"{folder}/vocoder.onnx", tokens=f"{folder}/tokens.txt", lexicon="",
    data_dir="" if given["phonemes"] else f"{folder}/espeak-ng-data", noise_scale=0.0, length_scale=1.0)
config = sherpa_onnx.OfflineTtsConfig(
    model=sherpa_onnx.OfflineTtsModelConfig(matcha=matcha), max_num_sentences=1, silence_scale=1.0)
assert config.validate()
tts = sherpa_onnx.OfflineTts(config)
exact = sherpa_onnx.GenerationConfig()
exact.sid, exact.speed, exact.silence_scale = given["speaker"], given["speed"], 1.0
if given["phonemes"]:
    exact.phoneme_codepoints = [list(map(ord, given["phonemes"]))]
audio = tts.generate(given["text"], exact)
print(json.dumps([list(map(float, audio.samples)), audio.sample_rate, tts.num_speakers]))
"""


ENDS = {
    "enable_eos_bos_chars": True,
    "characters": {
        "characters_class": "TTS.tts.utils.text.characters.IPAPhonemes", "pad": "<PAD>", "eos": "<EOS>",
        "bos": "<BOS>", "blank": "<BLNK>", "punctuations": "!,. ", "characters": "abdhiklostuwzçəɐɑɔɛɜɪʊʌˈːˌœ^",
    },
}  # fmt: skip
#: how the model spells, and what its vocoder was trained on
KINDS = {
    "plain": {},
    "blanks between ends": ENDS | {"add_blank": True},
    "ends": ENDS,
    "other decibels": {"add_blank": True, "audio": {"log_func": "np.log", "spec_gain": 1.0, "signal_norm": False}},
    "other range": {"audio": {"max_norm": 2.0, "symmetric_norm": False}, "vocoder": "multiband_melgan"},
}


def exported(folders):
    model, vocoder = map(str, folders)
    assert finetune.main(["--export", "sherpa", model, "--vocoder_path", vocoder]) == 0
    return folders[0] / "sherpa-onnx"


def spoken_here(folders, text, speaker=None, speed=1.0):
    voice = load_voice(folders[0])
    voice.vocoder = load_vocoder(folders[1])
    voice.vocoder.pair_with(voice.extractor)
    return voice.speak(text, Delivery(speaker=speaker, noise_scale=0.0, length_scale=1 / speed))


@pytest.fixture
def spoken(client):
    """What sherpa-onnx makes of a text, and what is made of it here, without noise."""

    def speak(folders, text="Hello, world.", *, phonemes="", row=0, name=None, speed=1.0):
        samples, rate, speakers = client(
            SPOKEN, folder=exported(folders), text=text, phonemes=phonemes, speaker=row, speed=speed
        )
        expected = spoken_here(folders, text, name, speed)
        assert rate == expected.sample_rate
        assert np.abs(expected.waveform).max() > 1e-2
        return np.array(samples), expected.waveform, speakers

    return speak


def run(folders, *flags):
    return finetune.main(["--export", "sherpa", str(folders[0]), *map(str, flags)])


def carried(path):
    onnx = pytest.importorskip("onnx")
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_the_files_carry_what_sherpa_onnx_asks_for(pair_of, capsys):
    folders = pair_of(speakers=3, inference_noise_scale=0.25)
    folder = exported(folders)
    out = capsys.readouterr().out
    assert "noise scale 0.25, duration factor 1" in out
    assert "of the vocoder: licence: that of the base model is not known" in out
    symbols = len(load_voice(folders[0]).tokenizer.vocabulary)
    model, vocoder = carried(folder / "model.onnx"), carried(folder / "vocoder.onnx")
    wanted = {"model_type": "matcha-tts", "voice": "en-us", "n_speakers": "3", "sample_rate": "8000",
              "has_espeak": "1", "use_eos_bos": "0", "pad_id": str(symbols)}  # fmt: skip
    assert {name: model[name] for name in wanted} == wanted
    assert (vocoder["model_type"], vocoder["sample_rate"]) == ("hifigan", "8000")
    assert {f"^ {symbols}", f"$ {symbols}"} <= set((folder / "tokens.txt").read_text(encoding="utf-8").splitlines())
    assert (folder / "espeak-ng-data" / "phontab").is_file()


@pytest.mark.parametrize("fields", KINDS.values(), ids=KINDS)
def test_both_files_together_say_what_is_said_here(fields, pair_of):
    """Whatever marks a client puts between the phonemes."""
    onnxruntime = pytest.importorskip("onnxruntime")
    folders = pair_of(**fields)
    folder = exported(folders)
    tokenizer = load_voice(folders[0]).tokenizer
    mark = len(tokenizer.vocabulary)
    expected = spoken_here(folders, "Hello.").waveform
    spelled = tokenizer.encode("Hello.").spelled
    ids = [tokenizer.vocabulary.id(symbol) for symbol in spelled]
    for given in (ids, [mark, *(token for place in ids for token in (place, mark))]):
        feed = {"x": np.array([given]), "x_length": np.array([len(given)])}
        feed |= {name: np.array([number], np.float32) for name, number in (("noise_scale", 0), ("length_scale", 1))}
        (mel,) = opened(onnxruntime, folder / "model.onnx").run(None, feed)
        (waveform,) = opened(onnxruntime, folder / "vocoder.onnx").run(None, {"mel": mel})
        assert waveform.shape == (1, 1, len(expected))
        assert np.abs(waveform[0, 0] - expected).max() < 1e-4


def opened(onnxruntime, path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"use_phonemes": False, "phonemizer": None}, "the model reads characters"),
        ({"vocoder": "parallel_wavegan"}, "takes noise beside the spectrogram"),
        ({"vocoder": "wavegrad"}, "a model of wavegrad cannot be exported yet"),
        ({"audio": {"sample_rate": 12000}}, "other frames or another kind of spectrogram"),
        ({"audio": {"mel_fmax": 2000.0}}, "this vocoder does not fit the model"),
        ({"use_d_vector_file": True, "d_vector_dim": 5}, "knows its speakers by d-vectors"),
    ],
    ids=["characters", "noise", "no export", "frames", "bands", "d-vectors"],
)
def test_what_it_cannot_speak_is_refused_in_words(made, message, pair_of, capsys):
    folders = pair_of(**made)
    assert run(folders, "--vocoder_path", folders[1]) == 2
    assert message in capsys.readouterr().err
    assert not (folders[0] / "sherpa-onnx").exists()


def test_a_model_that_draws_needs_a_vocoder(pair_of, capsys):
    assert run(pair_of()) == 2
    assert "needs a vocoder that generates the waveform: name one with --vocoder_path" in capsys.readouterr().err


def test_a_voice_that_needs_none_takes_none(vits_of, capsys):
    assert finetune.main(["--export", "sherpa", str(vits_of()), "--vocoder_path", "x"]) == 2
    assert "leave --vocoder_name and --vocoder_path out" in capsys.readouterr().err


def test_other_formats_take_no_vocoder(capsys):
    assert finetune.main(["--export", "onnx", "x", "--vocoder_path", "x"]) == 2
    assert "--vocoder_path is given with --export onnx; it belongs to --export sherpa" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("fields", KINDS.values(), ids=KINDS)
def test_sherpa_onnx_speaks_it_as_it_is_spoken_here(fields, pair_of, spoken):
    theirs, ours, speakers = spoken(pair_of(**fields))
    assert speakers == 1
    assert len(theirs) == len(ours)
    assert np.abs(theirs - ours).max() < 1e-3


@pytest.mark.slow
def test_a_speaker_is_told_by_its_row_and_speed_as_a_factor(pair_of, spoken):
    theirs, ours, speakers = spoken(pair_of(speakers=2), row=1, name="ana-1", speed=0.5)
    assert speakers == 2
    assert len(theirs) == len(ours)
    assert np.abs(theirs - ours).max() < 1e-3


@pytest.mark.slow
def test_its_second_version_speaks_phonemes_that_it_is_given(pair_of, spoken):
    folders = pair_of()
    phonemes = load_voice(folders[0]).tokenizer.encode("Hello, world.").spelled
    theirs, ours, _ = spoken(folders, phonemes=phonemes)
    assert len(theirs) == len(ours)
    assert np.abs(theirs - ours).max() < 1e-3
