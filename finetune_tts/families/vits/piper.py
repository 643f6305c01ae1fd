"""Voices that Piper trained: their config, their phonemes and the sizes of their networks.

A voice is a checkpoint (``.ckpt``) that holds the sizes of its network, and a ``config.json`` beside it that tells how
phonemes are numbered and who speaks. The ``voice.onnx.json`` of a voice that is published for speaking says the same.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetune_tts.config.changes import Change
from finetune_tts.config.released import Values
from finetune_tts.config.values import shown
from finetune_tts.errors import UserError

PAD, BOS, EOS = "_", "^", "$"
#: The phonemes that Piper numbers so unless a voice says otherwise, in the order of their ids.
USUAL_PHONEMES = (
    "_^$ !'(),-.:;?abcdefhijklmnopqrstuvwxyzæçðøħŋœǀǁǂǃɐɑɒɓɔɕɖɗɘəɚɛɜɞɟɠɡɢɣɤɥɦɧɨɪɫɬɭɮɯɰɱɲɳɴɵɶɸɹɺɻɽɾʀʁʂʃʄʈʉʊʋʌʍʎʏʐʑʒʔʕʘ"
    'ʙʛʜʝʟʡʢʲˈˌːˑ˞βθχᵻⱱ0123456789\u0327\u0303\u032a\u032f\u0329ʰˤε↓#"↑\u033a\u033bgʦX\u031d\u030aɝʷ'
)
USUAL_SYMBOLS = 256

_LARGEST_ID = 100_000
#: name in Piper's settings of a network → ours in ``model_args``; the values are of the same kind.
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
    "gin_channels": "speaker_embedding_channels",
}
#: what Piper's networks are where nothing else is said; the quality "medium".
_USUAL_NETWORK = {
    "resblock": "2",
    "resblock_kernel_sizes": [3, 5, 7],
    "resblock_dilation_sizes": [[1, 2], [2, 6], [3, 12]],
    "upsample_rates": [8, 8, 4],
    "upsample_initial_channel": 256,
    "upsample_kernel_sizes": [16, 16, 8],
    "gin_channels": 512,
    "sample_rate": 22050,
    "filter_length": 1024,
    "hop_length": 256,
    "win_length": 1024,
    "mel_channels": 80,
    "mel_fmin": 0.0,
    "mel_fmax": None,
    "segment_size": 8192,
}
_AUDIO_FIELDS = {
    "sample_rate": "sample_rate",
    "filter_length": "fft_size",
    "hop_length": "hop_length",
    "win_length": "win_length",
    "mel_channels": "num_mels",
    "mel_fmin": "mel_fmin",
    "mel_fmax": "mel_fmax",
}


def is_piper_config(values: Mapping[str, Any]) -> bool:
    """Tell whether values are a voice's config, or the settings of a network that stand in a checkpoint."""
    return isinstance(values.get("phoneme_id_map"), dict) or _has_network(values)


def _has_network(values: Mapping[str, Any]) -> bool:
    return {"num_symbols", "resblock", "upsample_rates", "filter_length"} <= values.keys()


def from_piper(values: Values, path: Path) -> Values:
    """Return the values of a voice's config under 🐸TTS's names.

    Args:
        values: of its ``config.json``, or the settings of a network.
        path: the file that holds them.

    Raises:
        UserError: the voice reads something else than phonemes of espeak-ng, or numbers them as no model here can.
    """
    audio, espeak, speaking = (_group(values, name) for name in ("audio", "espeak", "inference"))
    _require_phonemes(values, path)
    speakers = values.get("num_speakers", 1)
    several = isinstance(speakers, int) and speakers > 1
    language = espeak.get("voice")
    symbols = _symbols(values, path)
    made: Values = {
        "model": "vits",
        "audio": {},
        "model_args": {"num_chars": len(symbols)},
        "add_blank": True,
        "use_phonemes": True,
        "phonemizer": "piper",
        "phoneme_language": language,
        "text_cleaner": None,
        "enable_eos_bos_chars": True,
        "characters": {
            "characters_class": "TTS.tts.utils.text.characters.BaseVocabulary",
            "vocab_dict": symbols,
            "pad": PAD,
            "eos": EOS,
            "bos": BOS,
            "blank": PAD,
        },
        "use_speaker_embedding": several,
    }
    if several and values.get("speaker_id_map"):
        made["speakers_file"] = path.name
    if isinstance(language, str) and not language.startswith("en"):
        made["test_sentences"] = []  # a run synthesises sentences of its own recordings
    for old, new in (
        ("noise_scale", "inference_noise_scale"),
        ("length_scale", "length_scale"),
        ("noise_w", "inference_noise_scale_dp"),
    ):
        if old in speaking:
            made["model_args"][new] = speaking[old]
    network = {**_USUAL_NETWORK, **values, **audio}
    for field, value in _network_fields(network, path):
        group, _, name = field.partition(".")
        made[group][name] = value
    return made


def _group(values: Mapping[str, Any], name: str) -> Values:
    group = values.get(name)
    return group if isinstance(group, dict) else {}


def network_changes(config: Any, settings: Any) -> list[Change]:
    """What the settings of a network, as Piper's checkpoint holds them, change in the config of its voice.

    Args:
        config: of the voice.
        settings: of the checkpoint; anything if it is no voice of Piper's.

    Raises:
        UserError: the network is none that a VITS here can be.
    """
    if not isinstance(settings, Mapping) or not _has_network(settings):
        return []
    changes = []
    for field, value in _network_fields(dict(settings), "the checkpoint"):
        group, _, name = field.partition(".")
        if getattr(getattr(config, group), name) != value:
            changes.append(Change(field, value, "as the checkpoint says"))
    return changes


def _network_fields(settings: Values, where: object) -> Iterator[tuple[str, Any]]:
    """Dotted names and values of the fields that Piper's settings of a network stand for."""
    inner, hidden = settings.get("inter_channels", 192), settings.get("hidden_channels", 192)
    if inner != hidden:
        raise UserError(
            f"{where}: inter_channels = {shown(inner)} and hidden_channels = {shown(hidden)} differ, which no VITS "
            "here can be. Only voices with as many of both can be fine-tuned."
        )
    for names, group in ((_AUDIO_FIELDS, "audio"), (_NETWORK_FIELDS, "model_args")):
        for old, new in names.items():
            if old in settings and not (old == "gin_channels" and not settings[old]):
                yield f"{group}.{new}", _plain(old, settings[old])
    yield "model_args.hidden_channels_dp", hidden
    fft_size, segment, hop = (settings.get(name) for name in ("filter_length", "segment_size", "hop_length"))
    if isinstance(fft_size, int):
        yield "model_args.out_channels", fft_size // 2 + 1
    if isinstance(segment, int) and isinstance(hop, int) and hop > 0:
        yield "model_args.spec_segment_size", max(segment // hop, 1)


def _plain(name: str, value: Any) -> Any:
    """Tuples as lists; ``resblock`` is a number in some checkpoints."""
    if isinstance(value, tuple | list):
        return [_plain(name, item) for item in value]
    return str(value) if name == "resblock" else value


def _require_phonemes(values: Mapping[str, Any], path: Path) -> None:
    kind = values.get("phoneme_type", "espeak")
    if kind != "espeak":
        raise UserError(
            f"{path}: phoneme_type = {shown(kind)}: only voices that read phonemes of espeak-ng "
            "(phoneme_type espeak) can be read."
        )
    if values.get("vowel_clusters"):
        raise UserError(
            f"{path}: vowel_clusters: the voice reads some vowels together as one phoneme, which no "
            "model here can. Choose a voice without them."
        )


def _symbols(values: Mapping[str, Any], path: Path) -> list[str]:
    """The symbols in the order of their ids; rows that no phoneme has get names that no text can hold."""
    listed = values.get("phoneme_id_map", {phoneme: [place] for place, phoneme in enumerate(USUAL_PHONEMES)})
    ids: dict[int, str] = {}
    for phoneme, value in listed.items():
        place = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < _LARGEST_ID:
            raise UserError(f"{path}: phoneme_id_map.{shown(phoneme)} = {shown(value)}: one number is expected.")
        if place in ids:
            raise UserError(
                f"{path}: phoneme_id_map gives {shown(ids[place])} and {shown(phoneme)} the same number {place}. "
                "Take the one out that the voice does not read."
            )
        ids[place] = phoneme
    lacking = [mark for mark in (PAD, BOS, EOS) if mark not in listed]
    if lacking:
        raise UserError(f"{path}: phoneme_id_map lacks {', '.join(lacking)}, with which Piper begins, parts and ends.")
    rows = values.get("num_symbols", USUAL_SYMBOLS)
    if isinstance(rows, bool) or not isinstance(rows, int) or not max(ids) < rows <= _LARGEST_ID:
        raise UserError(f"{path}: num_symbols = {shown(rows)}: a whole number above {max(ids)} is expected.")
    return [ids.get(place, f"<{place}>") for place in range(rows)]
