"""WaveGrad as a task of the trainer."""

from dataclasses import dataclass

from torch import Tensor, nn

from finetune_tts.data.segments import SegmentBatch
from finetune_tts.families.wavegrad.building import build_noise_schedule
from finetune_tts.families.wavegrad.config import WavegradConfig
from finetune_tts.families.wavegrad.network import Wavegrad, mix_with_noise, wavegrad_loss
from finetune_tts.tasks.resynthesis import Resynthesis
from finetune_tts.tasks.vocoder import VocoderTask


@dataclass(frozen=True)
class Guessed:
    """The noise that was mixed in, and what the network guesses of it: ``[B, 1, T_wav]`` each."""

    guess: Tensor
    noise: Tensor


class WavegradTask(VocoderTask):
    """The network guesses the noise in a mixture; the mean absolute error is the loss."""

    network: Wavegrad

    def __init__(self, network: nn.Module, config: WavegradConfig, speak: Resynthesis | None = None) -> None:
        super().__init__(network, config, speak)
        # On the device once: a copy in each step would wait for it.
        device = next(network.parameters()).device
        self.amplitudes = build_noise_schedule(config.train_noise_schedule).amplitudes.to(device)

    def run_network(self, batch: SegmentBatch) -> Guessed:
        """Mix and guess."""
        noise, mixture, amplitude = mix_with_noise(batch.waveforms, self.amplitudes)
        return Guessed(self.network(mixture, batch.mels, amplitude), noise)

    def losses(self, outputs: Guessed, batch: SegmentBatch) -> dict[str, Tensor]:
        """``loss``."""
        return {"loss": wavegrad_loss(outputs.guess.float(), outputs.noise)}
