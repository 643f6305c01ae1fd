import unicodedata

import pytest

from finetune_tts.data.audio_files import AudioFinder, walk_files, without_audio_extension


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
