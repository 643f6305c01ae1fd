"""Configs of older releases: the same facts under other names and in other places, brought to today's form.

Renamed and moved fields are those of 🐸TTS releases from 2020 to 2023. Nothing is thrown away: what has no place
today stays where it is, as an unknown field.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

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


def move(source: Values, old: str, target: Values, new: str) -> None:
    """Move ``source[old]`` to ``target[new]``, unless something stands there."""
    if old in source and target.get(new) is None:
        target[new] = source.pop(old)


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
        # VCTK configs listed the speakers to skip in the place of the metadata file.
        if isinstance(dataset.get("meta_file_train"), list) and not dataset.get("ignored_speakers"):
            dataset["ignored_speakers"] = dataset["meta_file_train"]
            dataset["meta_file_train"] = ""


def name_fourier_size(values: Values) -> None:
    """Before ``fft_size``, configs gave the number of frequencies."""
    audio = values.get("audio")
    if isinstance(audio, dict) and isinstance(audio.get("num_freq"), int) and audio.get("fft_size") is None:
        audio["fft_size"] = (audio.pop("num_freq") - 1) * 2


def join_clips(values: Values) -> None:
    """The bounds of the two gradients had names of their own, and -1 switched one off."""
    old = ("disc_clip_grad", "gen_clip_grad")
    if "grad_clip" not in values and all(isinstance(values.get(name), int | float) for name in old):
        values["grad_clip"] = [max(0.0, float(values.pop(name))) for name in old]


def drop_old_target(values: Values) -> None:
    """Losses were called otherwise before 2021, and a loss of such a name never comes: the default counts."""
    target = values.get("target_loss")
    if isinstance(target, str) and target.startswith("avg_"):
        del values["target_loss"]


#: what configs of text-to-speech models need, in this order; each family knows the rest.
SPEECH_STEPS: tuple[Callable[[Values], None], ...] = (
    rename_fields,
    take_text_fields_out_of_groups,
    gather_characters,
    name_phonemizer,
    name_optimizer_arguments,
    spread_distributed,
    unbound_lengths,
    rename_dataset_fields,
    name_fourier_size,
)
#: what configs of vocoders need, likewise.
VOCODER_STEPS: tuple[Callable[[Values], None], ...] = (
    rename_fields,
    spread_distributed,
    unbound_lengths,
    rename_dataset_fields,
    name_fourier_size,
    join_clips,
    drop_old_target,
)


def with_current_names(values: Values, steps: Sequence[Callable[[Values], None]] = SPEECH_STEPS) -> Values:
    """Return the values of a released config under today's names, as far as all architectures share them.

    Where the old and the new name both stand, the new one counts and the old one is kept as an unknown field.

    Args:
        values: left as they are.
        steps: what is brought up to date.
    """
    values = deepcopy(values)
    for bring_up_to_date in steps:
        bring_up_to_date(values)
    return values
