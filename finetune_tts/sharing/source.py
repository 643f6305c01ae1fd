"""What is exported, how, and what an export answers."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from finetune_tts.checkpoints.finding import find_weights
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.checks import require_usable
from finetune_tts.families.loading import load_any_config
from finetune_tts.families.reading import locate
from finetune_tts.sharing.licence import Terms, terms_of
from finetune_tts.synthesis.available_vocoder import default_vocoder
from finetune_tts.synthesis.loading import config_beside, load_voice
from finetune_tts.synthesis.vocoder import Vocoder, load_vocoder
from finetune_tts.synthesis.vocoder_choice import VocoderChoice, find_vocoder
from finetune_tts.synthesis.voice import Voice


@dataclass(frozen=True)
class Wishes:
    """What the user asks of an export beyond its format.

    Attributes:
        precision: of the numbers: a key of :data:`finetune_tts.sharing.formats.PRECISIONS`.
        data_licence: of the recordings; "" where nobody said.
        hub_name: ``USER/NAME`` of a repository.
        public: everybody may see that repository.
        vocoder: that goes with a model that draws spectrograms.
    """

    precision: str = "fp32"
    data_licence: str = ""
    hub_name: str = ""
    public: bool = False
    vocoder: VocoderChoice = VocoderChoice()


@dataclass(frozen=True)
class Source:
    """A model that is exported.

    Attributes:
        weights: its checkpoint.
        config_path: its config; None for the one beside the checkpoint.
        folder: where files are written.
        wishes: what the user asks of the export.
    """

    weights: Path
    config_path: Path | None
    folder: Path
    wishes: Wishes = Wishes()

    @cached_property
    def terms(self) -> Terms:
        """On which terms the model is had.

        Raises:
            UserError: the record of the run is damaged.
        """
        return terms_of(self.weights.parent, self.wishes.data_licence)

    def config(self) -> SpeechConfig | VocoderConfig:
        """Its config, of a model that speaks or of a vocoder, read again each time; the files that it names are found.

        Raises:
            UserError: it is missing, or makes no sense.
        """
        path = self.config_path or config_beside(self.weights)
        if not path.is_file():
            raise UserError(f"{path}: there is no config of the model. Name it with --config_path.")
        config = load_any_config(path, quiet=True)
        require_usable(config, str(path))
        locate(config, path.parent)
        return config

    def vocoder(self) -> Vocoder:
        """The vocoder, loaded on the CPU.

        Raises:
            UserError: it cannot be loaded, or is none.
        """
        return load_vocoder(self.weights, self.config_path)

    def vocoder_of(self, voice: Voice) -> tuple[Vocoder, Terms]:
        """The vocoder that goes with the model, paired with it, and on which terms it is had.

        Raises:
            UserError: there is none, it cannot be had or loaded, or it does not fit.
        """
        choice = self.wishes.vocoder
        found = find_vocoder(choice, self.weights)
        if found is None:
            named = default_vocoder(self.weights)
            hint = f" --vocoder_name {named.name} is the one that the catalog names for it." if named else ""
            raise UserError(
                "--export: the model draws spectrograms, and needs a vocoder that generates the waveform: name one "
                f"with --vocoder_path or --vocoder_name.{hint}"
            )
        vocoder = load_vocoder(found.weights, found.config_path)
        vocoder.pair_with(voice.extractor).require_fit(found.label, "Choose another.")
        return vocoder, terms_of(find_weights(found.weights).parent)

    def require_no_vocoder(self) -> None:
        """Refuse a vocoder beside a model that needs none.

        Raises:
            UserError: one is named.
        """
        if self.wishes.vocoder.name or self.wishes.vocoder.path:
            raise UserError(
                "--export: this model generates waveforms by itself: leave --vocoder_name and --vocoder_path out."
            )

    def voice(self) -> Voice:
        """The model, loaded on the CPU.

        Raises:
            UserError: it cannot be loaded, or is not one that speaks.
        """
        return load_voice(self.weights, self.config_path)


@dataclass(frozen=True)
class Shared:
    """What an export has written.

    Attributes:
        files: that it has written.
        remarks: lines that the user wants to know.
    """

    files: tuple[Path, ...]
    remarks: tuple[str, ...] = ()


def source_of(
    model_path: Path, config_path: Path | None = None, folder: Path | None = None, wishes: Wishes = Wishes()
) -> Source:
    """What is exported.

    Args:
        model_path: folder of a run or a release, or a checkpoint.
        config_path: its config; by default the one beside it.
        folder: where files are written; by default beside the checkpoint. It is made if it is not there.
        wishes: what the user asks of the export.

    Raises:
        UserError: there is no checkpoint.
    """
    weights = find_weights(model_path)
    return Source(weights, config_path, folder or weights.parent, wishes)
