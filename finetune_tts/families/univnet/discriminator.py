"""UnivNet's discriminators (Jang et al. 2021, https://arxiv.org/abs/2106.07889).

Spectrogram discriminators look at magnitudes at three resolutions, each through strided 2-D convolutions; beside them
stand HiFi-GAN's period discriminators.

Dimensions: B batch, C channels, T samples, F frequencies, T_score length of a score.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.judgement import Judgement
from finetune_tts.layers.spectral_norm import SpectralNormConv2d
from finetune_tts.layers.stft import MagnitudeSTFT
from finetune_tts.layers.waveform_discriminators import MultiPeriodDiscriminator, judged

SLOPE = 0.1
CHANNELS = 32
#: (kernel, stride) of the convolutions before the last one; the second axis is time.
LAYERS = (((3, 9), (1, 1)), ((3, 9), (1, 2)), ((3, 9), (1, 2)), ((3, 9), (1, 2)), ((3, 3), (1, 1)))
#: (FFT size, hop length, window length) of each resolution.
RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))


class SpectrogramDiscriminator(nn.Module):
    """Judges a magnitude spectrogram of one resolution.

    Args:
        fft_size, hop_length, win_length: of the spectrogram, in samples.
    """

    def __init__(self, fft_size: int, hop_length: int, win_length: int) -> None:
        super().__init__()
        self.stft = MagnitudeSTFT(fft_size, hop_length, win_length)
        self.discriminators = nn.ModuleList()
        in_channels = 1
        for kernel_size, stride in LAYERS:
            padding = (kernel_size[0] // 2, kernel_size[1] // 2)
            self.discriminators.append(
                SpectralNormConv2d(in_channels, CHANNELS, kernel_size, stride=stride, padding=padding)
            )
            in_channels = CHANNELS
        self.out = SpectralNormConv2d(CHANNELS, 1, (3, 3), padding=(1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge waveforms.

        Args:
            x: ``[B, 1, T]``.

        Returns:
            The score ``[B, T_score]``, and the output of every layer ``[B, C, F, T']``, the score's too.
        """
        # As the released models were trained: a generator learns nothing from these scores but their value.
        with torch.no_grad():
            spectrogram = self.stft(x.squeeze(1))  # [B, F, T']
        hidden = spectrogram.unsqueeze(1)
        features = []
        for layer in self.discriminators:
            hidden = F.leaky_relu(layer(hidden), SLOPE)
            features.append(hidden)
        hidden = self.out(hidden)
        features.append(hidden)
        return hidden.flatten(1), features


class MultiResolutionDiscriminator(nn.Module):
    """Spectrogram discriminators of all resolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(SpectrogramDiscriminator(*resolution) for resolution in RESOLUTIONS)

    def forward(self, x: Tensor) -> Judgement:
        """Judge ``x [B, 1, T]``."""
        return judged([discriminator(x) for discriminator in self.discriminators])


class UnivnetDiscriminator(nn.Module):
    """All of them: first the periods, then the spectrograms."""

    def __init__(self) -> None:
        super().__init__()
        self.mpd = MultiPeriodDiscriminator()
        self.msd = MultiResolutionDiscriminator()

    def forward(self, x: Tensor) -> Judgement:
        """Judge ``x [B, 1, T]``."""
        periods, spectrograms = self.mpd(x), self.msd(x)
        return Judgement([*periods.scores, *spectrograms.scores], [*periods.features, *spectrograms.features])
