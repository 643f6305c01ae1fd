"""How long does a training step of Glow-TTS take here, and in coqui-tts?

    python benchmarks/coqui_speed.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python

Forward pass with alignment, loss, backward pass, gradient clipping and optimizer step of the same network (the defaults
of GlowTTSConfig, 28 million parameters) on the same batches, in float32 on the CPU. Each side runs in a process of its
own, alternately, so that both meet the same machine; the table shows the median step of each and their ratio.
coqui-tts is never imported here.
"""

import argparse

import numpy as np
from side_by_side import make_parser, run


def batch(size: int, frames: int) -> tuple[np.ndarray, ...]:
    """Token ids ``[B, T_text]``, their lengths, mels ``[B, T_mel, 80]``, their lengths: clips of similar length."""
    random = np.random.default_rng(0)
    mel_lengths = np.sort(random.integers(frames - 40, frames + 1, size))[::-1].copy()
    mel_lengths[0] = frames
    text_lengths = mel_lengths // 6
    tokens = random.integers(1, 60, (size, int(text_lengths.max())))
    return tokens, text_lengths, random.normal(size=(size, frames, 80)).astype(np.float32), mel_lengths


def our_side(arguments: argparse.Namespace):
    """This project's network, its optimizer, and a function that computes its loss."""
    import torch

    from finetune_tts.families.building import build_model
    from finetune_tts.families.glow_tts.config import GlowTTSConfig
    from finetune_tts.families.glow_tts.loss import glow_tts_loss
    from finetune_tts.tasks.optimizers import make_optimizer

    config = GlowTTSConfig()
    network = build_model(config, 60)
    optimizer = make_optimizer(config.optimizer, network.parameters(), config.lr, config.optimizer_params)
    tensors = [torch.from_numpy(array) for array in batch(arguments.batch_size, arguments.frames)]
    network.initialise_actnorm(tensors[2], tensors[3])
    return network, optimizer, lambda: glow_tts_loss(network(*tensors), tensors[1], tensors[3]).total


def coqui_side(arguments: argparse.Namespace):
    """coqui-tts's network, its optimizer, and a function that computes its loss."""
    import torch
    from trainer.trainer_utils import get_optimizer
    from TTS.tts.configs.glow_tts_config import GlowTTSConfig
    from TTS.tts.models.glow_tts import GlowTTS

    config = GlowTTSConfig(num_chars=60, data_dep_init_steps=0)
    network = GlowTTS(config)
    optimizer = get_optimizer(config.optimizer, config.optimizer_params, config.lr, network)
    tokens, text_lengths, mels, mel_lengths = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))
    criterion = network.get_criterion()
    names = {"text_input": tokens, "text_lengths": text_lengths, "mel_input": mels, "mel_lengths": mel_lengths}
    names |= {"d_vectors": None, "speaker_ids": None}
    return network, optimizer, lambda: network.train_step(names, criterion)[1]["loss"]


if __name__ == "__main__":
    run(
        make_parser(__doc__),
        __file__,
        our_side,
        coqui_side,
        title="A training step of Glow-TTS",
        about=(
            "Forward pass with alignment, loss, backward pass, gradient clipping and a step of RAdam, of the same "
            "network (28 million parameters) here and in coqui-tts."
        ),
    )
