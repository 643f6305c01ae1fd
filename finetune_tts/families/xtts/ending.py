"""What the folder of an XTTS run holds beside checkpoints: all that speaking needs, here and in 🐸TTS."""

import logging
from pathlib import Path
from typing import Any

import torch

from finetune_tts.checkpoints.networks import restore_network
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.checkpoints.writing import write_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.families.adapters import plain
from finetune_tts.families.speech import EndedRun
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.network import Xtts
from finetune_tts.families.xtts.reader import PieceReader
from finetune_tts.families.xtts.speech import hear_all
from finetune_tts.families.xtts.voices import FILE_NAME, read_voices, write_voices
from finetune_tts.families.xtts.weights import completed, translate_names
from finetune_tts.runs.creation import RunAsset
from finetune_tts.runs.folder import BASE_NAME, MERGED_NAME

logger = logging.getLogger(__name__)

_DISCRIMINATOR = "disc."


def assets(config: XttsConfig, base: Path | None, tokenizer: PieceReader) -> list[RunAsset]:
    """The files of the release that a run goes on needing; for adapters, the weights that they belong to."""
    args = config.model_args
    found = [RunAsset("vocab.json", tokenizer.content, ("model_args.tokenizer_file",))]
    found += [
        RunAsset(name, Path(args[field]), (f"model_args.{field}",), is_large=name == "dvae.pth")
        for field, name in (
            ("mel_norm_file", "mel_stats.pth"),
            ("dvae_checkpoint", "dvae.pth"),
        )
        if args[field] and Path(args[field]).is_file()
    ]
    if config.lora_rank and base is not None:
        found.append(RunAsset(BASE_NAME, base, is_large=True))
    return found


def finish(run: EndedRun) -> None:
    """Write ``model.pth``, the best model without what only training needs, and the voices as it hears them.

    Adapters are added to their matrices.

    Raises:
        UserError: the disk is full.
    """
    if run.best is None:
        return
    checkpoint = read_checkpoint(run.best)
    weights = plain(translate_names(completed(checkpoint.model, run.folder)))
    weights = {name: tensor for name, tensor in weights.items() if not name.startswith(_DISCRIMINATOR)}
    path = run.folder / MERGED_NAME
    payload: dict[str, Any] = {"model": weights, "config": checkpoint.config, "step": checkpoint.step}
    write_checkpoint(path, payload)
    # Merged matrices are a copy in memory; those of the file are mapped from it.
    del payload, weights, checkpoint
    network = run.build()
    assert isinstance(network, Xtts)
    restore_network(network, read_checkpoint(path).model, source=path).raise_for_gap()
    network.to(run.device).eval()
    path = run.folder / FILE_NAME
    voices = read_voices(path) if path.is_file() else {}
    with torch.inference_mode():
        for name, files in run.recordings.items():
            try:
                voices[name] = hear_all(network, run.config, [run.load(file) for file in files])
            except UserError as error:
                logger.warning("The voice of %s: %s", name, error)
    write_voices(path, voices)
    logger.info("Model to speak with, here and in coqui-tts: %s", run.folder / MERGED_NAME)
