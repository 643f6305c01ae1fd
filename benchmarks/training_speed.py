"""How fast the training loop is, and what it costs beside a bare one.

python benchmarks/training_speed.py                        # a small Glow-TTS on this machine's best device
python benchmarks/training_speed.py --device cpu --steps 30 --hidden 64

The bare loop makes the same steps of the same network on batches that lie on the device already: forward, backward,
clip, step, nothing else. The difference is what loader, copies, bookkeeping, checks for losses that are not finite,
history and dashboard take. CPU time does not count what other programs do meanwhile.
"""

import argparse
import logging
import tempfile
import time

import numpy as np
import torch
from result import Column, Result, add_save_argument, finish
from torch import nn

from finetune_tts.data.batch import Batch, Collate, Item
from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.machine.device import choose_device
from finetune_tts.machine.precision import choose_precision
from finetune_tts.training.run import TrainingJob, fit
from finetune_tts.training.step import Stepper

SYMBOLS = 60


class SyntheticClips(torch.utils.data.Dataset):
    """Noise with the lengths of LJSpeech's clips: 2 to 10 s, about one token for six frames."""

    def __init__(self, clips: int, n_mels: int) -> None:
        random = np.random.default_rng(0)
        self.items = []
        for number in range(clips):
            frames = int(random.integers(170, 860))
            mel = random.normal(size=(n_mels, frames)).astype(np.float32)
            tokens = random.integers(1, SYMBOLS, size=frames // 6)
            self.items.append(Item(token_ids=tokens, mel=mel, name=f"clip{number}", text=""))
        self.samples = self.items
        self.collate = Collate(pad_id=0)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        return self.items[index]

    def set_epoch(self, epoch: int) -> None:
        pass

    def mel_lengths(self) -> list[int]:
        return [item.mel.shape[1] for item in self.items]


def make_config(args: argparse.Namespace, folder: str) -> GlowTTSConfig:
    config = GlowTTSConfig()
    config.output_path = folder
    config.hidden_channels_enc = config.hidden_channels_dec = config.hidden_channels_dp = args.hidden
    config.num_flow_blocks_dec = args.blocks
    config.batch_size = args.batch_size
    config.optimizer = args.optimizer
    config.mixed_precision = args.mixed_precision
    config.num_loader_workers = args.workers
    config.save_step = 10**9
    config.epochs = 10**6
    config.run_eval = False
    config.test_sentences = []
    return config


class Recorder:
    """Wraps each step: keeps the batches that a run used, and the times at which its steps began."""

    def __init__(self, device: torch.device) -> None:
        self.batches: list[Batch] = []
        self.began: list[tuple[float, float]] = []
        self._device = device
        self._step = Stepper.step

    def __enter__(self) -> "Recorder":
        def step(stepper: Stepper, number: int, batches: list[Batch]) -> None:
            self.began.append(now())
            self.batches += batches
            self._step(stepper, number, batches)

        Stepper.step = step  # type: ignore[method-assign,assignment]
        return self

    def __exit__(self, *error: object) -> None:
        Stepper.step = self._step  # type: ignore[method-assign]


def now() -> tuple[float, float]:
    """Seconds of the clock, and of the CPU."""
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float], ended: tuple[float, float], steps: int) -> tuple[float, float]:
    """Milliseconds of each step."""
    return (ended[0] - began[0]) / steps * 1e3, (ended[1] - began[1]) / steps * 1e3


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def our_loop(args: argparse.Namespace, device: torch.device) -> tuple[tuple[float, float], list[Batch]]:
    """Milliseconds of a step of the real loop, after a warm-up, and the batches that it used."""
    with tempfile.TemporaryDirectory() as folder, Recorder(device) as recorder:
        config = make_config(args, folder)
        clips = SyntheticClips(args.batch_size * args.steps, config.audio.num_mels)
        total = args.warm_up + args.steps
        torch.manual_seed(0)
        fit(
            TrainingJob(
                config=config,
                network=build_model(config, SYMBOLS),
                train_data=clips,  # type: ignore[arg-type]
                eval_data=None,
                device=device,
                restored=True,
                max_steps=total + 1,
            )
        )
        synchronise(device)
        return since(recorder.began[args.warm_up], recorder.began[total], args.steps), recorder.batches[:total]


def bare_loop(args: argparse.Namespace, device: torch.device, batches: list[Batch]) -> tuple[float, float]:
    """Milliseconds of the same steps without anything around them."""
    config = make_config(args, "")
    torch.manual_seed(0)
    task = make_task(build_model(config, SYMBOLS).to(device), config)
    criterion, optimizer = task.get_criterion(), task.get_optimizer()
    assert isinstance(optimizer, torch.optim.Optimizer)
    precision = choose_precision(config, device)
    task.train()
    began = now()
    for number, batch in enumerate(batches):
        if number == args.warm_up:
            synchronise(device)
            began = now()
        with precision.autocast():
            _, losses = task.train_step(batch, criterion)
        losses["loss"].backward()
        nn.utils.clip_grad_norm_(task.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    synchronise(device)
    return since(began, now(), args.steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warm_up", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--optimizer", default="RAdam")
    parser.add_argument("--mixed_precision", action="store_true")
    add_save_argument(parser)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    device = choose_device(args.device)
    loop, bare = [], []
    for _ in range(args.rounds):
        milliseconds, batches = our_loop(args, device)
        loop.append(milliseconds)
        bare.append(bare_loop(args, device, batches))
    frames = sum(batch.mels.shape[0] * batch.mels.shape[1] for batch in batches[args.warm_up :]) / args.steps
    best = [[min(times) for times in zip(*measured, strict=True)] for measured in (bare, loop)]
    overhead = [f"{ours / plain - 1:.1%}" for plain, ours in zip(*best, strict=True)]
    rows = [["bare loop", *best[0]], ["this loop, loader included", *best[1]], ["overhead", *overhead]]
    columns = [Column(""), Column("clock", ".1f", "ms"), Column("CPU time", ".1f", "ms")]
    about = (
        "A step of the training loop beside the same step in a bare loop over batches that lie on the device already: "
        f"a small Glow-TTS on {device.type}, batches of {args.batch_size} ({frames:.0f} frames), the best of "
        f"{args.rounds} rounds of {args.steps} steps."
    )
    finish(Result("What the training loop costs", about, columns, rows), args.save)


if __name__ == "__main__":
    main()
