"""A generator with the discriminator that trains it, under the names that released checkpoints give them.

Dimensions: B batch, M mel bands, T frames, N sub-bands, T_wav samples.
"""

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Generated:
    """What a generator made of a spectrogram.

    Attributes:
        waveform: ``[B, 1, T_wav]``.
        bands: ``[B, N, T_wav / N]`` of a generator that makes sub-bands; None for the others.
    """

    waveform: Tensor
    bands: Tensor | None = None


class GANVocoder(nn.Module):
    """Both networks.

    Args:
        generator: spectrogram ``[B, M, T]`` → waveform ``[B, 1, T_wav]``, or sub-bands with ``pqmf_synthesis``.
        discriminator: waveform → :class:`~finetune_tts.layers.judgement.Judgement`.
    """

    def __init__(self, *, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.model_g = generator
        self.model_d = discriminator

    def forward(self, mel: Tensor) -> Generated:
        """Generate from ``mel [B, M, T]``."""
        made = self.model_g(mel)
        if made.shape[1] == 1:
            return Generated(made)
        return Generated(self.model_g.pqmf_synthesis(made), made)  # type: ignore[operator]  # of a multi-band one

    def bands(self, waveform: Tensor) -> Tensor:
        """Split ``waveform [B, 1, T_wav]`` into the sub-bands that the generator makes."""
        bands: Tensor = self.model_g.pqmf_analysis(waveform)  # type: ignore[operator]  # of a multi-band one
        return bands


def generator_of(network: nn.Module) -> nn.Module:
    """The part of a vocoder that generates: all of it, where no discriminator is beside it."""
    return network.model_g if isinstance(network, GANVocoder) else network
