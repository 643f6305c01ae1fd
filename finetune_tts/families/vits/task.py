"""VITS as a task of the trainer."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.data.batch import Batch
from finetune_tts.errors import UserError
from finetune_tts.families.vits.building import build_spectrogram_front
from finetune_tts.families.vits.config import VitsArgs, VitsConfig, upsampling_factor
from finetune_tts.families.vits.latent import slices
from finetune_tts.families.vits.loss import LossWeights, discriminator_loss, generator_loss
from finetune_tts.families.vits.network import VITS
from finetune_tts.families.vits.passes import VITSOutput
from finetune_tts.families.vits.speaker_judge import speaker_judge
from finetune_tts.layers.judgement import Judgement
from finetune_tts.layers.resampling import Resampler
from finetune_tts.layers.weight_norm import weights_computed_once
from finetune_tts.speaker_encoder.frozen import FrozenSpeakerEncoder
from finetune_tts.tasks.adversarial import AdversarialTask
from finetune_tts.tasks.freezing import freeze
from finetune_tts.tasks.spoken_samples import Speaker, figures_of

#: config field → the modules that it leaves as they are.
FREEZE_FIELDS = {
    "freeze_encoder": ("text_encoder", "emb_l"),
    "freeze_DP": ("duration_predictor",),
    "freeze_PE": ("posterior_encoder",),
    "freeze_flow_decoder": ("flow",),
    "freeze_waveform_decoder": ("waveform_decoder",),
}


@dataclass(frozen=True)
class VITSPass:
    """A training pass, and the recordings' side of what was generated.

    Attributes:
        output: of the network.
        waveforms: ``[B, 1, T_wav]`` of the recordings' slices.
        mels: ``[B, n_mels, T_dec]`` of the recordings' slices, log-mel.
    """

    output: VITSOutput
    waveforms: Tensor
    mels: Tensor


def freeze_modules(network: VITS, args: VitsArgs) -> list[str]:
    """Leave the modules that the config names as they are, and return their names."""
    names = [name for field, modules in FREEZE_FIELDS.items() if args[field] for name in modules]
    frozen = [name for name in names if hasattr(network, name)]
    freeze(network, frozen, "model_args.freeze_*")
    return frozen


class VITSTask(AdversarialTask):
    """The objectives of VITS under 🐸TTS's names."""

    network: VITS
    config: VitsConfig
    best_loss_name = "loss_without_disc"
    needs_waveforms = True

    def __init__(self, network: VITS, config: VitsConfig, speak: Speaker | None = None) -> None:
        super().__init__(network, config, speak)
        if network.disc is None:
            raise UserError("model_args.init_discriminator is false: training needs a discriminator. Set it to true.")
        device = next(network.parameters()).device
        freeze_modules(network, config.model_args)
        self.front = build_spectrogram_front(config).to(device)
        self.factor = int(upsampling_factor(config))
        encoder_rate = config.model_args.encoder_sample_rate or config.audio.sample_rate
        self.to_encoder_rate = Resampler(source_rate=config.audio.sample_rate, target_rate=encoder_rate).to(device)
        self.speaker_encoder = _speaker_encoder(config, network.segment_frames * self._hop_length, device)
        self._alignment_noise = (
            config.model_args.mas_noise_scale_initial if config.model_args.use_noise_scaled_mas else 0.0
        )
        self.weights = LossWeights(
            adversarial=config.gen_loss_alpha,
            features=config.feat_loss_alpha,
            kl=config.kl_loss_alpha,
            mel=config.mel_loss_alpha,
            duration=config.dur_loss_alpha,
            speaker=config.speaker_encoder_loss_alpha,
            discriminator=config.disc_loss_alpha,
        )

    @property
    def discriminator(self) -> nn.Module:
        """The network's ``disc``."""
        assert self.network.disc is not None
        return self.network.disc

    @property
    def _hop_length(self) -> int:
        """Samples of a recording for each encoder frame."""
        return self.front.hop_length * self.factor

    def on_train_step_start(self, trainer: Any) -> None:
        """Know how far the run is: the noise of the alignment search falls with each step."""
        args = self.config.model_args
        if args.use_noise_scaled_mas:
            fallen = args.noise_scale_delta * trainer.total_steps_done
            self._alignment_noise = max(args.mas_noise_scale_initial - fallen, 0.0)

    def run_network(self, batch: Batch) -> VITSPass:
        """Spectrograms on the device, the generator's pass, and the recordings' slices."""
        assert batch.waveforms is not None
        assert batch.waveform_lengths is not None
        recorded = batch.waveforms.squeeze(1)  # [B, T_wav]
        linear = self.front.linear(self.to_encoder_rate(recorded))
        lengths = (batch.waveform_lengths // self._hop_length).clamp(min=1, max=linear.shape[2])
        output: VITSOutput = self.network(
            batch.token_ids,
            batch.token_lengths,
            linear,
            lengths,
            speaker_ids=batch.speaker_ids,
            d_vectors=batch.d_vectors,
            language_ids=batch.language_ids,
            alignment_noise=self._alignment_noise if self.training else 0.0,
        )
        starts, frames = output.slice_starts, self.network.segment_frames
        full = linear if self.factor == 1 else self.front.linear(recorded)
        return VITSPass(
            output=output,
            waveforms=slices(batch.waveforms, starts * self._hop_length, frames * self._hop_length),
            mels=self.front.log_mel(slices(full, starts * self.factor, frames * self.factor)),
        )

    def judge(self, outputs: VITSPass, batch: Batch) -> tuple[Judgement, Judgement]:
        """What the discriminator says of recordings and of what was generated."""
        with weights_computed_once(self.discriminator):
            real: Judgement = self.discriminator(outputs.waveforms)
            generated: Judgement = self.discriminator(outputs.output.waveforms)
        return real, generated

    def discriminator_losses(self, judgement: tuple[Judgement, Judgement]) -> dict[str, Tensor]:
        """``loss``, and ``loss_disc`` with each part's ``loss_disc_real_*``."""
        losses = discriminator_loss(*judgement, weight=self.weights.discriminator)
        parts = {f"loss_disc_real_{place}": loss for place, loss in enumerate(losses.real)}
        return {"loss": losses.total, "loss_disc": losses.total, **parts}

    def generator_losses(
        self, outputs: VITSPass, batch: Batch, judgement: tuple[Judgement, Judgement] | None
    ) -> dict[str, Tensor]:
        """``loss``, its parts, and ``loss_without_disc``, the sum of those that have nothing to do with judging."""
        output = outputs.output
        real, generated = judgement if judgement is not None else (None, None)
        with torch.autocast(output.waveforms.device.type, enabled=False):
            losses = generator_loss(
                output,
                outputs.mels,
                self.front.mel(output.waveforms.squeeze(1)),
                real=real,
                generated=generated,
                speakers=self._speaker_vectors(outputs),
                weights=self.weights,
            )
        named = {
            "loss": losses.total,
            "loss_gen": losses.adversarial,
            "loss_feat": losses.features,
            "loss_kl": losses.kl,
            "loss_mel": losses.mel,
            "loss_duration": losses.duration,
            "loss_spk_encoder": losses.speaker,
            "loss_without_disc": losses.kl + losses.mel + losses.duration,
        }
        return {name: loss for name, loss in named.items() if loss is not None}

    def seconds(self, batch: Batch) -> float:
        """Length of the longest clip."""
        assert batch.waveforms is not None
        return batch.waveforms.shape[2] / self.config.audio.sample_rate

    def figures(self, outputs: VITSPass, batch: Batch) -> dict[str, Any]:
        """Spectrogram of the slice that was generated, and alignment, of the first clip."""
        output, tokens = outputs.output, int(batch.token_lengths[0])
        frames = int(output.mask[0].sum())
        mel = self.front.mel(output.waveforms[:1].squeeze(1))[0].T.detach().float().cpu().numpy()
        alignment = output.alignment[0, :tokens, :frames].T.float().cpu().numpy()
        return figures_of("first_clip", mel, alignment)

    def _speaker_vectors(self, outputs: VITSPass) -> tuple[Tensor, Tensor] | None:
        if self.speaker_encoder is None:
            return None
        with torch.no_grad():
            recorded = self.speaker_encoder(outputs.waveforms.squeeze(1))
        return recorded, self.speaker_encoder(outputs.output.waveforms.squeeze(1))


def _speaker_encoder(config: VitsConfig, samples: int, device: torch.device) -> FrozenSpeakerEncoder | None:
    """What listens whether the voice is kept, where the config asks for it."""
    encoder = speaker_judge(config, device)
    if encoder is not None and samples < encoder.shortest:
        frames = config.model_args.spec_segment_size
        raise UserError(
            f"model_args.spec_segment_size {frames}: slices of {samples} samples are too short for the speaker "
            f"encoder, which needs {encoder.shortest}."
        )
    return encoder
