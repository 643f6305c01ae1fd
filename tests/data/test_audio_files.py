import unicodedata

import pytest

from finetune_tts.audio.reading import read_waveform
from finetune_tts.data.audio_files import (
    AUDIO_EXTENSIONS,
    AudioFinder,
    TextFinder,
    walk_files,
    walk_recordings,
    without_audio_extension,
)
from finetune_tts.errors import UserError


@pytest.mark.parametrize("written", ["a", "a.wav", "a.mp3", "a.FLAC"])
def test_finds_a_recording_whatever_the_extension_in_the_metadata(tmp_path, write_wav, written):
    file = write_wav(tmp_path / "a.flac")
    assert AudioFinder().find(tmp_path / written) == file


def test_prefers_the_named_file_then_wav(tmp_path, write_wav):
    wav, flac = write_wav(tmp_path / "a.wav"), write_wav(tmp_path / "a.flac")
    finder = AudioFinder()
    assert finder.find(tmp_path / "a.flac") == flac
    assert finder.find(tmp_path / "a") == wav


def test_dots_in_an_id_are_no_extension(tmp_path, write_wav):
    file = write_wav(tmp_path / "part.1.wav")
    assert AudioFinder().find(tmp_path / "part.1") == file
    assert without_audio_extension("part.1") == "part.1"


def test_finds_decomposed_names_of_macos_by_composed_metadata(tmp_path, write_wav):
    file = write_wav(tmp_path / (unicodedata.normalize("NFD", "größe") + ".wav"))
    assert AudioFinder().find(tmp_path / unicodedata.normalize("NFC", "größe")) == file


def test_names_that_are_not_utf_8_are_found_by_what_an_old_windows_calls_them(tmp_path, write_wav):
    file = write_wav(tmp_path / "1.wav").rename(tmp_path / "caf\udce9.wav")
    finder = AudioFinder()
    assert finder.find(tmp_path / "café.wav") == finder.find(tmp_path / "café") == finder.find(file) == file
    assert finder.find(tmp_path / "\ud83d.wav") is None
    utf_8 = write_wav(tmp_path / "café.wav")
    assert AudioFinder().find(tmp_path / "café") == utf_8
    assert finder.find(tmp_path / "\ud83d\udce9" / "1") is None


def test_capital_extensions_count(tmp_path, write_wav):
    file = write_wav(tmp_path / "a.WAV", format="WAV")
    assert AudioFinder().find(tmp_path / "a") == file


def test_nothing_there_is_none(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    finder = AudioFinder()
    assert finder.find(tmp_path / "missing" / "a") is None
    assert finder.find(tmp_path / "folder") is None


def test_walk_follows_links_but_ends_in_a_loop(tmp_path, write_text):
    inside, outside = tmp_path / "data", tmp_path / "elsewhere"
    write_text(inside / "a" / "1.txt", "")
    write_text(outside / "2.txt", "")
    (inside / "a" / "loop").symlink_to(inside)
    (inside / "linked").symlink_to(outside)
    assert sorted(path.name for path in walk_files(inside)) == ["1.txt", "2.txt"]


def test_walk_leaves_hidden_files_out(tmp_path, write_text):
    write_text(tmp_path / "._1.txt", "")
    write_text(tmp_path / ".cache" / "2.txt", "")
    assert list(walk_files(tmp_path)) == []


WRITTEN_AS = {
    ".wav": "WAV", ".wave": "WAV", ".flac": "FLAC", ".aiff": "AIFF", ".aif": "AIFF", ".aifc": "AIFF", ".w64": "W64",
    ".rf64": "RF64", ".caf": "CAF", ".au": "AU", ".snd": "AU", ".sph": "NIST", ".mp3": "MP3", ".ogg": "OGG",
    ".oga": "OGG", ".opus": "OGG",
}  # fmt: skip


@pytest.mark.parametrize("extension", AUDIO_EXTENSIONS)
def test_what_is_found_is_read_or_has_to_be_converted(tmp_path, write_wav, extension):
    path = tmp_path / f"a{extension}"
    if extension in WRITTEN_AS:
        subtype = "OPUS" if extension == ".opus" else None
        write_wav(path, format=WRITTEN_AS[extension], subtype=subtype)
        assert len(read_waveform(path, 8000)) >= 800
    else:
        path.write_bytes(b"another container")
        with pytest.raises(UserError, match="convert it with ffmpeg"):
            read_waveform(path, 8000)
    assert AudioFinder().find(tmp_path / "a") == path
    assert list(walk_recordings(tmp_path)) == [path]


def test_of_recordings_that_differ_in_their_extension_the_best_is_taken(tmp_path, write_text):
    for name in ("b/1.m4a", "b/1.mp3", "b/1.wav", "b/2.mp3", "c/1.m4a", "b/1.txt"):
        write_text(tmp_path / name, "")
    found = [path.relative_to(tmp_path).as_posix() for path in walk_recordings(tmp_path)]
    assert found == ["b/1.wav", "b/2.mp3", "c/1.m4a"]


@pytest.mark.parametrize(
    ("audio", "text"),
    [("a/1.wav", "a/1.txt"), ("a/1.wav", "a/1.TXT"), ("a/1.wav", "a/txt/1.Txt"), ("a/wav/1.wav", "a/txt/1.txt"),
     ("a/wav/1.wav", "a/text/1.TXT"), ("a/1.2.wav", "a/1.2.txt")],
)  # fmt: skip
def test_the_text_of_a_recording_is_found(tmp_path, write_text, audio, text):
    write_text(tmp_path / text, "Yes.")
    write_text(tmp_path / "a" / "2.txt", "No.")
    assert TextFinder().find(tmp_path / audio) == tmp_path / text


def test_the_text_of_a_decomposed_name_is_found(tmp_path, write_text):
    composed, decomposed = (unicodedata.normalize(form, "größe") for form in ("NFC", "NFD"))
    text = write_text(tmp_path / f"{composed}.txt", "Ja.")
    assert TextFinder().find(tmp_path / f"{decomposed}.wav") == text


def test_small_letters_count_where_two_texts_differ_in_case(tmp_path, write_text):
    write_text(tmp_path / "1.TXT", "")
    text = write_text(tmp_path / "1.txt", "")
    assert TextFinder().find(tmp_path / "1.wav") == text
    assert TextFinder().find(tmp_path / "3.wav") is None
