"""How long does a training step of Tacotron 2 take here, and in coqui-tts?

    python benchmarks/tacotron_speed.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python
    python benchmarks/tacotron_speed.py --coqui_python … --attention dynamic_convolution --ddc 0

Teacher-forced pass, all losses, backward pass, gradient clipping and a step of the config's optimizer (RAdam) for the
same network (the defaults of Tacotron2Config with r = 2 and double decoder consistency, 47 million parameters) on the
same batches, in float32 on the CPU. Each side runs in a process of its own, alternately; the table shows the median
step of each and their ratio.
"""

import argparse

import numpy as np
from side_by_side import make_parser, run


def batch(size: int, frames: int) -> tuple[np.ndarray, ...]:
    """Token ids ``[B, T_text]``, their lengths, mels ``[B, T_mel, 80]``, their lengths: clips of similar length."""
    random = np.random.default_rng(0)
    frames = frames // 2 * 2
    mel_lengths = np.sort(random.integers(frames - 40, frames + 1, size))[::-1].copy()
    mel_lengths[0] = frames
    text_lengths = mel_lengths // 6
    tokens = random.integers(1, 60, (size, int(text_lengths.max())))
    return tokens, text_lengths, random.normal(size=(size, frames, 80)).astype(np.float32), mel_lengths


def fields(arguments: argparse.Namespace) -> dict[str, object]:
    """What differs from the defaults of the config."""
    return {
        "num_chars": 60,
        "r": 2,
        "attention_type": arguments.attention,
        "double_decoder_consistency": bool(arguments.ddc),
    }


def our_side(arguments: argparse.Namespace):
    """This project's network, its optimizer, and a function that computes its loss."""
    import torch

    from finetune_tts.families.building import build_model
    from finetune_tts.families.tacotron.building import loss_options
    from finetune_tts.families.tacotron.config import Tacotron2Config
    from finetune_tts.families.tacotron.loss import tacotron_loss
    from finetune_tts.tasks.optimizers import make_optimizer

    config = Tacotron2Config(**fields(arguments))
    network = build_model(config, 60)
    options = loss_options(config)
    tokens, text_lengths, mels, mel_lengths = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))

    def loss():
        output = network(tokens, text_lengths, mels, mel_lengths)
        losses = tacotron_loss(output, text_lengths, mels, mel_lengths, mels, frames_per_step=2, options=options)
        return losses.total

    optimizer = make_optimizer(config.optimizer, network.parameters(), config.lr, config.optimizer_params)
    return network, optimizer, loss


def coqui_side(arguments: argparse.Namespace):
    """coqui-tts's network, its optimizer, and a function that computes its loss."""
    import torch
    from trainer.trainer_utils import get_optimizer
    from TTS.tts.configs.tacotron2_config import Tacotron2Config
    from TTS.tts.models.tacotron2 import Tacotron2

    config = Tacotron2Config(**fields(arguments))
    network = Tacotron2(config)
    optimizer = get_optimizer(config.optimizer, config.optimizer_params, config.lr, network)
    tokens, text_lengths, mels, mel_lengths = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))
    criterion = network.get_criterion()
    steps = mels.shape[1] // 2
    names = {
        "text_input": tokens,
        "text_lengths": text_lengths,
        "mel_input": mels,
        "mel_lengths": mel_lengths,
        "stop_targets": (torch.arange(steps) >= (mel_lengths[:, None] - 1) // 2).float(),
        "stop_target_lengths": torch.divide(mel_lengths, 2).ceil(),
        "d_vectors": None,
        "speaker_ids": None,
    }
    return network, optimizer, lambda: network.train_step(names, criterion)[1]["loss"]


if __name__ == "__main__":
    parser = make_parser(__doc__, frames=400, steps=2, turns=2)
    parser.add_argument("--attention", default="original", help="attention_type")
    parser.add_argument("--ddc", type=int, default=1, help="0 leaves the coarse decoder out")
    run(
        parser,
        __file__,
        our_side,
        coqui_side,
        title="A training step of Tacotron 2",
        about=(
            "Teacher-forced pass, all losses, backward pass, gradient clipping and a step of RAdam, of the same "
            "network (47 million parameters, r = 2, double decoder consistency unless `--ddc 0`) here and in coqui-tts."
        ),
        words=("attention", "ddc"),
    )
