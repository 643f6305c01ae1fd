"""Architecture name → its task, written out by hand."""

from typing import Any

from torch import nn

from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.task import GlowTTSTask
from finetune_tts.families.tacotron.capacitron_task import CapacitronTask
from finetune_tts.families.tacotron.task import TacotronTask
from finetune_tts.families.vits.task import VITSTask
from finetune_tts.families.wavegrad.task import WavegradTask
from finetune_tts.families.wavernn.task import WavernnTask
from finetune_tts.tasks.gan_vocoder import GANVocoderTask
from finetune_tts.tasks.spoken_samples import Speaker
from finetune_tts.tasks.task import TTSTask

TASKS: dict[str, type[TTSTask]] = {
    "glow_tts": GlowTTSTask,
    "fullband_melgan": GANVocoderTask,
    "hifigan": GANVocoderTask,
    "melgan": GANVocoderTask,
    "multiband_melgan": GANVocoderTask,
    "parallel_wavegan": GANVocoderTask,
    "univnet": GANVocoderTask,
    "tacotron": TacotronTask,
    "tacotron2": TacotronTask,
    "wavegrad": WavegradTask,
    "wavernn": WavernnTask,
    "vits": VITSTask,
}


def needs_waveforms(architecture: str) -> bool:
    """Whether a model of this architecture is trained on waveforms, not on spectrograms alone."""
    return architecture in TASKS and TASKS[architecture].needs_waveforms


def make_task(network: nn.Module, config: Any, speak: Speaker | None = None) -> TTSTask:
    """Make the task for the architecture that ``config.model`` names.

    Raises:
        UserError: that architecture cannot be trained here.
    """
    if config.model not in TASKS:
        raise UserError(f"model {config.model}: cannot be trained here; these can: {', '.join(sorted(TASKS))}.")
    kind = CapacitronTask if getattr(config, "use_capacitron_vae", False) else TASKS[config.model]
    return kind(network, config, speak)
