"""Do our checkpoints load in the real coqui-tts and say the same there, and the other way round?

    python benchmarks/coqui_compat.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python
    python benchmarks/coqui_compat.py --coqui_python ... --run_folder runs/my-voice --text "A sentence."

Small Glow-TTS networks of every encoder type, with and without speakers, get random weights on one side, are written
the way that side's training writes them, and are loaded on the other. Both sides then work out token ids of a
sentence, inference without noise, and a teacher-forced pass. The table shows the norm of the difference relative to
the norm, ‖a − b‖ / ‖a‖; coqui-tts also has to speak the sentence with its `Synthesizer` (Griffin-Lim). The exit
status is 1 if a number is above 1e-4 or anything fails. coqui-tts runs in its own process; it is never imported here.
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
from result import Column, Result, add_save_argument, finish

TEXT = "Be a voice, not an echo."
TOLERANCE = 1e-4
SMALL = {
    "model": "glow_tts",
    "num_flow_blocks_dec": 3,
    "num_block_layers": 2,
    "hidden_channels_enc": 32,
    "hidden_channels_dec": 32,
    "hidden_channels_dp": 24,
    "audio": {"sample_rate": 16000, "griffin_lim_iters": 10, "do_trim_silence": False},
    "encoder_params": {"num_layers": 2, "num_heads": 2, "hidden_channels_ffn": 48, "kernel_size": 3, "dropout_p": 0.1},
    "text_cleaner": "english_cleaners",
}
CASES: dict[str, dict[str, Any]] = {
    "one speaker": {},
    "mean and deviation": {"mean_only": False, "sigmoid_scale": True},
    "speaker embedding": {"use_speaker_embedding": True, "speakers_file": "speakers.json"},
    "gated_conv": {
        "encoder_type": "gated_conv",
        "encoder_params": {"kernel_size": 5, "dropout_p": 0.1, "num_layers": 3},
    },
    "residual_conv_bn": {
        "use_encoder_prenet": False,  # coqui-tts itself stops with this encoder and a prenet
        "encoder_type": "residual_conv_bn",
        "encoder_params": {"kernel_size": 4, "dilations": [1, 2], "num_conv_blocks": 2, "num_res_blocks": 2},
    },
}
SPEAKERS = {"ana": 0, "rui": 1, "zoe": 2}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coqui_python", required=True, help="Python of an environment that has coqui-tts")
    parser.add_argument("--run_folder", type=Path, help="load and speak with this run of ours as well")
    parser.add_argument("--text", default=TEXT)
    add_save_argument(parser)
    parser.add_argument("--coqui_side", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.coqui_side:
        coqui_side(arguments.coqui_side, arguments.text)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, changes in CASES.items():
            write_ours(root / "ours" / name, {**SMALL, **changes}, half=False)
        write_ours(root / "ours" / "half precision", SMALL, half=True)
        if arguments.run_folder:
            (root / "ours" / arguments.run_folder.name).symlink_to(arguments.run_folder.resolve())
        (root / "results").mkdir()
        command = [arguments.coqui_python, __file__, "--coqui_python", "-", "--text", arguments.text]
        # The other environment must not see this one's packages.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        subprocess.run([*command, "--coqui_side", str(root)], check=True, env=environment)
        return compare(root, arguments.text, arguments.save)


def random_inputs(n_mels: int) -> np.ndarray:
    """A spectrogram ``[1, 120, n_mels]`` for the teacher-forced pass, long enough for any of the sentences."""
    return np.random.default_rng(5).normal(size=(1, 120, n_mels)).astype(np.float32)


def randomise(network: Any) -> None:
    """Give every weight a value that matters: some layers start at zero, which would hide differences."""
    import torch

    torch.manual_seed(11)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var") or name.endswith("weight_g") or name.endswith("original0"):
                tensor.copy_(0.5 + torch.rand_like(tensor))
            elif tensor.dim() == 2 and tensor.shape[0] == tensor.shape[1] <= 8:
                tensor.copy_(torch.eye(len(tensor)) + 0.1 * torch.randn_like(tensor))
            elif tensor.dim() < 2 and tensor.is_floating_point():
                tensor.copy_(0.1 * torch.randn_like(tensor) + float("weight" in name or "gamma" in name))
            elif tensor.is_floating_point():
                tensor.copy_(torch.randn_like(tensor) / tensor[0].numel() ** 0.5)


# ---- this project's side


def write_ours(folder: Path, values: dict[str, Any], half: bool) -> None:
    """Make a network with random weights and write it as a run of ours does."""
    from finetune_tts.checkpoints.writing import released_payload, write_checkpoint
    from finetune_tts.config.making import save_config
    from finetune_tts.data.tokenizing import build_tokenizer
    from finetune_tts.families.building import build_model
    from finetune_tts.families.loading import config_from_dict

    folder.mkdir(parents=True)
    config = config_from_dict(values)
    (folder / "speakers.json").write_text(json.dumps(SPEAKERS))
    network = build_model(config, len(build_tokenizer(config).vocabulary.symbols), len(SPEAKERS))
    randomise(network)
    payload = released_payload(model=network.state_dict(), config=config.to_dict(), step=10, epoch=1)
    write_checkpoint(folder / "best_model.pth", payload, half=half)
    save_config(config, folder / "config.json")


def our_numbers(folder: Path, text: str) -> dict[str, np.ndarray]:
    """Load a folder of either side and work out what is compared."""
    import torch

    from finetune_tts.checkpoints.networks import restore_network
    from finetune_tts.checkpoints.reading import read_checkpoint
    from finetune_tts.data.tokenizing import build_tokenizer
    from finetune_tts.families.building import build_model
    from finetune_tts.families.loading import load_config

    config = load_config(folder / "config.json")
    checkpoint = read_checkpoint(folder)
    tokenizer = build_tokenizer(config)
    speakers = checkpoint.model.get("emb_g.weight")
    network = build_model(config, len(tokenizer.vocabulary.symbols), 0 if speakers is None else len(speakers)).eval()
    restore_network(network, checkpoint.model, source=folder.name).raise_for_gap()
    ids = torch.tensor([tokenizer.encode(text).ids])
    lengths = torch.tensor([ids.shape[1]])
    mels = torch.from_numpy(random_inputs(config.audio.num_mels))
    speaker = None if speakers is None else torch.tensor([1])
    spoken = network.inference(ids, lengths, speaker_ids=speaker, noise_scale=0.0)
    with torch.no_grad():
        teacher = network(ids, lengths, mels, torch.tensor([mels.shape[1]]), speaker)
    tensors = {
        "token ids": ids,
        "spectrogram": spoken.mel,
        "durations": spoken.log_durations,
        "latent": teacher.z,
        "log-determinant": teacher.log_determinant,
        "alignment": teacher.alignment,
    }
    return {name: tensor.numpy().astype(np.float64) for name, tensor in tensors.items()}


def compare(root: Path, text: str, save: str | None) -> int:
    """Finish with the table; return the exit status."""
    faults = 0
    rows: list[list[str | float]] = []
    columns = ("token ids", "spectrogram", "durations", "latent", "log-determinant", "alignment")
    for side, writer in (("ours", "finetune-tts"), ("theirs", "coqui-tts")):
        for folder in sorted((root / side).iterdir()):
            theirs = np.load(root / "results" / f"{side} {folder.name}.npz")
            ours = our_numbers(folder, text)
            differences = [relative_difference(ours[name], theirs[name]) for name in columns]
            seconds = float(theirs["spoken seconds"])
            faults += sum(not difference <= TOLERANCE for difference in differences) + (not seconds > 0)
            rows.append([writer, folder.name, *differences, seconds])
    about = (
        "Relative difference from coqui-tts of token ids of a sentence, inference without noise, and a teacher-forced "
        "pass, by small networks with random weights, written by one side and loaded by both; and how many seconds "
        "coqui-tts's `Synthesizer` made of the sentence with Griffin-Lim."
    )
    table = [Column("written by"), Column("network"), *(Column(name, ".1e") for name in columns)]
    table.append(Column("spoken", ".1f", "s"))
    finish(Result("Glow-TTS in both programs", about, table, rows), save)
    print(f"\n{faults} faults")
    return 1 if faults else 0


def relative_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The norm of the difference over the norm of ``theirs``; infinite where the sizes differ."""
    if ours.size != theirs.size:
        return float("inf")
    return float(np.linalg.norm(ours.reshape(-1) - theirs.reshape(-1)) / np.linalg.norm(theirs))


# ---- coqui-tts's side: runs under --coqui_python


def coqui_side(root: Path, text: str) -> None:
    """Load and speak with all folders of ours, and write the same cases as coqui-tts's trainer does."""
    import importlib.metadata

    import torch

    print(f"coqui-tts {importlib.metadata.version('coqui-tts')}, torch {torch.__version__}")
    for folder in sorted((root / "ours").iterdir()):
        np.savez(root / "results" / f"ours {folder.name}.npz", **coqui_numbers(folder, text))
    for folder in sorted((root / "ours").iterdir()):
        if folder.name not in CASES:
            continue
        copy = root / "theirs" / folder.name
        coqui_write(folder, copy, config_as_object=False)
        numbers = coqui_numbers(copy, text, "best_model_20.pth")
        np.savez(root / "results" / f"theirs {folder.name}.npz", **numbers)
        if folder.name == "one speaker":
            # coqui-tts 0.28 no longer reads such a file, so its numbers are those of the same weights above.
            coqui_write(folder, root / "theirs" / "old: pickled config", config_as_object=True)
            np.savez(root / "results" / "theirs old: pickled config.npz", **numbers)


def coqui_numbers(folder: Path, text: str, file: str = "best_model.pth") -> dict[str, np.ndarray]:
    """What coqui-tts makes of a folder: by its Synthesizer, and by the network in it."""
    import torch
    from TTS.utils.synthesizer import Synthesizer

    os.chdir(folder)  # a config names its speakers file relative to itself
    synthesizer = Synthesizer(tts_checkpoint=file, tts_config_path="config.json")
    model = synthesizer.tts_model
    model.inference_noise_scale = 0.0
    speaker = torch.tensor([1]) if model.config.use_speaker_embedding else None
    wav = np.asarray(synthesizer.tts(text, speaker_name="rui" if speaker is not None else None))
    if not np.isfinite(wav).all() or not np.abs(wav).max() > 0:
        wav = wav[:0]
    ids = torch.tensor([model.tokenizer.text_to_ids(text)])
    lengths = torch.tensor([ids.shape[1]])
    mels = torch.from_numpy(random_inputs(model.config.audio.num_mels))
    speaking = {"x_lengths": lengths, "d_vectors": None, "speaker_ids": speaker}
    with torch.no_grad():
        spoken = model.inference(ids, speaking)
        teacher = model(ids, lengths, mels, torch.tensor([mels.shape[1]]), speaking)
    return {
        "token ids": ids.numpy(),
        "spectrogram": spoken["model_outputs"].numpy(),
        "durations": spoken["durations_log"].numpy(),
        "latent": teacher["z"].numpy(),
        "log-determinant": teacher["logdet"].numpy(),
        "alignment": teacher["alignments"].numpy(),
        "spoken seconds": np.asarray(len(wav) / synthesizer.output_sample_rate),
    }


def coqui_write(source: Path, folder: Path, config_as_object: bool) -> None:
    """Write coqui-tts's own network, with its optimizer, by the functions that its trainer calls."""
    import torch
    from trainer.io import copy_model_files, save_best_model
    from TTS.config import load_config
    from TTS.tts.models import setup_model

    os.chdir(source)
    folder.mkdir(parents=True)
    (folder / "speakers.json").write_text(json.dumps(SPEAKERS))
    config = load_config("config.json")
    model = setup_model(config)
    randomise(model)
    optimizer = torch.optim.RAdam(model.parameters(), lr=1e-3)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    state = {"current_step": 20, "epoch": 2, "optimizer": [optimizer], "scheduler": None, "scaler": None}
    save_best_model(5.0, 9.0, config, model, folder, **state)
    copy_model_files(config, folder, {})
    if config_as_object:  # as releases before 2022 hold it, with numpy numbers
        state = torch.load(folder / "best_model_20.pth", weights_only=True)
        state.update(config=config, model_loss=np.float32(state["model_loss"]), step=np.int64(20))
        for name in ("best_model.pth", "best_model_20.pth"):
            torch.save(state, folder / name)


if __name__ == "__main__":
    sys.exit(main())
