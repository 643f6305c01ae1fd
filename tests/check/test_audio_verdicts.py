"""Each audio setting gets a verdict that fits the recordings, and none touches what the weights depend on."""

from dataclasses import replace

import pytest

from finetune_tts.assembly.pretrained import FEATURE_FIELDS
from finetune_tts.check.audio_verdicts import audio_verdicts, check_same_spectrograms
from finetune_tts.check.finding import Severity
from finetune_tts.check.summary import DataSummary
from finetune_tts.config.audio import AudioConfig

DATA = DataSummary(
    clips=90, measured=90, minutes=5.0, speakers={"slt": 90}, languages={}, sample_rates={22050: 90}, channels={1: 90},
    lengths=(), loudness=-20.0, loudness_spread=1.0, snr=50.0, bandwidth=10500.0, leading=0.1, trailing=0.1,
    symbols_heard={}, symbols_unheard=(),
)  # fmt: skip
MODEL = AudioConfig(sample_rate=22050, mel_fmax=8000.0)


def verdicts(model=MODEL, **data):
    return {verdict.setting: verdict for verdict in audio_verdicts(model, replace(DATA, **data))}


def model(**fields):
    config = AudioConfig(sample_rate=22050, mel_fmax=8000.0)
    for name, value in fields.items():
        setattr(config, name, value)
    return config


def test_recordings_like_those_of_the_model_change_nothing():
    assert all(verdict.verdict.startswith("leave") for verdict in verdicts().values())
    assert {verdict.severity for verdict in verdicts().values()} == {Severity.FINE}


def test_other_rates_are_resampled():
    found = verdicts(sample_rates={44100: 80, 22050: 10})["sample rate"]
    assert found.verdict.startswith("resample")
    assert found.severity is Severity.FINE
    assert found.data == "44100 Hz (80), 22050 Hz (10)"
    assert verdicts(sample_rates={16000: 90}, bandwidth=7800.0)["sample rate"].severity is Severity.ADVISES


def test_stereo_is_mixed():
    assert verdicts(channels={2: 90})["channels"].verdict.startswith("mix")


@pytest.mark.parametrize(("rates", "words"), [({22050: 90}, "upsampled"), ({8000: 90}, "lower rate")])
def test_recordings_that_do_not_fill_the_mel_range_are_told(rates, words):
    found = verdicts(sample_rates=rates, bandwidth=3950.0)["mel range"]
    assert found.severity is Severity.ADVISES
    assert words in found.verdict
    assert not found.set


def test_uneven_loudness_is_to_be_evened_unless_the_model_does():
    assert verdicts(loudness_spread=6.0)["loudness"].set == (
        "--coqpit.audio.do_rms_norm true --coqpit.audio.db_level -20"
    )
    for even in (model(do_rms_norm=True, db_level=-27), model(do_sound_norm=True)):
        assert verdicts(even, loudness_spread=6.0)["loudness"].verdict == "leave"


def test_silence_is_to_be_trimmed_where_there_is_some():
    kept = model(do_trim_silence=False)
    assert verdicts(kept)["silence at the ends"].verdict == "leave"
    assert verdicts(kept, trailing=1.0)["silence at the ends"].set == "--coqpit.audio.do_trim_silence true"
    assert verdicts(trailing=1.0)["silence at the ends"].verdict == "leave"


def test_a_threshold_below_the_noise_is_to_be_raised_above_it():
    assert verdicts(trailing=1.0, snr=30.0)["silence at the ends"].set == "--coqpit.audio.trim_db 24"


def test_nothing_that_the_weights_depend_on_is_ever_to_be_set():
    for rate in (8000, 44100):
        for trimmed in (True, False):
            found = verdicts(
                model(do_trim_silence=trimmed), sample_rates={rate: 90}, channels={2: 90}, bandwidth=3000.0, snr=20.0,
                loudness_spread=9.0, leading=2.0, trailing=2.0,
            )  # fmt: skip
            flags = [word.removeprefix("--coqpit.audio.") for verdict in found.values() for word in verdict.set.split()]
            assert flags
            assert not set(flags) & set(FEATURE_FIELDS)


def test_settings_that_were_changed_against_the_weights_are_named():
    found = check_same_spectrograms(MODEL, model(num_mels=100, mel_fmax=None, do_trim_silence=False))
    assert found.severity is Severity.ADVISES
    assert found.count == 2
    assert "audio.num_mels 80 → 100" in found.title
    assert check_same_spectrograms(MODEL, model()).severity is Severity.FINE
    assert check_same_spectrograms(None, model()).severity is Severity.FINE


def test_nothing_is_said_where_nothing_was_measured():
    assert audio_verdicts(MODEL, replace(DATA, measured=0)) == ()
