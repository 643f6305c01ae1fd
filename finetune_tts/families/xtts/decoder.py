"""From the language model's vectors to a waveform, and from a recording to the vector of who speaks in it.

The vectors, some 21 a second, are interpolated to the frame rate of a HiFi-GAN, which hears who is to speak in every
stage. Who speaks comes from a ResNet speaker encoder, trained on far more voices than any text-to-speech model.

Dimensions: B batch, N vectors, C width, T frames, D size of a speaker vector, T_wav samples.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.waveform_generator import WaveformGenerator

ENCODER_RATE = 16000
"""Samples a second that the speaker encoder hears."""


class Decoder(nn.Module):
    """HiFi-GAN and speaker encoder.

    Args:
        width: C.
        speaker_width: D.
        input_rate: samples a second of the recordings that codes are made of.
        output_rate: samples a second of the waveforms.
        code_samples: samples of a recording that a code stands for.
        hop_length: samples that the HiFi-GAN makes of a frame.
        speaker_encoder: waveforms ``[B, T_wav]`` at 16,000 Hz to vectors ``[B, D]`` of unit length.
        channels: of the HiFi-GAN before its first stage.
    """

    def __init__(
        self,
        *,
        width: int,
        speaker_width: int = 512,
        input_rate: int = 22050,
        output_rate: int = 24000,
        code_samples: int = 1024,
        hop_length: int = 256,
        speaker_encoder: nn.Module,
        channels: int = 512,
    ) -> None:
        super().__init__()
        self.width = width
        self.frames_per_code = code_samples / hop_length
        self.rate_factor = output_rate / input_rate
        self.waveform_decoder = WaveformGenerator(
            in_channels=width,
            resblock_type="1",
            resblock_kernel_sizes=(3, 7, 11),
            resblock_dilation_sizes=((1, 3, 5),) * 3,
            upsample_factors=(8, 8, 2, 2),
            upsample_kernel_sizes=(16, 16, 4, 4),
            upsample_initial_channel=channels,
            inference_padding=0,
            cond_channels=speaker_width,
            cond_in_each_stage=True,
            conv_pre_weight_norm=False,
            conv_post_weight_norm=False,
            conv_post_bias=False,
        )
        self.speaker_encoder = speaker_encoder

    def forward(self, latents: Tensor, speaker: Tensor) -> Tensor:
        """Make waveforms.

        Args:
            latents: ``[B, N, C]``.
            speaker: ``[B, D, 1]``.

        Returns:
            ``[B, 1, T_wav]`` at the output's rate.
        """
        return self.waveform_decoder(self.frames_of(latents), speaker)

    def frames_of(self, latents: Tensor) -> Tensor:
        """Vectors ``[B, N, C]`` at the frame rate of the HiFi-GAN, ``[B, C, T]``."""
        frames = F.interpolate(latents.transpose(1, 2), scale_factor=self.frames_per_code, mode="linear")
        if self.rate_factor != 1:
            frames = F.interpolate(frames, scale_factor=self.rate_factor, mode="linear")
        return frames

    @torch.no_grad()
    def speaker_of(self, waveform: Tensor) -> Tensor:
        """Who speaks: waveforms ``[B, T_wav]`` at 16,000 Hz to vectors ``[B, D, 1]`` of unit length."""
        vectors: Tensor = self.speaker_encoder(waveform)
        return vectors.unsqueeze(2)


class FramesOnTheWay:
    """Makes a waveform of vectors that come bit by bit, as one call of the decoder would make it of all of them.

    A sample depends on the frames around it, as far as the convolutions of the HiFi-GAN reach. It is made when these
    have come, with as many frames of the past.

    Args:
        decoder: in eval mode.
        speaker: ``[1, D, 1]``.
        length_scale: how many times as long the speech is to last.
    """

    MARGIN = 24
    """Frames to each side, more than the HiFi-GAN sees of them (its first stage reaches 13, the others less)."""

    def __init__(self, decoder: Decoder, speaker: Tensor, length_scale: float = 1.0) -> None:
        self._decoder, self._speaker, self._length_scale = decoder, speaker, length_scale
        self._latents = speaker.new_empty(1, 0, decoder.width)
        self._made = 0  # frames that are audible already
        # Frames at the end that are interpolated towards vectors which have not come.
        self._unsettled = math.ceil(length_scale * decoder.frames_per_code * decoder.rate_factor) + 2

    def add(self, latents: Tensor) -> Tensor:
        """Take vectors ``[1, N, C]``; returns the samples ``[T_wav]`` that are settled by them, none perhaps."""
        self._latents = torch.cat((self._latents, latents), dim=1)
        if self._latents.shape[1] * self._length_scale < 1:
            return latents.new_empty(0)
        frames = self._frames()
        return self._waveform(frames, frames.shape[2] - self._unsettled - self.MARGIN)

    def finish(self) -> Tensor:
        """The samples ``[T_wav]`` that are left."""
        if not self._latents.shape[1]:
            return self._latents.new_empty(0)
        frames = self._frames()
        return self._waveform(frames, frames.shape[2])

    def _frames(self) -> Tensor:
        latents = self._latents
        if self._length_scale != 1:
            factor = max(self._length_scale, 1 / latents.shape[1])
            latents = F.interpolate(latents.transpose(1, 2), scale_factor=factor, mode="linear")
            latents = latents.transpose(1, 2)
        return self._decoder.frames_of(latents)

    def _waveform(self, frames: Tensor, end: int) -> Tensor:
        if end <= self._made:
            return frames.new_empty(0)
        first = max(0, self._made - self.MARGIN)
        last = min(frames.shape[2], end + self.MARGIN)
        waveform = self._decoder.waveform_decoder(frames[:, :, first:last], self._speaker)[0, 0]
        hop = len(waveform) // (last - first)
        part: Tensor = waveform[(self._made - first) * hop : (end - first) * hop]
        self._made = end
        return part
