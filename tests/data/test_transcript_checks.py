"""Faults of transcripts are found, and good ones pass."""

from dataclasses import replace

import pytest

from finetune_tts.check.finding import Severity
from finetune_tts.check.transcript_checks import check_transcripts, coverage
from finetune_tts.check.transcripts import read_transcripts
from finetune_tts.data.tokenizing import TokenCache
from finetune_tts.text.building import tokenizer_from_fields


@pytest.fixture(scope="session")
def letters():
    return tokenizer_from_fields({"text_cleaner": "basic_cleaners"})


@pytest.fixture(scope="session")
def phonemes():
    return tokenizer_from_fields(
        {"use_phonemes": True, "phoneme_language": "en-us", "text_cleaner": "phoneme_cleaners"}
    )


def findings_of(samples, tokenizer, new=()):
    transcripts = read_transcripts(samples, TokenCache(tokenizer))
    return {finding.id: finding for finding in check_transcripts(samples, transcripts, tokenizer.vocabulary, new)}


def with_text(samples, text, place=4):
    return [replace(sample, text=text) if index == place else sample for index, sample in enumerate(samples)]


@pytest.mark.parametrize("kind", ["letters", "phonemes"])
def test_good_transcripts_are_fine(voice_samples, kind, request):
    found = findings_of(voice_samples, request.getfixturevalue(kind))
    assert {finding.severity for finding in found.values()} == {Severity.FINE}, found


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("In 1984 it was written.", "digits"),
        ("The сat sat there.", "foreign_letters"),  # a Cyrillic c
        ("Seventy % of them.", "unknown_symbols"),
        ("...", "no_text"),
        ("", "no_text"),
    ],
)
def test_a_faulty_transcript_is_found_and_no_other(voice_samples, letters, text, id):
    found = findings_of(with_text(voice_samples, text), letters)[id]
    assert found.severity is Severity.ADVISES
    assert [clip.name for clip in found.clips] == [voice_samples[4].name]


def test_digits_that_the_cleaner_writes_out_are_fine(voice_samples):
    tokenizer = tokenizer_from_fields({"text_cleaner": "english_cleaners"})
    assert findings_of(with_text(voice_samples, "It was 1984."), tokenizer)["digits"].count == 0


def test_more_than_a_hundredth_unreadable_stops_the_run(voice_samples, letters):
    found = findings_of([replace(sample, text=sample.text + "€") for sample in voice_samples], letters)
    assert found["unknown_symbols"].severity is Severity.STOPS
    assert "'€' 90×" in found["unknown_symbols"].title
    assert not found["unknown_symbols"].spoils


def test_marks_are_no_fault_where_the_vocabulary_has_no_punctuation(voice_samples):
    listed = {"characters_class": "BaseVocabulary", "vocab_dict": [*"abcdefghijklmnopqrstuvwxyz' -"], "pad": None}
    tokenizer = tokenizer_from_fields({"text_cleaner": "basic_cleaners", "characters": listed})
    found = findings_of(voice_samples, tokenizer)
    assert {finding.severity for finding in found.values()} == {Severity.FINE}, found
    assert "reads no punctuation" in found["punctuation"].title
    stopped = findings_of([replace(sample, text=sample.text + "€") for sample in voice_samples], tokenizer)
    assert stopped["unknown_symbols"].severity is Severity.STOPS
    assert stopped["unknown_symbols"].advice.endswith("--coqpit.characters.vocab_dict")


def test_a_mixed_script_is_nothing_foreign(voice_samples, letters):
    japanese = [replace(sample, text="カタカナと漢字とひらがな", language="ja") for sample in voice_samples]
    assert findings_of(japanese, letters)["foreign_letters"].count == 0
    assert findings_of([*voice_samples, *japanese], letters)["foreign_letters"].count == 0


def test_a_text_that_stands_there_twice_is_found_for_one_speaker_only(voice_samples, letters):
    twice = with_text(voice_samples, voice_samples[0].text.upper())
    found = findings_of(twice, letters)["duplicate_text"]
    assert [clip.name for clip in found.clips] == [voice_samples[4].name]
    assert not found.spoils
    other = [*voice_samples, *(replace(sample, speaker="other") for sample in voice_samples)]
    assert findings_of(other, letters)["duplicate_text"].count == 0


def test_new_symbols_need_examples(voice_samples, letters):
    found = findings_of(voice_samples, letters, new="ez")["coverage"]
    assert found.severity is Severity.ADVISES
    assert "'z'" in found.title
    assert "'e'" not in found.title


def test_coverage_counts_what_is_heard(voice_samples, letters):
    sample = replace(voice_samples[0], text="Abba, a!")
    found = coverage(read_transcripts([sample], TokenCache(letters)), letters.vocabulary)
    assert found.heard["a"] == 3
    assert found.heard["b"] == 2
    assert "c" in found.unheard
    assert "a" not in found.unheard
    assert "," not in found.unheard


def test_phonemes_are_counted_as_phonemes(voice_samples, phonemes):
    (transcript,) = read_transcripts([replace(voice_samples[0], text="Thought.")], TokenCache(phonemes))
    assert transcript.heard["θ"] == 1
    assert transcript.symbols == 5  # with the mark of stress


def test_no_samples_make_no_fault(letters):
    assert {finding.severity for finding in findings_of([], letters).values()} == {Severity.FINE}
