import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.reading import AudioInfo, probe, read_original, read_waveform, write_waveform
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
    monkeypatch.setattr("finetune_tts.audio.reading._SAMPLES_AT_ONCE", 1000)
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


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("cut.wav", "cut off: [0-9,]+ of 32,000 bytes"), ("cut.aiff", "cut off: [0-9,]+ of 32,000 bytes"),
     ("cut.mp3", "cut off: [0-9,]+ of [0-9,]+ bytes"), ("cut.ogg", "cut off: its last page"),
     ("cut.flac", "damaged or cut off .*lost sync")],
)  # fmt: skip
def test_a_recording_that_is_cut_off_is_named(
    tmp_path: Path, voice: np.ndarray, capfd: pytest.CaptureFixture[str], name: str, complaint: str
) -> None:
    path = tmp_path / name
    soundfile.write(path, voice, 16000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=complaint):
        read_waveform(path, 16000)


@pytest.mark.parametrize("name", ["cut.wav", "cut.aiff", "cut.mp3", "cut.ogg"])
def test_a_cut_is_noticed_by_the_header_alone(tmp_path: Path, voice: np.ndarray, name: str) -> None:
    path = tmp_path / name
    soundfile.write(path, voice, 16000)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match="cut off"):
        probe(path)


def test_a_cut_mp3_whose_header_says_nothing_is_named_once_it_is_decoded(
    tmp_path: Path, voice: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.mp3"
    soundfile.write(path, voice, 16000)
    content = bytearray(path.read_bytes())
    place = max(content.find(b"Xing"), content.find(b"Info"))
    content[place + 7] &= ~2  # the length in bytes is not known, the number of frames is
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"0\.[4-6] of 1\.0 s"):
        read_waveform(path, 16000)


def test_a_name_that_is_not_utf_8_is_a_name_like_others(tmp_path: Path, voice: np.ndarray) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    path = folder / os.fsdecode(b"\xff\xe9.wav")
    with path.open("wb") as file:
        soundfile.write(file, voice, 16000, format="WAV")
    assert probe(path).frames == 16000
    assert len(read_waveform(path, 16000)) == 16000


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path / "pipe.wav", Path("/dev/zero")):
        with pytest.raises(UserError, match="a device or a pipe"):
            read_waveform(path, 16000)


def aiff_of_many_channels(path: Path) -> None:
    """A GSM 6.10 recording, which has one channel, made to say 255: memory for a minute of them would be filled."""
    soundfile.write(path, tone(16000, 0.05), 16000, format="AIFF", subtype="GSM610")
    content = bytearray(path.read_bytes())
    place = content.index(b"COMM") + 8
    content[place : place + 2] = struct.pack(">h", 255)
    path.write_bytes(content)


def long_promise(path: Path) -> None:
    """A FLAC of 50 ms that says it lasts for six weeks."""
    soundfile.write(path, tone(16000, 0.05), 16000, format="FLAC")
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("write", "complaint"), [(aiff_of_many_channels, "255 channels"), (long_promise, "the header is broken")]
)
def test_work_is_bounded_by_the_size_of_the_file(tmp_path: Path, write: Callable[[Path], None], complaint: str) -> None:
    write(tmp_path / "small")
    assert (tmp_path / "small").stat().st_size < 2000
    for read in (probe, read_original):
        with pytest.raises(UserError, match=complaint):
            read(tmp_path / "small")


def test_an_hour_of_nothing_in_a_flac_is_no_broken_header(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.zeros(8000 * 600, dtype=np.int16), 8000)
    assert probe(tmp_path / "a.flac").duration == 600


def test_a_recording_of_which_nothing_is_left_at_the_models_rate_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones(3) * 0.5, 192000)
    with pytest.raises(UserError, match=r"3 samples at 192000 Hz\) that nothing is left of it at 8000 Hz"):
        read_waveform(tmp_path / "a.wav", 8000)


def test_floats_of_another_scale_are_named_and_those_beyond_full_scale_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, 32768 * tone(16000), 16000, subtype="FLOAT")
    with pytest.raises(UserError, match=r"goes up to 1310\d\.?\d* times full scale"):
        read_waveform(path, 16000)
    soundfile.write(path, 4 * tone(16000), 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_waveform(path, 16000), 4 * tone(16000), atol=1e-6)


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
