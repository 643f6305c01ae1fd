"""What the tasks of all vocoders share: how long a batch is, and what is heard of a run."""

from typing import Any

from finetune_tts.data.segments import SegmentBatch
from finetune_tts.tasks.resynthesis import log_resynthesis, resynthesised
from finetune_tts.tasks.spoken_samples import SpokenSample
from finetune_tts.tasks.task import TTSTask


class VocoderTask(TTSTask):
    """A vocoder, trained on segments of recordings."""

    needs_waveforms = True

    def seconds(self, batch: SegmentBatch) -> float:
        """Length of a segment."""
        return float(batch.waveforms.shape[-1] / self.config.audio.sample_rate)

    def test_run(self, trainer: Any) -> dict[str, SpokenSample]:
        """Make held-out recordings again, beside themselves."""
        return resynthesised(self.speak)

    def test_log(self, outputs: Any, logger: Any, steps: int) -> None:
        """Show them on the dashboard."""
        log_resynthesis(outputs, logger, steps)
