"""The config of VITS (https://arxiv.org/abs/2106.06103).

🐸TTS keeps the network's fields in a group of their own, ``model_args``, and some of them, who speaks and with which
file, at top level too. Both places always say the same here: what is set in one counts in the other.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.base import Config, kept
from finetune_tts.config.languages import LanguageConfig
from finetune_tts.config.released import Values
from finetune_tts.config.shared_fields import agree, move_into_group, settle
from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.config.speech import SpeechConfig, default_test_sentences


@dataclass
class VitsTextArgs(Config):
    """Text encoder and duration predictor."""

    num_chars: int = kept(100, "the rows of the symbol embedding are counted")
    hidden_channels: int = field(default=192, metadata={"help": "Channels of the latent and of all encoders."})
    hidden_channels_ffn_text_encoder: int = field(
        default=768, metadata={"help": "Channels of the text encoder's feed-forward layers."}
    )
    num_heads_text_encoder: int = field(default=2, metadata={"help": "Attention heads of the text encoder."})
    num_layers_text_encoder: int = field(default=6, metadata={"help": "Layers of the text encoder."})
    kernel_size_text_encoder: int = field(
        default=3, metadata={"help": "Kernel of the text encoder's feed-forward convolutions."}
    )
    dropout_p_text_encoder: float = field(default=0.1, metadata={"help": "Dropout of the text encoder."})
    dropout_p_duration_predictor: float = field(default=0.5, metadata={"help": "Dropout of the duration predictor."})
    hidden_channels_dp: int = field(
        default=192, metadata={"help": "Channels of the duration predictor with use_sdp; the field is not 🐸TTS's."}
    )
    use_sdp: bool = field(
        default=True, metadata={"help": "Predict durations as a distribution; false predicts one number."}
    )
    detach_dp_input: bool = field(default=True, metadata={"help": "Keep the duration loss away from the text encoder."})
    condition_dp_on_speaker: bool = field(default=True, metadata={"help": "Durations depend on the speaker."})


@dataclass
class VitsLatentArgs(Config):
    """Posterior encoder and flow."""

    out_channels: int = field(default=513, metadata={"help": "Bins of the linear spectrogram: audio.fft_size / 2 + 1."})
    kernel_size_posterior_encoder: int = field(default=5, metadata={"help": "Kernel of the posterior encoder."})
    dilation_rate_posterior_encoder: int = field(
        default=1, metadata={"help": "Factor between the dilations of the posterior encoder's layers."}
    )
    num_layers_posterior_encoder: int = field(default=16, metadata={"help": "Layers of the posterior encoder."})
    kernel_size_flow: int = field(default=5, metadata={"help": "Kernel of the flow."})
    dilation_rate_flow: int = field(default=1, metadata={"help": "Factor between the dilations of the flow's layers."})
    num_layers_flow: int = field(default=4, metadata={"help": "Layers of each of the flow's couplings."})
    encoder_sample_rate: int | None = field(
        default=None,
        metadata={"help": "Sampling rate of the posterior encoder, where it is below audio.sample_rate."},
    )
    interpolate_z: bool = field(
        default=True, metadata={"help": "Interpolate the latent then; false lets the decoder raise the rate."}
    )
    use_noise_scaled_mas: bool = field(
        default=False,
        metadata={"help": "Search alignments among noisy likelihoods, at the beginning of a run (VITS2)."},
    )
    mas_noise_scale_initial: float = field(
        default=0.01, metadata={"help": "Noise of the first step, relative to the likelihoods' deviation."}
    )
    noise_scale_delta: float = field(default=2e-6, metadata={"help": "How much less noise each step has."})


@dataclass
class VitsDecoderArgs(Config):
    """Waveform decoder and discriminator."""

    spec_segment_size: int = field(default=32, metadata={"help": "Frames that are decoded of each clip in training."})
    resblock_type_decoder: str = field(default="1", metadata={"help": "Kind of the residual blocks: 1 or 2."})
    resblock_kernel_sizes_decoder: list[int] = field(
        default_factory=lambda: [3, 7, 11], metadata={"help": "Kernels of the residual blocks."}
    )
    resblock_dilation_sizes_decoder: list[list[int]] = field(
        default_factory=lambda: [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        metadata={"help": "Dilations of the residual blocks."},
    )
    upsample_rates_decoder: list[int] = field(
        default_factory=lambda: [8, 8, 2, 2],
        metadata={"help": "Factors of the upsampling stages; their product is the hop length."},
    )
    upsample_initial_channel_decoder: int = field(
        default=512, metadata={"help": "Channels before the first stage; each stage halves them."}
    )
    upsample_kernel_sizes_decoder: list[int] = field(
        default_factory=lambda: [16, 16, 4, 4], metadata={"help": "Kernels of the upsampling stages."}
    )
    periods_multi_period_discriminator: list[int] = field(
        default_factory=lambda: [2, 3, 5, 7, 11], metadata={"help": "Periods of the period discriminators."}
    )
    init_discriminator: bool = field(
        default=True, metadata={"help": "Make a discriminator; training needs one, synthesis does not."}
    )
    use_spectral_norm_disriminator: bool = field(
        default=False, metadata={"help": "Spectral norm in the discriminators (coqui-tts's spelling)."}
    )


@dataclass
class VitsInferenceArgs(Config):
    """How it speaks."""

    noise_scale: float = kept(1.0)
    inference_noise_scale: float = field(
        default=0.667, metadata={"help": "Noise of the latent in synthesis; 0 takes the mean."}
    )
    length_scale: float = field(default=1, metadata={"help": "Duration factor in synthesis; above 1 is slower."})
    noise_scale_dp: float = kept(1.0)
    inference_noise_scale_dp: float = field(default=1.0, metadata={"help": "Noise of the durations in synthesis."})
    max_inference_len: int | None = field(
        default=None, metadata={"help": "Most frames of a sentence in synthesis; null is no bound."}
    )


@dataclass
class VitsSpeakerArgs(LanguageConfig, SpeakerConfig):
    """Speakers and languages."""

    speaker_embedding_channels: int = field(default=256, metadata={"help": "Size of a learned speaker vector."})
    embedded_language_dim: int = field(default=4, metadata={"help": "Size of a learned language vector."})
    use_speaker_encoder_as_loss: bool = field(
        default=False, metadata={"help": "Keep the voice by what a speaker encoder hears, with speaker_encoder_*_path."}
    )
    speaker_encoder_config_path: str = field(default="", metadata={"help": "Config of the speaker encoder."})
    speaker_encoder_model_path: str = field(default="", metadata={"help": "Weights of the speaker encoder."})


@dataclass
class VitsTuningArgs(Config):
    """What is not trained, and what is trained again."""

    freeze_encoder: bool = field(default=False, metadata={"help": "Leave text encoder and languages as they are."})
    freeze_DP: bool = field(default=False, metadata={"help": "Leave the duration predictor as it is."})
    freeze_PE: bool = field(default=False, metadata={"help": "Leave the posterior encoder as it is."})
    freeze_flow_decoder: bool = field(default=False, metadata={"help": "Leave the flow as it is."})
    freeze_waveform_decoder: bool = field(default=False, metadata={"help": "Leave the waveform decoder as it is."})
    reinit_DP: bool = field(default=False, metadata={"help": "Begin with a fresh duration predictor."})
    reinit_text_encoder: bool = field(default=False, metadata={"help": "Begin with a fresh text encoder."})


@dataclass
class VitsArgs(VitsTuningArgs, VitsSpeakerArgs, VitsInferenceArgs, VitsDecoderArgs, VitsLatentArgs, VitsTextArgs):
    """All fields of the network, under 🐸TTS's names."""


@dataclass
class VitsAudioConfig(AudioConfig):
    """Audio fields; VITS reads recordings whole, as they are."""

    do_trim_silence: bool = field(default=False, metadata={"help": "Cut silence off both ends of a clip."})


@dataclass
class AdversarialRates(Config):
    """Rates and schedules of generator and discriminator."""

    lr_gen: float = field(default=0.0002, metadata={"help": "Learning rate of the generator; lr sets both."})
    lr_disc: float = field(default=0.0002, metadata={"help": "Learning rate of the discriminator; lr sets both."})
    lr_scheduler_gen: str | None = field(
        default="ExponentialLR", metadata={"help": "Schedule of the generator's rate; null keeps it."}
    )
    lr_scheduler_gen_params: dict[str, Any] = field(
        default_factory=lambda: {"gamma": 0.999875, "last_epoch": -1}, metadata={"help": "Arguments of that schedule."}
    )
    lr_scheduler_disc: str | None = field(
        default="ExponentialLR", metadata={"help": "Schedule of the discriminator's rate; null keeps it."}
    )
    lr_scheduler_disc_params: dict[str, Any] = field(
        default_factory=lambda: {"gamma": 0.999875, "last_epoch": -1}, metadata={"help": "Arguments of that schedule."}
    )


@dataclass
class VitsLossConfig(Config):
    """How much each part of the objective counts."""

    kl_loss_alpha: float = field(default=1.0, metadata={"help": "Weight of the divergence of posterior and prior."})
    disc_loss_alpha: float = field(default=1.0, metadata={"help": "Weight of the discriminator's loss."})
    gen_loss_alpha: float = field(default=1.0, metadata={"help": "Weight of what the discriminator thinks."})
    feat_loss_alpha: float = field(default=1.0, metadata={"help": "Weight of feature matching."})
    mel_loss_alpha: float = field(default=45.0, metadata={"help": "Weight of the mel spectrogram's distance."})
    dur_loss_alpha: float = field(default=1.0, metadata={"help": "Weight of the durations."})
    speaker_encoder_loss_alpha: float = field(
        default=1.0, metadata={"help": "Weight of the speaker encoder's judgement."}
    )


#: Fields that stand in ``model_args`` and at top level.
SHARED_FIELDS = (
    *("use_speaker_embedding", "speakers_file", "speaker_embedding_channels"),
    *("use_d_vector_file", "d_vector_file", "d_vector_dim"),
    *("use_language_embedding", "language_ids_file"),
)


@dataclass
class VitsConfig(VitsLossConfig, AdversarialRates, LanguageConfig, SpeakerConfig, SpeechConfig):
    """All fields of a VITS run."""

    model: str = field(default="vits", metadata={"help": "Architecture of the network."})
    model_args: VitsArgs = field(  # type: ignore[assignment]  # a group in the place of a dictionary
        default_factory=VitsArgs, metadata={"help": "The network."}
    )
    audio: AudioConfig = field(default_factory=VitsAudioConfig, metadata={"help": "Spectrograms."})
    speaker_embedding_channels: int = field(default=256, metadata={"help": "Size of a learned speaker vector."})
    grad_clip: float | list[float] = field(
        default_factory=lambda: [1000.0, 1000.0],
        metadata={"help": "Norms that gradients of discriminator and generator are cut to; 0 is off."},
    )
    scheduler_after_epoch: bool = field(
        default=True, metadata={"help": "Step the learning-rate schedules after each epoch, not after each step."}
    )
    optimizer: str | list[str] | None = field(default="AdamW", metadata={"help": "Optimizer of both parts."})
    optimizer_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=lambda: {"betas": [0.8, 0.99], "eps": 1e-9, "weight_decay": 0.01},
        metadata={"help": "Arguments of the optimizer."},
    )
    compute_linear_spec: bool = kept(True, "the network computes them from the waveform")
    return_wav: bool = kept(True, "batches always hold waveforms")
    use_weighted_sampler: bool = kept(False, "use_speaker_weighted_sampler and its like act")
    weighted_sampler_attrs: dict[str, Any] = kept({}, "use_speaker_weighted_sampler and its like act")
    weighted_sampler_multipliers: dict[str, Any] = kept({}, "use_speaker_weighted_sampler and its like act")
    r: int = kept(1, "VITS has no decoder steps")
    lr_scheduler: str | list[str] | None = kept(None, "lr_scheduler_gen and lr_scheduler_disc count")
    lr_scheduler_params: dict[str, Any] | list[dict[str, Any]] = kept({}, "those of generator and discriminator count")
    loss_masking: bool | None = kept(None, "padding never counts")
    add_blank: bool = field(default=True, metadata={"help": "Put the blank symbol between all symbols."})
    test_sentences: list[str | list[Any]] = field(
        default_factory=lambda: [[sentence] for sentence in default_test_sentences()],
        metadata={"help": "Sentences to synthesise in training: a text, or a list of text, speaker, style, language."},
    )

    def __post_init__(self) -> None:
        """Let both places of a field that was given in one of them say the same."""
        agree(self, self.model_args, SHARED_FIELDS)

    def settle(self, changed: Collection[str]) -> None:
        """Do the same after the fields of these dotted names were set."""
        settle(self, self.model_args, SHARED_FIELDS, changed)


def modernise(values: Values, spelling: str) -> None:
    """Move the network's fields of a VITS into their group; some configs had them at top level."""
    move_into_group(values, VitsArgs, SHARED_FIELDS)


#: config field → the module that begins fresh, whatever the checkpoint holds.
RENEW_FIELDS = {"reinit_DP": "duration_predictor", "reinit_text_encoder": "text_encoder"}


def renewed_modules(config: VitsConfig) -> tuple[str, ...]:
    """The modules that begin fresh in a new run, as the config asks."""
    return tuple(module for field, module in RENEW_FIELDS.items() if config.model_args[field])


def upsampling_factor(config: VitsConfig) -> float:
    """How many times the decoder's sample rate is that of the encoder."""
    encoder_rate = config.model_args.encoder_sample_rate
    return config.audio.sample_rate / encoder_rate if encoder_rate else 1.0
