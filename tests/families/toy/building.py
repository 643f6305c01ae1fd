"""From a config to a toy."""

from finetune_tts.families.family import Sizes
from toy.config import ToyConfig
from toy.network import Toy


def build_toy(config: ToyConfig, sizes: Sizes, *, for_training: bool = True) -> Toy:
    """Build the toy that ``config`` describes."""
    return Toy(num_symbols=sizes.symbols, out_channels=config.audio.num_mels, frames_a_symbol=config.frames_a_symbol)
