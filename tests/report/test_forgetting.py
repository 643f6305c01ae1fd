from types import SimpleNamespace

from finetune_tts.hearing.held_out_sentences import Sentence
from finetune_tts.hearing.speaking import VoiceSpeaker
from finetune_tts.report.forgetting import lacks, old_voices
from finetune_tts.runs.record import Clip, DataFacts, RunRecord

HELLO = [Sentence("Hello.", "me", "en")]


def voice(speakers=(), languages=()):
    return VoiceSpeaker(SimpleNamespace(speaker_names=tuple(speakers), languages=tuple(languages)))


def record(speakers=("me",), languages=("en",), clips=()):
    data = DataFacts((), 10, 2, 1.0, speakers, languages)
    return RunRecord("2026-11-29", "cpu", {}, data, speaker="me", language="en", clips=clips)


def test_every_old_speaker_and_language_has_a_sentence():
    found = old_voices(voice(["ann", "me", "bob"], ["en", "de", "xx", "zh-cn"]), record(), HELLO)
    assert [(old.kind, old.name) for old in found] == [
        ("speaker", "ann"), ("speaker", "bob"), ("language", "de"), ("language", "zh-cn"),
    ]  # fmt: skip
    assert found[0].sentence == Sentence("Hello.", "ann", "en")
    assert found[2].sentence.speaker == "ann"
    assert found[2].sentence.language == "de"
    assert found[2].sentence.text.startswith("Guten Morgen")


def test_of_many_some_are_chosen_always_the_same():
    base = voice([f"s{number}" for number in range(100)], ["de", "fr", "es", "it", "pt", "pl", "tr", "ru"])
    found = old_voices(base, record(), HELLO)
    assert [old.kind for old in found] == ["speaker"] * 3 + ["language"] * 5
    assert found == old_voices(base, record(), HELLO)


def test_who_was_trained_on_is_not_old():
    clips = (Clip("a", "Hello.", "a.wav", "ann"),)
    found = old_voices(voice(["ann", "bob"], ["en-us"]), record(("bob",), clips=clips), HELLO)
    assert found == []


def test_a_model_of_one_voice_has_forgotten_nobody():
    assert old_voices(voice(), record(), HELLO) == []
    assert old_voices(voice(["ann"]), record(), [Sentence("", recording="a.wav")]) == []


def test_a_speaker_that_the_fine_tuned_model_lacks_is_known_to_be_gone():
    (old,) = old_voices(voice(["ann"]), record(), HELLO)
    assert lacks(voice(["me"]), old)
    assert not lacks(voice(["me", "ann"]), old)


def test_a_shorter_report_has_fewer_of_them():
    base = voice(["ann", "bob", "cid"], ["de", "fr", "es"])
    assert len(old_voices(base, record(), HELLO, 1)) == 2
