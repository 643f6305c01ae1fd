"""Values that have the right type and make no sense: found before any data is read, all named at once."""

from collections.abc import Iterator

from finetune_tts.config.adaptation import adaptation_faults
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.optimizer_checks import optimizers
from finetune_tts.config.paths import METADATA_FIELDS, PATH_FIELDS
from finetune_tts.config.ranges import (
    ABOVE_ZERO,
    FROM_ONE,
    FROM_ZERO,
    LENGTH,
    SHARE,
    Range,
    is_whole,
    leaves,
    limited,
    not_among,
    out_of_range,
)
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError

SPEECH_RANGES = {
    "lr": ABOVE_ZERO,
    "batch_size": FROM_ONE,
    "batch_frames": FROM_ZERO,
    "eval_batch_size": FROM_ONE,
    "epochs": FROM_ONE,
    "grad_clip": FROM_ZERO,
    "print_step": FROM_ONE,
    "plot_step": FROM_ONE,
    "save_step": FROM_ONE,
    "save_n_checkpoints": FROM_ONE,
    "run_eval_steps": FROM_ONE,
    "training_seed": Range(0, 2**32 - 1),
    "num_loader_workers": Range(0, 1024),
    "num_eval_loader_workers": Range(0, 1024),
    "precompute_num_workers": Range(0, 1024),
    "batch_group_size": FROM_ZERO,
    "min_audio_len": LENGTH,
    "max_audio_len": LENGTH,
    "min_text_len": LENGTH,
    "max_text_len": LENGTH,
    "eval_split_size": FROM_ZERO,
    "eval_split_max_size": FROM_ONE,
    "speaker_weighted_sampler_alpha": FROM_ZERO,
    "language_weighted_sampler_alpha": FROM_ZERO,
    "length_weighted_sampler_alpha": FROM_ZERO,
}
AUDIO_RANGES = {
    "sample_rate": Range(4000, 192_000),
    "fft_size": Range(2, 2**16),
    "hop_length": FROM_ONE,
    "win_length": FROM_ONE,
    "frame_shift_ms": Range(0, 10_000, open_low=True),
    "frame_length_ms": Range(0, 10_000, open_low=True),
    "preemphasis": SHARE,
    "power": ABOVE_ZERO,
    "griffin_lim_iters": Range(1, 10_000),
    "num_mels": Range(1, 1024),
    "mel_fmin": FROM_ZERO,
    "mel_fmax": ABOVE_ZERO,
    "spec_gain": FROM_ONE,
    "max_norm": ABOVE_ZERO,
}
#: how recordings are read; a model that speaks does not care.
READING_RANGES = {"trim_db": ABOVE_ZERO}
CHOICES = {
    "precision": ("fp16", "float16", "bf16", "bfloat16"),
    "dashboard_logger": ("tensorboard", "wandb", "mlflow", "clearml", "aim"),
}
AUDIO_CHOICES = {
    "log_func": ("np.log10", "np.log"),
    "stft_pad_mode": ("reflect", "constant", "edge", "replicate", "symmetric", "wrap", "circular"),
}


def speech_faults(config: SpeechConfig, *, own_optimizers: bool = False) -> Iterator[str]:
    """Yield what keeps any model that reads text from being trained, whatever its network and its spectrograms.

    Args:
        config: what to check.
        own_optimizers: the architecture names its optimizers in a way of its own, and checks them itself.
    """
    yield from out_of_range(config, SPEECH_RANGES)
    yield from not_among(config, CHOICES)
    yield from lengths(config)
    yield from optimizers(config, own=own_optimizers)
    yield from test_sentences(config)
    yield from adaptation_faults(config)
    yield from path_faults(config)
    yield from reading_faults(config.audio)


def require_no_faults(faults: list[str], where: str) -> None:
    """Refuse a config of which faults are known.

    Raises:
        UserError: one message that names them; one fault stays on one line.
    """
    if len(faults) == 1:
        raise UserError(f"{where}: {faults[0]}.")
    if faults:
        raise UserError("\n  ".join([f"{where}: {len(faults)} values cannot be used:", *limited(faults)]))


def lengths(config: SpeechConfig) -> Iterator[str]:
    """Yield what is wrong with the filters by length and with the split."""
    for kind in ("audio", "text"):
        low, high = getattr(config, f"min_{kind}_len"), getattr(config, f"max_{kind}_len")
        if low > high:
            yield f"min_{kind}_len = {low} is above max_{kind}_len = {high}: every clip would be left out"
    size = config.eval_split_size
    if size > 1 and not is_whole(size):
        yield f"eval_split_size = {size}: must be a share below 1 or a whole number of clips"
    if size == 0 and config.run_eval and not any(dataset.meta_file_val for dataset in config.datasets):
        yield (
            "eval_split_size = 0 holds no clip out, but run_eval is true: "
            "set eval_split_size, or meta_file_val of the data set, or run_eval false"
        )


def path_faults(config: SpeechConfig | VocoderConfig) -> Iterator[str]:
    """Yield names of files that no file can have."""
    values = config.to_dict()
    groups = {"": values, "audio.": values.get("audio"), "model_args.": values.get("model_args")}
    groups |= {f"datasets.{place}.": dataset for place, dataset in enumerate(values.get("datasets") or [])}
    for prefix, group in groups.items():
        for name in ("path", *PATH_FIELDS, *METADATA_FIELDS):
            for path, value in leaves(group.get(name) if isinstance(group, dict) else None, name):
                if isinstance(value, str) and "\0" in value:
                    yield f"{prefix}{path} = {shown(value)}: no file name can hold a NUL character"


def test_sentences(config: SpeechConfig) -> Iterator[str]:
    """Yield test sentences that cannot be synthesised."""
    for index, sentence in enumerate(config.test_sentences):
        text = sentence[0] if isinstance(sentence, list) and sentence else sentence
        if not isinstance(text, str) or not text.strip():
            yield f"test_sentences.{index} = {shown(sentence)}: must be a text, or a list that starts with one"


def audio_faults(audio: AudioConfig) -> Iterator[str]:
    """Yield what is wrong with the spectrogram."""
    wide = list(out_of_range(audio, AUDIO_RANGES, "audio."))
    yield from wide
    if wide:
        return  # what is compared with a value out of its range says nothing more
    yield from not_among(audio, AUDIO_CHOICES, "audio.")
    if audio.win_length is not None and audio.win_length > audio.fft_size:
        yield f"audio.win_length = {audio.win_length}: must be at most audio.fft_size = {audio.fft_size}"
    if audio.hop_length is None and (audio.frame_shift_ms is None or audio.frame_length_ms is None):
        yield "audio.hop_length = null: must be given, or both audio.frame_shift_ms and audio.frame_length_ms"
    window = audio.fft_size if audio.win_length is None else audio.win_length
    if audio.hop_length is not None and audio.hop_length > window:
        yield f"audio.hop_length = {audio.hop_length}: must be at most audio.win_length = {window}"
    half = audio.sample_rate / 2
    high = half if audio.mel_fmax is None else audio.mel_fmax
    if high > half:
        yield f"audio.mel_fmax = {high:g}: must be at most half of audio.sample_rate, {half:g}"
    if audio.mel_fmin >= high:
        yield f"audio.mel_fmin = {audio.mel_fmin:g}: must be below audio.mel_fmax, {high:g}"
    if audio.signal_norm and not audio.stats_path and audio.min_level_db >= 0:
        yield f"audio.min_level_db = {audio.min_level_db}: must be below 0"


def reading_faults(audio: AudioConfig) -> Iterator[str]:
    """Yield what is wrong with how recordings are read."""
    yield from out_of_range(audio, READING_RANGES, "audio.")
    if audio.do_rms_norm and (audio.db_level is None or not -99 <= audio.db_level <= 0):
        yield f"audio.db_level = {shown(audio.db_level)}: must be between -99 and 0 where do_rms_norm is true"
