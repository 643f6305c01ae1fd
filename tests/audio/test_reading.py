import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.reading import AudioInfo, probe, read_waveform, write_waveform
from finetune_tts.errors import UserError


def tone(sample_rate: int, seconds: float = 0.5) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * 440 * np.arange(int(sample_rate * seconds)) / sample_rate)


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("a.wav", "PCM_16"), ("a.wav", "PCM_24"), ("a.wav", "PCM_U8"), ("a.wav", "FLOAT"), ("a.flac", "PCM_16"),
     ("a.ogg", "VORBIS"), ("a.mp3", "MPEG_LAYER_III"), ("ä b.aiff", "PCM_16")],
)  # fmt: skip
def test_any_format_is_read(tmp_path: Path, name: str, subtype: str) -> None:
    path = tmp_path / name
    soundfile.write(path, tone(24000), 24000, subtype=subtype)
    wav = read_waveform(path, 24000)
    assert wav.dtype == np.float32
    assert wav.ndim == 1
    middle = wav[2000:10000]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 44100, 48000, 96000])
def test_any_rate_becomes_the_wanted_one(tmp_path: Path, sample_rate: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(sample_rate), sample_rate)
    wav = read_waveform(path, 22050)
    assert abs(len(wav) - 11025) <= 1
    np.testing.assert_allclose(wav[1000:10000], tone(22050)[1000:10000], atol=2e-3)


def test_channels_become_their_mean(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([tone(16000), tone(16000), tone(16000) * 0], axis=1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_waveform(path, 16000), tone(16000) * 2 / 3, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_of_several_blocks_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int) -> None:
    monkeypatch.setattr("finetune_tts.audio.reading._FRAMES_AT_ONCE", 1000)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([tone(16000)] * channels, axis=1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_waveform(path, 16000), tone(16000), atol=1e-6)


def test_probe_reads_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((12000, 2)), 24000)
    assert probe(path) == AudioInfo(sample_rate=24000, channels=2, frames=12000, duration=0.5)


def test_probe_of_three_hours_decodes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    samples = 3 * 3600 * 8000
    header = struct.pack("<4sI8sIHHIIHH", b"RIFF", 36 + samples, b"WAVEfmt ", 16, 1, 1, 8000, 8000, 1, 8)
    header += struct.pack("<4sI", b"data", samples)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + samples)  # a sparse file: reading it would take long, its header does not
    assert probe(path).duration == 3 * 3600


def write_nothing(path: Path) -> None:
    path.touch()


def write_text(path: Path) -> None:
    path.write_text("this is not audio", encoding="utf-8")


def write_no_frames(path: Path) -> None:
    soundfile.write(path, np.zeros(0), 16000, format="WAV")


def write_not_numbers(path: Path) -> None:
    soundfile.write(path, np.array([0.1, np.nan, 0.1]), 16000, format="WAV", subtype="FLOAT")


def write_cut_header(path: Path) -> None:
    soundfile.write(path, tone(16000), 16000, format="WAV")
    path.write_bytes(path.read_bytes()[:20])


def write_absurd_rate(path: Path) -> None:
    soundfile.write(path, tone(16000), 1, format="WAV")


@pytest.mark.parametrize(
    ("write", "complaint"),
    [(write_nothing, "0 bytes"), (write_text, "not audio"), (write_no_frames, "no samples"),
     (write_not_numbers, "not numbers"), (write_cut_header, "not audio"), (write_absurd_rate, "1 Hz"),
     (Path.mkdir, "cannot be read"), (lambda path: None, "No such file")],
)  # fmt: skip
def test_a_bad_file_is_named(tmp_path: Path, write: Callable[[Path], None], complaint: str) -> None:
    path = tmp_path / "bad.wav"
    write(path)
    with pytest.raises(UserError, match=complaint) as error:
        read_waveform(path, 16000)
    assert str(path) in str(error.value)
    if complaint != "not numbers":
        with pytest.raises(UserError, match=complaint):
            probe(path)


@pytest.mark.parametrize(("name", "complaint"), [("cut.mp3", "0.[4-6] of 1.0 s"), ("cut.flac", "lost sync")])
def test_a_recording_that_is_cut_off_is_named(
    tmp_path: Path, voice: np.ndarray, capfd: pytest.CaptureFixture[str], name: str, complaint: str
) -> None:
    path = tmp_path / name
    soundfile.write(path, voice, 16000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=complaint):
        read_waveform(path, 16000)


def test_a_file_without_a_header_is_named(tmp_path: Path) -> None:
    path = tmp_path / "samples.raw"  # soundfile wants to be told the rate of a file that is called so
    path.write_bytes(bytes(1000))
    with pytest.raises(UserError, match=r"samples\.raw: not audio"):
        read_waveform(path, 16000)


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)  # chmod does not keep root out
    with pytest.raises(UserError, match=r"locked\.wav: .*Permission denied"):
        read_waveform(tmp_path / "locked.wav", 16000)


def test_written_waveforms_come_back(tmp_path: Path, voice: np.ndarray) -> None:
    path = tmp_path / "out.wav"
    write_waveform(path, voice, 16000)
    assert soundfile.info(path).subtype == "PCM_16"
    np.testing.assert_allclose(read_waveform(path, 16000), voice, atol=1 / 32000)


def test_a_waveform_beyond_full_scale_is_turned_down_not_clipped(tmp_path: Path, voice: np.ndarray) -> None:
    path = tmp_path / "out.wav"
    loud = voice / np.abs(voice).max() * 4
    write_waveform(path, loud, 16000)
    np.testing.assert_allclose(read_waveform(path, 16000), loud / 4, atol=1e-4)


@pytest.mark.parametrize("wav", [np.array([0.0, np.nan]), np.zeros((2, 3))])
def test_what_is_no_waveform_is_not_written(tmp_path: Path, wav: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite"):
        write_waveform(tmp_path / "out.wav", wav, 16000)
    assert list(tmp_path.iterdir()) == []
