"""How much memory a device has left, how much was used, when it was too little, and a bound that keeps the system from
ending the process."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

from finetune_tts.errors import UserError

_CONTROL_GROUP = Path("/sys/fs/cgroup")
_SPARE = 2**28
"""Bytes left to the rest of the system."""

# Only torch's own allocator has an error class for it. The libraries that allocate by themselves say it in words:
# cuBLAS, cuDNN, cuFFT, cuSOLVER and their AMD twins by a status (cublasCreate by one that names no memory: the room
# for its handle is all that it asks for), NCCL and the driver by "out of memory", Metal likewise.
_WORDS = re.compile(
    r"out of memory|can't allocate memory|not enough memory|cannot allocate memory|bad_alloc"
    r"|alloc(ation)?_?failed|status_memory_error|status_no_memory|failed to (cuda|hip) ?(m|c)alloc"
    r"|(cublas|hipblas)_status_not_initialized when calling `(cublas|hipblas)create",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, of the CPU or of a GPU, whichever library met it."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError | OSError) and _WORDS.search(str(error)) is not None


@contextmanager
def memory_explained(when: str, device: torch.device, field: str, size: int, seconds: float) -> Iterator[None]:
    """Turn memory that does not suffice for a batch into an error that says what to lower.

    Args:
        when: the batch was computed.
        device: that it was computed on.
        field: of the config that says how many clips, or frames, make a batch.
        size: that it says.
        seconds: of the longest clip; 0 where it is not known.

    Raises:
        UserError: the memory does not suffice.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        of = f" of up to {seconds:.1f} s" if seconds else ""
        more = " (and raise --grad_accum_steps, or leave both to --auto_batch)" if field != "eval_batch_size" else ""
        unit = "frames" if field == "batch_frames" else "clips"
        raise UserError(
            f"{when}: the memory of {device} does not hold a batch of {size} {unit}{of}. Lower --coqpit.{field}{more}, "
            "or --coqpit.max_audio_len (samples). Checkpoints so far are whole."
        ) from error


def available_memory(device: torch.device) -> int | None:
    """Bytes that a run may use on ``device``; None where it cannot be told."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # What torch holds without using it is there for the run too.
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    if device.type != "cpu":
        return None
    available = int(psutil.virtual_memory().available)
    bound = _of_the_control_group()
    return max(0, (available if bound is None else min(available, bound)) - _SPARE)


def peak_memory(device: torch.device) -> int | None:
    """Most bytes in use so far: on the CPU by the whole process; None where it cannot be told."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    if device.type != "cpu":
        return None
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


@contextmanager
def bounded_memory(device: torch.device) -> Iterator[None]:
    """Let an allocation beyond what the machine has fail, where Linux would end the process without a word.

    Does nothing for other devices, and on other systems.
    """
    available = available_memory(device) if device.type == "cpu" else None
    if available is None or sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = int(psutil.Process().memory_info().vms) + available
    if before[0] != resource.RLIM_INFINITY:
        limit = min(limit, before[0])
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _of_the_control_group() -> int | None:
    """What a container or a batch system leaves; None where there is no bound."""
    try:
        most, used = (_read(_CONTROL_GROUP / name).strip() for name in ("memory.max", "memory.current"))
        statistics = dict(line.split() for line in _read(_CONTROL_GROUP / "memory.stat").splitlines())
    except (OSError, ValueError):
        return None
    if not (most.isdigit() and used.isdigit()):
        return None
    # Files that were read are kept in memory as long as nobody needs it.
    return max(0, int(most) - int(used) + int(statistics.get("inactive_file", "0")))


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii")
