"""Speaker fields of a config: an embedding learned with the model, or vectors from a speaker encoder."""

from dataclasses import dataclass, field

from finetune_tts.config.base import Config


@dataclass
class SpeakerConfig(Config):
    """Who speaks, where a model knows more than one."""

    use_speaker_embedding: bool = field(default=False, metadata={"help": "Learn one vector for each speaker."})
    speakers_file: str | None = field(default=None, metadata={"help": "File of speaker names and their rows."})
    use_d_vector_file: bool = field(default=False, metadata={"help": "Take speaker vectors from d_vector_file."})
    d_vector_file: str | list[str] | None = field(
        default=None, metadata={"help": "Speaker vectors by clip: a file, or several."}
    )
    d_vector_dim: int = field(default=0, metadata={"help": "Size of a speaker vector."})

    @property
    def d_vector_files(self) -> list[str]:
        """The files of ``d_vector_file``: coqui-tts writes one as a text, several as a list."""
        if isinstance(self.d_vector_file, str):
            return [self.d_vector_file] if self.d_vector_file else []
        return self.d_vector_file or []
