"""Do Tacotrons of ours load in the real coqui-tts and say the same there, and the other way round?

    python benchmarks/tacotron_compat.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python

A Tacotron of each variant gets random weights on one side, is written as that side's training writes it, and is loaded
on the other. Both sides then speak a sentence for a few decoder steps, and make a teacher-forced pass with all losses.
The table shows the norm of the difference relative to the norm, ‖a − b‖ / ‖b‖. The exit status is 1 if a number is
above 1e-4 or anything fails. coqui-tts runs in its own process; it is never imported here.
"""

import argparse
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
STEPS, SYMBOLS, FRAMES = 12, 67, 24  # the symbols are those of the default alphabet
CASES: dict[str, dict[str, Any]] = {
    "tacotron": {"model": "tacotron", "memory_size": 5},
    "tacotron DDC": {"model": "tacotron", "double_decoder_consistency": True},
    "tacotron2": {"model": "tacotron2"},
    "tacotron2 DDC": {"model": "tacotron2", "double_decoder_consistency": True, "ddc_r": 4},
    "tacotron2 DCA": {"model": "tacotron2", "attention_type": "dynamic_convolution"},
    "tacotron2 graves": {"model": "tacotron2", "attention_type": "graves", "attention_heads": 5},
    "tacotron2 forward": {
        "model": "tacotron2",
        "use_forward_attn": True,
        "transition_agent": True,
        "attention_norm": "softmax",
    },
    "tacotron2 bidirectional": {"model": "tacotron2", "bidirectional_decoder": True, "prenet_type": "bn"},
    "tacotron2 GST": {"model": "tacotron2", "use_gst": True, "gst": {"gst_num_style_tokens": 5}},
    "tacotron2 after gradual training": {
        "model": "tacotron2",
        "r": 6,
        "gradual_training": [[0, 6, 32], [5, 3, 32]],
    },
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
    faults, rows = 0, []
    for name, values in CASES.items():  # one at a time: a network takes some 100 MB of disk
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            write_ours(root / "ours", {"num_chars": SYMBOLS, **values})
            command = [arguments.coqui_python, __file__, "--coqui_python", "-", "--coqui_side", str(root)]
            # The other environment must not see this one's packages.
            environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
            differences = [largest_difference(root, side) for side in ("ours", "theirs")]
        faults += sum(not difference <= TOLERANCE for difference in differences)
        rows.append([name, *differences])
        print(name, *(f"{difference:.1e}" for difference in differences), flush=True)
    columns = [Column("variant"), Column("written by finetune-tts", ".1e"), Column("written by coqui-tts", ".1e")]
    about = (
        "The largest relative difference from coqui-tts of a teacher-forced pass, its alignments, all losses together, "
        "and speech of some decoder steps, by a Tacotron of each variant, written by one side and loaded by both."
    )
    finish(Result("Tacotrons in both programs", about, columns, rows), arguments.save)
    print(f"\n{faults} faults")
    return 1 if faults else 0


def batch() -> dict[str, torch.Tensor]:
    """Three texts with their spectrograms."""
    random = np.random.default_rng(3)
    return {
        "text": torch.from_numpy(random.integers(1, SYMBOLS, (3, 13))),
        "text_lengths": torch.tensor([13, 10, 8]),
        "mel": torch.from_numpy(random.normal(size=(3, FRAMES, 80)).astype(np.float32)),
        "mel_lengths": torch.tensor([FRAMES, 19, 15]),
        "linear": torch.from_numpy(random.normal(size=(3, FRAMES, 513)).astype(np.float32)),
    }


def randomise(network: torch.nn.Module) -> None:
    """Give every weight a value that matters."""
    torch.manual_seed(11)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand_like(tensor))
            elif tensor.dim() < 2 and tensor.is_floating_point() and not name.endswith("prior"):
                tensor.copy_(0.1 * torch.randn_like(tensor) + float(name.endswith("weight")))
            elif tensor.is_floating_point() and not name.endswith("prior"):
                tensor.copy_(torch.randn_like(tensor) / tensor[0].numel() ** 0.5)


# ---- this project's side


def write_ours(folder: Path, values: dict[str, Any]) -> None:
    """Make a network with random weights and write it as a run of ours does, at step 10."""
    from finetune_tts.checkpoints.writing import released_payload, write_checkpoint
    from finetune_tts.config.making import save_config
    from finetune_tts.families.building import build_model
    from finetune_tts.families.loading import config_from_dict
    from finetune_tts.families.tacotron.config import TacotronConfig, frames_per_step_at

    folder.mkdir(parents=True)
    config = config_from_dict(values, quiet=True)
    assert isinstance(config, TacotronConfig)
    network = build_model(config, SYMBOLS)
    randomise(network)
    payload = released_payload(
        model=network.state_dict(), config=config.to_dict(), step=10, epoch=1, r=frames_per_step_at(config, 10)
    )
    write_checkpoint(folder / "model.pth", payload)
    save_config(config, folder / "config.json")


def our_numbers(folder: Path) -> dict[str, np.ndarray]:
    """Load a folder of either side and work out what is compared."""
    from finetune_tts.checkpoints.networks import restore_network
    from finetune_tts.checkpoints.reading import read_checkpoint
    from finetune_tts.families.building import build_model, fit_to_weights
    from finetune_tts.families.loading import load_config
    from finetune_tts.families.tacotron.building import loss_options
    from finetune_tts.families.tacotron.loss import tacotron_loss

    config: Any = load_config(folder / "config.json", quiet=True)
    checkpoint = read_checkpoint(folder / "model.pth")
    weights = fit_to_weights(config, checkpoint)
    network: Any = build_model(config, SYMBOLS).eval()
    restore_network(network, weights, source=folder.name).raise_for_gap()
    given = batch()
    with torch.no_grad():
        output = network(given["text"], given["text_lengths"], given["mel"], given["mel_lengths"])
        losses = tacotron_loss(
            output,
            given["text_lengths"],
            given["mel"],
            given["mel_lengths"],
            given["linear"] if config.model == "tacotron" else given["mel"],
            frames_per_step=network.frames_per_step,
            options=loss_options(config),
        )
        speech = network.inference(given["text"][:1], max_steps=STEPS)
    named = {
        "forward": output.outputs,
        "alignments": output.alignments,
        "stops": output.stops,
        "loss": losses.total,
        "speech": speech.outputs,
        "where it read": speech.alignments,
    }
    return {name: tensor.numpy() for name, tensor in named.items()}


def largest_difference(root: Path, side: str) -> float:
    """Of all numbers of a folder; infinite where sizes differ."""
    ours, found = our_numbers(root / side), 0.0
    with np.load(root / f"{side}.npz") as theirs:
        for name, values in ours.items():
            if values.shape != theirs[name].shape:
                return float("inf")
            found = max(found, float(np.linalg.norm(values - theirs[name]) / np.linalg.norm(theirs[name])))
    return found


# ---- coqui-tts's side: runs under --coqui_python


def coqui_side(root: Path) -> None:
    """Load ours and work out the numbers; write the same case as coqui-tts's trainer does."""
    from TTS.config import load_config
    from TTS.tts.models import setup_model

    config = load_config(str(root / "ours" / "config.json"))
    model = setup_model(config)
    model.load_checkpoint(config, str(root / "ours" / "model.pth"), eval=True)
    np.savez(root / "ours.npz", **coqui_numbers(model))
    frames = model.decoder.r
    model = setup_model(config)
    randomise(model)
    model.decoder.set_r(frames)
    (root / "theirs").mkdir()
    # Its trainer lowers r in the config of the checkpoint; the file beside stays as the run began.
    trained = {**config.to_dict(), "r": frames}
    torch.save({"model": model.state_dict(), "config": trained, "step": 10}, root / "theirs" / "model.pth")
    (root / "theirs" / "config.json").write_text(json.dumps(config.to_dict()))
    np.savez(root / "theirs.npz", **coqui_numbers(model.eval()))


def coqui_numbers(model: Any) -> dict[str, np.ndarray]:
    """What coqui-tts computes."""
    given, r = batch(), model.decoder.r
    steps = torch.arange(FRAMES // r)
    prepared = {
        "text_input": given["text"],
        "text_lengths": given["text_lengths"],
        "mel_input": given["mel"],
        "mel_lengths": given["mel_lengths"],
        "linear_input": given["linear"],
        "stop_targets": (steps >= (given["mel_lengths"][:, None] - 1) // r).float(),
        "stop_target_lengths": torch.divide(given["mel_lengths"], r).ceil(),
        "d_vectors": None,
        "speaker_ids": None,
    }
    model.decoder.max_decoder_steps = STEPS
    with torch.no_grad():
        output, losses = model.train_step(prepared, model.get_criterion())
        speech = model.inference(given["text"][:1], {"style_mel": None, "d_vectors": None})
    return {
        "forward": output["model_outputs"].numpy(),
        "alignments": output["alignments"].numpy(),
        "stops": output["stop_tokens"].numpy(),
        "loss": losses["loss"].numpy(),
        "speech": speech["model_outputs"].numpy(),
        "where it read": speech["alignments"].numpy(),
    }


if __name__ == "__main__":
    sys.exit(main())
