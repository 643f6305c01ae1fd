"""How fast XTTS speaks and learns, at the size of the release: what either side of ``coqui_xtts.py`` measures.

Each function is one job of a process of its own: it takes what is to be measured, and gives name → numbers.
"""

import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from xtts_loading import CODES, DVAE, RATE, write_pieces

PIECES, PROMPT = 6681, 32  # of the released v2
START, STOP = CODES, CODES + 1
SAMPLES_A_CODE = 1024
TEXT_TOKENS = 50

# ---- what both sides take


def sentence() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A text ``[1, T]``, a prompt ``[1, P, C]`` and a speaker ``[1, D, 1]``."""
    random = np.random.default_rng(0)
    prompt, speaker = random.normal(size=(1, PROMPT, 1024)), random.normal(size=(1, 512, 1))
    speaker /= np.linalg.norm(speaker)
    return random.integers(300, PIECES, (1, TEXT_TOKENS)), prompt.astype(np.float32), speaker.astype(np.float32)


def clips() -> tuple[np.ndarray, np.ndarray]:
    """Texts ``[2, T]`` and waveforms ``[2, T_wav]`` of 6 s."""
    random = np.random.default_rng(0)
    return random.integers(300, PIECES, (2, TEXT_TOKENS)), 0.1 * random.normal(size=(2, 6 * RATE)).astype(np.float32)


def quickly(build: Callable[[], Any]) -> Any:
    """Build a network, its matrices filled with a block of random numbers again and again.

    To draw each of 500 million numbers, twice in coqui-tts, takes longer than what is measured.
    """
    import torch

    torch.manual_seed(0)
    block = 0.02 * torch.randn(1_000_003)
    drawn = {name: getattr(torch.Tensor, name) for name in ("normal_", "uniform_")}
    for name in drawn:
        setattr(torch.Tensor, name, lambda tensor, *numbers, **options: tensor.zero_())
    try:
        network = build()
    finally:
        for name, method in drawn.items():
            setattr(torch.Tensor, name, method)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.dim() > 1:
                flat = weight.view(-1)
                for begin in range(0, len(flat), len(block)):
                    flat[begin : begin + len(block)] = block[: len(flat) - begin]
    return network


def seconds_of(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """How long something takes, by the clock and in time of the processor, and what it gives."""
    began, worked = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - began, time.process_time() - worked, found


def spoken(job: dict[str, Any], write: Callable[[int], Any], voice: Callable[[Any], Any]) -> dict[str, list[float]]:
    """Time how codes are written and made audible."""
    write(10)
    first = seconds_of(lambda: write(1))
    clock, processor, found = seconds_of(lambda: write(job["codes"]))
    audible = seconds_of(lambda: voice(found))
    count = job["codes"]
    return {
        "first_code_seconds": [first[0]],
        "codes_a_second": [count / clock],
        "codes_a_processor_second": [count / processor],
        "waveform_seconds": [audible[0]],
        "waveform_processor_seconds": [audible[1]],
    }


def timed(steps: int, step: Callable[[], None]) -> dict[str, list[float]]:
    """Time each step after a first one, which sets things up; and the most memory that the process ever had, in GB."""
    import resource

    step()
    times = [seconds_of(step)[:2] for _ in range(steps)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "step_seconds": [clock for clock, _ in times],
        "step_processor_seconds": [processor for _, processor in times],
        "peak_gigabytes": [peak / 1e9],
    }


# ---- this project's side


def our_network(**fields: Any) -> tuple[Any, Any]:
    """The config of a release, and a network of it with random weights."""
    from finetune_tts.families.building import build_model
    from finetune_tts.families.xtts.config import XttsConfig

    config = XttsConfig(**fields)
    return config, quickly(lambda: build_model(config, PIECES))


def our_speech(job: dict[str, Any]) -> dict[str, list[float]]:
    """How fast codes are written, and made audible."""
    import torch

    from finetune_tts.families.xtts.generation import Sampling, write
    from finetune_tts.families.xtts.packing import pack
    from finetune_tts.machine.malloc import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(job["threads"])
    _, network = our_network()
    network.eval().hifigan_decoder.waveform_decoder.prepare_for_inference()
    if job["kind"] == "int8":
        pack(network.gpt.gpt)
    text, prompt, speaker = map(torch.from_numpy, sentence())
    with torch.inference_mode():
        network.gpt.mel_head.bias[STOP] = -1e4  # no end before its time

        def written(codes: int) -> torch.Tensor:
            steps = islice(write(network.gpt, prompt, text, Sampling(), limit=codes), codes)
            return torch.stack([step.latents for step in steps], dim=1)

        return spoken(job, written, lambda latents: network.hifigan_decoder(latents, speaker))


def our_steps(job: dict[str, Any]) -> dict[str, list[float]]:
    """How long steps take."""
    import torch

    from finetune_tts.data.batch import Batch
    from finetune_tts.families.xtts.task import XttsTask
    from finetune_tts.machine.malloc import keep_freed_memory
    from finetune_tts.machine.precision import choose_precision

    keep_freed_memory()
    torch.set_num_threads(job["threads"])
    chosen = {name: job[name] for name in ("mixed_precision", "lora_rank", "recompute_activations") if name in job}
    config, network = our_network(**chosen)
    task = XttsTask(network, config)
    task.train()
    optimizer = task.get_optimizer()
    precision = choose_precision(config, torch.device("cpu"))
    if config.mixed_precision and precision.dtype != torch.bfloat16:
        raise SystemExit("This processor has no units for bf16, so that nothing would be compared.")
    texts, waveforms = map(torch.from_numpy, clips())
    count = waveforms.shape[1]
    codes = torch.randint(0, CODES, (2, -(-count // SAMPLES_A_CODE)))  # which the program keeps after the first epoch
    batch = Batch(
        token_ids=texts,
        token_lengths=torch.tensor([TEXT_TOKENS] * 2),
        mels=torch.zeros(2, count // 256, 0),
        mel_lengths=torch.tensor([count // 256] * 2),
        names=[""] * 2,
        texts=[""] * 2,
        waveforms=waveforms.unsqueeze(1),
        waveform_lengths=torch.tensor([count] * 2),
        waveform_counts=(count, count),
        codes=codes,
        code_lengths=torch.tensor([codes.shape[1]] * 2),
    )
    learning = [weight for group in optimizer.param_groups for weight in group["params"]]

    def step() -> None:
        with precision.autocast():
            _, losses = task.part_losses(batch, (0,))
        losses[0]["loss"].backward()
        torch.nn.utils.clip_grad_norm_(learning, config.grad_clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return timed(job["steps"], step)


# ---- coqui-tts's side


def coqui_speech(job: dict[str, Any]) -> dict[str, list[float]]:
    """How fast codes are written, and made audible."""
    import torch
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
    from TTS.tts.models.xtts import Xtts

    torch.set_num_threads(job["threads"])
    released = {
        "gpt_number_text_tokens": PIECES,
        "gpt_start_text_token": 261,
        "gpt_stop_text_token": 0,
        "gpt_num_audio_tokens": CODES + 2,
        "gpt_start_audio_token": START,
        "gpt_stop_audio_token": STOP,
        "gpt_use_perceiver_resampler": True,
        "gpt_max_audio_tokens": 605,
        "gpt_max_text_tokens": 402,
        "gpt_layers": 30,
        "gpt_n_model_channels": 1024,
        "gpt_n_heads": 16,
    }
    model = quickly(lambda: Xtts(XttsConfig(model_args=XttsArgs(**released))))
    model.eval()
    text, prompt, speaker = map(torch.from_numpy, sentence())
    with torch.inference_mode():
        model.gpt.mel_head.bias[STOP] = -1e4

        def written(codes: int) -> torch.Tensor:
            return model.gpt.generate(
                cond_latents=prompt,
                text_inputs=text,
                do_sample=True,
                temperature=0.75,
                top_k=50,
                top_p=0.85,
                repetition_penalty=10.0,
                length_penalty=1.0,
                num_beams=1,
                num_return_sequences=1,
                output_attentions=False,
                max_new_tokens=codes,
            )

        def audible(codes: torch.Tensor) -> None:
            assert codes.shape[1] == job["codes"], codes.shape
            lengths = [torch.tensor([text.shape[1]]), torch.tensor([codes.shape[1] * SAMPLES_A_CODE])]
            latents = model.gpt(text, lengths[0], codes, lengths[1], cond_latents=prompt, return_latent=True)
            model.hifigan_decoder(latents, g=speaker)

        return spoken(job, written, audible)


def coqui_steps(job: dict[str, Any]) -> dict[str, list[float]]:
    """How long steps take, as its trainer makes them."""
    import torch
    from TTS.tts.configs.xtts_config import XttsAudioConfig
    from TTS.tts.layers.xtts.dvae import DiscreteVAE
    from TTS.tts.layers.xtts.trainer.gpt_trainer import GPTArgs, GPTTrainer, GPTTrainerConfig

    torch.set_num_threads(job["threads"])  # coqui-tts takes one for all that it trains
    folder = Path(job["folder"])
    write_pieces(folder / "vocab.json", PIECES)
    torch.save(torch.ones(80), folder / "mel_stats.pth")
    torch.save(DiscreteVAE(**DVAE).state_dict(), folder / "dvae.pth")
    args = GPTArgs(
        tokenizer_file=str(folder / "vocab.json"),
        mel_norm_file=str(folder / "mel_stats.pth"),
        dvae_checkpoint=str(folder / "dvae.pth"),
        gpt_num_audio_tokens=CODES + 2,
        gpt_start_audio_token=START,
        gpt_stop_audio_token=STOP,
        gpt_use_masking_gt_prompt_approach=True,
        gpt_use_perceiver_resampler=True,
    )
    config = GPTTrainerConfig(
        model_args=args,
        audio=XttsAudioConfig(sample_rate=RATE, dvae_sample_rate=RATE, output_sample_rate=24000),
        optimizer="AdamW",
        optimizer_wd_only_on_weights=True,
        optimizer_params={"betas": [0.9, 0.96], "eps": 1e-8, "weight_decay": 1e-2},
        lr=5e-6,
    )
    model = quickly(lambda: GPTTrainer(config))
    model.eval()
    model.xtts.gpt.train()
    optimizer = model.get_optimizer()
    texts, waveforms = map(torch.from_numpy, clips())
    count = waveforms.shape[1]
    heard = 3 * count // 4  # the mean of what is drawn, filled up to the longest
    prompts = torch.nn.functional.pad(waveforms[:, :heard], (0, count - heard))

    def step() -> None:
        batch = model.format_batch_on_device(
            {
                "padded_text": texts.int(),
                "text_lengths": torch.tensor([TEXT_TOKENS] * 2),
                "wav": waveforms.unsqueeze(1),
                "wav_lengths": torch.tensor([count] * 2),
                "conditioning": prompts[:, None, None],
                "cond_idxs": torch.tensor([[0, heard]] * 2),
                "cond_lens": None,
            }
        )
        model.train_step(batch, None)[1]["loss"].backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return timed(job["steps"], step)
