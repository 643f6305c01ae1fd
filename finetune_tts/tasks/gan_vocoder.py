"""A vocoder that is trained against a discriminator, as a task of the trainer."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.audio.mel_filters import mel_filter_bank
from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.data.segments import SegmentBatch
from finetune_tts.layers.adversarial_losses import Resolution, SpectrogramLoss
from finetune_tts.layers.gan import GANVocoder, Generated
from finetune_tts.layers.judgement import Judgement
from finetune_tts.tasks.adversarial import AdversarialTask
from finetune_tts.tasks.resynthesis import Resynthesis
from finetune_tts.tasks.vocoder import VocoderTask
from finetune_tts.tasks.vocoder_losses import build_discriminator_loss, build_generator_loss, needs_mel_filters

MEL_ERROR = "mel_error"


@dataclass(frozen=True)
class Judged:
    """What the discriminator said."""

    generated: Judgement
    recorded: Judgement


class GANVocoderTask(VocoderTask, AdversarialTask):
    """The losses that the config names; the held-out difference of mel spectrograms decides which model is the best.

    That difference (``mel_error``, mean absolute difference of natural logarithms at the vocoder's own settings) is
    the same for all vocoders, whatever they are trained for.
    """

    network: GANVocoder
    best_loss_name = MEL_ERROR

    def __init__(self, network: nn.Module, config: GANVocoderConfig, speak: Resynthesis | None = None) -> None:
        super().__init__(network, config, speak)
        filters = torch.from_numpy(_loss_filters(config)) if needs_mel_filters(config) else None
        self.generator_objective = build_generator_loss(config, filters)
        self.discriminator_objective = build_discriminator_loss(config)
        audio = config.audio
        hop_length, win_length = audio.hop_length or audio.fft_size // 4, audio.win_length or audio.fft_size
        own = mel_filter_bank(
            audio.sample_rate, audio.fft_size, audio.num_mels, audio.mel_fmin, audio.mel_fmax or audio.sample_rate / 2
        )
        self.mel_distance = SpectrogramLoss(Resolution(audio.fft_size, hop_length, win_length), torch.from_numpy(own))
        device = next(network.parameters()).device
        for objective in (self.generator_objective, self.discriminator_objective, self.mel_distance):
            objective.to(device)

    @property
    def discriminator(self) -> nn.Module:
        """The part of the network that judges."""
        return self.network.model_d

    def run_network(self, batch: SegmentBatch) -> Generated:
        """Generate as much as was recorded."""
        made: Generated = self.network(batch.mels)
        samples = batch.waveforms.shape[-1]
        bands = made.bands
        if bands is not None:
            bands = bands[..., : samples // bands.shape[1]]
        return Generated(made.waveform[..., :samples], bands)

    def judge(self, outputs: Generated, batch: SegmentBatch) -> Judged:
        """Let the discriminator look at both."""
        return Judged(self.network.model_d(outputs.waveform), self.network.model_d(batch.waveforms))

    def discriminator_losses(self, judgement: Judged) -> dict[str, Tensor]:
        """What the discriminator minimises, and its parts under 🐸TTS's names."""
        losses = self.discriminator_objective(judgement.recorded, judgement.generated)
        return {"loss": losses.total, **losses.parts}

    def generator_losses(self, outputs: Generated, batch: SegmentBatch, judgement: Judged | None) -> dict[str, Tensor]:
        """What the generator minimises, its parts under 🐸TTS's names, and ``mel_error``."""
        losses = self.generator_objective(
            outputs.waveform,
            batch.waveforms,
            judged_generated=judgement.generated if judgement else None,
            judged_recorded=judgement.recorded if judgement else None,
            generated_bands=outputs.bands,
            recorded_bands=self.network.bands(batch.waveforms) if outputs.bands is not None else None,
        )
        with torch.no_grad():
            mel_error = self.mel_distance(outputs.waveform.detach(), batch.waveforms)
        return {"loss": losses.total, **losses.parts, MEL_ERROR: mel_error}


def _loss_filters(config: GANVocoderConfig) -> Any:
    """The mel filters of ``l1_spec_loss_params``, ``[n_mels, n_fft // 2 + 1]``."""
    params = config.l1_spec_loss_params
    highest = params.get("mel_fmax") or params["sample_rate"] / 2
    return mel_filter_bank(
        params["sample_rate"], params["n_fft"], params["n_mels"], params.get("mel_fmin") or 0.0, highest
    )
