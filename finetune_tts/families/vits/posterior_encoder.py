"""The posterior encoder of VITS: a recording's linear spectrogram → one Gaussian a frame (Kim et al. 2021).

Dimensions: B batch, F bins of the linear spectrogram, H channels of the latent, T_spec frames, G speaker vector width.
"""

from torch import Tensor, nn

from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.wavenet import WaveNet


class PosteriorEncoder(nn.Module):
    """A WaveNet stack between two projections.

    Args:
        in_channels: ``F``.
        hidden_channels: ``H``.
        kernel_size, dilation_rate, num_layers: of the WaveNet stack.
        condition_channels: ``G``; 0 for one speaker.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        hidden_channels: int,
        kernel_size: int,
        dilation_rate: int,
        num_layers: int,
        condition_channels: int = 0,
    ) -> None:
        super().__init__()
        self.pre = nn.Conv1d(in_channels, hidden_channels, 1)
        self.enc = WaveNet(
            hidden_channels,
            kernel_size,
            dilation_rate=dilation_rate,
            num_layers=num_layers,
            condition_channels=condition_channels,
        )
        self.proj = nn.Conv1d(hidden_channels, 2 * hidden_channels, 1)

    def forward(self, spectrogram: Tensor, mask: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mean and log-scale, both ``[B, H, T_spec]`` and float32.

        Args:
            spectrogram: ``[B, F, T_spec]`` linear.
            mask: ``[B, 1, T_spec]``.
            condition: ``[B, G, 1]``.
        """
        x = self.pre(spectrogram) * mask
        x = self.enc(x, mask, condition)
        mean, log_scale = (in_float32(self.proj, x) * mask).chunk(2, dim=1)
        return mean, log_scale
