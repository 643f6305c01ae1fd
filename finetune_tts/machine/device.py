"""Which device a run uses."""

import logging
import os

import torch

from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)


def choose_device(name: str = "auto", *, local_rank: int | None = None) -> torch.device:
    """Turn what the user asks for into a device, and make it the current one.

    ``CUDA_VISIBLE_DEVICES`` is honoured, as torch counts only the GPUs that it names. With several GPUs and no
    launcher the first is used, and said.

    Args:
        name: ``auto`` (a GPU if there is one, else the CPU), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        local_rank: this process's number on its machine under a launcher, which is the GPU that it gets.

    Raises:
        UserError: no such device here, or a name that is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda", "mps"):
        raise UserError(f"--device {name}: not a device. Use auto, cpu, cuda, cuda:N or mps.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("--device mps: this machine, or this build of torch, has no Metal. Use --device cpu.")
    if device.type == "cuda":
        device = _choose_gpu(device, local_rank)
        torch.cuda.set_device(device)
    return device


def device_name(device: torch.device) -> str:
    """What the user calls a device: ``cpu``, ``cuda:0 (NVIDIA H100)``."""
    gpu = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
    return f"{device}{gpu}"


def _choose_gpu(device: torch.device, local_rank: int | None) -> torch.device:
    if not torch.cuda.is_available():
        raise UserError(f"--device {device}: no GPU can be used here ({why_no_cuda()}). Use --device cpu.")
    count = torch.cuda.device_count()
    if local_rank is not None:
        if local_rank >= count:
            raise UserError(
                f"Process {local_rank} of this machine finds {count} GPU(s). Start at most {count}: "
                f"torchrun --nproc_per_node {count}, or use --device cpu."
            )
        return torch.device("cuda", local_rank)
    if device.index is None:
        if count > 1:
            logger.info(
                "%d GPUs are visible; the first (%s) is used. CUDA_VISIBLE_DEVICES or --device cuda:N chooses another, "
                "torchrun --nproc_per_node %d uses all.",
                count,
                torch.cuda.get_device_name(0),
                count,
            )
        return torch.device("cuda", 0)
    if device.index >= count:
        raise UserError(f"--device {device}: there are {count} GPU(s) here, numbered from cuda:0 to cuda:{count - 1}.")
    return device


def why_no_cuda() -> str:
    """Why torch finds no GPU here."""
    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is built without CUDA and ROCm"
    hiding = ("CUDA_VISIBLE_DEVICES", *(("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES") if torch.version.hip else ()))
    for variable in hiding:
        if os.environ.get(variable) in ("", "-1"):
            return f"{variable} hides all of them"
    platform = f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
    return f"torch {torch.__version__} for {platform} finds no GPU or no driver that fits"
