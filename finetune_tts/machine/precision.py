"""Which number format the forward pass computes in."""

from collections.abc import Container
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Precision:
    """How the forward pass computes on one device."""

    device_type: str
    dtype: torch.dtype
    """``torch.float32``, or the lower precision of autocast."""
    reason: str

    @property
    def scales_loss(self) -> bool:
        """Whether the loss has to be scaled: float16 alone, whose small gradients would vanish."""
        return self.dtype == torch.float16

    def autocast(self) -> AbstractContextManager[Any]:
        """The context that forward passes run in."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device_type, dtype=self.dtype)


def choose_precision(config: Any, device: torch.device, chosen: Container[str] = ()) -> Precision:
    """Choose from ``config.mixed_precision`` and ``config.precision``.

    bfloat16 where the device computes fast in it. float16 only if the user asks for it by name: released configs
    name it too, as a default, and it is what most losses that turn into NaN come from.

    Args:
        config: with ``mixed_precision`` and ``precision``.
        device: of the network.
        chosen: names of the config fields that the user set.
    """
    if not config.mixed_precision:
        return Precision(device.type, torch.float32, "mixed_precision is off")
    if device.type == "cuda" and config.precision == "fp16" and "precision" in chosen:
        return Precision(device.type, torch.float16, "precision fp16 was asked for")
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        fast = _cpu_is_fast_in_bf16()
    else:
        fast = False
    if fast:
        return Precision(device.type, torch.bfloat16, "mixed_precision is on")
    return Precision(device.type, torch.float32, f"this {device.type} is not fast in bf16")


def allow_fast_matrix_products(config: Any, chosen: Container[str] = ()) -> None:
    """Let float32 products and convolutions run in TensorFloat-32, and set cuDNN up as ``config`` says.

    Ten bits of mantissa are enough for training; ``allow_tf32`` set to false by the user turns it off.
    """
    allowed = config.allow_tf32 or "allow_tf32" not in chosen
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    # cuDNN has a switch of its own, which torch leaves on.
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cudnn.enabled = config.cudnn_enable
    torch.backends.cudnn.benchmark = config.cudnn_benchmark
    torch.backends.cudnn.deterministic = config.cudnn_deterministic


def _cpu_is_fast_in_bf16() -> bool:
    # Matrix units alone: with AVX-512's instructions for bf16 torch takes nearly twice as long as in float32.
    return bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())
