"""The machine against what a run needs of it: can this torch drive this device, is there room and memory?"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from finetune_tts.check.finding import Finding, Severity, fine
from finetune_tts.check.trial import Trial
from finetune_tts.checkpoints.writing import readable
from finetune_tts.files import expanded
from finetune_tts.machine.device import why_no_cuda
from finetune_tts.machine.memory import available_memory
from finetune_tts.training.console import duration

LONG_RUN = 48 * 3600.0
"""Seconds that few people want to wait for a voice."""


@dataclass(frozen=True)
class Machine:
    """What a run is going to compute on.

    Attributes:
        device: as torch names it.
        name: of the GPU; empty on a CPU.
        torch: its version.
        precision: of the forward pass.
        memory: bytes that the run may use; None where it cannot be told.
        disk: bytes that are free where the run writes.
    """

    device: str
    name: str
    torch: str
    precision: str
    memory: int | None
    disk: int

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return dict(vars(self))


def describe_machine(device: torch.device, precision: torch.dtype, output_path: str | Path) -> Machine:
    """Look at the device and at the disk."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    precision_name = str(precision).removeprefix("torch.")
    disk = free_space(output_path)
    return Machine(str(device), name, torch.__version__, precision_name, available_memory(device), disk)


def free_space(folder: str | Path) -> int:
    """Free bytes on the disk that a folder lies on, or will lie on."""
    existing = expanded(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free


def check_device(device: torch.device) -> Finding:
    """Say whether torch can drive the device, and whether there is a better one that it cannot."""
    if device.type == "cuda":
        return _check_amd_gpu(device) if torch.version.hip else _check_nvidia_gpu(device)
    make = "" if device.type != "cpu" or torch.cuda.is_available() else _make_of_gpu()
    if make:
        return Finding(
            "device",
            Severity.ADVISES,
            f"there is an {make} GPU, but it cannot be used: {why_no_cuda()}",
            "Install a build of torch that fits the driver (https://pytorch.org/get-started).",
            count=1,
        )
    return fine("device", f"torch {torch.__version__} on {device}")


def _check_nvidia_gpu(device: torch.device) -> Finding:
    major, minor = torch.cuda.get_device_capability(device)
    built_for = torch.cuda.get_arch_list()
    name = f"{torch.cuda.get_device_name(device)} (sm_{major}{minor})"
    # A GPU runs what was built for an older one of the same generation, and compiles what comes as PTX.
    if built_for and not any(_fits(architecture, major, minor) for architecture in built_for):
        return Finding(
            "device",
            Severity.STOPS,
            f"{name}: this build of torch {torch.__version__} is for {' '.join(built_for)}",
            "Install a build of torch for this GPU (https://pytorch.org/get-started), or use --device cpu.",
            count=1,
        )
    return fine("device", f"torch {torch.__version__} drives the {name}")


def _check_amd_gpu(device: torch.device) -> Finding:
    """AMD's architectures are names, and have no order: what is not listed may work, and the tried steps tell."""
    built_for = torch.cuda.get_arch_list()
    # gfx90a:sramecc+:xnack- is the architecture with the modes that this GPU is in.
    architecture = str(getattr(torch.cuda.get_device_properties(device), "gcnArchName", "")).partition(":")[0]
    name = torch.cuda.get_device_name(device) + (f" ({architecture})" if architecture else "")
    if architecture and built_for and architecture not in built_for:
        return Finding(
            "device",
            Severity.ADVISES,
            f"{name}: this build of torch {torch.__version__} is for {' '.join(built_for)}",
            "Where steps fail, install a build of torch for this GPU (https://pytorch.org/get-started), or use "
            "--device cpu.",
            count=1,
        )
    return fine("device", f"torch {torch.__version__} drives the {name}")


def check_trial(trial: Trial, device: torch.device) -> list[Finding]:
    """Say what the tried steps mean: do they work, and does the longest batch fit?"""
    if trial.fault:
        return [
            Finding(
                "steps",
                Severity.STOPS,
                f"a training step fails on {device}: {trial.fault}",
                "TTS_TRACEBACK=1 shows where, when the run is started. --device cpu avoids what a GPU cannot do.",
                count=1,
            )
        ]
    return [_memory(trial, device), _losses(trial), _time(trial)]


def _memory(trial: Trial, device: torch.device) -> Finding:
    of = f"of clips up to {trial.longest_seconds:.1f} s"
    if not trial.batch_size:
        return Finding(
            "memory",
            Severity.STOPS,
            f"not even one clip fits into the memory of {device} ({of})",
            f"Leave long clips out: --coqpit.max_audio_len (in samples), or use a smaller model.{_less(trial)}",
            count=1,
        )
    if trial.batch_size < trial.asked_batch_size and trial.auto_batch:
        return fine("memory", f"{trial.batch_size} of {trial.asked_batch_size} {of} fit; --auto_batch splits the batch")
    if trial.batch_size < trial.asked_batch_size:
        return Finding(
            "memory",
            Severity.STOPS,
            f"a batch of {trial.asked_batch_size} {of} does not fit into the memory of {device}; "
            f"{trial.batch_size} of them do",
            f"--coqpit.batch_size {trial.batch_size} "
            f"--grad_accum_steps {-(-trial.asked_batch_size // trial.batch_size)} trains the same, more slowly; "
            f"--auto_batch finds both."
            f"{_less(trial)}",
            count=1,
        )
    peak = f", {readable(trial.peak_bytes)} at most" if trial.peak_bytes is not None else ""
    return fine("memory", f"the longest batch ({trial.batch_size} {of}) fits{peak} (tried)")


def _less(trial: Trial) -> str:
    """The way to train that takes least, where it takes less than this one."""
    used = next((plan for plan in trial.plans if plan.used), None)
    least = min(trial.plans, key=lambda plan: plan.memory.peak, default=None)
    if used is None or least is None or least.memory.peak >= used.memory.peak:
        return ""
    taken = f"{readable(least.memory.peak)} instead of {readable(used.memory.peak)}"
    return f" Or train less at once ({least.title}: {taken}): {least.flags}"


def _losses(trial: Trial) -> Finding:
    if not trial.non_finite:
        return fine("steps", f"a step takes {trial.step_seconds:.2g} s (tried)")
    every = trial.non_finite >= max(trial.measured_steps, 1)
    return Finding(
        "steps",
        Severity.STOPS if every else Severity.ADVISES,
        f"no finite loss or gradient in {trial.non_finite} of the first steps",
        "Train in float32 (--coqpit.mixed_precision false), lower --coqpit.lr, or take another checkpoint.",
        count=trial.non_finite,
    )


def _time(trial: Trial) -> Finding:
    if trial.run_seconds < LONG_RUN:
        return fine("time", f"the run takes {run_time(trial)}")
    return Finding(
        "time",
        Severity.ADVISES,
        f"the run takes {run_time(trial)}",
        "Use a GPU (--device), or fewer steps: --max_steps, --time_limit or --coqpit.epochs.",
        count=1,
    )


def check_disk(trial: Trial, disk: int, output_path: str | Path) -> Finding:
    """Say whether the weights and the features of a run fit on the disk."""
    needed = trial.checkpoint_bytes + trial.feature_bytes
    parts = f"{readable(trial.checkpoint_bytes)} of checkpoints, {readable(trial.feature_bytes)} of features"
    if needed > disk:
        return Finding(
            "disk",
            Severity.STOPS,
            f"the run writes {readable(needed)} ({parts}), {readable(disk)} are free in {output_path}",
            "Make room, keep fewer checkpoints (--coqpit.save_n_checkpoints), or choose another --output_path.",
            count=1,
        )
    return fine("disk", f"{readable(needed)} to write ({parts}), {readable(disk)} free")


def run_time(trial: Trial) -> str:
    """How long the run is going to take, as the user says it."""
    if not trial.measured_steps:
        return "unknown"
    bound = "at most " if trial.measured_steps == 1 else "about "
    return f"{bound}{duration(trial.run_seconds)} for {trial.steps:,} steps ({trial.epochs} epochs)"


def _fits(architecture: str, major: int, minor: int) -> bool:
    kind, _, number = architecture.partition("_")
    digits = number.rstrip("abcdefghijklmnopqrstuvwxyz")
    if not digits.isdigit():
        return False
    built_major, built_minor = divmod(int(digits), 10)
    if kind == "compute":
        return (built_major, built_minor) <= (major, minor)
    return built_major == major and built_minor <= minor


def _make_of_gpu() -> str:
    """Who made the GPU that a driver is installed for; empty where there is none."""
    if sys.platform != "linux":
        return "NVIDIA" if shutil.which("nvidia-smi") is not None else ""
    if Path("/proc/driver/nvidia/version").exists():
        return "NVIDIA"
    return "AMD" if Path("/dev/kfd").exists() else ""
