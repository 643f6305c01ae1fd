"""How long does a training step of OverFlow or Neural HMM TTS take here, and in coqui-tts?

    python benchmarks/hmm_speed.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python
    python benchmarks/hmm_speed.py --coqui_python … --model neural_hmm

Forward pass, likelihood, backward pass, gradient clipping and a step of the config's optimizer (Adam) for the same
network (the defaults of the config) on the same batches, in float32 on the CPU. The network has not learned anything,
so that all states of a text are about as likely as each other: the slowest case here, which leaves out of the backward
pass what is not. Each side runs in a process of its own, alternately; the table shows the median step of each and
their ratio.
"""

import argparse

import numpy as np
from side_by_side import make_parser, run

SYMBOLS = 60


def batch(size: int, frames: int) -> tuple[np.ndarray, ...]:
    """Token ids ``[B, T_text]``, their lengths, mels ``[B, T_mel, 80]``, their lengths: clips of similar length."""
    random = np.random.default_rng(0)
    mel_lengths = np.sort(random.integers(frames - 40, frames + 1, size))[::-1].copy()
    mel_lengths[0] = frames
    text_lengths = mel_lengths // 6
    tokens = random.integers(1, SYMBOLS, (size, int(text_lengths.max())))
    mels = random.normal(size=(size, frames, 80)).astype(np.float32)
    for mel, length in zip(mels, mel_lengths, strict=True):
        mel[length:] = 0.0
    return tokens, text_lengths, mels, mel_lengths


def our_side(arguments: argparse.Namespace):
    """This project's network, its optimizer, and a function that computes its loss."""
    import torch

    from finetune_tts.families.building import build_model
    from finetune_tts.families.loading import config_from_dict
    from finetune_tts.families.neural_hmm.loss import negative_log_likelihood
    from finetune_tts.tasks.optimizers import make_optimizer

    config = config_from_dict({"model": arguments.model, "num_chars": SYMBOLS}, quiet=True)
    network = build_model(config, SYMBOLS)
    network.start_flat(0.1, 1.1, 0.3)
    tokens, text_lengths, mels, mel_lengths = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))

    def loss():
        output = network(tokens, text_lengths, mels, mel_lengths)
        return negative_log_likelihood(output.log_likelihood, text_lengths, mel_lengths)

    optimizer = make_optimizer(config.optimizer, network.parameters(), config.lr, config.optimizer_params)
    return network, optimizer, loss


def coqui_side(arguments: argparse.Namespace):
    """coqui-tts's network, its optimizer, and a function that computes its loss."""
    import torch
    from trainer.trainer_utils import get_optimizer
    from TTS.tts.configs.neuralhmm_tts_config import NeuralhmmTTSConfig
    from TTS.tts.configs.overflow_config import OverflowConfig
    from TTS.tts.layers.overflow.common_layers import OverflowUtils
    from TTS.tts.models.neuralhmm_tts import NeuralhmmTTS
    from TTS.tts.models.overflow import Overflow

    kinds = {"overflow": (OverflowConfig, Overflow), "neural_hmm": (NeuralhmmTTSConfig, NeuralhmmTTS)}
    config_class, model_class = kinds[arguments.model]
    config = config_class(num_chars=SYMBOLS)
    network = model_class(config)
    network.update_mean_std({"mean": 0.1, "std": 1.1})
    OverflowUtils.update_flat_start_transition(network, 0.3)
    optimizer = get_optimizer(config.optimizer, config.optimizer_params, config.lr, network)
    tokens, text_lengths, mels, mel_lengths = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))
    criterion = network.get_criterion()
    given = {"text_input": tokens, "text_lengths": text_lengths, "mel_input": mels, "mel_lengths": mel_lengths}
    return network, optimizer, lambda: network.train_step(given, criterion)[1]["loss"]


if __name__ == "__main__":
    parser = make_parser(__doc__, frames=300, steps=2, turns=2)
    parser.set_defaults(batch_size=4)
    parser.add_argument("--model", choices=("overflow", "neural_hmm"), default="overflow")
    name = {"overflow": "OverFlow", "neural_hmm": "Neural HMM TTS"}[parser.parse_known_args()[0].model]
    run(
        parser,
        __file__,
        our_side,
        coqui_side,
        title=f"A training step of {name}",
        about=(
            f"Forward pass, likelihood, backward pass, gradient clipping and a step of Adam, of the same network "
            f"({name} with the defaults of its config) here and in coqui-tts."
        ),
        words=("model",),
    )
