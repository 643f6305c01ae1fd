"""How long does a training step of WaveRNN take here, and in coqui-tts?

    python benchmarks/wavernn_speed.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python

Forward pass, loss, backward pass, gradient clipping and optimizer step of the same network (the defaults of
WavernnConfig) on the same segments, in float32 on the CPU. Each side runs in a process of its own, alternately, so that
both meet the same machine; the table shows the median step of each and their ratio. coqui-tts is never imported here.
"""

import argparse
from typing import Any

import numpy as np
from side_by_side import make_parser, run

HOP, PAD = 256, 2


def batch(size: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Spectrograms ``[B, 80, frames + 2 * pad]`` and waveforms ``[B, 1, frames * hop]``."""
    random = np.random.default_rng(0)
    mels = random.normal(size=(size, 80, frames + 2 * PAD))
    return mels.astype(np.float32), (0.1 * random.normal(size=(size, 1, frames * HOP))).astype(np.float32)


def our_side(arguments: argparse.Namespace) -> tuple[Any, Any, Any]:
    """This project's task, its optimizer, and a function that computes its loss."""
    import torch

    from finetune_tts.data.segments import SegmentBatch
    from finetune_tts.families.building import build_model, make_task
    from finetune_tts.families.loading import vocoder_config_from_dict

    config = vocoder_config_from_dict({"model": "wavernn"}, quiet=True)
    task = make_task(build_model(config), config)
    mels, waveforms = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))
    data = SegmentBatch(mels=mels, waveforms=waveforms, names=[""] * len(mels))
    criterion = task.get_criterion()
    return task, task.get_optimizer(), lambda: task.train_step(data, criterion)[1]["loss"]


def coqui_side(arguments: argparse.Namespace) -> tuple[Any, Any, Any]:
    """coqui-tts's network, its optimizer, and a function that computes its loss."""
    import torch
    from trainer.trainer_utils import get_optimizer
    from TTS.vocoder.configs import WavernnConfig
    from TTS.vocoder.models.wavernn import Wavernn

    config = WavernnConfig()
    network = Wavernn(config)
    optimizer = get_optimizer(config.optimizer, config.optimizer_params, config.lr, network)
    criterion = network.get_criterion()
    mels, waveforms = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))
    target = waveforms.squeeze(1)
    given = torch.nn.functional.pad(target[:, :-1], (1, 0))
    names = {"input": mels, "waveform": given, "waveform_coarse": target}
    return network, optimizer, lambda: network.train_step(names, criterion)[1]["loss"]


if __name__ == "__main__":
    run(
        make_parser(__doc__, frames=5, steps=2, turns=2),
        __file__,
        our_side,
        coqui_side,
        title="A training step of WaveRNN",
        about=(
            "Forward pass, loss, backward pass, gradient clipping and a step of Adam, of the same network (the "
            "defaults of its config) here and in coqui-tts."
        ),
    )
