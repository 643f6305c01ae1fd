"""The stochastic duration predictor of VITS (Kim et al. 2021, section 2.2.2): how long a symbol lasts, as a
distribution.

People do not speak in one rhythm, so durations are drawn. A flow turns noise into log-durations. Durations are whole
numbers, and a flow needs a continuous density in more than one dimension: in training a second flow, the posterior,
adds a fraction to each duration (dequantization) and a second number to stand beside it (augmentation).

Everything here is small and takes logarithms of small numbers: it is computed in float32.

Dimensions: B batch, C channels, T_text symbols, G speaker vector width, K bins of a spline.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.vits.splines import rational_quadratic_spline
from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.normalization import FlatChannelNorm

SPLINE_BINS = 10
SPLINE_BOUND = 5.0
_LOG_2_PI = math.log(2 * math.pi)


class SeparableConvs(nn.Module):
    """Residual blocks of a dilated depthwise and a pointwise convolution; the dilation grows as kernel_size^layer."""

    def __init__(self, channels: int, kernel_size: int, *, num_layers: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.convs_sep = nn.ModuleList()
        self.convs_1x1 = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(num_layers))
        self.norms_1 = nn.ModuleList(FlatChannelNorm(channels) for _ in range(num_layers))
        self.norms_2 = nn.ModuleList(FlatChannelNorm(channels) for _ in range(num_layers))
        for layer in range(num_layers):
            dilation = kernel_size**layer
            padding = (kernel_size - 1) * dilation // 2
            self.convs_sep.append(
                nn.Conv1d(channels, channels, kernel_size, groups=channels, dilation=dilation, padding=padding)
            )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x [B, C, T_text]`` under ``mask [B, 1, T_text]``."""
        layers = zip(self.convs_sep, self.norms_1, self.convs_1x1, self.norms_2, strict=True)
        for depthwise, norm_1, pointwise, norm_2 in layers:
            hidden = F.gelu(norm_1(depthwise(x * mask)))
            hidden = F.gelu(norm_2(pointwise(hidden)))
            x = x + dropout(hidden, self.dropout, self.training)
        return x * mask


class ElementwiseAffine(nn.Module):
    """The flow that scales and shifts each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.translation = nn.Parameter(torch.zeros(channels, 1))
        self.log_scale = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """``x [B, C, T_text]`` to the scaled one and its log-determinant ``[B]``."""
        y = (x * torch.exp(self.log_scale) + self.translation) * mask
        return y, (self.log_scale * mask).sum(dim=(1, 2))

    def reverse(self, y: Tensor, mask: Tensor, condition: Tensor) -> Tensor:
        """Undo :meth:`forward`."""
        return (y - self.translation) * torch.exp(-self.log_scale) * mask


class SplineCoupling(nn.Module):
    """The flow that bends the second of two channels by splines that the first one chooses."""

    def __init__(self, hidden_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(hidden_channels)
        self.pre = nn.Conv1d(1, hidden_channels, 1)
        self.convs = SeparableConvs(hidden_channels, kernel_size)
        self.proj = nn.Conv1d(hidden_channels, 3 * SPLINE_BINS - 1, 1)
        nn.init.zeros_(self.proj.weight)
        assert self.proj.bias is not None
        nn.init.zeros_(self.proj.bias)

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """``x [B, 2, T_text]`` to the bent one and its log-determinant ``[B]``."""
        y, log_slope = self._bend(x, mask, condition, inverse=False)
        return y, (log_slope * mask).sum(dim=(1, 2))

    def reverse(self, y: Tensor, mask: Tensor, condition: Tensor) -> Tensor:
        """Undo :meth:`forward`."""
        return self._bend(y, mask, condition, inverse=True)[0]

    def _bend(self, x: Tensor, mask: Tensor, condition: Tensor, *, inverse: bool) -> tuple[Tensor, Tensor]:
        kept, bent = x.chunk(2, dim=1)  # two times [B, 1, T_text]
        hidden = self.convs(self.pre(kept) + condition, mask)
        shape = (self.proj(hidden) * mask).transpose(1, 2).unsqueeze(1)  # [B, 1, T_text, 3K - 1]
        widths, heights, slopes = shape.split([SPLINE_BINS, SPLINE_BINS, SPLINE_BINS - 1], dim=-1)
        bent, log_slope = rational_quadratic_spline(
            bent, widths * self.scale, heights * self.scale, slopes, bound=SPLINE_BOUND, inverse=inverse
        )
        return torch.cat([kept, bent], dim=1) * mask, log_slope


def _flows(hidden_channels: int, kernel_size: int, num_flows: int) -> nn.ModuleList:
    couplings = (SplineCoupling(hidden_channels, kernel_size) for _ in range(num_flows))
    return nn.ModuleList([ElementwiseAffine(2), *couplings])


def _run(flows: nn.ModuleList, x: Tensor, mask: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
    """Run ``x [B, 2, T_text]`` through flows, its channels swapped after each coupling; sum the log-determinants."""
    total = torch.zeros(x.shape[0], device=x.device)
    for index, flow in enumerate(flows):
        x, log_determinant = flow(x, mask, condition)
        total = total + log_determinant
        if index > 0:
            x = x.flip(1)
    return x, total


class StochasticDurationPredictor(nn.Module):
    """The predictor.

    Args:
        in_channels: ``C`` of the encoded text.
        hidden_channels: inside.
        kernel_size: of all convolutions but the pointwise ones.
        dropout: in the convolutions that read the text.
        num_flows: couplings of each of the two flows.
        condition_channels: ``G``; 0 for no speaker vector.
        language_channels: width of the language vector; 0 for none.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        hidden_channels: int = 192,
        kernel_size: int = 3,
        dropout: float = 0.5,
        num_flows: int = 4,
        condition_channels: int = 0,
        language_channels: int = 0,
    ) -> None:
        super().__init__()
        self.pre = nn.Conv1d(in_channels, hidden_channels, 1)
        self.convs = SeparableConvs(hidden_channels, kernel_size, dropout=dropout)
        self.proj = nn.Conv1d(hidden_channels, hidden_channels, 1)
        self.flows = _flows(hidden_channels, kernel_size, num_flows)
        self.post_pre = nn.Conv1d(1, hidden_channels, 1)
        self.post_convs = SeparableConvs(hidden_channels, kernel_size, dropout=dropout)
        self.post_proj = nn.Conv1d(hidden_channels, hidden_channels, 1)
        self.post_flows = _flows(hidden_channels, kernel_size, num_flows)
        if condition_channels > 0:
            self.cond = nn.Conv1d(condition_channels, hidden_channels, 1)
        if language_channels > 0:
            self.cond_lang = nn.Conv1d(language_channels, hidden_channels, 1)

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        durations: Tensor,
        condition: Tensor | None = None,
        language: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Bound the negative log-likelihood of durations from above (equation 7 of the paper).

        Args:
            x: ``[B, C, T_text]`` encoded text.
            mask: ``[B, 1, T_text]``.
            durations: ``[B, 1, T_text]`` frames.
            condition: ``[B, G, 1]`` speaker vectors.
            language: ``[B, width, 1]`` language vectors.
            noise: ``[B, 2, T_text]`` from a standard normal; drawn where None.

        Returns:
            ``[B]``, summed over the symbols.
        """
        text = self._read(x, mask, condition, language)
        noise = (torch.randn(x.shape[0], 2, x.shape[2], device=x.device) if noise is None else noise) * mask
        # The posterior sees the durations, and says which fraction and which second number go with them.
        seen = self.post_proj(self.post_convs(self.post_pre(durations), mask)) * mask
        posterior, posterior_determinant = _run(self.post_flows, noise, mask, text + seen)
        fraction_logit, second = posterior.chunk(2, dim=1)  # two times [B, 1, T_text]
        fraction_slope = (F.logsigmoid(fraction_logit) + F.logsigmoid(-fraction_logit)) * mask
        posterior_determinant = posterior_determinant + fraction_slope.sum(dim=(1, 2))
        posterior_likelihood = _normal_log_likelihood(noise, mask) - posterior_determinant

        fractional = (durations - torch.sigmoid(fraction_logit) * mask) * mask
        log_durations = torch.log(fractional.clamp(min=1e-5)) * mask
        z, determinant = _run(self.flows, torch.cat([log_durations, second], dim=1), mask, text)
        likelihood = _normal_log_likelihood(z, mask) + determinant - log_durations.sum(dim=(1, 2))
        return posterior_likelihood - likelihood

    def predict(
        self,
        x: Tensor,
        mask: Tensor,
        condition: Tensor | None = None,
        language: Tensor | None = None,
        *,
        noise_scale: float | Tensor = 1.0,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Draw log-durations ``[B, 1, T_text]``.

        Args:
            x, mask, condition, language: as in :meth:`forward`.
            noise_scale: standard deviation of the noise; 0 is the middle of the distribution.
            noise: ``[B, 2, T_text]`` from a standard normal; drawn where None.
        """
        text = self._read(x, mask, condition, language)
        z = torch.randn_like(x[:, :2]) if noise is None else noise
        z = z * noise_scale
        # The first coupling bends the number beside the duration, which nobody hears.
        flows = cast(list[ElementwiseAffine | SplineCoupling], list(self.flows))
        for flow in (*reversed(flows[2:]), flows[0]):
            z = flow.reverse(z.flip(1), mask, text)
        return z[:, :1]

    def _read(self, x: Tensor, mask: Tensor, condition: Tensor | None, language: Tensor | None) -> Tensor:
        x = self.pre(x)
        if condition is not None and hasattr(self, "cond"):
            x = x + self.cond(condition)
        if language is not None:
            x = x + self.cond_lang(language)
        return self.proj(self.convs(x, mask)) * mask


def _normal_log_likelihood(x: Tensor, mask: Tensor) -> Tensor:
    """Log-density of ``x [B, 2, T_text]`` under a standard normal, summed: ``[B]``."""
    return (-0.5 * (_LOG_2_PI + x.square()) * mask).sum(dim=(1, 2))
