"""Hear a text while it is synthesised: python examples/stream.py MODEL story.txt | aplay -f S16_LE -r 22050"""

import sys
from pathlib import Path

import numpy as np

from finetune_tts.api import Voice


def main(model: str, path: str) -> None:
    """Write the samples of each sentence as soon as they are there."""
    voice = Voice.load(model)
    print(f"{voice.sample_rate} Hz", file=sys.stderr)
    for part in voice.stream(Path(path).read_text(encoding="utf-8")):
        sys.stdout.buffer.write((np.clip(part, -1, 1) * 32767).astype("<i2").tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
