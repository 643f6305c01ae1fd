"""What goes into and comes out of the passes of VITS. Dimensions as in ``network.py``."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """Random numbers of a training pass; what is None is drawn."""

    posterior: Tensor | None = None
    """``[B, H, T_spec]`` from a standard normal: where in the posterior the latent lies."""
    slice_starts: Tensor | None = None
    """``[B]`` first frame of the slice that is decoded, in encoder frames."""
    durations: Tensor | None = None
    """``[B, 2, T_text]`` from a standard normal, for the stochastic duration predictor."""


@dataclass(frozen=True)
class VITSOutput:
    """What a training pass gives, and what the losses need."""

    waveforms: Tensor
    """``[B, 1, T_wav]`` of the slices."""
    slice_starts: Tensor
    """``[B]`` in encoder frames."""
    mask: Tensor
    """``[B, 1, T_spec]``"""
    alignment: Tensor
    """``[B, T_text, T_spec]`` zeros and ones."""
    z_prior: Tensor
    """``[B, H, T_spec]`` the latent on the prior's side of the flow."""
    mean: Tensor
    """``[B, H, T_spec]`` of the prior, by alignment."""
    log_scale: Tensor
    """``[B, H, T_spec]`` of the prior, by alignment."""
    posterior_mean: Tensor
    """``[B, H, T_spec]``"""
    posterior_log_scale: Tensor
    """``[B, H, T_spec]``"""
    duration_loss: Tensor
    """``[B]``; their sum is the mean over all symbols of the batch."""


@dataclass(frozen=True)
class VITSSpeech:
    """What inference gives."""

    waveforms: Tensor
    """``[B, 1, T_wav]``"""
    lengths: Tensor
    """``[B]`` encoder frames."""
    alignment: Tensor
    """``[B, T_text, T_spec]`` zeros and ones."""
    durations: Tensor
    """``[B, T_text]`` frames."""
    z: Tensor
    """``[B, H, T_spec]`` what was decoded."""
    z_prior: Tensor
    """``[B, H, T_spec]`` what was drawn from the prior."""
    mean: Tensor
    """``[B, H, T_spec]`` of the prior."""
    log_scale: Tensor
    """``[B, H, T_spec]`` of the prior."""
    mask: Tensor
    """``[B, 1, T_spec]``"""
    frames_asked_for: Tensor
    """``[B]`` sums of the durations before they were bounded."""


@dataclass(frozen=True)
class VITSConversion:
    """A recording in another voice."""

    waveforms: Tensor
    """``[B, 1, T_wav]``"""
    lengths: Tensor
    """``[B]`` encoder frames."""
