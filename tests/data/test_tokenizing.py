from dataclasses import replace

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
