"""Neural HMMs as a task of the trainer."""

import logging
import math
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.errors import UserError
from finetune_tts.families.neural_hmm.loss import negative_log_likelihood
from finetune_tts.families.neural_hmm.network import HMMOutput, NeuralHMMTTS
from finetune_tts.tasks.spoken_samples import figures_of
from finetune_tts.tasks.task import TTSTask

logger = logging.getLogger(__name__)

#: Bounds of how likely a fresh model is to move on with a frame.
_LEAST, _MOST = 0.001, 0.999


class NeuralHMMTask(TTSTask):
    """Likelihood of the spectrogram, under 🐸TTS's name."""

    network: NeuralHMMTTS

    def run_network(self, batch: Batch) -> HMMOutput:
        """Score; see :meth:`finetune_tts.families.neural_hmm.network.NeuralHMMTTS.forward`."""
        output: HMMOutput = self.network(
            batch.token_ids, batch.token_lengths, batch.mels, batch.mel_lengths, batch.token_counts
        )
        return output

    def losses(self, outputs: HMMOutput, batch: Batch) -> dict[str, Tensor]:
        """``loss``, which is all there is."""
        return {"loss": negative_log_likelihood(outputs.log_likelihood, batch.token_lengths, batch.mel_lengths)}

    def prepare_fresh_network(self, batches: Iterator[Batch]) -> None:
        """Measure the spectrograms and how long symbols last, as 🐸TTS does."""
        start = DataStatistics()
        for batch in batches:
            start.add(batch)
        mean, std = start.mean, start.std
        if not std > 0:
            raise UserError("All spectrograms hold one and the same number: there is no sound in the recordings.")
        chance = min(max(self.network.options.state_per_phone * start.symbols_a_frame, _LEAST), _MOST)
        logger.info("Spectrograms have mean %.3f and deviation %.3f; a state lasts %.1f frames.", mean, std, 1 / chance)
        self.network.start_flat(mean, std, chance)

    def seconds(self, batch: Batch) -> float:
        """Length of the longest clip."""
        return batch.mels.shape[1] * self.config.audio.hop_length / self.config.audio.sample_rate

    def figures(self, outputs: HMMOutput, batch: Batch) -> dict[str, Any]:
        """Spectrogram of the first clip, and where in the text the model was."""
        frames, tokens = int(batch.mel_lengths[0]), int(batch.token_lengths[0])
        states = self.network.options.state_per_phone
        mel = batch.mels[0, :frames].float().cpu().numpy()
        alignment = outputs.log_alphas[0, :frames, : tokens * states].detach().exp()
        by_symbol = alignment.unflatten(1, (tokens, states)).sum(dim=2)
        return figures_of("first_clip", mel, by_symbol.float().cpu().numpy())


class DataStatistics:
    """What spectrograms are like, and how many symbols go with them; sums in float64."""

    def __init__(self) -> None:
        self._values = self._frames = self._symbols = 0
        self._sum = self._squares = 0.0

    def add(self, batch: Batch) -> None:
        """Count a batch; the padding of its spectrograms is zero."""
        mels = batch.mels.cpu().double()
        frames = int(batch.mel_lengths.sum())
        self._frames += frames
        self._values += frames * mels.shape[2]
        self._symbols += int(batch.token_lengths.sum())
        self._sum += float(mels.sum())
        self._squares += float(mels.square().sum())

    @property
    def mean(self) -> float:
        """Of all numbers of the spectrograms."""
        return self._sum / self._values

    @property
    def std(self) -> float:
        """Their standard deviation."""
        return math.sqrt(max(self._squares / self._values - self.mean**2, 0.0))

    @property
    def symbols_a_frame(self) -> float:
        """Symbols for each frame."""
        return self._symbols / self._frames
