"""Audio fields of a config: the spectrogram that a model was trained on."""

from dataclasses import dataclass, field

from finetune_tts.config.base import Config, kept


@dataclass
class FrameConfig(Config):
    """Frames of the short-time Fourier transform, and the waveform before it."""

    fft_size: int = field(default=1024, metadata={"help": "Size of the Fourier transform, in samples."})
    win_length: int | None = field(
        default=1024, metadata={"help": "Length of the window, in samples; null is frame_length_ms, or fft_size."}
    )
    hop_length: int | None = field(
        default=256, metadata={"help": "Samples from one frame to the next; null is frame_shift_ms."}
    )
    frame_shift_ms: float | None = field(
        default=None, metadata={"help": "Hop in milliseconds; used only where hop_length is null."}
    )
    frame_length_ms: float | None = field(
        default=None, metadata={"help": "Window in milliseconds; used only where hop_length is null."}
    )
    stft_pad_mode: str = field(default="reflect", metadata={"help": "How the ends of a clip are padded."})
    sample_rate: int = field(default=22050, metadata={"help": "Sampling rate of the model, in Hz."})
    resample: bool = kept(False, "every clip is resampled to sample_rate where its own differs")
    preemphasis: float = field(default=0.0, metadata={"help": "Pre-emphasis coefficient; 0 switches it off."})
    do_sound_norm: bool = field(default=False, metadata={"help": "Scale every clip to the same peak."})
    do_trim_silence: bool = field(default=True, metadata={"help": "Cut silence off both ends of a clip."})
    trim_db: int = field(default=45, metadata={"help": "What is that many dB below the peak counts as silence."})
    do_rms_norm: bool = field(default=False, metadata={"help": "Scale every clip to the loudness db_level."})
    db_level: float | None = field(default=None, metadata={"help": "Loudness for do_rms_norm, in dB below full scale."})


@dataclass
class SpectrogramConfig(Config):
    """From magnitudes to the numbers that a network sees, and back with Griffin-Lim."""

    ref_level_db: int = field(default=20, metadata={"help": "Level taken off the spectrogram in dB."})
    log_func: str = field(default="np.log10", metadata={"help": "Logarithm of the dB scale: np.log10 or np.log."})
    power: float = field(default=1.5, metadata={"help": "Exponent that sharpens a spectrogram before Griffin-Lim."})
    griffin_lim_iters: int = field(default=60, metadata={"help": "Iterations of Griffin-Lim."})
    num_mels: int = field(default=80, metadata={"help": "Number of mel bands."})
    mel_fmin: float = field(default=0.0, metadata={"help": "Lowest frequency of the mel bands, in Hz."})
    mel_fmax: float | None = field(
        default=None, metadata={"help": "Highest frequency of the mel bands, in Hz; null is half the sample rate."}
    )
    spec_gain: int = field(default=20, metadata={"help": "Factor of the logarithm in the dB scale."})
    do_amp_to_db_linear: bool = field(default=True, metadata={"help": "Linear spectrograms in dB."})
    do_amp_to_db_mel: bool = field(default=True, metadata={"help": "Mel spectrograms in dB."})
    pitch_fmax: float | None = kept(640.0, "no model here learns the pitch")
    pitch_fmin: float | None = kept(1.0, "no model here learns the pitch")


@dataclass
class NormalisationConfig(Config):
    """The range that spectrograms are brought to."""

    signal_norm: bool = field(default=True, metadata={"help": "Bring spectrograms into a fixed range."})
    min_level_db: int = field(default=-100, metadata={"help": "Level in dB that becomes the lowest value."})
    symmetric_norm: bool = field(default=True, metadata={"help": "Range from -max_norm to max_norm, not from 0."})
    max_norm: float = field(default=4.0, metadata={"help": "Upper end of the range."})
    clip_norm: bool = field(default=True, metadata={"help": "Cut values off at the ends of the range."})
    stats_path: str | None = field(
        default=None, metadata={"help": "scale_stats.npy with mean and deviation of the bands; replaces the range."}
    )


@dataclass
class AudioConfig(NormalisationConfig, SpectrogramConfig, FrameConfig):
    """All audio fields, under 🐸TTS's names."""
