"""How long does a training step of VITS take here, and in coqui-tts?

    python benchmarks/vits_speed.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python --batch_size 16

Everything that a step has of both optimizers: spectrograms of the waveforms, the generator's pass with alignment, the
discriminators, both losses, backward passes, gradient clipping and AdamW, of the same network (the defaults of
VitsConfig) on the same batches, in float32 on the CPU. Each side runs in a process of its own, alternately, so that
both meet the same machine; the table shows the median step of each and their ratio. coqui-tts is never imported here.
"""

import argparse
from collections.abc import Callable

import numpy as np
from side_by_side import adversarial_step, make_parser, run

SYMBOLS, HOP = 60, 256


def batch(size: int, frames: int) -> tuple[np.ndarray, ...]:
    """Token ids ``[B, T_text]``, their lengths, waveforms ``[B, 1, T_wav]``, their lengths: clips of similar length."""
    random = np.random.default_rng(0)
    lengths = np.sort(random.integers(frames - 40, frames + 1, size))[::-1].copy()
    lengths[0] = frames
    text_lengths = lengths // 3  # symbols with blanks between them
    tokens = random.integers(1, SYMBOLS, (size, int(text_lengths.max())))
    waveforms = (0.1 * random.normal(size=(size, 1, frames * HOP))).astype(np.float32)
    return tokens, text_lengths, waveforms, lengths * HOP


def our_side(arguments: argparse.Namespace) -> Callable[[], None]:
    """A step of this project's task."""
    import torch

    from finetune_tts.data.batch import Batch
    from finetune_tts.families.building import build_model
    from finetune_tts.families.vits.config import VitsConfig
    from finetune_tts.families.vits.task import VITSTask

    config = VitsConfig()
    task = VITSTask(build_model(config, SYMBOLS), config)
    tokens, text_lengths, waveforms, lengths = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))
    data = Batch(
        token_ids=tokens,
        token_lengths=text_lengths,
        mels=torch.zeros(len(tokens), 1, 80),
        mel_lengths=lengths // HOP,
        names=[""] * len(tokens),
        texts=[""] * len(tokens),
        waveforms=waveforms,
        waveform_lengths=lengths,
    )
    return adversarial_step(task, data)


def coqui_side(arguments: argparse.Namespace) -> Callable[[], None]:
    """A step as coqui-tts's trainer makes it."""
    import torch
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits

    config = VitsConfig()
    config.model_args.num_chars = SYMBOLS
    model = Vits(config)
    model.train()
    optimizers, criteria = model.get_optimizer(), model.get_criterion()
    tokens, text_lengths, waveforms, lengths = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))
    data = {
        "tokens": tokens,
        "token_lens": text_lengths,
        "waveform": waveforms,
        "waveform_lens": lengths,
        "waveform_rel_lens": lengths / lengths.max(),
        "speaker_ids": None,
        "language_ids": None,
        "d_vectors": None,
    }

    def step() -> None:
        formatted = model.format_batch_on_device(dict(data))
        for place, (optimizer, criterion) in enumerate(zip(optimizers, criteria, strict=True)):
            _, losses = model.train_step(formatted, criterion, place)
            losses["loss"].backward()
            parameters = [weight for group in optimizer.param_groups for weight in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, config.grad_clip[place])
            optimizer.step()
            optimizer.zero_grad()

    return step


if __name__ == "__main__":
    run(
        make_parser(__doc__, frames=400, steps=2, turns=2),
        __file__,
        our_side,
        coqui_side,
        title="A training step of VITS",
        about=(
            "Spectrograms, the generator's pass with alignment, the discriminators, both losses, backward passes, "
            "gradient clipping and both steps of AdamW, of the same full-size network here and in coqui-tts."
        ),
    )
