"""One data set of a config: where it lies and how its metadata is read."""

from dataclasses import dataclass, field

from finetune_tts.config.base import Config


@dataclass
class DatasetConfig(Config):
    """A data set, under 🐸TTS's names."""

    formatter: str = field(default="", metadata={"help": "Layout of the data set: ljspeech, vctk, csv, auto, …"})
    dataset_name: str = field(default="", metadata={"help": "Name of the data set; part of each clip's unique name."})
    path: str = field(default="", metadata={"help": "Folder of the data set."})
    meta_file_train: str = field(default="", metadata={"help": "Metadata file, inside path."})
    ignored_speakers: list[str] | None = field(default=None, metadata={"help": "Speakers to skip."})
    language: str = field(default="", metadata={"help": "Language of the data set, for models of several."})
    phonemizer: str = field(default="", metadata={"help": "Phonemizer of this data set, for models of several."})
    meta_file_val: str = field(default="", metadata={"help": "Metadata file of the held-out clips, inside path."})
    meta_file_attn_mask: str = field(
        default="", metadata={"help": "List of attention masks, for models that use them."}
    )
    columns: str = field(
        default="",
        metadata={"help": "What the metadata's columns hold: file,text,speaker in order, or text=sentence by name."},
    )
