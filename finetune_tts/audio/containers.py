"""Whether an audio file holds as much sound as it says: libsndfile takes one that ends early for a shorter recording.

Read are the headers of WAV (RIFF, RIFX, RF64), Wave64, AIFF, AU, CAF, NIST and MP3, and the last page of OGG. What is
not known here is left to libsndfile, and so is what makes no sense.
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

_UNKNOWN = 0x7FFFF000
"""Lengths from here on, and 0, are those of programs that write to a pipe and cannot know better."""
_LONG_HEADER = 512  # in bytes; simple programs, which are those that get the length wrong, write short ones
_MOST_CHUNKS = 1000
_W64_GUID = bytes.fromhex("2e91cf11a5d628db04c10000")  # what follows b"riff"
_OGG_HEADER = 27
_LARGEST_OGG_PAGE = _OGG_HEADER + 255 + 255 * 255
# Behind a frame's header and side information: of MPEG 1 in stereo, of its mono or MPEG 2 in stereo, of 2 in mono.
_XING_PLACES = (36, 21, 13)
_MP3_TOLERANCE = 0.01
_NIST_HEADER = 1024


@dataclass(frozen=True)
class Promise:
    """What a header says of the sound.

    Attributes:
        start: of the sound, in bytes from the beginning of the file.
        length: of the sound, in bytes.
        tolerance: bytes that it may be off. Some programs write the length of the whole file there.
    """

    start: int
    length: int
    tolerance: int


def shortage(file: BinaryIO) -> str:
    """What is missing of the sound of an open audio file, in words; empty where nothing is known to be."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(16)
    try:
        if start[:4] == b"OggS":
            return "" if _ends_in_whole_page(file, size) else "its last page is not whole"
        promise = next((read(file, size) for matches, read in _READERS if matches(start)), None)
    except (struct.error, ValueError):  # a header that is cut off or makes no sense, which is told by libsndfile
        return ""
    if promise is None or promise.length <= 0:
        return ""
    present = max(0, size - promise.start)
    if promise.length - present <= promise.tolerance:
        return ""
    return f"{present:,} of {promise.length:,} bytes of sound are there"


def _riff(file: BinaryIO, size: int) -> Promise | None:
    file.seek(0)
    order = ">" if file.read(4) == b"RIFX" else "<"
    large = 0
    for name, start, length in _chunks(file, 12, size, order + "4sI"):
        if name == b"ds64":
            large = struct.unpack("<8xQ", file.read(16))[0]
        if name == b"data":
            return _promised(start, large if length == 0xFFFFFFFF and large else _known(length))
    return None


def _wave64(file: BinaryIO, size: int) -> Promise | None:
    for name, start, length in _chunks(file, 40, size, "<16sQ", padding=8, counts_itself=True):
        if name[:4] == b"data":
            return _promised(start, length)
    return None


def _aiff(file: BinaryIO, size: int) -> Promise | None:
    for name, start, length in _chunks(file, 12, size, ">4sI"):
        if name == b"SSND":
            return _promised(start + 8, _known(length) - 8)  # an offset and a block size come first
    return None


def _caf(file: BinaryIO, size: int) -> Promise | None:
    for name, start, length in _chunks(file, 8, size, ">4sq", padding=1):
        if name == b"data":
            return _promised(start + 4, length - 4)  # a count of edits comes first; unknown is -1
        if length < 0:
            return None
    return None


def _au(file: BinaryIO, size: int) -> Promise:
    file.seek(0)
    order = ">" if file.read(4) == b".snd" else "<"
    start, length = struct.unpack(order + "II", file.read(8))
    return _promised(start, _known(length))


def _nist(file: BinaryIO, size: int) -> Promise:
    file.seek(0)
    lines = file.read(_NIST_HEADER).split(b"\n")
    fields = {words[0]: words[2] for line in lines if len(words := line.split()) == 3}
    counts = [int(fields.get(name, b"0")) for name in (b"sample_count", b"sample_n_bytes", b"channel_count")]
    return _promised(int(lines[1]), counts[0] * counts[1] * counts[2])


def _mp3(file: BinaryIO, size: int) -> Promise | None:
    """The length in the first frame, which encoders of a varying bit rate leave there (Xing's header)."""
    file.seek(0)
    start = 0
    tag = file.read(10)
    if tag[:3] == b"ID3":
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
    file.seek(start)
    frame = file.read(max(_XING_PLACES) + 16)
    for place in _XING_PLACES:
        if frame[place : place + 4] in (b"Xing", b"Info"):
            flags, *numbers = struct.unpack(">3I", frame[place + 4 : place + 16])
            if not flags & 2:
                return None
            length = numbers[flags & 1]  # the number of frames stands before it, where it is known
            return Promise(start, length, int(_MP3_TOLERANCE * length))
    return None


#: what the first bytes look like → who reads the rest.
_READERS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], Promise | None]], ...] = (
    (lambda start: start[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and start[8:12] == b"WAVE", _riff),
    (lambda start: start == b"riff" + _W64_GUID, _wave64),
    (lambda start: start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"), _aiff),
    (lambda start: start[:4] in (b".snd", b"dns."), _au),
    (lambda start: start[:4] == b"caff", _caf),
    (lambda start: start[:7] == b"NIST_1A", _nist),
    (lambda start: start[:3] == b"ID3" or (start[:1] == b"\xff" and start[1:2] >= b"\xe0"), _mp3),
)


def _promised(start: int, length: int) -> Promise:
    return Promise(start, length, tolerance=min(start, _LONG_HEADER))


def _known(length: int) -> int:
    return length if length < _UNKNOWN else 0


def _chunks(
    file: BinaryIO, first: int, size: int, header: str, padding: int = 2, counts_itself: bool = False
) -> Iterator[tuple[bytes, int, int]]:
    """Name, beginning and length of each chunk; while one is looked at, the file stands at its beginning.

    Args:
        file: to read.
        first: where the first chunk begins.
        size: of the file.
        header: of a chunk, its name and length, as ``struct`` writes it.
        padding: chunks begin at multiples of it.
        counts_itself: the length is that of header and content.
    """
    place = first
    for _ in range(_MOST_CHUNKS):
        if place >= size:
            return
        file.seek(place)
        name, length = struct.unpack(header, file.read(struct.calcsize(header)))
        start = place + struct.calcsize(header)
        if counts_itself:
            length -= start - place
        yield name, start, length
        end = start + max(0, length)
        place = end + -end % padding


def _ends_in_whole_page(file: BinaryIO, size: int) -> bool:
    """Whether an OGG file does not end within a page. Bytes that begin no page, as tags of other programs, may follow.

    That the last page is marked as the last tells nothing: streams that were recorded have no such mark.
    """
    begin = max(0, size - 2 * _LARGEST_OGG_PAGE)
    file.seek(begin)
    tail = file.read()
    place = tail.find(b"OggS")
    if place < 0:
        return True
    while tail[place : place + 4] == b"OggS"[: len(tail) - place]:
        segments = tail[place + 26] if place + 26 < len(tail) else 255
        lengths = tail[place + _OGG_HEADER : place + _OGG_HEADER + segments]
        end = place + _OGG_HEADER + segments + sum(lengths)
        if end > len(tail):
            return False
        if end == len(tail):
            return True
        place = end
    return True
