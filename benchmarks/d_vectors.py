"""How long do d-vectors take, and are they those of coqui-tts?

    python benchmarks/d_vectors.py
    python benchmarks/d_vectors.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python

Encoders of released sizes get random weights (which change neither time nor agreement) and hear recordings of the
bundled demo. The table shows the CPU time of a recording, and the norm of the difference to coqui-tts relative to
the norm, the largest of all recordings. coqui-tts runs in its own process; it needs torchaudio for encoders that take
waveforms.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from result import Column, Result, add_save_argument, finish

RECORDINGS = Path(__file__).parents[1] / "finetune_tts" / "assets" / "demo" / "recordings" / "wavs"
SPEECH = {"sample_rate": 16000, "win_length": 400, "hop_length": 160, "do_trim_silence": False}
ENCODERS: dict[str, dict[str, Any]] = {
    "resnet": {
        "audio": {**SPEECH, "fft_size": 512, "num_mels": 64, "preemphasis": 0.97, "do_rms_norm": True, "db_level": -27},
        "model_params": {"model_name": "resnet", "input_dim": 64, "proj_dim": 512, "use_torch_spec": True,
                         "log_input": True},
    },
    "lstm": {
        "audio": {**SPEECH, "fft_size": 400, "num_mels": 40, "preemphasis": 0.98},
        "model_params": {"model_name": "lstm", "input_dim": 40, "proj_dim": 256, "lstm_dim": 768,
                         "num_lstm_layers": 3, "use_lstm_with_projection": True},
    },
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=8, help="how many (default: %(default)s)")
    parser.add_argument("--coqui_python", help="Python of an environment that has coqui-tts")
    add_save_argument(parser)
    parser.add_argument("--coqui_side", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.coqui_side:
        coqui_side(arguments.coqui_side)
        return 0
    faults = 0
    with tempfile.TemporaryDirectory() as root:
        clips = write_clips(Path(root), arguments.recordings)
        rows = []
        for name, values in ENCODERS.items():
            folder = Path(root) / name
            ours, seconds, length = our_vectors(folder, values, clips)
            theirs = coqui_vectors(arguments.coqui_python, folder) if arguments.coqui_python else None
            difference = None if theirs is None else largest_difference(ours, theirs)
            faults += difference is not None and difference > 1e-4
            rows.append([f"{name}, {ours.shape[1]} numbers", length, seconds, difference])
    columns = [
        Column("encoder"),
        Column("a recording", ".1f", "s"),
        Column("CPU time", ".2f", "s"),
        Column("difference from coqui-tts", ".0e"),
    ]
    about = f"Encoders of released sizes with random weights, {arguments.recordings} recordings of the demo; the mean."
    finish(Result("How long d-vectors take", about, columns, rows), arguments.save)
    return 1 if faults else 0


def write_clips(root: Path, count: int) -> list[Path]:
    """The first recordings as wav files, which both sides read alike."""
    import soundfile

    paths = []
    for source in sorted(RECORDINGS.glob("*.flac"))[:count]:
        paths.append(root / f"{source.stem}.wav")
        soundfile.write(paths[-1], *soundfile.read(source))
    return paths


def our_vectors(folder: Path, values: dict[str, Any], clips: list[Path]) -> tuple[np.ndarray, float, float]:
    """Write an encoder; give its vectors ``[N, D]``, seconds of CPU time and of sound for each recording."""
    import torch

    from finetune_tts.speaker_encoder.building import build_speaker_encoder
    from finetune_tts.speaker_encoder.config import load_encoder_config
    from finetune_tts.speaker_encoder.encoder import EncoderFiles, load_speaker_encoder

    folder.mkdir()
    needed = {"num_classes_in_batch": 1, "num_utter_per_class": 1, "num_loader_workers": 1}  # by coqui-tts
    files = EncoderFiles(folder / "model_se.pth", folder / "config_se.json")
    files.config.write_text(json.dumps({"model": "speaker_encoder", **needed, **values}))
    torch.manual_seed(1)
    network = build_speaker_encoder(load_encoder_config(files.config))
    torch.save({"model": network.state_dict(), "step": 1}, files.model)
    encoder = load_speaker_encoder(files)
    waveforms = [encoder.load(clip) for clip in clips]
    encoder.vectors(waveforms[:1])
    started = time.process_time()
    vectors = np.concatenate([encoder.vectors([waveform]) for waveform in waveforms])
    spent = time.process_time() - started
    (folder / "clips.json").write_text(json.dumps([str(clip) for clip in clips]))
    return vectors, spent / len(clips), sum(map(len, waveforms)) / encoder.sample_rate / len(clips)


def coqui_vectors(python: str, folder: Path) -> np.ndarray | None:
    """What coqui-tts makes of the same encoder and recordings; None where it cannot load it."""
    # The other environment must not see this one's packages.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    run = subprocess.run([python, __file__, "--coqui_side", str(folder)], env=environment, capture_output=True)
    if run.returncode:
        print(f"{folder.name}: coqui-tts failed: {run.stderr.decode().strip().splitlines()[-1]}", file=sys.stderr)
        return None
    vectors: np.ndarray = np.load(folder / "theirs.npy")
    return vectors


def coqui_side(folder: Path) -> None:
    """Runs under --coqui_python."""
    from TTS.tts.utils.speakers import SpeakerManager

    manager = SpeakerManager(
        encoder_model_path=str(folder / "model_se.pth"), encoder_config_path=str(folder / "config_se.json")
    )
    clips = json.loads((folder / "clips.json").read_text())
    np.save(folder / "theirs.npy", np.stack([manager.compute_embedding_from_clip(clip) for clip in clips]))


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest relative difference of two lists of vectors ``[N, D]``."""
    return float((np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(theirs, axis=1)).max())


if __name__ == "__main__":
    sys.exit(main())
