"""Glow-TTS as a task of the trainer."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.families.glow_tts.loss import glow_tts_loss
from finetune_tts.families.glow_tts.network import GlowTTS, GlowTTSOutput
from finetune_tts.tasks.spoken_samples import figures_of
from finetune_tts.tasks.task import TTSTask


class GlowTTSTask(TTSTask):
    """Likelihood of the spectrogram and error of the durations, under 🐸TTS's names."""

    network: GlowTTS

    def run_network(self, batch: Batch) -> GlowTTSOutput:
        """Align and score; see :meth:`finetune_tts.families.glow_tts.network.GlowTTS.forward`."""
        output: GlowTTSOutput = self.network(
            batch.token_ids, batch.token_lengths, batch.mels, batch.mel_lengths, batch.speaker_ids, batch.d_vectors
        )
        return output

    def losses(self, outputs: GlowTTSOutput, batch: Batch) -> dict[str, Tensor]:
        """``loss``, and its parts ``log_mle`` and ``loss_dur``."""
        # Sums over many frames: in float32, whatever the network computed in.
        with torch.autocast(batch.mels.device.type, enabled=False):
            losses = glow_tts_loss(outputs, batch.token_lengths, batch.mel_lengths)
        return {"loss": losses.total, "log_mle": losses.log_mle, "loss_dur": losses.duration}

    def prepare_fresh_network(self, batches: Iterator[Batch]) -> None:
        """Set the statistics of every ActNorm."""
        batch = next(batches)
        self.network.initialise_actnorm(batch.mels, batch.mel_lengths, batch.speaker_ids, batch.d_vectors)

    def seconds(self, batch: Batch) -> float:
        """Length of the longest clip."""
        return batch.mels.shape[1] * self.config.audio.hop_length / self.config.audio.sample_rate

    def figures(self, outputs: GlowTTSOutput, batch: Batch) -> dict[str, Any]:
        """Spectrogram and alignment of the first clip."""
        frames, tokens = int(batch.mel_lengths[0]), int(batch.token_lengths[0])
        mel = batch.mels[0, :frames].float().cpu().numpy()
        alignment = outputs.alignment[0, :frames, :tokens].float().cpu().numpy()
        return figures_of("first_clip", mel, alignment)
