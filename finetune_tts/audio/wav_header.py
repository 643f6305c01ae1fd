"""The header of a WAV file whose length may not be known yet."""

import struct

UNKNOWN = 0xFFFFFFFF
"""The size that a header gives while nobody knows it."""
HEADER = 44
"""Bytes of the header."""
MOST_BYTES = UNKNOWN - HEADER
"""Of samples, in one file."""


def wav_header(sample_rate: int, size: int = UNKNOWN) -> bytes:
    """The header of a mono WAV file with ``size`` bytes of 16-bit samples."""
    whole = size if size == UNKNOWN else size + HEADER - 8
    layout = struct.pack("<IHHIIHH", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + layout + b"data" + struct.pack("<I", size)
