"""Loader fields of a config: which clips a batch is made of."""

from dataclasses import dataclass, field

from finetune_tts.config.base import Config, kept, own


@dataclass
class FilterConfig(Config):
    """Clips and texts that are too short or too long are left out."""

    min_audio_len: int | float = field(default=1, metadata={"help": "Shortest clip that is used, in samples."})
    max_audio_len: int | float = field(
        default=float("inf"), metadata={"help": "Longest clip that is used, in samples; Infinity is no bound."}
    )
    min_text_len: int | float = field(default=1, metadata={"help": "Shortest text that is used, in characters."})
    max_text_len: int | float = field(
        default=float("inf"), metadata={"help": "Longest text that is used, in characters; Infinity is no bound."}
    )


@dataclass
class SamplingConfig(Config):
    """Weights that make up for speakers, languages and lengths that are rare."""

    use_speaker_weighted_sampler: bool = field(default=False, metadata={"help": "Draw rare speakers more often."})
    speaker_weighted_sampler_alpha: float = field(default=1.0, metadata={"help": "How strongly."})
    use_language_weighted_sampler: bool = field(default=False, metadata={"help": "Draw rare languages more often."})
    language_weighted_sampler_alpha: float = field(default=1.0, metadata={"help": "How strongly."})
    use_length_weighted_sampler: bool = field(default=False, metadata={"help": "Draw rare lengths more often."})
    length_weighted_sampler_alpha: float = field(default=1.0, metadata={"help": "How strongly."})


@dataclass
class LoaderConfig(SamplingConfig, FilterConfig):
    """Workers, batches, features and the held-out split."""

    num_loader_workers: int = field(default=0, metadata={"help": "Processes that load training clips."})
    num_eval_loader_workers: int = field(default=0, metadata={"help": "Processes that load held-out clips."})
    use_noise_augment: bool = field(default=False, metadata={"help": "Add a little noise to the training clips."})
    batch_group_size: int = kept(0, "batches hold clips of about the same length")
    loss_masking: bool | None = field(
        default=None, metadata={"help": "Leave padding out of the loss, where a model has the choice."}
    )
    compute_f0: bool = kept(False, "no model here learns the pitch")
    compute_energy: bool = kept(False, "no model here learns the energy")
    compute_linear_spec: bool = field(default=False, metadata={"help": "Compute linear spectrograms."})
    precompute_num_workers: int = field(
        default=0, metadata={"help": "Processes that fill the feature cache; 0 is one for each CPU core."}
    )
    feature_shards: bool | None = own(
        None,
        "Write features into a few large files (true), for network file systems and limits on the number of files, or "
        "each into a file (false); null takes large files from 100,000 clips on.",
    )
    start_by_longest: bool = kept(False, "a run always begins with the longest clips")
    shuffle: bool = kept(False, "batches are shuffled by the seed")
    drop_last: bool = field(default=False, metadata={"help": "Drop the last batch where it is not full."})
    eval_split_max_size: int | None = field(default=None, metadata={"help": "Most clips to hold out."})
    eval_split_size: float = field(
        default=0.01, metadata={"help": "Clips to hold out: below 1 a share of all, else a number of clips."}
    )
