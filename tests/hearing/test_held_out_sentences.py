from finetune_tts.hearing.held_out_sentences import held_out_sentences, typed_sentences
from finetune_tts.runs.record import Clip


def clips(speaker, count):
    return [Clip(f"{speaker}{n}", f"{speaker} {n}", f"/x/{speaker}{n}.wav", speaker) for n in range(count)]


def test_they_are_spread_over_the_clips():
    assert [sentence.text for sentence in held_out_sentences(clips("a", 9), 3)] == ["a 1", "a 4", "a 7"]


def test_every_speaker_is_heard():
    chosen = held_out_sentences(clips("a", 20) + clips("b", 2) + clips("c", 1), 5)
    assert len(chosen) == 5
    assert {sentence.speaker for sentence in chosen} == {"a", "b", "c"}


def test_no_more_than_there_are():
    assert len(held_out_sentences(clips("a", 2), 6)) == 2
    assert held_out_sentences([], 6) == []


def test_test_sentences_of_both_forms():
    sentences = typed_sentences(["One.", ["Two.", "bob", None, "fr"], ["Three.", None, None, None], "x" * 999], "ann")
    assert typed_sentences(["One."], "", "de")[0].language == "de"
    assert [(one.text, one.speaker, one.language) for one in sentences] == [
        ("One.", "ann", ""),
        ("Two.", "bob", "fr"),
        ("Three.", "ann", ""),
    ]
