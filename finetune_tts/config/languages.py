"""Language fields of a config, where a model speaks more than one."""

from dataclasses import dataclass, field

from finetune_tts.config.base import Config


@dataclass
class LanguageConfig(Config):
    """Which languages a model knows by a row of an embedding."""

    use_language_embedding: bool = field(default=False, metadata={"help": "Learn one vector for each language."})
    language_ids_file: str | None = field(default=None, metadata={"help": "File of language names and their rows."})
