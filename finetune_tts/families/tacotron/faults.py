"""Values of a Tacotron's config that have the right type and make no sense."""

from collections.abc import Iterator

from finetune_tts.config.ranges import ABOVE_ZERO, CHANNELS, COUNT, FROM_ONE, FROM_ZERO, Range, not_among, out_of_range
from finetune_tts.config.values import shown
from finetune_tts.families.tacotron.capacitron_faults import capacitron_faults, capacitron_run_faults
from finetune_tts.families.tacotron.config import TacotronConfig

TACOTRON_RANGES = {
    "num_chars": Range(0, 2**20),
    "r": Range(1, 64),
    "ddc_r": Range(1, 64),
    "memory_size": Range(-1, 1024),
    "attention_heads": COUNT,
    "max_decoder_steps": FROM_ONE,
    "encoder_in_features": CHANNELS,
    "decoder_in_features": CHANNELS,
    "decoder_output_dim": CHANNELS,
    "out_channels": CHANNELS,
    "speaker_embedding_dim": CHANNELS,
    "d_vector_dim": Range(0, CHANNELS.high),
}
TACOTRON_RUN_RANGES = {
    "stopnet_pos_weight": ABOVE_ZERO,
    "decoder_loss_alpha": FROM_ZERO,
    "postnet_loss_alpha": FROM_ZERO,
    "postnet_diff_spec_alpha": FROM_ZERO,
    "decoder_diff_spec_alpha": FROM_ZERO,
    "decoder_ssim_alpha": FROM_ZERO,
    "postnet_ssim_alpha": FROM_ZERO,
    "ga_alpha": FROM_ZERO,
}
TACOTRON_CHOICES = {
    "attention_type": ("original", "graves", "dynamic_convolution"),
    "attention_norm": ("sigmoid", "softmax"),
    "prenet_type": ("original", "bn"),
}
TACOTRON_RUN_CHOICES: dict[str, tuple[str, ...]] = {"spectrogram_error": ("mse", "l1")}
GST_RANGES = {"gst_embedding_dim": CHANNELS, "gst_num_heads": COUNT, "gst_num_style_tokens": CHANNELS}


def tacotron_run_faults(config: TacotronConfig) -> Iterator[str]:
    """Yield what a run of a Tacotron cannot be trained with."""
    yield from out_of_range(config, TACOTRON_RUN_RANGES)
    yield from not_among(config, TACOTRON_RUN_CHOICES)
    yield from capacitron_run_faults(config)
    if config.model == "tacotron" and not config.compute_linear_spec:
        yield "compute_linear_spec = false: must be true, as Tacotron learns linear spectrograms"
    if config.use_d_vector_file and config.use_speaker_embedding:
        yield "use_d_vector_file and use_speaker_embedding are both true: a model has one of them"


def tacotron_faults(config: TacotronConfig) -> Iterator[str]:
    """Yield what a Tacotron cannot be built with."""
    yield from out_of_range(config, TACOTRON_RANGES)
    yield from not_among(config, TACOTRON_CHOICES)
    yield from channel_faults(config)
    yield from gradual_faults(config)
    yield from capacitron_faults(config)
    if config.attention_type == "graves" and config.attention_heads is None:
        yield "attention_heads = null: must be the number of Gaussians, as attention_type is graves; 5 is usual"
    if config.bidirectional_decoder and config.double_decoder_consistency:
        yield "bidirectional_decoder and double_decoder_consistency are both true: a model has one second decoder"
    if config.use_d_vector_file and not config.d_vector_dim:
        yield f"d_vector_dim = {config.d_vector_dim}: must be the size of the vectors, as use_d_vector_file is true"
    if config.use_gst and config.gst is not None:
        yield from out_of_range(config.gst, GST_RANGES, "gst.")
        heads, channels = config.gst.gst_num_heads, config.gst.gst_embedding_dim
        if heads > 0 and channels % (2 * heads):
            yield f"gst.gst_embedding_dim = {channels}: must be a multiple of two times gst.gst_num_heads = {heads}"


def channel_faults(config: TacotronConfig) -> Iterator[str]:
    """Yield channels that do not go together."""
    bands = config.audio.num_mels
    if config.decoder_output_dim != bands:
        yield f"decoder_output_dim = {config.decoder_output_dim}: must be audio.num_mels = {bands}"
    if config.model == "tacotron":
        linear = config.audio.fft_size // 2 + 1
        if config.out_channels != linear:
            yield f"out_channels = {config.out_channels}: must be half of audio.fft_size and one, {linear}"
        return
    if config.out_channels != bands:
        yield f"out_channels = {config.out_channels}: must be audio.num_mels = {bands}"
    if config.encoder_in_features % 2:
        yield f"encoder_in_features = {config.encoder_in_features}: must be even"
    if config.decoder_in_features != config.encoder_in_features:
        yield (
            f"decoder_in_features = {config.decoder_in_features}: "
            f"must be encoder_in_features = {config.encoder_in_features}"
        )


def gradual_faults(config: TacotronConfig) -> Iterator[str]:
    """Yield what is wrong with the schedule of r."""
    before = -1
    for number, entry in enumerate(config.gradual_training or []):
        name = f"gradual_training.{number} = {shown(entry)}"
        if len(entry) != 3 or entry[0] < 0 or entry[1] < 1 or entry[2] < 1:
            yield f"{name}: must be [step, r, batch size], whole numbers, r and batch size at least 1"
            return
        if entry[0] < before:
            yield f"{name}: its step must not be below the one before, {before}"
        before = entry[0]
