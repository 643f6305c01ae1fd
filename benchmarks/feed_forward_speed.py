"""How long does a training step of a feed-forward model take here, and in coqui-tts?

    python benchmarks/feed_forward_speed.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python
    python benchmarks/feed_forward_speed.py --coqui_python ... --model speedy_speech

Forward pass with the aligner, all losses, backward pass, gradient clipping and a step of Adam, of the same full-size
network on the same batches, in float32 on the CPU. Each side runs in a process of its own, alternately, so that both
meet the same machine; the table shows the median step of each and their ratio. coqui-tts is never imported here.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from side_by_side import make_parser, run

SYMBOLS, N_MELS = 67, 80


def batch(size: int, frames: int) -> dict[str, np.ndarray]:
    """Clips of similar length."""
    random = np.random.default_rng(0)
    lengths = np.sort(random.integers(frames - 40, frames + 1, size))[::-1].copy()
    lengths[0] = frames
    text_lengths = lengths // 6
    return {
        "text": random.integers(1, SYMBOLS, (size, int(text_lengths.max()))),
        "text_lengths": text_lengths,
        "mel": random.normal(size=(size, frames, N_MELS)).astype(np.float32),
        "mel_lengths": lengths,
        "pitch": random.normal(size=(size, 1, frames)).astype(np.float32),
    }


def our_side(arguments: argparse.Namespace) -> tuple[Any, Any, Callable[[], Any]]:
    """A step of this project's task."""
    import torch

    from finetune_tts.data.batch import Batch
    from finetune_tts.families.building import build_model, make_task
    from finetune_tts.families.registry import family_of

    config: Any = family_of(arguments.model).config_class()
    network = build_model(config, SYMBOLS)
    task = make_task(network, config)
    task.train()
    arrays = batch(arguments.batch_size, arguments.frames)
    given = {name: torch.from_numpy(array) for name, array in arrays.items()}
    names = [str(number) for number in range(arguments.batch_size)]
    data = Batch(
        given["text"], given["text_lengths"], given["mel"], given["mel_lengths"], names, names,
        token_counts=tuple(arrays["text_lengths"].tolist()), mel_counts=tuple(arrays["mel_lengths"].tolist()),
        pitch=given["pitch"] if config.model_args.use_pitch else None,
    )  # fmt: skip
    return network, task.get_optimizer(), lambda: task.losses(task.run_network(data), data)["loss"]


def coqui_side(arguments: argparse.Namespace) -> tuple[Any, Any, Callable[[], Any]]:
    """A step as coqui-tts's trainer makes it."""
    import torch
    from TTS.tts.configs.fast_pitch_config import FastPitchConfig
    from TTS.tts.configs.speedy_speech_config import SpeedySpeechConfig
    from TTS.tts.models.forward_tts import ForwardTTS

    config = FastPitchConfig() if arguments.model == "fast_pitch" else SpeedySpeechConfig()
    config.model_args.num_chars = SYMBOLS
    model = ForwardTTS(config)
    model.binary_loss_weight = 1.0
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr, **config.optimizer_params)
    given = {name: torch.from_numpy(array) for name, array in batch(arguments.batch_size, arguments.frames).items()}
    data = {
        "text_input": given["text"],
        "text_lengths": given["text_lengths"],
        "mel_input": given["mel"],
        "mel_lengths": given["mel_lengths"],
        "pitch": given["pitch"],
        "energy": None,
        "durations": None,
        "d_vectors": None,
        "speaker_ids": None,
    }
    criterion = model.get_criterion()
    return model, optimizer, lambda: model.train_step(data, criterion)[1]["loss"]


if __name__ == "__main__":
    parser = make_parser(__doc__, frames=400, steps=3, turns=2)
    parser.add_argument("--model", choices=("fast_pitch", "speedy_speech"), default="fast_pitch")
    run(
        parser,
        __file__,
        our_side,
        coqui_side,
        title="A training step of FastPitch",
        about=(
            "Forward pass with the aligner, all losses, backward pass, gradient clipping and a step of Adam, of the "
            "same full-size network here and in coqui-tts."
        ),
        words=("model",),
    )
