"""What a toy cannot be built with."""

from collections.abc import Iterator

from finetune_tts.config.ranges import COUNT, out_of_range
from toy.config import ToyConfig


def toy_faults(config: ToyConfig) -> Iterator[str]:
    """Yield what is out of range, one line each."""
    yield from out_of_range(config, {"frames_a_symbol": COUNT})
