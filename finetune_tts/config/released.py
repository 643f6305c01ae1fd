"""Configs of older releases: the same facts under other names and in other places, brought to today's form.

Renamed and moved fields are those of 🐸TTS releases from 2020 to 2023. Nothing is thrown away: what has no place
today stays where it is, as an unknown field.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from finetune_tts.families.vits.config import SHARED_FIELDS, VitsArgs

Values = dict[str, Any]

#: Old name → name today, at top level.
RENAMED = {
    "external_speaker_embedding_file": "d_vector_file",
    "use_external_speaker_embedding_file": "use_d_vector_file",
    "num_val_loader_workers": "num_eval_loader_workers",
    "tb_plot_step": "plot_step",
    "tb_model_param_stats": "model_param_stats",
    "checkpoint": "save_checkpoints",
    "keep_all_best": "save_all_best",
    "keep_after": "save_best_after",
    "data_dep_init_iter": "data_dep_init_steps",
    "hidden_channels_encoder": "hidden_channels_enc",
    "hidden_channels_decoder": "hidden_channels_dec",
    "hidden_channels_duration_predictor": "hidden_channels_dp",
}
#: Fields that stand at top level today, and the groups that some configs keep them in.
TOP_LEVEL_TEXT = (
    "use_phonemes",
    "phonemizer",
    "phoneme_language",
    "text_cleaner",
    "enable_eos_bos_chars",
    "add_blank",
    "phoneme_cache_path",
)
GROUPS_WITH_TEXT = ("characters", "audio", "text", "model_args")
#: Fields of the characters group that some configs keep at top level.
CHARACTER_FIELDS = ("phonemes", "punctuations", "pad", "eos", "bos", "blank", "characters_class", "vocab_dict")

MODEL_NAMES = {"glowtts": "glow_tts"}
ENCODER_TYPES = {
    "gatedconv": "gated_conv",
    "residual_bn_conv": "residual_conv_bn",
    "transformer": "rel_pos_transformer",
}


def architecture_name(model: str) -> str:
    """Return an architecture's name as it is written today, from any spelling that releases have used."""
    name = model.strip().lower().replace("-", "_").replace(" ", "_")
    return MODEL_NAMES.get(name, name)


def current_form(values: Values) -> Values:
    """Return the values of a released config under today's names; the argument is left as it is.

    Where the old and the new name both stand, the new one counts and the old one is kept as an unknown field.
    """
    values = deepcopy(values)
    for bring_up_to_date in STEPS:
        bring_up_to_date(values)
    return values


def move(source: Values, old: str, target: Values, new: str) -> None:
    """Move ``source[old]`` to ``target[new]``, unless something stands there."""
    if old in source and target.get(new) is None:
        target[new] = source.pop(old)


def rename_model(values: Values) -> None:
    """Write the architecture as it is written today."""
    model = values.get("model")
    if isinstance(model, str):
        values["model"] = architecture_name(model)
    # Spelled like this, the name decides the error that 🐸TTS trains with, to this day.
    if model == "Tacotron":
        values.setdefault("spectrogram_error", "l1")


def rename_fields(values: Values) -> None:
    """Give fields at top level the names of today."""
    for old, new in RENAMED.items():
        move(values, old, values, new)


def take_text_fields_out_of_groups(values: Values) -> None:
    """Move text fields that stand in a group to top level."""
    for name in GROUPS_WITH_TEXT:
        group = values.get(name)
        if isinstance(group, dict):
            for field in TOP_LEVEL_TEXT:
                move(group, field, values, field)
            if name == "text" and not group:
                del values[name]


def gather_characters(values: Values) -> None:
    """Move symbols that stand at top level into their group."""
    if isinstance(values.get("characters"), str):
        values["characters"] = {"characters": values["characters"]}
    stray = [name for name in CHARACTER_FIELDS if name in values]
    group = values.get("characters")
    if group is None and stray:
        group = values["characters"] = {}
    if isinstance(group, dict):
        for name in stray:
            move(values, name, group, name)
        move(group, "unique", group, "is_unique")


def name_phonemizer(values: Values) -> None:
    """A switch for espeak came before phonemizers had names."""
    if values.get("use_espeak_phonemes") is True and values.get("phonemizer") is None:
        del values["use_espeak_phonemes"]
        values["phonemizer"] = "espeak"


def name_optimizer_arguments(values: Values) -> None:
    """``wd`` and ``noam_schedule`` with ``warmup_steps`` came before optimizers and schedules had names."""
    if "wd" in values and "optimizer_params" not in values:
        values["optimizer_params"] = {"betas": [0.9, 0.998], "weight_decay": values.pop("wd")}
    if isinstance(values.get("noam_schedule"), bool) and "lr_scheduler" not in values:
        noam = values.pop("noam_schedule")
        values["lr_scheduler"] = "NoamLR" if noam else None
        # The old trainer stepped this schedule after every batch, and its warm-up is counted in them.
        values.setdefault("scheduler_after_epoch", False)
        if "lr_scheduler_params" not in values:
            warmup = values.pop("warmup_steps", None)
            values["lr_scheduler_params"] = {"warmup_steps": warmup or 4000} if noam else {}


def spread_distributed(values: Values) -> None:
    """The two fields of a former group stand at top level."""
    group = values.get("distributed")
    if isinstance(group, dict):
        move(group, "backend", values, "distributed_backend")
        move(group, "url", values, "distributed_url")
        if not group:
            del values["distributed"]


def unbound_lengths(values: Values) -> None:
    """No bound is Infinity; null stood for it too, and tools that know no such number made a text of it."""
    for name in ("max_audio_len", "max_text_len", "max_seq_len"):
        if name in values and values[name] in (None, "Infinity", "inf"):
            values[name] = float("inf")


def rename_encoder(values: Values) -> None:
    """Write the encoder type as it is written today."""
    kind = values.get("encoder_type")
    if isinstance(kind, str):
        values["encoder_type"] = ENCODER_TYPES.get(kind.lower(), kind.lower())


def rename_dataset_fields(values: Values) -> None:
    """A data set's ``name`` was its formatter; one alone may stand without a list."""
    datasets = values.get("datasets")
    if isinstance(datasets, dict):
        datasets = [datasets]
        values["datasets"] = datasets
    for dataset in datasets if isinstance(datasets, list) else []:
        if not isinstance(dataset, dict):
            continue
        if not dataset.get("formatter") and "name" in dataset:
            dataset["formatter"] = dataset.pop("name")
        # VCTK configs listed the speakers to leave out in the place of the metadata file.
        if isinstance(dataset.get("meta_file_train"), list) and not dataset.get("ignored_speakers"):
            dataset["ignored_speakers"] = dataset["meta_file_train"]
            dataset["meta_file_train"] = ""


def name_fourier_size(values: Values) -> None:
    """Before ``fft_size``, configs gave the number of frequencies."""
    audio = values.get("audio")
    if isinstance(audio, dict) and isinstance(audio.get("num_freq"), int) and audio.get("fft_size") is None:
        audio["fft_size"] = (audio.pop("num_freq") - 1) * 2


def gather_network_fields(values: Values) -> None:
    """Move the network's fields of a VITS into their group; some configs had them at top level.

    What stands in both places counts as the group says, as in coqui-tts.
    """
    if values.get("model") != "vits":
        return
    if values.get("model_args") is None:
        values["model_args"] = {}
    group = values["model_args"]
    if not isinstance(group, dict):
        return
    for old, new in RENAMED.items():
        if new in SHARED_FIELDS:
            move(group, old, group, new)
    for name in VitsArgs.field_names():
        if name in SHARED_FIELDS:
            if group.get(name) is not None:
                values[name] = group[name]
            elif values.get(name) is not None:
                group[name] = values[name]
        else:
            move(values, name, group, name)


def complete_tacotron(values: Values) -> None:
    """Style tokens under other names, and channels that followed from the spectrogram before they were fields."""
    if values.get("model") not in ("tacotron", "tacotron2"):
        return
    audio = values.get("audio")
    audio = audio if isinstance(audio, dict) else {}
    bands, bins = audio.get("num_mels", 80), audio.get("fft_size", 1024)
    if isinstance(bands, int) and isinstance(bins, int):
        values.setdefault("decoder_output_dim", bands)
        values.setdefault("out_channels", bins // 2 + 1 if values["model"] == "tacotron" else bands)
    if values["model"] == "tacotron":
        values["compute_linear_spec"] = True  # which coqui-tts takes for granted
    # Without a size, coqui-tts takes this one.
    if values.get("use_d_vector_file") is True and values.get("d_vector_dim") is None:
        values["d_vector_dim"] = 512
    group = values.get("gst")
    if isinstance(group, dict):
        move(group, "gst_style_tokens", group, "gst_num_style_tokens")
        given = group.get("gst_style_input")
        if isinstance(given, str | dict):
            move(group, "gst_style_input", group, f"gst_style_input_{'wav' if isinstance(given, str) else 'weights'}")


STEPS: tuple[Callable[[Values], None], ...] = (
    rename_model,
    rename_fields,
    take_text_fields_out_of_groups,
    gather_characters,
    name_phonemizer,
    name_optimizer_arguments,
    spread_distributed,
    unbound_lengths,
    rename_encoder,
    rename_dataset_fields,
    name_fourier_size,
    gather_network_fields,
    complete_tacotron,
)
