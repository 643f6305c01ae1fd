"""A run of a very small Glow-TTS, for tests that need a process of their own: ``python tiny_run.py new|go_on FOLDER``.

Prints the run folder, and in the end a digest of all weights.
"""

import argparse
import hashlib
import logging
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from finetune_tts.data.batch import Collate, Item
from finetune_tts.families.building import build_model
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.machine.distributed import World, world_from_environment
from finetune_tts.machine.interrupts import EXIT_STATUS
from finetune_tts.machine.seeds import seed_everything
from finetune_tts.training.run import TrainingJob, fit, open_run
from finetune_tts.training.step import Stepper

SYMBOLS, MELS = 10, 8


class Clips(Dataset):
    """Clips with about three frames a token."""

    def __init__(self, clips: int, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.items = []
        for number in range(clips):
            tokens = random.integers(1, SYMBOLS, size=int(random.integers(4, 9)))
            spectra = np.random.default_rng(5).normal(size=(SYMBOLS, MELS))
            mel = np.repeat(spectra[tokens], 3, axis=0) + 0.1 * random.normal(size=(3 * len(tokens), MELS))
            name = f"clip{seed}_{number}"
            self.items.append(Item(token_ids=tokens, mel=mel.T.astype(np.float32), name=name, text="text"))
        self.samples = self.items
        self.collate = Collate(pad_id=0)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        return self.items[index]

    def pack(self) -> None:
        pass

    def set_epoch(self, epoch: int) -> None:
        pass

    def mel_lengths(self) -> list[int]:
        return [item.mel.shape[1] for item in self.items]


def tiny_config(output_path: Path, **fields: object) -> GlowTTSConfig:
    config = GlowTTSConfig()
    values = {
        "output_path": str(output_path), "run_name": "tiny", "num_chars": SYMBOLS, "out_channels": MELS,
        "hidden_channels_enc": 8, "hidden_channels_dec": 8, "hidden_channels_dp": 8, "num_flow_blocks_dec": 2,
        "num_block_layers": 1, "batch_size": 4, "eval_batch_size": 4, "epochs": 3, "save_step": 4, "print_step": 1,
        "encoder_params": {"kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2,
                           "hidden_channels_ffn": 16, "input_length": None},
        "scheduler_after_epoch": False, "lr_scheduler_params": {"warmup_steps": 10}, "test_sentences": [], **fields,
    }  # fmt: skip
    for name, value in values.items():
        setattr(config, name, value)
    config.audio.num_mels = MELS
    return config


def tiny_job(config: GlowTTSConfig, **fields: object) -> TrainingJob:
    seed_everything(3)
    network = build_model(config, SYMBOLS)
    values = {"restored": False, "device": torch.device("cpu"), "world": World(), **fields}
    return TrainingJob(config=config, network=network, train_data=Clips(14), eval_data=Clips(5, 1), **values)


def digest(network: torch.nn.Module) -> str:
    hasher = hashlib.sha256()
    for tensor in network.state_dict().values():
        hasher.update(tensor.contiguous().numpy().tobytes())
    return hasher.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["new", "go_on"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slowly", type=float, default=0.0)
    parser.add_argument("--workers", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    step = Stepper.step

    def slow_step(self: Stepper, number: int, batches: list[object]) -> None:
        step(self, number, batches)
        (args.folder / "in_step").touch()
        time.sleep(args.slowly)

    Stepper.step = slow_step
    world = world_from_environment()
    if args.what == "new":
        job = tiny_job(tiny_config(args.folder, num_loader_workers=args.workers), world=world)
    else:
        stopped = open_run(args.folder)
        job = tiny_job(stopped.config, world=world, resumes=stopped)
    try:
        fit(job)
    except KeyboardInterrupt as stop:
        try:
            print(stop, flush=True)
        except OSError:  # to a terminal that was closed
            os._exit(EXIT_STATUS)
        return EXIT_STATUS
    print(f"rank {world.rank} digest {digest(job.network)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
