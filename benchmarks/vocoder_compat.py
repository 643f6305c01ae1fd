"""Do vocoder checkpoints of ours load in the real coqui-tts and sound the same there, and the other way round?

    python benchmarks/vocoder_compat.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python

A network of every vocoder gets random weights on one side, is written as that side's training writes it, generator and
discriminator, and is loaded on the other. Both sides then make a waveform of one mel spectrogram, with the noise of the
same seed. The table shows the norm of the difference relative to the norm, ‖a − b‖ / ‖b‖. The exit status is 1 if a
number is above 1e-4 or anything fails. coqui-tts runs in its own process; it is never imported here.
"""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from result import Column, Result, add_save_argument, finish

TOLERANCE = 1e-4
FRAMES = 12
CASES: dict[str, dict[str, Any]] = {
    "hifigan": {
        "generator_model_params": {
            "upsample_factors": [8, 8, 2, 2],
            "upsample_kernel_sizes": [16, 16, 4, 4],
            "upsample_initial_channel": 64,
            "resblock_kernel_sizes": [3, 7],
            "resblock_dilation_sizes": [[1, 3], [1, 3]],
            "resblock_type": "2",
        }
    },
    "melgan": {"generator_model_params": {"upsample_factors": [8, 8, 2, 2], "num_res_blocks": 2}},
    "fullband_melgan": {"generator_model_params": {"upsample_factors": [8, 8, 4], "num_res_blocks": 3}},
    "multiband_melgan": {"generator_model_params": {"upsample_factors": [8, 4, 2], "num_res_blocks": 2}},
    "parallel_wavegan": {
        "generator_model_params": {"upsample_factors": [4, 4, 4, 4], "stacks": 2, "num_res_blocks": 8}
    },
    "univnet": {},
    "wavegrad": {"test_noise_schedule": {"min_val": 1e-6, "max_val": 0.01, "num_steps": 3}},
    "wavernn": {"model_args": {"rnn_dims": 64, "fc_dims": 64, "mode": "mold"}, "batched": False},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coqui_python", required=True, help="Python of an environment that has coqui-tts")
    add_save_argument(parser)
    parser.add_argument("--coqui_side", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.coqui_side:
        coqui_side(arguments.coqui_side)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, changes in CASES.items():
            write_ours(root / "ours" / name, {"model": name, **changes})
        command = [arguments.coqui_python, __file__, "--coqui_python", "-", "--coqui_side", str(root)]
        # The other environment must not see this one's packages.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        subprocess.run(command, check=True, env=environment)
        return compare(root, arguments.save)


def mel_spectrogram() -> torch.Tensor:
    """The input, ``[1, 80, 12]``."""
    return torch.from_numpy(np.random.default_rng(5).normal(size=(1, 80, FRAMES)).astype(np.float32))


def randomise(network: torch.nn.Module) -> None:
    """Give every weight a value that matters; what follows from settings stays."""
    torch.manual_seed(11)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if "pqmf" in name or name.endswith("window") or not tensor.is_floating_point():
                continue
            if name.endswith(("running_var", "weight_g", "original0")):
                tensor.copy_(0.5 + torch.rand_like(tensor))
            elif tensor.dim() < 2:
                tensor.copy_(0.1 * torch.randn_like(tensor) + float(name.endswith("weight")))
            else:
                tensor.copy_(torch.randn_like(tensor) / tensor[0].numel() ** 0.5)


# ---- this project's side


def write_ours(folder: Path, values: dict[str, Any]) -> None:
    """Make a vocoder with random weights and write it as a run of ours does."""
    from finetune_tts.checkpoints.writing import released_payload, write_checkpoint
    from finetune_tts.config.making import save_config
    from finetune_tts.config.vocoder import GANVocoderConfig
    from finetune_tts.families.building import build_discriminator, build_generator
    from finetune_tts.families.loading import vocoder_config_from_dict

    folder.mkdir(parents=True)
    config = vocoder_config_from_dict(values)
    generator = build_generator(config)
    randomise(generator)
    state = generator.state_dict()
    if isinstance(config, GANVocoderConfig):
        discriminator = build_discriminator(config)
        state = torch.nn.ModuleDict({"model_g": generator, "model_d": discriminator}).state_dict()
    write_checkpoint(folder / "model.pth", released_payload(model=state, config=config.to_dict(), step=10, epoch=1))
    save_config(config, folder / "config.json")


def our_waveform(folder: Path) -> np.ndarray:
    """Load a folder of either side and generate."""
    from finetune_tts.checkpoints.reading import read_checkpoint
    from finetune_tts.checkpoints.vocoders import restore_vocoder, vocoder_weights
    from finetune_tts.config.vocoder import GANVocoderConfig
    from finetune_tts.families.building import build_discriminator, build_generator
    from finetune_tts.families.loading import load_vocoder_config

    config = load_vocoder_config(folder / "config.json")
    weights = vocoder_weights(read_checkpoint(folder / "model.pth"))
    generator = build_generator(config).eval()
    restore_vocoder(generator, weights.generator, source=folder.name).raise_for_gap()
    if isinstance(config, GANVocoderConfig):
        assert weights.discriminator is not None
        restore_vocoder(build_discriminator(config), weights.discriminator, source=folder.name).raise_for_gap()
    generator.prepare_for_inference()
    torch.manual_seed(0)
    return generator.inference(mel_spectrogram()).numpy()


def compare(root: Path, save: str | None) -> int:
    """Finish with the table; return the exit status."""
    faults, rows = 0, []
    for name in CASES:
        differences = []
        for side in ("ours", "theirs"):
            theirs = np.load(root / f"{side} {name}.npy").reshape(-1)
            found = our_waveform(root / side / name).reshape(-1)
            same = found.size == theirs.size
            differences.append(np.linalg.norm(found - theirs) / np.linalg.norm(theirs) if same else float("inf"))
        faults += sum(not difference <= TOLERANCE for difference in differences)
        rows.append([name, *map(float, differences)])
    columns = [Column("vocoder"), Column("written by finetune-tts", ".1e"), Column("written by coqui-tts", ".1e")]
    about = (
        "Relative difference from coqui-tts of a waveform of one random mel spectrogram, with noise of the same seed, "
        "by a small network of each vocoder, written by one side and loaded by both."
    )
    finish(Result("Vocoders in both programs", about, columns, rows), save)
    print(f"\n{faults} faults")
    return 1 if faults else 0


# ---- coqui-tts's side: runs under --coqui_python


def coqui_side(root: Path) -> None:
    """Load all folders of ours and generate; write the same cases as coqui-tts's trainer does."""
    import importlib.metadata

    from TTS.config import load_config
    from TTS.vocoder.models import setup_model

    print(f"coqui-tts {importlib.metadata.version('coqui-tts')}, torch {torch.__version__}")
    for name in CASES:
        source, copy = root / "ours" / name, root / "theirs" / name
        config = load_config(str(source / "config.json"))
        model = setup_model(config)
        model.load_checkpoint(config, str(source / "model.pth"), eval=True)
        np.save(root / f"ours {name}.npy", coqui_waveform(model, name))
        copy.mkdir(parents=True)
        model = setup_model(config)
        randomise(model)
        if name == "wavegrad":  # coqui-tts works its schedule out only where it loads a checkpoint
            schedule = config.test_noise_schedule
            model.compute_noise_level(np.linspace(*(schedule[key] for key in ("min_val", "max_val", "num_steps"))))
        torch.save({"model": model.state_dict(), "config": config.to_dict(), "step": 10}, copy / "model.pth")
        (copy / "config.json").write_text(json.dumps(config.to_dict()))
        np.save(root / f"theirs {name}.npy", coqui_waveform(model.eval(), name))


def coqui_waveform(model: Any, name: str) -> np.ndarray:
    """Generate; UnivNet draws its noise twice in coqui-tts's inference, so its forward pass is asked."""
    torch.manual_seed(0)
    with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):  # WaveRNN's progress
        output = model.model_g(mel_spectrogram()) if name == "univnet" else model.inference(mel_spectrogram())
    return np.asarray(output)


if __name__ == "__main__":
    sys.exit(main())
