"""Programs that know MaryTTS get speech as from it."""

import io
import json
import logging
from types import SimpleNamespace
from urllib.parse import urlencode

import numpy as np
import pytest
import soundfile

from finetune_tts.speech_server import mary
from finetune_tts.synthesis.delivery import Delivery

#: what Home Assistant sends, by way of speak2mary, if only host and port are set
DEFAULTS = {"OUTPUT_TYPE": "AUDIO", "INPUT_TYPE": "TEXT", "LOCALE": "en_US", "AUDIO": "WAVE_FILE"}


def error(content):
    return json.loads(content)["error"]


def process(ask, server, text, **fields):
    """Ask as speak2mary does: a body that does not say what it is."""
    return ask(server, "/process", urlencode({"INPUT_TEXT": text, **DEFAULTS, **fields}).encode())


@pytest.mark.parametrize("how", ["get", "post"])
def test_speech_is_what_the_voice_says(serve, ask, voice, how):
    server = serve()
    if how == "post":
        status, headers, content = process(ask, server, "a bad egg", VOICE="bob")
    else:
        status, headers, content = ask(server, "/process?INPUT_TEXT=a+bad+egg&VOICE=bob")
    assert (status, headers["content-type"]) == (200, "audio/wav"), content
    waveform = voice.speak("a bad egg", Delivery(speaker="bob")).waveform
    samples, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    np.testing.assert_allclose(samples, waveform / max(1.0, np.abs(waveform).max()), atol=1e-4)


def test_voices_and_locales_are_told_a_line_each(serve, ask):
    server = serve(model="tts_models/pt/cv/vits")
    status, headers, content = ask(server, "/voices")
    assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert content.decode() == "ann pt u\nbob pt u\n"
    assert ask(server, "/locales")[2] == b"pt\n"
    assert ask(serve(), "/locales")[2] == b"en\n"


def alone(languages=(), phonemes=None):
    return SimpleNamespace(
        voice=SimpleNamespace(speaker_names=(), languages=languages, config=SimpleNamespace(phoneme_language=phonemes))
    )


def test_a_model_of_one_voice_is_the_voice_and_has_the_language_of_its_phonemes():
    assert mary.voices(alone(phonemes="en-us"), "my-voice") == "my-voice en-us u\n"
    assert mary.voices(alone(), "tts_models/de/thorsten/vits") == "vits de u\n"
    assert mary.locales(alone(("en", "pt-br")), "my-voice") == "en\npt-br\n"


@pytest.mark.parametrize(
    ("locale", "language"), [("en_US", "en"), ("pt_BR", "pt-br"), ("EN", "en"), ("fr", ""), ("", "")]
)
def test_a_locale_chooses_a_language_of_a_multilingual_model(locale, language):
    assert mary._language(("en", "pt-br"), locale) == language
    assert mary._language((), locale) == ""


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"INPUT_TEXT": " "}, "INPUT_TEXT: is missing"),
        ({"INPUT_TEXT": "a" * 501}, "501 characters; 500 can be"),
        ({"INPUT_TYPE": "SSML"}, "INPUT_TYPE SSML: must be TEXT"),
        ({"OUTPUT_TYPE": "PHONEMES"}, "OUTPUT_TYPE PHONEMES: must be AUDIO"),
        ({"AUDIO": "AU_FILE"}, "AUDIO AU_FILE: must be WAVE or WAVE_FILE"),
        ({"VOICE": "cmu-slt-hsmm"}, "no such speaker: ann, bob"),
    ],
)
def test_what_cannot_be_is_refused_in_words(serve, ask, fields, told):
    status, _, content = process(ask, serve(), "a bad egg", **fields)
    assert status == 400
    assert told in error(content)


def test_effects_are_ignored_with_a_word(serve, ask, caplog):
    caplog.set_level(logging.INFO)
    assert process(ask, serve(), "a bad egg", VOICE="", effect_Robot_selected="on")[0] == 200
    assert "effect_Robot_selected: ignored" in caplog.text


@pytest.mark.parametrize(
    "path",
    ["/process?INPUT_TEXT=a+bad+egg&VOICE=cmu-slt-hsmm", "/api/tts?text=a+egg&speaker_id=p225&language_id=en"],
)
def test_a_model_of_one_voice_ignores_who_is_to_speak_with_a_word(ask, lone_voice, caplog, path):
    caplog.set_level(logging.INFO)
    assert ask(lone_voice(), path)[0] == 200
    assert "speaker_id" in caplog.text
    assert "ignored, as this model has one speaker" in caplog.text


def test_other_sites_and_hosts_are_refused_here_too(serve, ask):
    server = serve()
    for path in ("/voices", "/locales", "/process?INPUT_TEXT=a"):
        assert ask(server, path, Origin="http://evil.example")[0] == 403
        assert ask(server, path, Host="evil.example")[0] == 403
