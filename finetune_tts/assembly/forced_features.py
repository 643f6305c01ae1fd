"""Writing the spectrograms that an acoustic model gives for all recordings of a data set."""

import logging
from pathlib import Path

import torch

from finetune_tts.assembly.speech import scales_of
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.data.content import CACHE_NAME
from finetune_tts.data.dataset import SpeechDataset
from finetune_tts.data.forced_features import FeatureWriter
from finetune_tts.data.gathering import Formatter
from finetune_tts.data.loader import make_loader
from finetune_tts.data.preparing import prepare_data
from finetune_tts.data.progress import progress
from finetune_tts.families.registry import family_of
from finetune_tts.families.speaking import forced_mels, require_force
from finetune_tts.files import expanded
from finetune_tts.synthesis.voice import Voice

logger = logging.getLogger(__name__)

BATCH_SIZE = 16


def write_forced_features(
    voice: Voice,
    config: SpeechConfig,
    folder: Path,
    *,
    device: torch.device,
    formatter: Formatter | None = None,
) -> int:
    """Write the spectrogram of every recording of the data sets (see ``data.forced_features``).

    Args:
        voice: the model.
        config: its config, with the data sets.
        folder: made if it is not there.
        device: where the model is.
        formatter: your own reader of metadata.

    Returns:
        how many were written.

    Raises:
        UserError: the model cannot be forced, a recording cannot be read, the folder cannot be written.
    """
    force = require_force(config.model)
    data = prepare_data(
        config,
        voice.tokenizer,
        voice.extractor,
        sample_rate=config.audio.sample_rate,
        cache_folder=expanded(config.output_path) / CACHE_NAME,
        seed=config.training_seed,
        formatter=formatter,
        aligned_frames=family_of(config.model).aligned_frames(config),
        contours=(contours := family_of(config.model).contours(config)),
    )
    samples = [*data.split.train, *data.split.eval]
    dataset = SpeechDataset(
        samples,
        data.tokens,
        data.cache,
        speakers=voice.speakers,
        d_vectors=voice.d_vectors,
        languages=voice.language_rows,
        frames_per_step=int(getattr(config, "r", 1) or 1),
        scales={**data.scales(), **scales_of(config, contours)},
    )
    writer = FeatureWriter(folder, config.audio, data.cache.digests)
    by_name = {sample.name: sample for sample in samples}
    loader = make_loader(dataset, LengthBatchSampler(dataset.mel_lengths(), BATCH_SIZE, shuffle=False))
    voice.network.eval()
    for batch in progress(loader, len(loader), "Spectrograms"):
        batch = batch.to(device)
        for name, mel in zip(batch.names, forced_mels(voice.network, force, batch), strict=True):
            writer.write(by_name[name], mel.numpy())
    return len(samples)
