"""A voice exported for Piper numbers phonemes as the model does, and Piper speaks it as it is spoken here."""

import json

import numpy as np
import pytest

from finetune_tts.cli import finetune
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.loading import load_voice

SPOKEN = """
import json, sys
from piper import PiperVoice, SynthesisConfig
given = json.loads(sys.argv[1])
voice = PiperVoice.load(given["path"])
quiet = SynthesisConfig(noise_scale=0, noise_w_scale=0, normalize_audio=False, **given.get("config", {}))
chunks = list(voice.synthesize(given["text"], quiet))
print(json.dumps([[c.phonemes, c.phoneme_ids, c.audio_float_array.tolist(), c.sample_rate] for c in chunks]))
"""
#: phonemes that Unicode writes as one sign and Piper as two, and a stress that is no phoneme of the model
IDS = """
import json, sys
from piper import PiperConfig
from piper.phoneme_ids import phonemes_to_ids
from piper.phonemize_espeak import _merge_known_vowel_clusters
given = json.loads(sys.argv[1])
config = PiperConfig.from_dict(json.load(open(given["path"] + ".json")))
answers = []
for text in given["texts"]:
    import unicodedata
    phonemes = list(unicodedata.normalize("NFD", text))
    if config.vowel_clusters:
        phonemes = _merge_known_vowel_clusters(phonemes, config.vowel_clusters)
    answers.append(phonemes_to_ids(phonemes, config.phoneme_id_map))
print(json.dumps(answers))
"""
PHONEMES = ("hɐlˈoʊ, wˈɜːld!", "ɪç liːbə dɪç.", "kˈœ̃ ɑ̃", "ˈ ˌ ː", "not☃known", "")
KINDS = {
    "coqui": {},
    "without blanks": {"add_blank": False},
    "with ends": {
        "enable_eos_bos_chars": True,
        "characters": {
            "characters_class": "TTS.tts.utils.text.characters.IPAPhonemes", "pad": "<PAD>", "eos": "<EOS>",
            "bos": "<BOS>", "blank": "<BLNK>", "punctuations": "!,. ",
            "characters": "abdhiklostuwzçəɐɑɔɛɜɪʊʌˈːˌœ\u0303",
        },
    },
}  # fmt: skip


def exported(folder, capsys):
    assert finetune.main(["--export", "piper", str(folder)]) == 0
    return json.loads((folder / "voice.onnx.json").read_text(encoding="utf-8")), capsys.readouterr().out


def piper_ids(phonemes, described):
    """What Piper makes of phonemes: the marks, and ``_`` behind each."""
    ids = described["phoneme_id_map"]
    found = [*ids["^"], *ids["_"]]
    for phoneme in phonemes:
        if phoneme in ids:
            found += [*ids[phoneme], *ids["_"]]
    return [*found, *ids["$"]]


@pytest.mark.parametrize("fields", KINDS.values(), ids=KINDS)
def test_the_phoneme_map_spells_the_ids_of_the_tokenizer(fields, vits_of, capsys):
    folder = vits_of(**fields)
    described, out = exported(folder, capsys)
    encoded = load_voice(folder).tokenizer.encode("Hello, world!")
    assert piper_ids(encoded.spelled, described) == encoded.ids
    assert "largest difference from torch" in out


def test_the_config_says_what_piper_asks_for(vits_of, capsys):
    folder = vits_of(speakers=2, args={"inference_noise_scale": 0.5, "inference_noise_scale_dp": 0.7})
    described, _ = exported(folder, capsys)
    assert described["audio"] == {"sample_rate": 22050, "quality": "medium"}
    assert described["espeak"] == {"voice": "en-us"}
    assert described["language"] == {"code": "en_US", "family": "en", "region": "US"}
    assert described["inference"] == {"noise_scale": 0.5, "length_scale": 1.0, "noise_w": 0.7}
    assert (described["num_speakers"], described["speaker_id_map"]) == (2, {"ana": 0, "ana-1": 1})
    assert described["num_symbols"] == len(load_voice(folder).tokenizer.vocabulary)
    assert described["phoneme_type"] == "espeak"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"use_phonemes": False}, "the model reads characters, a piper voice phonemes of espeak-ng"),
        ({"args": {"use_d_vector_file": True, "d_vector_dim": 5}}, "knows its speakers by d-vectors"),
        ({"languages": 2}, r"speaks 2 languages (en, en-1), and such a voice is told none"),
    ],
    ids=["characters", "d-vectors", "languages"],
)  # fmt: skip
def test_what_piper_cannot_speak_is_refused_in_words(fields, message, vits_of, capsys):
    folder = vits_of(**fields)
    assert finetune.main(["--export", "piper", str(folder)]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "voice.onnx").exists()


def test_a_cleaner_that_piper_lacks_is_said(vits_of, capsys):
    _, out = exported(vits_of(text_cleaner="english_cleaners"), capsys)
    assert "it goes through english_cleaners before" in out


@pytest.mark.slow
@pytest.mark.parametrize("fields", KINDS.values(), ids=KINDS)
def test_piper_gives_phonemes_the_ids_of_the_tokenizer(fields, vits_of, client, capsys):
    folder = vits_of(**fields)
    exported(folder, capsys)
    tokenizer = load_voice(folder).tokenizer
    tokenizer.phonemizer, tokenizer._clean = None, None  # the texts are phonemes
    assert client(IDS, path=folder / "voice.onnx", texts=PHONEMES) == [tokenizer.encode(text).ids for text in PHONEMES]


@pytest.mark.slow
@pytest.mark.parametrize("speaker", [None, 0, 1])
def test_piper_speaks_it_as_it_is_spoken_here(speaker, vits_of, client, capsys):
    folder = vits_of(speakers=0 if speaker is None else 2, args={"inference_noise_scale_dp": 0.0})
    exported(folder, capsys)
    told = {} if speaker is None else {"speaker_id": speaker}
    ((phonemes, ids, samples, rate),) = client(SPOKEN, path=folder / "voice.onnx", text="Hello, world!", config=told)
    voice = load_voice(folder)
    encoded = voice.tokenizer.encode("Hello, world!")
    assert ("".join(phonemes), ids, rate) == (encoded.spelled, encoded.ids, 22050)
    name = None if speaker is None else ("ana", "ana-1")[speaker]
    expected = voice.speak("Hello, world!", Delivery(speaker=name, noise_scale=0.0)).waveform
    assert len(samples) == len(expected)
    assert np.abs(np.array(samples) - expected).max() < 1e-3


@pytest.mark.slow
def test_the_only_speaker_need_not_be_named(vits_of, client, capsys):
    folder = vits_of(speakers=1, args={"inference_noise_scale_dp": 0.0})
    described, _ = exported(folder, capsys)
    assert (described["num_speakers"], described["speaker_id_map"]) == (1, {})
    ((_, _, samples, _),) = client(SPOKEN, path=folder / "voice.onnx", text="Hello, world!")
    expected = load_voice(folder).speak("Hello, world!", Delivery(noise_scale=0.0)).waveform
    assert np.abs(np.array(samples) - expected).max() < 1e-3
