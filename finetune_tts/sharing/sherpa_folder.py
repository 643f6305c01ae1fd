"""The folder that sherpa-onnx finds a voice in, and the files that all voices have there."""

import shutil
from pathlib import Path

from finetune_tts.errors import UserError
from finetune_tts.files import write_text
from finetune_tts.sharing.readers import Symbol, symbols_of
from finetune_tts.text.espeak import bundled_data
from finetune_tts.text.tokenizer import Tokenizer

FOLDER_NAME = "sherpa-onnx"
MODEL_NAME = "model.onnx"
VOCODER_NAME = "vocoder.onnx"
TOKENS_NAME = "tokens.txt"
DATA_NAME = "espeak-ng-data"


def require_writable(tokenizer: Tokenizer) -> None:
    """Refuse a vocabulary of which ``tokens.txt`` cannot say everything.

    Raises:
        UserError: it has such symbols.
    """
    unwritable = [symbol.text for symbol in symbols_of(tokenizer) if symbol.text.isspace() and symbol.text != " "]
    if unwritable:
        raise UserError(
            f"--export sherpa: the model has {', '.join(map(repr, unwritable))} among its symbols, which sherpa-onnx's "
            "list of tokens cannot hold. --export onnx writes the network alone."
        )


def write_tokens(folder: Path, symbols: list[Symbol]) -> Path:
    """Write the list of symbols and their ids."""
    path = folder / TOKENS_NAME
    write_text(path, "".join(f"{symbol.text} {symbol.id}\n" for symbol in symbols))
    return path


def copy_data(folder: Path) -> Path:
    """Put the data of espeak-ng beside the voice."""
    path = folder / DATA_NAME
    if not path.is_dir():
        partial = path.with_name(f".{path.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(bundled_data(), partial)
        partial.rename(path)
    return path
