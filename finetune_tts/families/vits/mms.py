"""Configs of the massively multilingual VITS releases (MMS), whose own format is that of the original VITS program.

Such a release is a folder of ``config.json``, ``vocab.txt`` (a symbol a line; the first one is the blank) and weights.
"""

import logging
from pathlib import Path
from typing import Any

from finetune_tts.config.values import shown
from finetune_tts.errors import UserError
from finetune_tts.files import read_text

logger = logging.getLogger(__name__)

VOCABULARY_NAME = "vocab.txt"
PAD = " "

#: field of the original program's ``model`` → ours in ``model_args``.
_NETWORK_FIELDS = {
    "hidden_channels": "hidden_channels",
    "filter_channels": "hidden_channels_ffn_text_encoder",
    "n_heads": "num_heads_text_encoder",
    "n_layers": "num_layers_text_encoder",
    "kernel_size": "kernel_size_text_encoder",
    "p_dropout": "dropout_p_text_encoder",
    "resblock": "resblock_type_decoder",
    "resblock_kernel_sizes": "resblock_kernel_sizes_decoder",
    "resblock_dilation_sizes": "resblock_dilation_sizes_decoder",
    "upsample_rates": "upsample_rates_decoder",
    "upsample_initial_channel": "upsample_initial_channel_decoder",
    "upsample_kernel_sizes": "upsample_kernel_sizes_decoder",
    "use_spectral_norm": "use_spectral_norm_disriminator",
    "use_sdp": "use_sdp",
}
#: field of the original program's ``data`` → ours in ``audio``.
_AUDIO_FIELDS = {
    "sampling_rate": "sample_rate",
    "filter_length": "fft_size",
    "hop_length": "hop_length",
    "win_length": "win_length",
    "n_mel_channels": "num_mels",
    "mel_fmin": "mel_fmin",
    "mel_fmax": "mel_fmax",
}


def is_mms_config(values: dict[str, Any]) -> bool:
    """Tell whether a config has the original program's format."""
    data = values.get("data")
    return isinstance(data, dict) and "sampling_rate" in data and not isinstance(values.get("model"), str)


def from_mms(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the values of an MMS config under 🐸TTS's names.

    Args:
        values: as in its ``config.json``.
        folder: where that file stands, with the vocabulary beside it.

    Raises:
        UserError: the vocabulary is missing or empty.
    """
    data = values["data"]
    network = values["model"] if isinstance(values.get("model"), dict) else {}
    training = values["train"] if isinstance(values.get("train"), dict) else {}
    symbols = _symbols(folder / VOCABULARY_NAME)
    if str(data.get("training_files", "")).endswith("uroman"):
        logger.warning("%s: this model reads romanised text; write the text in Latin letters (uroman).", folder)
    audio = {new: data[old] for old, new in _AUDIO_FIELDS.items() if old in data}
    args = {new: network[old] for old, new in _NETWORK_FIELDS.items() if old in network}
    fft_size = _size(audio, "fft_size", "data.filter_length", 1024, folder)
    if "hidden_channels" in args:
        args["hidden_channels_dp"] = args["hidden_channels"]
    args |= {"num_chars": len(symbols), "out_channels": fft_size // 2 + 1}
    hop_length = _size(audio, "hop_length", "data.hop_length", 256, folder)
    if "segment_size" in training:
        args["spec_segment_size"] = max(
            _size(training, "segment_size", "train.segment_size", 1, folder) // hop_length, 1
        )
    return {
        "model": "vits",
        "audio": audio,
        "model_args": args,
        "add_blank": bool(data.get("add_blank", True)),
        "use_phonemes": False,
        "text_cleaner": "basic_cleaners",
        "enable_eos_bos_chars": False,
        "characters": {
            "characters_class": "TTS.tts.utils.text.characters.BaseVocabulary",
            "vocab_dict": symbols,
            "pad": PAD if PAD in symbols else symbols[0],
            "eos": None,
            "bos": None,
            "blank": symbols[0],
        },
        # Speech in a language of which nothing is known here: a run synthesises sentences of its own recordings.
        "test_sentences": [],
    }


def _size(values: dict[str, Any], name: str, field: str, usual: int, folder: Path) -> int:
    """A whole number above 0 of the original program's config, under its name there for messages."""
    value = values.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < 2**31 or value != int(value):
        raise UserError(f"{folder / 'config.json'}: {field} = {shown(value)}: must be a whole number, at least 1.")
    return int(value)


def _symbols(path: Path) -> list[str]:
    lines = read_text(path).removesuffix("\n").split("\n")
    symbols = [line.removesuffix("\r") for line in lines]
    if not all(symbols):
        raise UserError(f"{path}, line {symbols.index('') + 1}: an empty line; a symbol a line is expected.")
    return symbols
