"""XTTS's decoder as a task of the trainer: it learns from what the language model gives it, and all else stays.

A clip is read with its own codes in its own voice, as if it were spoken. The vectors that its codes would be drawn from
are what the decoder hears in speaking; from them it has to make the recording, and HiFi-GAN's discriminators judge a
piece of it (Kong, Kim and Bae 2020, https://arxiv.org/abs/2010.05646).

Dimensions: B batch, C width, D size of a speaker vector, T frames of a clip, S frames of a segment, T_wav samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.audio.mel_filters import mel_filter_bank
from finetune_tts.data.batch import Batch
from finetune_tts.errors import UserError
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.decoder import ENCODER_RATE
from finetune_tts.families.xtts.network import Xtts
from finetune_tts.families.xtts.speech import prompt_of
from finetune_tts.families.xtts.task import XttsTask
from finetune_tts.layers.adversarial_losses import DiscriminatorLoss, GeneratorLoss, Resolution, SpectrogramLoss
from finetune_tts.layers.judgement import Judgement
from finetune_tts.layers.resampling import Resampler
from finetune_tts.layers.weight_norm import weights_computed_once
from finetune_tts.tasks.adversarial import AdversarialTask
from finetune_tts.tasks.schedules import Schedule
from finetune_tts.tasks.spoken_samples import Speaker, figures_of
from finetune_tts.tasks.task import TTSTask

MEL_ERROR = "mel_error"
#: The spectrogram that is compared: HiFi-GAN's.
MEL_RESOLUTION, NUM_MELS = Resolution(1024, 256, 1024), 80


@dataclass(frozen=True)
class Segments:
    """Pieces of clips, as the decoder makes them and as they were recorded.

    Attributes:
        generated: ``[B, 1, T_wav]``.
        recorded: ``[B, 1, T_wav]``.
    """

    generated: Tensor
    recorded: Tensor


@dataclass(frozen=True)
class Heard:
    """What the decoder is given of clips, and what it is to make of it.

    Attributes:
        frames: ``[B, C, S]``.
        speakers: ``[B, D, 1]``.
        recorded: ``[B, 1, T_wav]`` at the decoder's rate.
    """

    frames: Tensor
    speakers: Tensor
    recorded: Tensor


class XttsDecoderTask(AdversarialTask):
    """The objectives of HiFi-GAN, under the names that they have for a vocoder.

    The held-out difference of mel spectrograms decides which model is the best.
    """

    network: Xtts
    config: XttsConfig
    best_loss_name = MEL_ERROR
    needs_waveforms = True
    keeps_best_lean = True

    def __init__(self, network: Xtts, config: XttsConfig, speak: Speaker | None = None) -> None:
        super().__init__(network, config, speak)
        if config.lora_rank:
            raise UserError(
                f"lora_rank = {config.lora_rank} and train_decoder = true: adapters are of the language model, which "
                "stays as it is while the decoder learns. Set one of the two back."
            )
        network.requires_grad_(False)
        network.hifigan_decoder.waveform_decoder.requires_grad_(True)
        self.discriminator.requires_grad_(True)
        args = config.model_args
        self.hop_length, rate = args.output_hop_length, args.output_sample_rate
        self.to_output_rate = Resampler(source_rate=args.input_sample_rate, target_rate=rate)
        self.to_encoder_rate = Resampler(source_rate=args.input_sample_rate, target_rate=ENCODER_RATE)
        filters = torch.from_numpy(mel_filter_bank(rate, MEL_RESOLUTION.fft_size, NUM_MELS, 0.0, rate / 2))
        self.generator_objective = GeneratorLoss(
            spectrogram=SpectrogramLoss(MEL_RESOLUTION, filters),
            spectrogram_weight=config.l1_spec_loss_weight,
            adversarial="mse",
            adversarial_weight=config.mse_G_loss_weight,
            feature_match_weight=config.feat_match_loss_weight,
        )
        self.discriminator_objective = DiscriminatorLoss("mse")
        for part in (self.to_output_rate, self.to_encoder_rate, self.generator_objective):
            part.to(network.mel_stats.device)

    @property
    def discriminator(self) -> nn.Module:
        """The network's ``disc``."""
        assert self.network.disc is not None
        return self.network.disc

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """The decoder's."""
        return self.network.hifigan_decoder.waveform_decoder.parameters()

    def train(self, mode: bool = True) -> "XttsDecoderTask":
        """Let what does not learn be as it is in speaking: without dropout, with the statistics that it has."""
        super().train(mode)
        self.network.gpt.eval()
        self.network.hifigan_decoder.speaker_encoder.eval()
        return self

    def run_network(self, batch: Batch) -> Segments:
        """Make a segment of each clip."""
        heard = self.hear(batch)
        made = self.network.hifigan_decoder.waveform_decoder(heard.frames, heard.speakers)
        return Segments(made, heard.recorded)

    @torch.no_grad()
    def hear(self, batch: Batch) -> Heard:
        """Read clips as if they were spoken, and take a segment of each.

        In training it is anywhere, held out it is the middle. It is shorter than the config says where a clip of the
        batch is.
        """
        assert batch.waveforms is not None
        assert batch.waveform_counts is not None
        decoder = self.network.hifigan_decoder
        clips = [row[0, :count] for row, count in zip(batch.waveforms, batch.waveform_counts, strict=True)]
        if self.config.sound_norm_refs:
            clips = [clip / clip.abs().max().clamp(min=1e-6) * 0.75 for clip in clips]
        frames = [decoder.frames_of(latents.unsqueeze(0))[0] for latents in self._latents(batch, clips)]  # [C, T] each
        with torch.autocast(batch.waveforms.device.type, enabled=False):
            speakers = [decoder.speaker_of(self.to_encoder_rate(clip.unsqueeze(0))) for clip in clips]
        recorded = self.to_output_rate(batch.waveforms.squeeze(1))  # [B, T_wav]
        args = self.config.model_args
        whole = [
            min(of_clip.shape[1], count * args.output_sample_rate // args.input_sample_rate // self.hop_length)
            for of_clip, count in zip(frames, batch.waveform_counts, strict=True)
        ]
        size = min(self.config.decoder_segment_frames, *whole)
        starts = [
            int(torch.randint(0, length - size + 1, ())) if self.training else (length - size) // 2 for length in whole
        ]
        hop_length = self.hop_length
        places = [slice(start, start + size) for start in starts]
        samples = [slice(start * hop_length, (start + size) * hop_length) for start in starts]
        return Heard(
            torch.stack([of_clip[:, place] for of_clip, place in zip(frames, places, strict=True)]),
            torch.cat(speakers),
            torch.stack([row[place] for row, place in zip(recorded, samples, strict=True)]).unsqueeze(1),
        )

    def _latents(self, batch: Batch, clips: list[Tensor]) -> list[Tensor]:
        """What the language model gives the decoder for each clip, ``[N, C]``."""
        assert batch.codes is not None
        assert batch.code_counts is not None
        assert batch.token_counts is not None
        shortest = self.network.listen.shortest
        prompts = [
            prompt_of(self.network, self.config, F.pad(clip, (0, max(0, shortest - len(clip))))) for clip in clips
        ]
        texts = [ids[:count] for ids, count in zip(batch.token_ids, batch.token_counts, strict=True)]
        codes = [row[:count] for row, count in zip(batch.codes, batch.code_counts, strict=True)]
        return self.network.gpt.latents_of(prompts, texts, codes)

    def judge(self, outputs: Segments, batch: Batch) -> tuple[Judgement, Judgement]:
        """What the discriminator says of recordings and of what was generated."""
        with weights_computed_once(self.discriminator):
            return self.discriminator(outputs.recorded), self.discriminator(outputs.generated)

    def discriminator_losses(self, judgement: tuple[Judgement, Judgement]) -> dict[str, Tensor]:
        """What the discriminator minimises, and its parts."""
        losses = self.discriminator_objective(*judgement)
        return {"loss": losses.total, **losses.parts}

    def generator_losses(
        self, outputs: Segments, batch: Batch, judgement: tuple[Judgement, Judgement] | None
    ) -> dict[str, Tensor]:
        """What the decoder minimises, its parts, and ``mel_error``, the difference of mel spectrograms."""
        recorded, generated = judgement if judgement is not None else (None, None)
        losses = self.generator_objective(
            outputs.generated, outputs.recorded, judged_generated=generated, judged_recorded=recorded
        )
        return {"loss": losses.total, **losses.parts, MEL_ERROR: losses.parts["G_l1_spec_loss"]}

    def seconds(self, batch: Batch) -> float:
        """Length of the longest clip."""
        assert batch.waveforms is not None
        return batch.waveforms.shape[2] / self.config.audio.sample_rate

    def figures(self, outputs: Segments, batch: Batch) -> dict[str, Any]:
        """The spectrogram of the first segment, as it was made and as it was recorded."""
        found: dict[str, Any] = {}
        for name, waveform in (("first_clip", outputs.generated), ("first_clip_recorded", outputs.recorded)):
            found |= figures_of(name, self._mel(waveform[:1]), None)
        return found

    @torch.no_grad()
    def _mel(self, waveform: Tensor) -> Any:
        spectrogram = self.generator_objective.spectrogram
        assert spectrogram is not None
        return spectrogram.logarithmic(waveform.float())[0].T.cpu().numpy()

    # Both parts go by the fields of a config with one optimizer. ----------------------------------------------------

    def get_lr(self) -> list[float]:  # type: ignore[override]  # one for each optimizer
        """``lr`` for discriminator and decoder, or one number for each."""
        rates = self.config.lr if isinstance(self.config.lr, list) else [self.config.lr] * len(self.optimizer_names)
        if len(rates) != len(self.optimizer_names):
            raise UserError(f"--coqpit.lr {rates}: give one number, or two: of the discriminator and the decoder.")
        return [float(rate) for rate in rates]

    def make_schedules(
        self, optimizers: list[torch.optim.Optimizer], *, restored: bool, chosen: frozenset[str]
    ) -> list[Schedule]:
        """``lr_scheduler`` for both."""
        return TTSTask.make_schedules(self, optimizers, restored=restored, chosen=chosen)

    def changed_rates(self, changed: frozenset[str]) -> list[float | None]:
        """The rates that the user set for a run that is resumed."""
        return TTSTask.changed_rates(self, changed)


def task_of(network: Xtts, config: XttsConfig, speak: Speaker | None = None) -> TTSTask:
    """The task of a run: the language model's, or the decoder's."""
    return (XttsDecoderTask if config.train_decoder else XttsTask)(network, config, speak)
