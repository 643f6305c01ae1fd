"""WaveRNN as a task of the trainer."""

from torch import Tensor
from torch.nn import functional as F

from finetune_tts.data.segments import SegmentBatch
from finetune_tts.families.wavernn.network import Wavernn
from finetune_tts.tasks.vocoder import VocoderTask


class WavernnTask(VocoderTask):
    """The network says what the next sample may be; the negative log-likelihood is the loss."""

    network: Wavernn

    def run_network(self, batch: SegmentBatch) -> Tensor:
        """The distribution of every sample, ``[B, T_wav, C]``, given the ones before it."""
        given, _ = self.network.distribution.encode(batch.waveforms.squeeze(1))
        # A piece begins as speech does: with silence before it.
        output: Tensor = self.network(F.pad(given[:, :-1], (1, 0)), batch.mels)
        return output

    def losses(self, outputs: Tensor, batch: SegmentBatch) -> dict[str, Tensor]:
        """``loss``."""
        _, target = self.network.distribution.encode(batch.waveforms.squeeze(1))
        return {"loss": self.network.distribution.loss(outputs.float(), target)}
