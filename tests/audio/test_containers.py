"""A file that ends before its sound does is told from one that is whole."""

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.containers import shortage

FORMATS = [
    ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "MS_ADPCM"), ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"), ("W64", "PCM_16"), ("W64", "FLOAT"), ("AIFF", "PCM_16"), ("AIFF", "FLOAT"), ("AIFF", "ULAW"),
    ("AU", "PCM_16"), ("AU", "ULAW"), ("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("NIST", "PCM_16"),
    ("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
]  # fmt: skip


def written(voice: np.ndarray, kind: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, voice, 16000, format=kind, subtype=subtype)
    return buffer.getvalue()


def found(content: bytes) -> str:
    return shortage(io.BytesIO(content))


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
def test_a_cut_is_noticed_wherever_it_is(voice: np.ndarray, kind: str, subtype: str) -> None:
    whole = written(np.tile(voice, 8), kind, subtype)
    assert found(whole) == ""
    assert found(whole + b"TAG, of another program") == ""
    for share in (0.5, 0.75, 0.9, 0.97):
        assert found(whole[: int(share * len(whole))]) != "", share


def test_it_is_said_how_much_is_missing(voice: np.ndarray) -> None:
    whole = written(voice[:16000], "WAV", "PCM_16")
    assert found(whole[: 44 + 12_000]) == "12,000 of 32,000 bytes of sound are there"


def test_a_cut_page_of_ogg_is_told_from_a_cut_between_pages(voice: np.ndarray) -> None:
    whole = written(np.tile(voice, 40), "OGG", "VORBIS")
    last = whole.rindex(b"OggS")
    assert whole.count(b"OggS") > 3
    for end in (last + 1, last + 20, last + 27, last + 40, len(whole) - 1):
        assert found(whole[:end]) == "its last page is not whole", end
    assert found(whole[:last]) == ""  # a stream that was recorded ends like this


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
@pytest.mark.parametrize(("kind", "name", "order"), [("WAV", b"data", "<"), ("AIFF", b"SSND", ">")])
def test_a_length_that_the_writer_did_not_know_is_no_promise(
    voice: np.ndarray, kind: str, name: bytes, order: str, length: int
) -> None:
    content = bytearray(written(voice, kind, "PCM_16"))
    place = content.index(name) + 4
    content[place : place + 4] = struct.pack(order + "I", length)
    assert found(bytes(content)) == ""


def test_an_unknown_length_of_au_and_caf_is_no_promise(voice: np.ndarray) -> None:
    content = bytearray(written(voice, "AU", "PCM_16"))
    content[8:12] = b"\xff" * 4
    assert found(bytes(content)) == ""
    content = bytearray(written(voice, "CAF", "PCM_16"))
    place = content.index(b"data") + 4
    content[place : place + 8] = b"\xff" * 8
    assert found(bytes(content)) == ""


def test_the_length_of_the_whole_file_in_the_place_of_the_sounds_is_forgiven(voice: np.ndarray) -> None:
    content = bytearray(written(voice, "WAV", "PCM_16"))
    content[40:44] = struct.pack("<I", len(content))
    assert found(bytes(content)) == ""


def test_an_mp3_behind_the_picture_of_its_album(voice: np.ndarray) -> None:
    whole = written(voice, "MP3", "MPEG_LAYER_III")
    tag = b"ID3\x04\0\0" + bytes([0, 0, 40, 8]) + bytes(40 * 128 + 8)
    assert found(tag + whole) == ""
    assert found((tag + whole)[: len(tag) + len(whole) // 2]) != ""


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEdata", b"OggS", b"FORM\0\0\0\0AIFFSSND", b"caff\0\1\0\0data",
     b".snd", b"NIST_1A\n   1024\n", b"NIST_1A\nx\n", b"ID3\x04", b"\xff\xfb", b"text",
     b"RIFF\0\0\0\0WAVE" + bytes(10**5), b"caff" + bytes(10**5)],
)  # fmt: skip
def test_what_is_no_audio_is_left_to_the_decoder(content: bytes) -> None:
    assert found(content) in ("", "its last page is not whole")


def test_another_order_of_bytes(make_rifx: Callable[[int, int], bytes]) -> None:
    assert found(make_rifx(8000, 8000)) == ""
    assert found(make_rifx(8000, 4000)) == "4,000 of 8,000 bytes of sound are there"


@pytest.fixture
def make_rifx() -> Callable[[int, int], bytes]:
    """A WAV file of the big-endian kind, with so many bytes of sound promised and there."""

    def make(promised: int, there: int) -> bytes:
        head = struct.pack(">4sI8sIHHIIHH", b"RIFX", 36 + promised, b"WAVEfmt ", 16, 1, 1, 8000, 16000, 2, 16)
        return head + struct.pack(">4sI", b"data", promised) + bytes(there)

    return make
