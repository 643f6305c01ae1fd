from copy import copy
from dataclasses import replace

import pytest

from finetune_tts.data.tokenizing import TokenCache, build_tokenizer
from finetune_tts.families.glow_tts.config import GlowTTSConfig


def test_builds_the_tokenizer_of_a_config():
    tokenizer = build_tokenizer(GlowTTSConfig())
    assert len(tokenizer.encode("Hello there.").ids) == len("Hello there.")


def test_each_text_is_worked_out_once(tokenizer, make_samples, monkeypatch):
    texts = []
    encode = tokenizer.encode
    monkeypatch.setattr(tokenizer, "encode", lambda *given: texts.append(given) or encode(*given))
    tokens = TokenCache(tokenizer)
    samples = make_samples(anna=2)
    for _ in range(2):
        assert tokens.ids(samples[0]).tolist() == encode(samples[0].text).ids
        tokens.missing(samples)
    assert texts == [(sample.text, None) for sample in samples]


def test_missing_characters_are_counted(tokenizer, make_samples):
    samples = [replace(sample, text="aß€ß") for sample in make_samples(anna=3)]
    report = TokenCache(tokenizer).missing(samples)
    assert dict(report.counter) == {"ß": 6, "€": 3}
    assert report.total_chars == 12


class Shouting:
    """A phonemizer that notes what it was asked."""

    def __init__(self, version="1"):
        self.version, self.asked = version, []

    def phonemize(self, text, language=None):
        self.asked.append(text)
        return text.lower()

    def fingerprint(self):
        return self.version


@pytest.fixture
def read_with(tokenizer, make_samples, tmp_path):
    """The ids of two texts, read with a phonemizer."""

    def read(phonemizer):
        own = copy(tokenizer)
        own.phonemizer = phonemizer
        tokens = TokenCache(own, tmp_path / "cache")
        samples = make_samples(anna=2)
        tokens.read(samples)
        return [tokens.ids(sample).tolist() for sample in samples]

    return read


def test_phonemes_are_kept_for_the_next_start(read_with):
    first, second = Shouting(), Shouting()
    assert read_with(first) == read_with(second)
    assert len(first.asked) == 2
    assert not second.asked


def test_phonemes_of_another_phonemizer_are_not_used(read_with):
    read_with(Shouting())
    newer = Shouting("2")
    read_with(newer)
    assert len(newer.asked) == 2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'["|Text', b'["|Text 0 of anna.", 7]\n', b"{}\n[]\n5\n"])
def test_damaged_phonemes_are_worked_out_again(read_with, tmp_path, content):
    first, second = Shouting(), Shouting()
    before = read_with(first)
    (kept,) = (tmp_path / "cache").glob("phonemes-*.jsonl")
    kept.write_bytes(content)
    assert read_with(second) == before
    assert len(second.asked) == 2


def test_what_was_forgotten_is_worked_out_again(tokenizer, make_samples):
    tokens, samples = TokenCache(tokenizer), make_samples(anna=1)
    before = tokens.ids(samples[0]).tolist()
    tokens.forget()
    assert tokens.ids(samples[0]).tolist() == before
