"""What a run of a vocoder is made of."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from finetune_tts.assembly.defaults import split_defaults
from finetune_tts.assembly.material import Heard, Material, require_recordings
from finetune_tts.checkpoints.networks import absent_modules, restore_network
from finetune_tts.checkpoints.reading import Checkpoint, read_checkpoint
from finetune_tts.checkpoints.report import RestoreReport
from finetune_tts.checkpoints.vocoders import DISCRIMINATOR, GENERATOR, is_computed, vocoder_weights
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.changes import Change
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.data.recordings import PreparedRecordings, prepare_recordings
from finetune_tts.data.sample import Sample
from finetune_tts.data.segments import SegmentDataset
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import load_any_config
from finetune_tts.layers.gan import generator_of
from finetune_tts.runs.creation import RunAsset
from finetune_tts.runs.record import DataFacts
from finetune_tts.synthesis.loading import config_beside
from finetune_tts.synthesis.vocoder import Vocoder
from finetune_tts.tasks.resynthesis import Resynthesis

logger = logging.getLogger(__name__)

MOST_SEGMENTS = 16
"""Segments of a batch, unless the user asks for more."""


class VocoderMaterial(Material):
    """Recordings without transcripts, and a network that generates them from their spectrograms."""

    config: VocoderConfig
    checkpoint: Checkpoint | None = None
    state: dict[str, Any] = {}
    data: PreparedRecordings

    @property
    def base(self) -> Path | None:
        """The weights that the run starts from; None from scratch."""
        return self.checkpoint.path if self.checkpoint is not None else None

    @property
    def audio(self) -> AudioConfig | None:
        """Audio settings of the config beside the weights."""
        weights = self.base
        if weights is None or not config_beside(weights).is_file():
            return None
        try:
            config = load_any_config(config_beside(weights), quiet=True)
        except UserError:
            return None
        return config.audio if isinstance(config, VocoderConfig) else None

    def read_base(self) -> None:
        """Find the recordings, and read the pre-trained weights."""
        self.change(name_recordings(self.config, self.chosen))
        require_recordings(self.config, "data_path")
        if self.request.restore_path is not None:
            self.checkpoint = read_checkpoint(self.request.restore_path)

    def early_settings(self) -> list[Change]:
        """What is held out, and whether the generator learns alone at first."""
        found = split_defaults()
        if self.base is not None:
            reason = "the restored generator is past the steps that it learns alone"
            found.append(Change("steps_to_start_discriminator", 0, reason))
        return found

    def prepare(self) -> PreparedRecordings:
        """Read, filter and split the recordings, and compute their features."""
        config, request = self.config, self.request
        self.data = prepare_recordings(
            config.datasets,
            self.extractor,
            sample_rate=config.audio.sample_rate,
            cache_folder=self.cache_folder,
            feature_path=config.feature_path,
            eval_split_size=config.eval_split_size,
            eval_split_max_size=config.eval_split_max_size,
            seed=config.training_seed,
            formatter=request.formatter,
            workers=config.precompute_num_workers,
            feature_shards=config.feature_shards,
            team=self.world,
            samples=request.samples,
            dry=request.dry,
        )
        split = self.data.split
        logger.info("%d recordings, %.1f minutes", len(split.train) + len(split.eval), self.data.seconds / 60)
        return self.data

    def batch_size(self) -> int:
        """Segments are of one length, so that their number decides."""
        asked = int(self.config.batch_size)
        return asked if "batch_size" in self.chosen else min(asked, MOST_SEGMENTS)

    def build(self) -> nn.Module:
        """Build the generator, and the discriminator where there is one."""
        network = build_model(self.config)
        if self.checkpoint is not None:
            self.state = self._whole_state(self.checkpoint)
        return network

    def restore(self, network: nn.Module) -> RestoreReport:
        """Copy the pre-trained weights into the network, and show what became of them."""
        assert self.checkpoint is not None
        computed = [name for name in network.state_dict() if is_computed(name.removeprefix(GENERATOR))
                    or is_computed(name.removeprefix(DISCRIMINATOR))]  # fmt: skip
        fresh_ok = [*computed, *absent_modules(network, self.state, (self.family.discriminator,))]
        report = restore_network(network, self.state, source=self.checkpoint.path, fresh_ok=fresh_ok)
        logger.info("%s", report.table())
        return report

    def lacks_discriminator(self, network: nn.Module) -> bool:
        """Whether the discriminator begins fresh, as the weights hold none."""
        return bool(absent_modules(network, self.state, (self.family.discriminator,)))

    def hear(self, network: nn.Module, weights: Path | None) -> Heard:
        """Held-out recordings that are generated again; fewer by the vocoders that take long."""
        vocoder = Vocoder(generator_of(network), self.config, self.extractor)
        samples = self.data.split.eval or self.data.split.train
        again = Resynthesis(vocoder, samples, self.data.cache, self.data.forced)
        return Heard(replace(again, clips=1, longest=3.0) if self.family.slow_to_speak else again)

    def dataset(self, samples: Sequence[Sample], *, training: bool) -> SegmentDataset:
        """The samples as segments."""
        config = self.config
        return SegmentDataset(
            samples,
            self.data.cache,
            seq_len=config.seq_len,
            pad_short=config.pad_short,
            conv_pad=self.family.conv_pad(config),
            seed=config.training_seed,
            training=training,
            noise=config.use_noise_augment,
            forced=self.data.forced,
        )

    def assets(self) -> list[RunAsset]:
        """A vocoder needs none but the statistics of its audio settings."""
        return []

    def facts(self) -> DataFacts:
        """What the run folder is to tell about the recordings."""
        data = self.data
        return DataFacts(
            folders=tuple(dataset.path for dataset in self.config.datasets if dataset.path),
            clips=len(data.split.train),
            held_out=len(data.split.eval),
            minutes=round(data.seconds / 60, 2),
            dropped=tuple((reason, len(dropped)) for reason, dropped in data.dropped.items() if dropped),
        )

    def _whole_state(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """The tensors of both networks by the names of the whole, whichever form a release has."""
        weights = vocoder_weights(checkpoint)
        if not self.family.discriminator:
            return dict(weights.generator)
        state = {f"{GENERATOR}{name}": tensor for name, tensor in weights.generator.items()}
        return state | {f"{DISCRIMINATOR}{name}": tensor for name, tensor in (weights.discriminator or {}).items()}


def name_recordings(config: VocoderConfig, chosen: Iterable[str]) -> list[Change]:
    """Make a data set of ``data_path``, 🐸TTS's field for vocoders.

    Args:
        config: of the run.
        chosen: names of the fields that the user set.
    """
    chosen = set(chosen)
    if not config.data_path or ("datasets" in chosen and "data_path" not in chosen):
        return []
    if "data_path" not in chosen and config.datasets:
        return []
    return [Change("datasets", [DatasetConfig(path=config.data_path)])]
