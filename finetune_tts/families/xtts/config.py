"""The config of XTTS v1.1 and v2 (https://arxiv.org/abs/2406.04904)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.base import Config, kept
from finetune_tts.config.characters import CharactersConfig
from finetune_tts.config.released import Values
from finetune_tts.config.speech import SpeechConfig

#: the files that a release holds beside its weights → the field that names each, and what it is called there.
FILES = {
    "tokenizer_file": ("vocab.json",),
    "dvae_checkpoint": ("dvae.pth",),
    "mel_norm_file": ("mel_stats.pth", "mel_norms.pth"),
}
LANGUAGES = (
    "en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi",
)  # fmt: skip


@dataclass
class XttsFileArgs(Config):
    """Files beside the weights."""

    tokenizer_file: str = field(
        default="", metadata={"help": "The vocabulary; empty is vocab.json beside the weights."}
    )
    dvae_checkpoint: str = field(
        default="", metadata={"help": "What makes codes of recordings; empty is dvae.pth beside the weights."}
    )
    mel_norm_file: str = field(
        default="", metadata={"help": "Divisors of the mel bands; empty is mel_stats.pth beside the weights."}
    )
    gpt_checkpoint: str | None = kept("")
    clvp_checkpoint: str | None = kept(None)
    decoder_checkpoint: str | None = kept(None)
    xtts_checkpoint: str | None = kept("")
    vocoder: str | None = kept("")


@dataclass
class XttsGptArgs(Config):
    """The language model."""

    gpt_layers: int = field(default=30, metadata={"help": "Blocks of the transformer."})
    gpt_n_model_channels: int = field(default=1024, metadata={"help": "Width of the transformer."})
    gpt_n_heads: int = field(default=16, metadata={"help": "Heads of its attention."})
    gpt_max_audio_tokens: int = field(default=605, metadata={"help": "Places for codes; 21.5 are a second."})
    gpt_max_text_tokens: int = field(default=402, metadata={"help": "Places for the tokens of a text."})
    gpt_max_prompt_tokens: int = kept(70)
    gpt_number_text_tokens: int | None = field(
        default=None, metadata={"help": "Size of the vocabulary; counted for every run."}
    )
    gpt_start_text_token: int | None = field(default=None, metadata={"help": "Id before a text; null is 261."})
    gpt_stop_text_token: int | None = field(default=None, metadata={"help": "Id behind a text; null is 0."})
    gpt_num_audio_tokens: int = field(default=1026, metadata={"help": "Number of codes, with start and stop."})
    gpt_start_audio_token: int = field(default=1024, metadata={"help": "Id before codes."})
    gpt_stop_audio_token: int = field(default=1025, metadata={"help": "Id behind codes."})
    gpt_code_stride_len: int = field(default=1024, metadata={"help": "Samples that a code stands for."})
    gpt_use_perceiver_resampler: bool = field(
        default=True, metadata={"help": "Bring every recording to a prompt of 32 places, as v2 does; v1.1 does not."}
    )
    gpt_use_masking_gt_prompt_approach: bool = field(
        default=True, metadata={"help": "Do not ask for the codes of a clip that its prompt was made of."}
    )
    kv_cache: bool = kept(True, "the cache is always used")
    gpt_batch_size: int = kept(1)
    enable_redaction: bool = kept(False)
    num_chars: int = kept(255)


@dataclass
class XttsDecoderArgs(Config):
    """From the language model's vectors to a waveform."""

    input_sample_rate: int = field(default=22050, metadata={"help": "Rate of the recordings that codes are made of."})
    output_sample_rate: int = field(default=24000, metadata={"help": "Rate of the waveforms that come out, in Hz."})
    output_hop_length: int = field(default=256, metadata={"help": "Samples that the HiFi-GAN makes of a frame."})
    decoder_input_dim: int = field(default=1024, metadata={"help": "Width of its input: that of the transformer."})
    d_vector_dim: int = field(default=512, metadata={"help": "Size of a speaker vector."})
    cond_d_vector_in_each_upsampling_layer: bool = field(
        default=True, metadata={"help": "Hear who speaks in every stage of the HiFi-GAN."}
    )
    duration_const: int = kept(102400)


@dataclass
class XttsTrainingArgs(Config):
    """What fine-tuning asks for."""

    min_conditioning_length: int = field(
        default=66150, metadata={"help": "Shortest part of a clip that becomes its prompt, in samples."}
    )
    max_conditioning_length: int = field(
        default=132300, metadata={"help": "Longest part of a clip that becomes its prompt, in samples."}
    )
    gpt_loss_text_ce_weight: float = field(default=0.01, metadata={"help": "How much the text's tokens count."})
    gpt_loss_mel_ce_weight: float = field(default=1.0, metadata={"help": "How much the codes count."})
    max_wav_length: int = field(
        default=255995, metadata={"help": "Longest clip that is trained on, in samples at 22,050 Hz; 11.6 s."}
    )
    min_wav_length: int = field(
        default=11025, metadata={"help": "Shortest clip that is trained on, in samples at 22,050 Hz; 0.5 s."}
    )
    max_text_length: int = field(default=200, metadata={"help": "Longest text that is trained on, in tokens."})
    debug_loading_failures: bool = kept(False)


@dataclass
class XttsArgs(XttsTrainingArgs, XttsDecoderArgs, XttsGptArgs, XttsFileArgs):
    """All fields of the network, under 🐸TTS's names."""


@dataclass
class XttsAudioConfig(AudioConfig):
    """Audio fields. The spectrograms that XTTS hears are fixed; these are shown, and measured in the report."""

    sample_rate: int = field(default=22050, metadata={"help": "Rate of the recordings, in Hz."})
    output_sample_rate: int = field(default=24000, metadata={"help": "Rate of the waveforms that come out, in Hz."})
    dvae_sample_rate: int = kept(22050, "codes are made at sample_rate")
    do_trim_silence: bool = field(default=False, metadata={"help": "Cut silence off both ends of a clip."})


@dataclass
class XttsSpeakingConfig(Config):
    """How it speaks, where you do not say it."""

    temperature: float = field(default=0.75, metadata={"help": "Below 1 it varies less; 0 takes the likeliest codes."})
    length_penalty: float = field(
        default=1.0, metadata={"help": "Of several candidates, above 1 longer ones are preferred."}
    )
    repetition_penalty: float = field(
        default=10.0, metadata={"help": "By how much codes that were written before become less likely; 1 is off."}
    )
    top_k: int = field(default=50, metadata={"help": "How many of the likeliest codes are drawn from; 0 is all."})
    top_p: float = field(
        default=0.85, metadata={"help": "The likeliest codes that sum up to this chance are drawn from."}
    )
    num_gpt_outputs: int = field(default=1, metadata={"help": "Candidates that are made; the likeliest is taken."})
    gpt_cond_len: int = field(default=12, metadata={"help": "Seconds of recordings that become the prompt."})
    gpt_cond_chunk_len: int = field(default=4, metadata={"help": "Seconds of each part of them, whose mean is taken."})
    max_ref_len: int = field(default=10, metadata={"help": "Seconds of each recording that are listened to."})
    sound_norm_refs: bool = field(default=False, metadata={"help": "Bring recordings to the same peak first."})


@dataclass
class GrowingConfig(Config):
    """Languages that the model does not know yet."""

    new_language_pieces: int = field(
        default=300,
        metadata={"help": "Most pieces of words that a new language gets, around letters that are new."},
    )


@dataclass
class LoraConfig(Config):
    """Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685)."""

    lora_rank: int = field(default=0, metadata={"help": "Rank of the adapters, 16 for example; 0 trains all weights."})
    lora_alpha: float | None = field(
        default=None,
        metadata={"help": "What the adapters add is scaled by this over the rank; null is twice the rank."},
    )
    lora_dropout: float = field(default=0.0, metadata={"help": "Dropout before the adapters."})
    lora_pattern: str = field(
        default=r"gpt\.h\.\d+\.(attn|mlp)\.c_\w+",
        metadata={"help": "Regular expression: the layers of the language model that get adapters."},
    )
    lora_also: str = field(
        default="",
        metadata={"help": "Regular expression: further weights of the language model that learn, beside the adapters."},
    )


@dataclass
class DecoderTrainingConfig(Config):
    """The decoder's own training, against the discriminators of HiFi-GAN (https://arxiv.org/abs/2010.05646)."""

    train_decoder: bool = field(
        default=False, metadata={"help": "Train the decoder, and leave the language model as it is."}
    )
    decoder_segment_frames: int = field(
        default=64, metadata={"help": "Frames of each clip that the decoder makes in a step; 64 are 0.7 s."}
    )
    l1_spec_loss_weight: float = field(
        default=45.0, metadata={"help": "How much the difference of mel spectrograms counts for the decoder."}
    )
    feat_match_loss_weight: float = field(
        default=108.0, metadata={"help": "How much the discriminator's hidden layers count for the decoder."}
    )
    mse_G_loss_weight: float = field(
        default=1.0, metadata={"help": "How much the discriminator's verdict counts for the decoder."}
    )


@dataclass
class XttsConfig(DecoderTrainingConfig, GrowingConfig, LoraConfig, XttsSpeakingConfig, SpeechConfig):
    """All fields of an XTTS run."""

    model: str = field(default="xtts", metadata={"help": "Architecture of the network."})
    use_phonemes: bool = kept(False, "XTTS reads letters")
    phonemizer: str | None = kept(None, "XTTS reads letters")
    phoneme_language: str | None = kept(None, "XTTS reads letters")
    characters: CharactersConfig | None = kept(None, "tokenizer_file is the vocabulary")
    add_blank: bool = kept(False, "nothing stands between pieces")
    enable_eos_bos_chars: bool = kept(False, "the network has its own marks")
    compute_linear_spec: bool = kept(False, "no part hears such")
    use_noise_augment: bool = kept(False, "codes are those of the recording as it is")
    model_args: XttsArgs = field(  # type: ignore[assignment]  # a group in the place of a dictionary
        default_factory=XttsArgs, metadata={"help": "The network."}
    )
    audio: XttsAudioConfig = field(default_factory=XttsAudioConfig, metadata={"help": "Recordings and spectrograms."})
    _supports_cloning: bool = kept(True)
    languages: list[str] = field(default_factory=lambda: list(LANGUAGES), metadata={"help": "Languages of the model."})
    lr: float | list[float] = field(
        default=5e-6, metadata={"help": "Learning rate; of the decoder one, or two: discriminator and decoder."}
    )
    optimizer: str | list[str] | None = field(default="AdamW", metadata={"help": "Optimizer: AdamW, RAdam, …"})
    optimizer_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=lambda: {"betas": [0.9, 0.96], "eps": 1e-8, "weight_decay": 0.01},
        metadata={"help": "Arguments of the optimizer."},
    )
    optimizer_wd_only_on_weights: bool = field(
        default=True, metadata={"help": "No weight decay on biases, norms and embeddings."}
    )
    weighted_loss_attrs: dict[str, Any] = kept({})
    weighted_loss_multipliers: dict[str, Any] = kept({})
    mixed_precision: bool = field(default=False, metadata={"help": "Train in mixed precision."})
    precision: str = field(default="bf16", metadata={"help": "Its lower precision: fp16 or bf16."})
    grad_clip: float | list[float] = field(default=1.0, metadata={"help": "Norm that gradients are cut to; 0 is off."})
    test_sentences: list[str | list[Any]] = field(
        default_factory=list,
        metadata={"help": "Sentences spoken during training: a text, or a list of text, speaker, style, language."},
    )


def modernise(values: Values, spelling: str) -> None:
    """Bring what a released config says of training and test sentences to the form that runs here take.

    Releases hold a dictionary for each test sentence, and fields of the network that are null where they are counted.
    """
    sentences = values.get("test_sentences")
    if isinstance(sentences, list):
        values["test_sentences"] = [_sentence(item) for item in sentences]
    group = values.get("model_args")
    if isinstance(group, dict):
        for name in ("tokenizer_file", "dvae_checkpoint", "mel_norm_file"):
            if group.get(name) is None:
                group.pop(name, None)


def _sentence(item: Any) -> Any:
    if isinstance(item, dict) and isinstance(item.get("text"), str):
        return [item["text"], item.get("speaker"), None, item.get("language")]
    return item


def locate(config: XttsConfig, folder: Path) -> None:
    """Find the files that belong to the weights in a folder, unless the config names others that are there."""
    for name, known in FILES.items():
        named = config.model_args[name]
        if named and Path(named).is_file():
            continue
        beside = next((folder / file for file in known if (folder / file).is_file()), None)
        if beside is not None:
            config.model_args[name] = str(beside)


def start_text(config: XttsConfig) -> int:
    """The id before a text."""
    return 261 if config.model_args.gpt_start_text_token is None else config.model_args.gpt_start_text_token


def stop_text(config: XttsConfig) -> int:
    """The id behind a text."""
    return config.model_args.gpt_stop_text_token or 0
