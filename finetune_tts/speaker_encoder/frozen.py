"""A speaker encoder as a judge of generated speech: its weights stay, gradients pass through it to the waveform.

This is what a speaker-consistency loss needs: generated and recorded speech of one speaker should get the same vector
(Casanova et al. 2022, "YourTTS").
"""

import torch
from torch import Tensor, nn

from finetune_tts.layers.resampling import Resampler
from finetune_tts.speaker_encoder.windows import SpeakerEncoderNetwork


class FrozenSpeakerEncoder(nn.Module):
    """Waveforms at a model's rate to unit speaker vectors, differentiable.

    Args:
        network: with a front end for waveforms; its parameters stop asking for gradients, and it is in eval mode for
            good.
        source_rate: of the waveforms, in Hz.
        encoder_rate: that the network was trained at, in Hz.

    Raises:
        ValueError: the network takes spectrograms.
    """

    def __init__(self, network: SpeakerEncoderNetwork, *, source_rate: int, encoder_rate: int) -> None:
        super().__init__()
        if network.torch_spec is None:
            raise ValueError("this speaker encoder takes spectrograms (use_torch_spec is false), not waveforms.")
        self.shortest = -(-network.torch_spec.shortest * source_rate // encoder_rate)  # samples at the source's rate
        self.resample = Resampler(source_rate=source_rate, target_rate=encoder_rate)
        self.network = network.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> "FrozenSpeakerEncoder":
        """Stay in eval mode, whatever the model around it does."""
        super().train(False)
        for module in self.network.modules():
            # cuDNN passes gradients through recurrent layers in training mode only; without dropout it is the same.
            if isinstance(module, nn.LSTM):
                module.train(True)
        return self

    def forward(self, waveform: Tensor) -> Tensor:
        """Embed waveforms as they are, without windows.

        Args:
            waveform: ``[B, T_wav]`` at the source's rate, at least ``shortest`` samples.

        Returns:
            ``[B, D]`` float32, each of unit length.
        """
        with torch.autocast(waveform.device.type, enabled=False):
            vectors: Tensor = self.network(self.resample(waveform.float()))
        return vectors
