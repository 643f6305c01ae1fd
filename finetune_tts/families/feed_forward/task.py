"""The feed-forward models as a task of the trainer."""

from typing import Any

import torch
from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.families.feed_forward.config import FeedForwardConfig
from finetune_tts.families.feed_forward.loss import FeedForwardLoss
from finetune_tts.families.feed_forward.network import FeedForwardOutput, FeedForwardTTS
from finetune_tts.tasks.schedules import Schedule
from finetune_tts.tasks.spoken_samples import Speaker, figures_of
from finetune_tts.tasks.task import TTSTask


class FeedForwardTask(TTSTask):
    """Errors of spectrogram, durations, pitch and energy, and the aligner's losses, under 🐸TTS's names."""

    network: FeedForwardTTS
    config: FeedForwardConfig

    def __init__(self, network: FeedForwardTTS, config: FeedForwardConfig, speak: Speaker | None = None) -> None:
        super().__init__(network, config, speak)
        self.loss = FeedForwardLoss(
            spectrogram_error=config.spec_loss_type,
            duration_error=config.duration_loss_type,
            spectrogram=config.spec_loss_alpha,
            duration=config.dur_loss_alpha,
            pitch=config.pitch_loss_alpha,
            energy=config.energy_loss_alpha,
            aligner=config.aligner_loss_alpha,
            binary=config.binary_align_loss_alpha,
        )
        self._restored = True
        self._binary_share = 1.0

    def make_schedules(
        self, optimizers: list[torch.optim.Optimizer], *, restored: bool, chosen: frozenset[str]
    ) -> list[Schedule]:
        """As any task; and whether the aligner has to learn what a hard alignment is first."""
        self._restored = restored
        return super().make_schedules(optimizers, restored=restored, chosen=chosen)

    def on_train_step_start(self, trainer: Any) -> None:
        """Know how far the run is: the weight of the binarisation rises with the epochs."""
        warm_up = self.config.binary_loss_warmup_epochs
        fresh = not self._restored and warm_up > 0
        self._binary_share = min(trainer.epochs_done / warm_up, 1.0) if fresh else 1.0

    def run_network(self, batch: Batch) -> FeedForwardOutput:
        """Align and draw; see :meth:`finetune_tts.families.feed_forward.network.FeedForwardTTS.forward`."""
        output: FeedForwardOutput = self.network(
            batch.token_ids,
            batch.token_lengths,
            batch.mels,
            batch.mel_lengths,
            pitch=batch.pitch,
            energy=batch.energy,
            speaker_ids=batch.speaker_ids,
            d_vectors=batch.d_vectors,
        )
        return output

    def losses(self, outputs: FeedForwardOutput, batch: Batch) -> dict[str, Tensor]:
        """``loss``, and its parts with their weights; held-out clips are measured with the full binarisation."""
        assert batch.token_counts is not None
        assert batch.mel_counts is not None
        # Sums over many frames: in float32, whatever the network computed in.
        with torch.autocast(batch.mels.device.type, enabled=False):
            return self.loss(
                outputs,
                batch.mels,
                batch.token_lengths,
                batch.mel_lengths,
                token_counts=batch.token_counts,
                mel_counts=batch.mel_counts,
                binary_share=self._binary_share if self.training else 1.0,
            )

    def seconds(self, batch: Batch) -> float:
        """Length of the longest clip."""
        return batch.mels.shape[1] * (self.config.audio.hop_length or 0) / self.config.audio.sample_rate

    def figures(self, outputs: FeedForwardOutput, batch: Batch) -> dict[str, Any]:
        """Spectrogram and alignment of the first clip."""
        frames, tokens = int(batch.mel_lengths[0]), int(batch.token_lengths[0])
        mel = outputs.mels[0, :frames].detach().float().cpu().numpy()
        alignment = outputs.alignment_soft[0, :frames, :tokens].detach().float().cpu().numpy()
        return figures_of("first_clip", mel, alignment)
