"""Tacotron and Tacotron 2 as a task of the trainer."""

from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.families.tacotron.building import loss_options
from finetune_tts.families.tacotron.config import frames_per_step_at
from finetune_tts.families.tacotron.loss import alignment_error, tacotron_loss
from finetune_tts.families.tacotron.network import TacotronNetwork, TacotronOutput
from finetune_tts.tasks.spoken_samples import figures_of
from finetune_tts.tasks.task import TTSTask


class TacotronTask(TTSTask):
    """Errors of the spectrogram, when to stop, and where to read, under 🐸TTS's names.

    With ``gradual_training``, r is what it says for the current step.
    """

    network: TacotronNetwork

    def run_network(self, batch: Batch) -> TacotronOutput:
        """Draw with teacher forcing; see :meth:`finetune_tts.families.tacotron.network.TacotronNetwork.forward`."""
        output: TacotronOutput = self.network(
            batch.token_ids,
            batch.token_lengths,
            batch.mels,
            batch.mel_lengths,
            batch.speaker_ids,
            batch.d_vectors,
            token_counts=batch.token_counts,
        )
        return output

    def losses(self, outputs: TacotronOutput, batch: Batch) -> dict[str, Tensor]:
        """``loss``, the terms it is made of, and ``align_error``, which tells whether the attention has learned."""
        targets = batch.mels
        if self.config.model == "tacotron":
            assert batch.linears is not None
            targets = batch.linears
        # Means over many frames: in float32, whatever the network computed in.
        with torch.autocast(batch.mels.device.type, enabled=False):
            losses = tacotron_loss(
                _in_float32(outputs),
                batch.token_lengths,
                batch.mels,
                batch.mel_lengths,
                targets,
                frames_per_step=self.network.frames_per_step,
                options=loss_options(self.config),
            )
        return {"loss": losses.total, **losses.terms, "align_error": alignment_error(outputs.alignments.detach())}

    def on_train_step_start(self, trainer: Any) -> None:
        """Set r for the step that comes."""
        self.network.set_frames_per_step(frames_per_step_at(self.config, trainer.total_steps_done))

    def on_init_end(self, trainer: Any) -> None:
        """The same for a run that is resumed, before its first step."""
        self.on_train_step_start(trainer)

    def checkpoint_fields(self) -> dict[str, Any]:
        """``r``, which coqui-tts looks for to speak."""
        return {"r": self.network.frames_per_step}

    def seconds(self, batch: Batch) -> float:
        """Length of the longest clip."""
        return batch.mels.shape[1] * self.config.audio.hop_length / self.config.audio.sample_rate

    def figures(self, outputs: TacotronOutput, batch: Batch) -> dict[str, Any]:
        """What was drawn of the first clip, what it was to be, and where the text was read."""
        frames, tokens = int(batch.mel_lengths[0]), int(batch.token_lengths[0])
        steps = -(-frames // self.network.frames_per_step)
        mel = outputs.decoder_outputs if self.config.model == "tacotron" else outputs.outputs
        drawn, wanted = (spectrogram[0, :frames].detach().float().cpu().numpy() for spectrogram in (mel, batch.mels))
        alignment = outputs.alignments[0, :steps, :tokens].detach().float().cpu().numpy()
        return {**figures_of("first_clip", drawn, alignment), **figures_of("first_clip_recorded", wanted, None)}


def _in_float32(outputs: TacotronOutput) -> TacotronOutput:
    values = {field.name: getattr(outputs, field.name) for field in fields(outputs)}
    widened: dict[str, Any] = {name: value.float() for name, value in values.items() if isinstance(value, Tensor)}
    return replace(outputs, **widened)
