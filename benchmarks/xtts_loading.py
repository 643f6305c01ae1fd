"""Models of XTTS that one side writes and the other reads: the jobs of the part ``loads`` of ``coqui_xtts.py``.

All models lie in folders under ``models``; what coqui-tts makes of each is kept beside it under ``numbers``.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

TEXT, LANGUAGE, VOICE = "Be a voice, not an echo.", "en", "ann"
PIECES, CODES = 300, 1024
RATE = 22050
TOLERANCES = {"token ids": 0, "codes": 0, "latents": 1e-4, "waveform": 1e-3, "prompt": 1e-4, "speaker": 1e-2}
SENTENCES = ("say what you see", "a voice of one", "we hear an echo", "read it again", "so far so good", "no more")
SMALL = {
    "model": "xtts",
    "languages": ["en", "de"],
    "batch_size": 2,
    "eval_batch_size": 2,
    "epochs": 2,
    "model_args": {
        "gpt_layers": 2,
        "gpt_n_model_channels": 64,
        "gpt_n_heads": 4,
        "gpt_max_audio_tokens": 60,
        "gpt_max_text_tokens": 60,
        "max_text_length": 50,
        "max_wav_length": 50000,
        "min_conditioning_length": 8000,
        "max_conditioning_length": 16000,
        "gpt_number_text_tokens": PIECES,
        "gpt_start_text_token": 261,
        "gpt_stop_text_token": 0,
        "decoder_input_dim": 64,
    },
}
DVAE = {
    "channels": 80,
    "normalization": None,
    "positional_dims": 1,
    "num_tokens": CODES,
    "codebook_dim": 512,
    "hidden_dim": 512,
    "num_resnet_blocks": 3,
    "kernel_size": 3,
    "num_layers": 2,
    "use_transposed_convs": False,
}


def write_pieces(path: Path, count: int) -> None:
    """A vocabulary of ``count`` pieces in the form of a release."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    special = {0: "[STOP]", 1: "[UNK]", 2: "[SPACE]", 261: "[START]", 262: "[en]", 263: "[de]"}
    letters = dict(enumerate("abcdefghijklmnopqrstuvwxyz.,", start=3))
    pieces = {special.get(place) or letters.get(place) or f"piece{place}": place for place in range(count)}
    tokenizer = Tokenizer(models.BPE(vocab=pieces, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(list(special.values()))
    tokenizer.save(str(path))


def recording(number: int, seconds: float) -> np.ndarray:
    """A tone with overtones that comes and goes, and noise."""
    random = np.random.default_rng(number)
    time = np.arange(int(seconds * RATE)) / RATE
    tones = sum(np.sin(2 * np.pi * (110 + 15 * number) * order * time) / order for order in range(1, 12))
    loudness = 0.1 * (1 + np.sin(2 * np.pi * 3 * time))
    return (loudness * tones + 0.01 * random.standard_normal(len(time))).astype(np.float32)


# ---- this project's side


def write_ours(job: dict[str, Any]) -> dict[str, Any]:
    """Write a release, and fine-tune it at the command line: as a whole, and by adapters."""
    import torch

    from finetune_tts.audio.reading import write_waveform
    from finetune_tts.cli.finetune import main
    from finetune_tts.config.making import save_config
    from finetune_tts.families.building import build_model
    from finetune_tts.families.loading import config_from_dict
    from finetune_tts.families.xtts.dvae import DVAEEncoder

    folder = Path(job["folder"])
    release, data = folder / "release", folder / "data"
    (data / "wavs").mkdir(parents=True)
    release.mkdir()
    for number in range(len(SENTENCES)):
        write_waveform(data / "wavs" / f"clip{number}.wav", recording(number, 1.0 + 0.1 * number), RATE)
    write_waveform(folder / "like.wav", recording(9, 9.0), RATE)
    lines = [f"clip{number}|{text}|{text}\n" for number, text in enumerate(SENTENCES)]
    (data / "metadata.csv").write_text("".join(lines))
    write_pieces(release / "vocab.json", PIECES)
    torch.manual_seed(3)
    torch.save(1 + torch.rand(80), release / "mel_stats.pth")
    torch.save(DVAEEncoder(codes=CODES).state_dict(), release / "dvae.pth")
    config = config_from_dict(SMALL, quiet=True)
    network = build_model(config, PIECES)
    with torch.no_grad():  # some layers begin at zero, which would hide differences
        for name, weight in network.named_parameters():
            if "gpt." in name and weight.dim() > 1:
                weight.copy_(torch.randn_like(weight) / weight[0].numel() ** 0.5)
    network.mel_stats.copy_(torch.load(release / "mel_stats.pth"))
    torch.save({"model": network.state_dict(), "step": 7}, release / "model.pth")
    save_config(config, release / "config.json")
    for name, flags in (("a run of finetune-tts", []), ("a run with adapters", ["--coqpit.lora_rank", "4"])):
        words = ["--restore_path", release, "--dataset_path", data, "--output_path", folder / "runs" / name]
        words += ["--coqpit.datasets.0.language", LANGUAGE, "--coqpit.datasets.0.dataset_name", VOICE, *flags]
        status = main([str(word) for word in [*words, "--max_steps", 2, "--no_report", "--no_check"]])
        if status:
            raise SystemExit(status)
        (written,) = (folder / "runs" / name).glob("*/model.pth")
        (folder / "models").mkdir(exist_ok=True)
        shutil.copytree(written.parent, folder / "models" / name)
    return {}


def compare(job: dict[str, Any]) -> dict[str, Any]:
    """Speak with every model, and compare with what coqui-tts made of it."""
    import torch

    from finetune_tts.families.speech import Request
    from finetune_tts.families.xtts.generation import Sampling, most_codes, write
    from finetune_tts.families.xtts.speech import Manner, filled_in, speak
    from finetune_tts.synthesis.loading import load_voice

    folder = Path(job["folder"])
    found = {}
    for model in sorted((folder / "models").iterdir()):
        theirs = np.load(folder / "numbers" / f"{model.name}.npz")
        voice = load_voice(model)
        network = voice.network.eval()
        ids = torch.tensor([voice.tokenizer.encode(TEXT, LANGUAGE).ids])
        known = voice.voices[VOICE]
        heard = voice.heard([folder / "like.wav"])
        with torch.inference_mode():
            sampling = Sampling(temperature=0, repetition_penalty=10.0)
            steps = list(write(network.gpt, known.prompt, ids, sampling, limit=most_codes(network.gpt)))
            style = filled_in(voice.config, Manner(temperature=0.0, repetition_penalty=10.0))
            spoken = speak(network, voice.config, Request(ids, voice=known, style=style))
        ours = {
            "token ids": ids.numpy(),
            "codes": torch.stack([step.codes for step in steps], dim=1).numpy(),
            "latents": torch.stack([step.latents for step in steps], dim=1).numpy(),
            "waveform": spoken.waveform,
            "prompt": heard.prompt.numpy(),
            "speaker": heard.speaker.numpy(),
        }
        found[model.name] = {name: relative_difference(numbers, theirs[name]) for name, numbers in ours.items()}
        found[model.name]["seconds"] = float(theirs["seconds"])
    return found


def relative_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The norm of the difference over the norm of ``theirs``; infinite where the sizes differ."""
    if ours.size != theirs.size:
        return float("inf")
    ours, theirs = (numbers.astype(np.float64).reshape(-1) for numbers in (ours, theirs))
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


# ---- coqui-tts's side


def coqui_side(job: dict[str, Any]) -> dict[str, Any]:
    """Speak with every model of ours, and write one as coqui-tts's trainer does, in both of its forms."""
    folder = Path(job["folder"])
    (folder / "numbers").mkdir()
    for model in sorted((folder / "models").iterdir()):
        np.savez(folder / "numbers" / f"{model.name}.npz", **coqui_numbers(model, folder / "like.wav"))
    for name, pickled in (("coqui-tts's trainer", False), ("coqui-tts's trainer, pickled config", True)):
        model = folder / "models" / name
        coqui_write(folder / "models" / "a run of finetune-tts", folder / "release", model, pickled)
        # What it loads is a copy: coqui-tts writes a file with a pickled config again, without it.
        copy = folder / "copies" / name
        shutil.copytree(model, copy)
        (copy / "best_model.pth").rename(copy / "model.pth")
        np.savez(folder / "numbers" / f"{name}.npz", **coqui_numbers(copy, folder / "like.wav"))
    return {}


def coqui_numbers(folder: Path, like: Path) -> dict[str, np.ndarray]:
    """What coqui-tts makes of a folder: by its Synthesizer, and by the network in it."""
    import soundfile
    import torch
    import TTS.tts.models.xtts as xtts
    from TTS.utils.synthesizer import Synthesizer

    def load_audio(path: Any, rate: int) -> torch.Tensor:
        """In the place of what needs torchcodec."""
        audio, found = soundfile.read(path, dtype="float32")
        assert found == rate
        return torch.from_numpy(audio).unsqueeze(0)

    xtts.load_audio = load_audio
    os.chdir(folder)
    synthesizer = Synthesizer(tts_checkpoint=str(folder), tts_config_path="config.json")
    wav = np.asarray(synthesizer.tts(TEXT, speaker_name=VOICE, language_name=LANGUAGE, split_sentences=False))
    if not np.isfinite(wav).all() or not np.abs(wav).max() > 0:
        wav = wav[:0]
    model = synthesizer.tts_model
    kept = {}
    generate = model.gpt.generate

    def generated(**options: Any) -> torch.Tensor:
        kept["token ids"], kept["codes"] = options["text_inputs"], generate(**options)
        return kept["codes"]

    model.gpt.generate = generated
    voice = model.speaker_manager.speakers[VOICE].values()
    spoken = model.inference(TEXT, LANGUAGE, *voice, do_sample=False, repetition_penalty=10.0)
    config = model.config
    prompt, speaker = model.get_conditioning_latents(
        audio_path=[str(like)],
        max_ref_length=config.max_ref_len,
        gpt_cond_len=config.gpt_cond_len,
        gpt_cond_chunk_len=config.gpt_cond_chunk_len,
    )
    return {
        **{name: tensor.numpy() for name, tensor in kept.items()},
        "latents": spoken["gpt_latents"],
        "waveform": spoken["wav"],
        "prompt": prompt.numpy(),
        "speaker": speaker.numpy(),
        "seconds": np.asarray(len(wav) / synthesizer.output_sample_rate),
    }


def coqui_write(source: Path, release: Path, folder: Path, pickled: bool) -> None:
    """Write the network of a folder as coqui-tts's trainer saves it, and beside it what people copy there by hand."""
    import torch
    import TTS.tts.models.xtts as xtts
    from trainer.io import save_best_model
    from TTS.config import load_config
    from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig
    from TTS.tts.layers.xtts.dvae import DiscreteVAE
    from TTS.tts.layers.xtts.trainer.gpt_trainer import GPTArgs, GPTTrainer, GPTTrainerConfig

    folder.mkdir(parents=True)
    torch.manual_seed(5)
    torch.save(DiscreteVAE(**DVAE).state_dict(), folder / "dvae.pth")
    for name in ("vocab.json", "config.json", "speakers_xtts.pth"):
        shutil.copy(source / name, folder)
    shutil.copy(release / "mel_stats.pth", folder)
    own = load_config(str(folder / "config.json"))
    config = GPTTrainerConfig(
        model_args=GPTArgs(
            **SMALL["model_args"],
            tokenizer_file=str(folder / "vocab.json"),
            mel_norm_file=str(folder / "mel_stats.pth"),
            dvae_checkpoint=str(folder / "dvae.pth"),
            xtts_checkpoint=str(source / "model.pth"),
            gpt_num_audio_tokens=CODES + 2,
            gpt_start_audio_token=CODES,
            gpt_stop_audio_token=CODES + 1,
            gpt_use_perceiver_resampler=True,
        ),
        audio=XttsAudioConfig(sample_rate=RATE, dvae_sample_rate=RATE, output_sample_rate=24000),
        languages=SMALL["languages"],
        optimizer="AdamW",
        optimizer_wd_only_on_weights=True,
        optimizer_params={"betas": [0.9, 0.96], "eps": 1e-8, "weight_decay": 1e-2},
    )
    model = GPTTrainer(config)
    optimizer = model.get_optimizer()
    state = {"current_step": 20, "epoch": 2, "optimizer": [optimizer], "scheduler": None, "scaler": None}
    save_best_model(5.0, 9.0, config, model, folder, **state)
    if not pickled:
        return
    file = folder / "best_model.pth"
    state = torch.load(file, weights_only=True)
    state["config"] = own
    modules = {kind: kind.__module__ for kind in (XttsArgs, XttsAudioConfig)}
    for kind in modules:
        kind.__module__ = xtts.__name__  # where releases have these
    try:
        torch.save(state, file)
    finally:
        for kind, module in modules.items():
            kind.__module__ = module
