"""Do feed-forward models of ours load in the real coqui-tts and say the same there, and the other way round?

    python benchmarks/feed_forward_compat.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python
    python benchmarks/feed_forward_compat.py --coqui_python ... --run_folder runs/my-voice

Small networks of each architecture and of each kind of encoder and decoder get random weights on one side, are written
as that side's training writes them, and are loaded on the other. Both sides work out token ids of a sentence, its
speech, and a teacher-forced pass with all losses. The table shows the norm of the difference relative to the norm,
‖a − b‖ / ‖b‖; coqui-tts also has to speak the sentence with its `Synthesizer` (Griffin-Lim). The exit status is 1 if a
number is above 1e-4 or anything fails. coqui-tts runs in its own process; it is never imported here.
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

TEXT = "Be a voice, not an echo."
TOLERANCE = 1e-4
FRAMES = 120
NUMBERS = ("token ids", "speech", "durations", "teacher-forced", "alignment", "loss")
AUDIO = {"sample_rate": 16000, "griffin_lim_iters": 10, "do_trim_silence": False}
TRANSFORMER = {"hidden_channels_ffn": 48, "num_heads": 2, "num_layers": 2, "dropout_p": 0.1}
CONVOLUTIONS = {"kernel_size": 4, "dilations": [1, 2], "num_conv_blocks": 2, "num_res_blocks": 2}
RELATIVE = {**TRANSFORMER, "kernel_size": 3, "rel_attn_window_size": 4}
WAVENET = {"num_blocks": 2, "hidden_channels": 24, "kernel_size": 5, "dilation_rate": 1, "num_layers": 2}
SMALL = {
    "hidden_channels": 32,
    "duration_predictor_hidden_channels": 24,
    "pitch_predictor_hidden_channels": 24,
    "energy_predictor_hidden_channels": 24,
    "encoder_params": TRANSFORMER,
    "decoder_params": TRANSFORMER,
}
CASES: dict[str, dict[str, Any]] = {
    "fast_pitch": {},
    "fast_pitch, speakers": {"use_speaker_embedding": True, "speakers_file": "speakers.json"},
    "fast_pitch, relative transformers": {
        "model_args": {
            "encoder_type": "relative_position_transformer",
            "encoder_params": RELATIVE,
            "decoder_type": "relative_position_transformer",
            "decoder_params": RELATIVE,
        },
    },
    "fast_pitch, WaveNet": {"model_args": {"decoder_type": "wavenet", "decoder_params": WAVENET}},
    "fastspeech2": {},
    "fast_speech": {},
    "speedy_speech": {"model_args": {"encoder_params": CONVOLUTIONS, "decoder_params": CONVOLUTIONS}},
}
SPEAKERS = {"ana": 0, "rui": 1, "zoe": 2}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coqui_python", required=True, help="Python of an environment that has coqui-tts")
    parser.add_argument("--run_folder", type=Path, help="load and speak with this run of ours as well")
    add_save_argument(parser)
    parser.add_argument("--coqui_side", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.coqui_side:
        coqui_side(arguments.coqui_side)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, changes in CASES.items():
            model = name.partition(",")[0]
            values = {"model": model, "audio": AUDIO, "text_cleaner": "english_cleaners", **changes}
            write_ours(root / "ours" / name, {**values, "model_args": {**SMALL, **changes.get("model_args", {})}})
        if arguments.run_folder:
            (root / "ours" / "a run").symlink_to(arguments.run_folder.resolve())
        (root / "results").mkdir()
        command = [arguments.coqui_python, __file__, "--coqui_python", "-", "--coqui_side", str(root)]
        # The other environment must not see this one's packages.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        return compare(root, arguments.save)


def recording(n_mels: int, tokens: int) -> dict[str, torch.Tensor]:
    """A spectrogram with pitch and energy, and a text's length."""
    random = np.random.default_rng(5)
    return {
        "mel": torch.from_numpy(random.normal(size=(1, FRAMES, n_mels)).astype(np.float32)),
        "pitch": torch.from_numpy(random.normal(size=(1, 1, FRAMES)).astype(np.float32)),
        "energy": torch.from_numpy(random.normal(size=(1, 1, FRAMES)).astype(np.float32)),
        "text_lengths": torch.tensor([tokens]),
        "mel_lengths": torch.tensor([FRAMES]),
    }


def randomise(network: torch.nn.Module) -> None:
    """Give every weight a value that matters."""
    torch.manual_seed(11)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith(".pe") or not tensor.is_floating_point():
                continue
            if name.endswith(("running_var", "weight_g", "original0")):
                tensor.copy_(0.5 + torch.rand_like(tensor))
            elif tensor.dim() < 2:
                tensor.copy_(0.1 * torch.randn_like(tensor) + float(name.endswith(("weight", "gamma"))))
            else:
                tensor.copy_(torch.randn_like(tensor) / tensor[0].numel() ** 0.5)


# ---- this project's side


def write_ours(folder: Path, values: dict[str, Any]) -> None:
    """Make a network with random weights and write it as a run of ours does."""
    from finetune_tts.checkpoints.writing import released_payload, write_checkpoint
    from finetune_tts.config.making import save_config
    from finetune_tts.data.tokenizing import build_tokenizer
    from finetune_tts.families.building import build_model
    from finetune_tts.families.loading import config_from_dict

    folder.mkdir(parents=True)
    config: Any = config_from_dict(values, quiet=True)
    config.pitch_mean, config.pitch_std = 180.0, 40.0  # as a run measures them
    config.model_args.num_chars = symbols = len(build_tokenizer(config).vocabulary.symbols)
    (folder / "speakers.json").write_text(json.dumps(SPEAKERS))
    network = build_model(config, symbols, len(SPEAKERS))
    randomise(network)
    payload = released_payload(model=network.state_dict(), config=config.to_dict(), step=10, epoch=1)
    write_checkpoint(folder / "best_model.pth", payload)
    save_config(config, folder / "config.json")


def our_numbers(folder: Path) -> dict[str, np.ndarray]:
    """Load a folder of either side and work out what is compared."""
    from finetune_tts.checkpoints.networks import restore_network
    from finetune_tts.checkpoints.reading import read_checkpoint
    from finetune_tts.data.batch import Batch
    from finetune_tts.data.tokenizing import build_tokenizer
    from finetune_tts.families.building import build_model, make_task
    from finetune_tts.families.loading import load_config

    config: Any = load_config(folder / "config.json", quiet=True)
    checkpoint, tokenizer = read_checkpoint(folder), build_tokenizer(config)
    speakers = checkpoint.model.get("emb_g.weight")
    network: Any = build_model(config, len(tokenizer.vocabulary.symbols), 0 if speakers is None else len(speakers))
    restore_network(network, checkpoint.model, source=folder.name).raise_for_gap()
    task = make_task(network.eval(), config).eval()
    ids = torch.tensor([tokenizer.encode(TEXT).ids])
    given = recording(config.audio.num_mels, ids.shape[1])
    speaker = None if speakers is None else torch.tensor([1])
    batch = Batch(
        ids, given["text_lengths"], given["mel"], given["mel_lengths"], ["clip"], [TEXT],
        token_counts=(ids.shape[1],), mel_counts=(FRAMES,), speaker_ids=speaker,
        pitch=given["pitch"] if network.has_pitch else None, energy=given["energy"] if network.has_energy else None,
    )  # fmt: skip
    with torch.no_grad():
        output = task.run_network(batch)
        losses = task.losses(output, batch)
    speech = network.inference(ids, given["text_lengths"], speaker_ids=speaker)
    values = (ids, speech.mels, speech.log_durations, output.mels, output.alignment, losses["loss"])
    return {name: value.numpy().astype(np.float64) for name, value in zip(NUMBERS, values, strict=True)}


def compare(root: Path, save: str | None) -> int:
    """Finish with the table; return the exit status."""
    faults = 0
    rows: list[list[str | float]] = []
    for side, writer in (("ours", "finetune-tts"), ("theirs", "coqui-tts")):
        for folder in sorted((root / side).iterdir()):
            ours, theirs = our_numbers(folder), np.load(root / "results" / f"{side} {folder.name}.npz")
            differences = [relative_difference(ours[name], theirs[name]) for name in NUMBERS]
            seconds = float(theirs["spoken seconds"])
            faults += sum(not difference <= TOLERANCE for difference in differences) + (not seconds > 0)
            rows.append([writer, folder.name, *differences, seconds])
    about = (
        "Relative difference from coqui-tts of token ids of a sentence, its speech, and a teacher-forced pass with all "
        "losses, by small networks with random weights, written by one side and loaded by both; and how many seconds "
        "coqui-tts's `Synthesizer` made of the sentence with Griffin-Lim."
    )
    table = [Column("written by"), Column("network"), *(Column(name, ".1e") for name in NUMBERS)]
    table.append(Column("spoken", ".1f", "s"))
    finish(Result("Feed-forward models in both programs", about, table, rows), save)
    print(f"\n{faults} faults")
    return 1 if faults else 0


def relative_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The norm of the difference over the norm of ``theirs``; infinite where the sizes differ."""
    if ours.size != theirs.size:
        return float("inf")
    return float(np.linalg.norm(ours.reshape(-1) - theirs.reshape(-1)) / np.linalg.norm(theirs))


# ---- coqui-tts's side: runs under --coqui_python


def coqui_side(root: Path) -> None:
    """Load and speak with all folders of ours, and write the same cases as coqui-tts's trainer does."""
    for folder in sorted((root / "ours").iterdir()):
        np.savez(root / "results" / f"ours {folder.name}.npz", **coqui_numbers(folder))
    for folder in sorted((root / "ours").iterdir()):
        if folder.name in CASES:
            copy = root / "theirs" / folder.name
            coqui_write(folder, copy)
            np.savez(root / "results" / f"theirs {folder.name}.npz", **coqui_numbers(copy, "best_model_20.pth"))


def coqui_numbers(folder: Path, file: str = "best_model.pth") -> dict[str, np.ndarray]:
    """What coqui-tts makes of a folder: by its Synthesizer, and by the network in it."""
    from TTS.utils.synthesizer import Synthesizer

    os.chdir(folder)  # a config names its speakers file relative to itself
    synthesizer = Synthesizer(tts_checkpoint=file, tts_config_path="config.json")
    model = synthesizer.tts_model
    speaker = torch.tensor([1]) if model.config.use_speaker_embedding else None
    wav = np.asarray(synthesizer.tts(TEXT, speaker_name="rui" if speaker is not None else None))
    if not np.isfinite(wav).all() or not np.abs(wav).max() > 0:
        wav = wav[:0]
    ids = torch.tensor([model.tokenizer.text_to_ids(TEXT)])
    given = recording(model.config.audio.num_mels, ids.shape[1])
    prepared = {
        "text_input": ids,
        "text_lengths": given["text_lengths"],
        "mel_input": given["mel"],
        "mel_lengths": given["mel_lengths"],
        "pitch": given["pitch"],
        "energy": given["energy"],
        "durations": None,
        "d_vectors": None,
        "speaker_ids": speaker,
    }
    model.binary_loss_weight = 1.0
    with torch.no_grad():
        output, losses = model.train_step(prepared, model.get_criterion())
    speech = model.inference(ids, {"d_vectors": None, "speaker_ids": speaker})
    values = (
        ids, speech["model_outputs"], speech["durations_log"], output["model_outputs"], output["alignments"],
        losses["loss"],
    )  # fmt: skip
    numbers = {name: value.numpy() for name, value in zip(NUMBERS, values, strict=True)}
    return {**numbers, "spoken seconds": np.asarray(len(wav) / synthesizer.output_sample_rate)}


def coqui_write(source: Path, folder: Path) -> None:
    """Write coqui-tts's own network, with its optimizer, by the functions that its trainer calls."""
    from trainer.io import copy_model_files, save_best_model
    from TTS.config import load_config
    from TTS.tts.models import setup_model

    os.chdir(source)
    folder.mkdir(parents=True)
    (folder / "speakers.json").write_text(json.dumps(SPEAKERS))
    config = load_config("config.json")
    model = setup_model(config)
    randomise(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    state = {"current_step": 20, "epoch": 2, "optimizer": [optimizer], "scheduler": None, "scaler": None}
    save_best_model(5.0, 9.0, config, model, folder, **state)
    copy_model_files(config, folder, {})


if __name__ == "__main__":
    sys.exit(main())
