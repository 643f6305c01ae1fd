"""Folders of transformers' ``VitsModel``, as MMS and others are published: their config and their vocabulary.

Such a folder holds ``config.json``, ``vocab.json`` (symbol → id; what stands between symbols has the id 0),
``tokenizer_config.json`` and ``model.safetensors`` or ``pytorch_model.bin``.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.config.released import Values
from finetune_tts.config.values import shown
from finetune_tts.errors import UserError
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.json_text import read_json

if TYPE_CHECKING:
    from torch import Tensor

VOCABULARY_NAME = "vocab.json"
TOKENIZER_NAME = "tokenizer_config.json"

#: field of a ``VitsConfig`` → ours in ``model_args``.
FIELDS = {
    "hidden_size": "hidden_channels",
    "num_hidden_layers": "num_layers_text_encoder",
    "num_attention_heads": "num_heads_text_encoder",
    "ffn_dim": "hidden_channels_ffn_text_encoder",
    "ffn_kernel_size": "kernel_size_text_encoder",
    "hidden_dropout": "dropout_p_text_encoder",
    "duration_predictor_dropout": "dropout_p_duration_predictor",
    "use_stochastic_duration_prediction": "use_sdp",
    "spectrogram_bins": "out_channels",
    "wavenet_kernel_size": "kernel_size_flow",
    "wavenet_dilation_rate": "dilation_rate_flow",
    "prior_encoder_num_wavenet_layers": "num_layers_flow",
    "posterior_encoder_num_wavenet_layers": "num_layers_posterior_encoder",
    "upsample_initial_channel": "upsample_initial_channel_decoder",
    "upsample_rates": "upsample_rates_decoder",
    "upsample_kernel_sizes": "upsample_kernel_sizes_decoder",
    "resblock_kernel_sizes": "resblock_kernel_sizes_decoder",
    "resblock_dilation_sizes": "resblock_dilation_sizes_decoder",
    "noise_scale": "inference_noise_scale",
    "noise_scale_duration": "inference_noise_scale_dp",
}
#: fields whose values no VITS here can change.
FIXED = {
    "window_size": 4,
    "prior_encoder_num_flows": 4,
    "duration_predictor_num_flows": 4,
    "duration_predictor_flow_bins": 10,
    "duration_predictor_tail_bound": 5.0,
    "duration_predictor_kernel_size": 3,
    "duration_predictor_filter_channels": 256,
    "depth_separable_num_layers": 3,
    "leaky_relu_slope": 0.1,
    "hidden_act": "relu",
}


def is_transformers_config(values: Mapping[str, Any]) -> bool:
    """Tell whether values are those of a ``VitsConfig``."""
    return values.get("model_type") == "vits" and "hidden_size" in values and "sampling_rate" in values


def from_transformers_config(values: Values, path: Path) -> Values:
    """Return the values of a ``VitsConfig`` under 🐸TTS's names.

    Args:
        values: of the file.
        path: of the file; vocabulary and tokenizer stand beside it.

    Raises:
        UserError: the vocabulary is missing or none, or the network is none that a VITS here can be.
    """
    for field, value in {**FIXED, "flow_size": values["hidden_size"]}.items():
        if values.get(field, value) != value:
            raise UserError(f"{path}: {field} = {shown(values[field])}: only {shown(value)} can be read.")
    tokenizer = _object(path.parent / TOKENIZER_NAME)
    symbols = _symbols(path.parent / VOCABULARY_NAME, values.get("vocab_size"))
    args: Values = {ours: values[theirs] for theirs, ours in FIELDS.items() if theirs in values}
    bins, rates = values.get("spectrogram_bins", 513), values.get("upsample_rates", [8, 8, 2, 2])
    if not isinstance(bins, int) or not isinstance(rates, list) or not all(isinstance(rate, int) for rate in rates):
        raise UserError(f"{path}: spectrogram_bins and upsample_rates must be a whole number and a list of such.")
    args["hidden_channels_dp"] = args["hidden_channels"]
    args |= {"num_chars": len(symbols), "kernel_size_posterior_encoder": args.get("kernel_size_flow", 5)}
    rate = values.get("speaking_rate", 1.0)
    if isinstance(rate, int | float) and rate > 0:
        args["length_scale"] = 1 / rate
    several = isinstance(values.get("num_speakers"), int) and values["num_speakers"] > 1
    if several:
        args["speaker_embedding_channels"] = values.get("speaker_embedding_size", 0)
    phonemes = tokenizer.get("phonemize") is True
    fft_size = 2 * (bins - 1)
    return {
        "model": "vits",
        "audio": {
            "sample_rate": values["sampling_rate"],
            "fft_size": fft_size,
            "win_length": fft_size,
            "hop_length": math.prod(rates),
            "num_mels": 80,
        },
        "model_args": args,
        "add_blank": tokenizer.get("add_blank", True) is not False,
        "use_phonemes": phonemes,
        "phonemizer": "espeak" if phonemes else None,
        "phoneme_language": "en-us" if phonemes else None,
        "text_cleaner": "basic_cleaners" if tokenizer.get("normalize", True) else "no_cleaners",
        "enable_eos_bos_chars": False,
        "characters": {
            "characters_class": "TTS.tts.utils.text.characters.BaseVocabulary",
            "vocab_dict": symbols,
            "pad": symbols[0],
            "eos": None,
            "bos": None,
            "blank": symbols[0],
        },
        "use_speaker_embedding": several,
        # Speech in a language of which nothing is known here: a run synthesises sentences of its own recordings.
        "test_sentences": [],
    }


def to_transformers(
    config: VitsConfig, weights: "dict[str, Tensor]", order: list[int]
) -> "tuple[dict[str, Tensor], Values]":
    """Tensors and config of a ``VitsModel``.

    Args:
        config: of the model.
        weights: of the model.
        order: ids of its symbols in the order that they get.

    Raises:
        UserError: no ``VitsModel`` can be such a network.
    """
    from finetune_tts.families.vits.transformers_names import to_transformers as renamed

    args = config.model_args
    speakers = len(weights["emb_g.weight"]) if "emb_g.weight" in weights else 1
    wrong = {
        "d-vectors": args.use_d_vector_file,
        "a language embedding": args.use_language_embedding,
        "a table of one speaker": "emb_g.weight" in weights and speakers == 1,
        "resblock_type_decoder 2": args.resblock_type_decoder != "1",
        "encoder_sample_rate": bool(args.encoder_sample_rate),
        "durations that do not depend on the speaker": speakers > 1 and not args.condition_dp_on_speaker,
        f"hidden_channels_dp {args.hidden_channels_dp} with hidden_channels {args.hidden_channels}": args.use_sdp
        and args.hidden_channels_dp != args.hidden_channels,
        "two sizes of kernels in flow and posterior encoder": args.kernel_size_flow
        != args.kernel_size_posterior_encoder,
    }
    found = [what for what, is_so in wrong.items() if is_so]
    if found:
        raise UserError(f"--export transformers: the model has {found[0]}, which its VitsModel cannot have.")
    tensors = renamed({**weights, "text_encoder.emb.weight": weights["text_encoder.emb.weight"][order]})
    values = {theirs: args[ours] for theirs, ours in FIELDS.items()}
    values |= {
        **FIXED,
        "architectures": ["VitsModel"],
        "model_type": "vits",
        "tokenizer_class": "VitsTokenizer",
        "vocab_size": len(order),
        "flow_size": args.hidden_channels,
        "sampling_rate": config.audio.sample_rate,
        "num_speakers": speakers,
        "speaker_embedding_size": args.speaker_embedding_channels if speakers > 1 else 0,
        "speaking_rate": 1 / args.length_scale,
    }
    return tensors, values


def _object(path: Path) -> Values:
    if not path.is_file():
        return {}
    values = read_json(path)
    return values if isinstance(values, dict) else {}


def _symbols(path: Path, rows: Any) -> list[str]:
    """The symbols in the order of their ids."""
    if not path.is_file():
        raise UserError(f"{path}: no such file. It comes with the model's config.json: copy it there.")
    ids = _object(path)
    places = sorted(value for value in ids.values() if isinstance(value, int))
    if not ids or places != list(range(len(ids))):
        raise UserError(f"{path}: an object is expected that gives each symbol a number, from 0 on.")
    symbols = sorted(ids, key=lambda symbol: ids[symbol])
    if isinstance(rows, int) and len(symbols) < rows < 2**20:
        symbols += [f"<{place}>" for place in range(len(symbols), rows)]
    return symbols[:rows] if isinstance(rows, int) and rows > 0 else symbols
