"""A model as a folder whose weights are a file of safetensors, which holds numbers and nothing that could run."""

from finetune_tts.sharing.model_folder import write_model_folder
from finetune_tts.sharing.source import Shared, Source

FOLDER_NAME = "safetensors"


def write(source: Source) -> Shared:
    """Write the folder ``safetensors``: ``model.safetensors``, ``config.json``, and what the model needs beside them.

    Raises:
        UserError: the model cannot be read, or the disk is full.
    """
    folder = source.folder / FOLDER_NAME
    files = write_model_folder(source, folder)
    return Shared(tuple(files), (f"the folder {folder} is the whole model: give it as --model_path or --restore_path",))
