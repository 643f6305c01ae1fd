"""Do neural HMMs of ours load in the real coqui-tts and say the same there, and the other way round?

    python benchmarks/hmm_compat.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python

A model of each variant gets random weights on one side, is written as that side's training writes it, and is loaded on
the other. Both sides then compute the likelihood of a batch and synthesise a sentence without noise. The table shows
the norm of the difference relative to the norm, ‖a − b‖ / ‖b‖. The exit status is 1 if a number is above 1e-4 or
anything fails. coqui-tts runs in its own process; it is never imported here.
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
SYMBOLS, FRAMES = 67, 60  # the symbols are those of the default alphabet
STATISTICS = {"mean": -0.5, "std": 1.7}
#: Whatever is random is left out.
CALM = {"num_chars": SYMBOLS, "sampling_temp": 0.0, "prenet_dropout_at_inference": False, "max_sampling_time": 300}
CASES: dict[str, dict[str, Any]] = {
    "neural HMM": {"model": "neuralhmm_tts"},
    "neural HMM, normalized prenet": {"model": "neuralhmm_tts", "prenet_type": "bn", "state_per_phone": 1},
    "neural HMM, two output layers": {"model": "neuralhmm_tts", "outputnet_size": [256, 128], "state_per_phone": 3},
    "OverFlow": {"model": "overflow"},
    "OverFlow, bounded scales": {"model": "overflow", "sigmoid_scale": True, "num_flow_blocks_dec": 4},
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
            write_ours(root / "ours", {**CALM, **values})
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
        "The largest relative difference from coqui-tts of the likelihood of a batch, its alignments, the loss, and "
        "speech without noise with its durations, by a model of each variant, written by one side and loaded by both."
    )
    finish(Result("Neural HMMs in both programs", about, columns, rows), arguments.save)
    print(f"\n{faults} faults")
    return 1 if faults else 0


def batch() -> dict[str, torch.Tensor]:
    """Three texts with their spectrograms."""
    random = np.random.default_rng(3)
    return {
        "text": torch.from_numpy(random.integers(1, SYMBOLS, (3, 13))),
        "text_lengths": torch.tensor([13, 10, 8]),
        "mel": torch.from_numpy(random.normal(size=(3, FRAMES, 80)).astype(np.float32)),
        "mel_lengths": torch.tensor([FRAMES, 48, 44]),
    }


def randomise(network: torch.nn.Module) -> None:
    """Give every weight a value that matters."""
    torch.manual_seed(11)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name in STATISTICS:
                tensor.fill_(STATISTICS[name])
            elif name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand_like(tensor))
            elif name.endswith("weight_g"):
                tensor.mul_(0.5 + torch.rand_like(tensor))
            elif tensor.dim() == 2 and len(tensor) == tensor.shape[1] <= 8:
                tensor.add_(0.1 * torch.randn_like(tensor))
            elif tensor.dim() < 2 and tensor.is_floating_point():
                tensor.copy_(0.1 * torch.randn_like(tensor) + float(name.endswith("weight")))
            elif tensor.is_floating_point() and not name.endswith(("logs", ".bias", "go_tokens")):
                smaller = 0.1 if ".end." in name else 1.0
                tensor.copy_(smaller * torch.randn_like(tensor) / tensor[0].numel() ** 0.5)


# ---- this project's side


def write_ours(folder: Path, values: dict[str, Any]) -> None:
    """Make a network with random weights and write it as a run of ours does, at step 10."""
    from finetune_tts.checkpoints.writing import released_payload, write_checkpoint
    from finetune_tts.config.making import save_config
    from finetune_tts.families.building import build_model
    from finetune_tts.families.loading import config_from_dict

    folder.mkdir(parents=True)
    config = config_from_dict(values, quiet=True)
    network = build_model(config, SYMBOLS)
    randomise(network)
    payload = released_payload(model=network.state_dict(), config=config.to_dict(), step=10, epoch=1)
    write_checkpoint(folder / "model.pth", payload)
    save_config(config, folder / "config.json")


def our_numbers(folder: Path) -> dict[str, np.ndarray]:
    """Load a folder of either side and work out what is compared."""
    from finetune_tts.checkpoints.networks import restore_network
    from finetune_tts.checkpoints.reading import read_checkpoint
    from finetune_tts.families.building import build_model, fit_to_weights
    from finetune_tts.families.loading import load_config
    from finetune_tts.families.neural_hmm.loss import negative_log_likelihood
    from finetune_tts.families.neural_hmm.network import Sampling

    config: Any = load_config(folder / "config.json", quiet=True)
    checkpoint = read_checkpoint(folder / "model.pth")
    weights = fit_to_weights(config, checkpoint)
    network: Any = build_model(config, SYMBOLS).eval()
    restore_network(network, weights.weights, source=folder.name).raise_for_gap()
    given = batch()
    sampling = Sampling(temperature=0.0, quantile=config.duration_threshold, most_frames=config.max_sampling_time)
    with torch.no_grad():
        output = network(given["text"], given["text_lengths"], given["mel"], given["mel_lengths"])
        loss = negative_log_likelihood(output.log_likelihood, given["text_lengths"], given["mel_lengths"])
        speech = network.inference(given["text"][:1], sampling)
    named = {
        "likelihood": output.log_likelihood,
        "alignment": output.log_alphas[0],
        "loss": loss,
        "speech": speech.mel,
        "states": torch.tensor(speech.states),
    }
    return {name: tensor.numpy() for name, tensor in named.items()}


def largest_difference(root: Path, side: str) -> float:
    """Of all numbers of a folder; infinite where sizes differ."""
    ours, found = our_numbers(root / side), 0.0
    with np.load(root / f"{side}.npz") as theirs:
        for name, values in ours.items():
            if values.shape != theirs[name].shape:
                return float("inf")
            finite = np.isfinite(theirs[name])
            difference = np.linalg.norm(values[finite] - theirs[name][finite])
            found = max(found, float(difference / np.linalg.norm(theirs[name][finite])))
    return found


# ---- coqui-tts's side: runs under --coqui_python


def coqui_side(root: Path) -> None:
    """Load ours and work out the numbers; write the same case as coqui-tts's trainer does."""
    from TTS.config import load_config

    config = load_config(str(root / "ours" / "config.json"))
    model = coqui_model(config)
    model.load_checkpoint(config, str(root / "ours" / "model.pth"), eval=True)
    np.savez(root / "ours.npz", **coqui_numbers(model))
    model = coqui_model(config)
    randomise(model)
    (root / "theirs").mkdir()
    state = {"model": model.state_dict(), "config": config.to_dict(), "step": 10}
    torch.save(state, root / "theirs" / "model.pth")
    (root / "theirs" / "config.json").write_text(json.dumps(config.to_dict()))
    np.savez(root / "theirs.npz", **coqui_numbers(model.eval()))


def coqui_model(config: Any) -> Any:
    """A network as its training has it: it begins with whole numbers as statistics, which would cut off fractions."""
    from TTS.tts.models import setup_model

    model = setup_model(config)
    model.update_mean_std(STATISTICS)
    return model


def coqui_numbers(model: Any) -> dict[str, np.ndarray]:
    """What coqui-tts computes."""
    given = batch()
    prepared = {
        "text_input": given["text"],
        "text_lengths": given["text_lengths"],
        "mel_input": given["mel"],
        "mel_lengths": given["mel_lengths"],
    }
    with torch.no_grad():
        output, losses = model.train_step(prepared, model.get_criterion())
        speech = model.inference(given["text"][:1])
    frames = speech["model_outputs"].shape[1]
    return {
        "likelihood": output["log_probs"].numpy(),
        "alignment": output["alignments"][0].numpy(),
        "loss": losses["loss"].numpy(),
        "speech": speech["model_outputs"].numpy(),
        "states": np.asarray([int(place) for _, place in speech["input_parameters"][0]][:frames]),
    }


if __name__ == "__main__":
    sys.exit(main())
