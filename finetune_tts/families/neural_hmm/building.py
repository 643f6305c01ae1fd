"""From a config to a neural HMM."""

from finetune_tts.errors import UserError
from finetune_tts.families.family import Sizes
from finetune_tts.families.neural_hmm.config import HMMConfig, OverflowConfig
from finetune_tts.families.neural_hmm.network import HMMOptions, NeuralHMMTTS, Overflow


def build_neural_hmm(config: HMMConfig, sizes: Sizes, *, for_training: bool = True) -> NeuralHMMTTS:
    """Build the Neural HMM TTS that ``config`` describes.

    Raises:
        UserError: the config contradicts itself.
    """
    try:
        return NeuralHMMTTS(num_symbols=sizes.symbols, options=_options(config))
    except (TypeError, ValueError) as error:
        raise UserError(f"The config describes no Neural HMM TTS that can be built: {error}") from error


def build_overflow(config: OverflowConfig, sizes: Sizes, *, for_training: bool = True) -> Overflow:
    """Build the OverFlow that ``config`` describes.

    Raises:
        UserError: the config contradicts itself.
    """
    try:
        return Overflow(
            num_symbols=sizes.symbols,
            options=_options(config),
            hidden_channels=config.hidden_channels_dec,
            kernel_size=config.kernel_size_dec,
            dilation_rate=config.dilation_rate,
            num_flow_blocks=config.num_flow_blocks_dec,
            num_coupling_layers=config.num_block_layers,
            dropout=config.dropout_p_dec,
            num_splits=config.num_splits,
            num_squeeze=config.num_squeeze,
            sigmoid_scale=config.sigmoid_scale,
        )
    except (TypeError, ValueError) as error:
        raise UserError(f"The config describes no OverFlow that can be built: {error}") from error


def _options(config: HMMConfig) -> HMMOptions:
    start = config.flat_start_params
    return HMMOptions(
        out_channels=config.out_channels,
        state_per_phone=config.state_per_phone,
        encoder_in_out_features=config.encoder_in_out_features,
        ar_order=config.ar_order,
        prenet_type=config.prenet_type,
        prenet_dim=config.prenet_dim,
        prenet_n_layers=config.prenet_n_layers,
        prenet_dropout=bool(config.prenet_dropout),
        prenet_dropout_at_inference=config.prenet_dropout_at_inference,
        memory_rnn_dim=config.memory_rnn_dim,
        outputnet_size=tuple(config.outputnet_size),
        flat_start_mean=float(start["mean"]),
        flat_start_std=float(start["std"]),
        flat_start_transition_p=float(start["transition_p"]),
        std_floor=config.std_floor,
    )
