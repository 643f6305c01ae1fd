"""Values of a config that have the right type and make no sense: found before any data is read, all named at once."""

from collections.abc import Iterator

from finetune_tts.config.checks import audio_faults, require_no_faults, speech_faults
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.config.vocoder_checks import vocoder_faults
from finetune_tts.families.family import Family
from finetune_tts.families.registry import family_of


def check_config(config: SpeechConfig | VocoderConfig) -> list[str]:
    """Return what is out of range or contradicts itself in a config, one line each; nothing where all is well."""
    family = family_of(config.model)
    if isinstance(config, VocoderConfig):
        faults = list(vocoder_faults(config))
    else:
        faults = list(speech_faults(config, own_optimizers=family.own_optimizers(config)))
    if config.lora_rank and family.adapters is None and not family.adapts_itself:
        why = (
            "a vocoder is small, and nearly all memory of its steps is that of activations, which adapters do not save"
            if isinstance(config, VocoderConfig)
            else "the architecture names no layers for them"
        )
        faults.append(f"lora_rank = {config.lora_rank}: there are no adapters for {config.model}: {why}; see freeze")
    if config.shard:
        faults += _sharding_faults(config, family)
    return [*faults, *family.run_faults(config), *network_faults(config)]


def _sharding_faults(config: SpeechConfig | VocoderConfig, family: Family) -> Iterator[str]:
    """Yield what keeps the weights of a run from being shared out."""
    if not family.shards:
        yield f"shard = true: {config.model} is small enough for each process to have it whole; leave shard out"
        return
    others = {
        "train_decoder": "the decoder is small enough for each process to have it whole",
        "lora_rank": "adapters are small enough for each process to have them whole",
        "ema_decay": "the average is kept of whole weights",
        "model_param_stats": "no process has whole weights to describe",
    }
    for name, why in others.items():
        if getattr(config, name, None):
            yield f"shard = true and {name} = {getattr(config, name)}: {why}; set one of the two back"
    if str(config.optimizer).lower().endswith("8bit"):
        yield f"shard = true and optimizer = {config.optimizer}: moments of 8 bits are of whole weights; choose another"
    if config.mixed_precision and config.precision == "fp16":
        yield "shard = true and precision = fp16: weights that are shared out are trained in bf16 or float32"


def network_faults(config: SpeechConfig | VocoderConfig) -> list[str]:
    """Return those of the faults that keep a trained model from speaking too: of its network and its spectrograms."""
    return [*audio_faults(config.audio), *family_of(config.model).faults(config)]


def require_valid(config: SpeechConfig | VocoderConfig, where: str = "config") -> None:
    """Refuse a config with values that make no sense.

    Args:
        config: what to check.
        where: what the config is called in the message, for example the file's name.

    Raises:
        UserError: one message that names them.
    """
    require_no_faults(check_config(config), where)


def require_usable(config: SpeechConfig | VocoderConfig, where: str) -> None:
    """Refuse a config that no trained model can have; what only a run cares about does not count.

    Args:
        config: what to check.
        where: what the config is called in the message, for example the file's name.

    Raises:
        UserError: one message that names the faults.
    """
    require_no_faults(network_faults(config), where)
