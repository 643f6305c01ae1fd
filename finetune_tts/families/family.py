"""What the program has to know of an architecture, in one object: its config, its network, its task, its speech.

A :class:`Family` holds plain facts and costs no torch, so that configs can be read and listed in milliseconds. What
computes stands in its :class:`Implementation`, which is loaded when it is needed first. Everything that differs
between architectures is a field of one of the two; no module outside of ``families/x/`` asks which one it has.
"""

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.config.base import Config
from finetune_tts.config.bounds import Bounds
from finetune_tts.config.changes import Change
from finetune_tts.config.released import Values

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from finetune_tts.data.codes import Codec
    from finetune_tts.data.sample import Sample
    from finetune_tts.families.speech import EndedRun, Export, Force, Listening, Speak, Stream, StyleOf
    from finetune_tts.runs.creation import RunAsset
    from finetune_tts.speaker_encoder.encoder import SpeakerEncoder
    from finetune_tts.tasks.task import TTSTask
    from finetune_tts.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class EmbeddingRows:
    """Names of the embedding tensors of an architecture, in its state dict.

    Restoring copies their rows by what they stand for, not by place, so that an alphabet or a set of speakers may grow.

    Attributes:
        symbols: one row for each symbol of the vocabulary.
        speakers: one row for each speaker, in a network of several; "" where the architecture knows no such thing.
        languages: one row for each language, likewise.
        heads: other tensors with a row for each symbol: those that say how likely it is.
    """

    symbols: str
    speakers: str = ""
    languages: str = ""
    heads: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdapterPlaces:
    """Where low-rank adapters stand in a network, as patterns of names.

    Attributes:
        layers: that get one where the user names none.
        never: layers that get none, as they are computed with other than by calling them.
        whole: weights that learn as they are, beside those of embeddings and discriminator.
    """

    layers: tuple[str, ...] = ("*",)
    never: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network that follow from its data, not from its config.

    Attributes:
        symbols: rows of the symbol embedding.
        speakers: rows of the speaker embedding, for a config that uses one.
        languages: rows of the language embedding, likewise.
    """

    symbols: int = 0
    speakers: int = 0
    languages: int = 0


@dataclass(frozen=True)
class Recorded:
    """What settings of a run go by.

    Attributes:
        clips: to train on.
        minutes: of them.
        memory: bytes of the device; of a CPU, of the machine.
    """

    clips: int
    minutes: float
    memory: int


def _no_faults(config: Any) -> Iterator[str]:
    """Yield nothing: the checks that all configs share suffice."""
    return iter(())


def _unchanged(values: Values, spelling: str) -> None:
    """Nothing has an older form."""


@dataclass(frozen=True)
class Fitted:
    """Weights and a config made to agree.

    Attributes:
        weights: tensors by name.
        changes: of the config.
    """

    weights: "Mapping[str, Tensor]"
    changes: tuple[Change, ...] = ()


def _weights_as_they_are(
    config: Any, weights: "Mapping[str, Tensor]", known: Mapping[str, Any], chosen: Container[str]
) -> Fitted:
    return Fitted(weights)


def _completed(weights: "Mapping[str, Tensor]", folder: Path) -> "Mapping[str, Tensor]":
    from finetune_tts.families.adapters import completed

    return completed(weights, folder)


@dataclass(frozen=True)
class MemoryPlan:
    """A way to train that takes another amount of memory.

    Attributes:
        title: in a few words.
        fields: of the config → their values.
    """

    title: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Implementation:
    """The parts of a family that compute, and that cost torch.

    Attributes:
        task: ``(network, config, speak) → task``.
        build: ``(config, sizes, *, for_training) → network``. For synthesis, what only training needs is left out. None
            for a vocoder whose config names generator and discriminator each for itself.
        speak: token ids → a spectrogram or a waveform; None for a vocoder.
        stream: the same, in parts as they are made; None where everything is made at once.
        force: spectrograms of recordings under teacher forcing; None where the architecture gives none.
        tokenizer: ``config → what reads its text``; None for the tokenizer that the config's text fields describe.
        codec: ``(config, device) → what makes codes of recordings`` there; None for a network that reads none.
        listening: how it speaks like a recording; None where it does not listen to any itself.
        completed: ``(weights of a checkpoint, its folder) → all weights``, of a checkpoint that holds only what was
            trained; of a run with adapters, unless the family says otherwise.
        grown: ``(config, tokenizer, recordings) → a tokenizer that reads all of their languages, and what changes in
            the config``; the tokenizer itself where it reads them.
        assets: ``(config, weights that a run starts from, tokenizer) → files that its folder gets``, beside those of
            all models.
        finish: does what is left when a run has ended.
        own_encoder: the speaker encoder that is a part of the network, from a checkpoint; None where there is none.
        memory_plans: ``config → ways to train`` between which memory decides, the one that takes most first; with one
            optimizer each.
        style_of: what the user says of a style → what the network takes; None where it takes none.
        fit_to_weights: ``(config, weights, what else the checkpoint holds, fields that the user set) → Fitted``: what
            makes a config describe the network that weights are of, where names and shapes do not tell; the weights
            are changed where the user asks for another network than theirs.
        require_converting: raises ``UserError`` where a network cannot convert voices; None where none of the
            architecture can.
        convert: a recording in another voice, see ``families.speech.Convert``.
        exporters: format → writes a voice in that format.
        transformers: ``(config, weights, symbols in their order there) → tensors and config`` of a model of
            transformers; None where it has no such model.
        generator: ``config → network`` that generates waveforms, of a vocoder whose config names its discriminator.
        discriminators: name in a config → builds it from its parameters; of vocoders.
    """

    task: "Callable[..., TTSTask]"
    build: "Callable[..., nn.Module] | None" = None
    speak: "Speak | None" = None
    stream: "Stream | None" = None
    force: "Force | None" = None
    tokenizer: "Callable[[Any], Tokenizer] | None" = None
    codec: "Callable[[Any, torch.device], Codec] | None" = None
    listening: "Listening | None" = None
    completed: "Callable[[Mapping[str, Tensor], Path], Mapping[str, Tensor]]" = _completed
    grown: "Callable[[Any, Any, Sequence[Sample]], tuple[Tokenizer, list[Change]]] | None" = None
    assets: "Callable[[Any, Path | None, Any], list[RunAsset]]" = lambda config, base, tokenizer: []
    finish: "Callable[[EndedRun], None]" = lambda run: None
    own_encoder: "Callable[[Path], SpeakerEncoder] | None" = None
    memory_plans: Callable[[Any], Sequence[MemoryPlan]] = lambda config: ()
    style_of: "StyleOf | None" = None
    fit_to_weights: Callable[..., Fitted] = _weights_as_they_are
    require_converting: "Callable[[nn.Module, Any], None] | None" = None
    convert: "Callable[..., Any] | None" = None
    exporters: "Mapping[str, Export]" = field(default_factory=dict)
    transformers: "Callable[[Any, dict[str, Tensor], list[int]], tuple[dict[str, Tensor], Values]] | None" = None
    generator: "Callable[[Any], nn.Module] | None" = None
    discriminators: "Mapping[str, Callable[[Mapping[str, Any]], nn.Module]]" = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """One architecture.

    Attributes:
        name: the ``model`` field of its configs.
        config_class: class of its configs.
        load: loads what computes.
        faults: yields what is wrong with those of the family's own config fields that speaking needs too: sizes of the
            network above all, each with a bound. One line each.
        run_faults: yields what is wrong with those that only training needs.
        modernise: brings the values of older configs to today's form, in place; it is told how the config spelled the
            architecture, too.
        from_foreign: values in another program's format, and the file that holds them, a config or a checkpoint →
            values under 🐸TTS's names; None where they are of no format that this family reads.
        locate: finds files that belong to the weights and that a config does not name, in the folder of the weights.
        settle: after fields were set by name: makes places that mean the same say the same.
        own_optimizers: whether a config names its optimizers in a way of the family's own.
        symbol_fields: fields of its configs that count the symbols of the vocabulary, where a config has them.
        rows: what the rows of its embeddings stand for; None for a vocoder.
        translate_names: brings tensor names of the architecture's original program to those of 🐸TTS.
        discriminator: first part of the names of its discriminator's tensors; "" where there is none.
        derived: last parts of tensor names that follow from other tensors.
        only_in_training: modules that synthesis does not need, and that a release may lack.
        renewed: modules that a config lets begin fresh.
        makes_waveform: it needs no vocoder.
        needs_waveforms: it is trained on waveforms, not on spectrograms alone.
        bounds: which clips it can be trained on, beside what the config says of all of them.
        contours: what it learns of each frame beside the spectrogram, of ``data.contours.CONTOURS``; its config has
            the fields ``pitch_mean`` and ``pitch_std``, or those of the energy, then.
        output_rate: samples a second of the waveforms that it makes.
        fine_tune_settings: for a pre-trained model and recordings, in place of those that suit most architectures.
        enough_minutes: minutes of recordings below which a pre-trained model is better left as it is.
        clips_an_update: ``(config, clips to train on) → clips that a step of the optimizer is to see``; None is a
            batch.
        aligned_frames: frames of a spectrogram that a symbol lasts at least, where the two are aligned monotonically.
        conv_pad: frames that a segment has beyond its samples at both ends; of vocoders.
        adapters: where a network gets low-rank adapters; None for a family whose networks get none.
        adapts_itself: its task and its files know adapters, in a way of the family's own.
        shards: its weights can be shared out over processes; its task names the modules.
        slow_to_speak: it takes long to make a waveform, so that less of it is heard in training.
        read_style: flags of ``tts`` that only this family has → how it is to sound, or None where none was given.
    """

    name: str
    config_class: type[Config]
    load: Callable[[], Implementation]
    faults: Callable[[Any], Iterator[str]] = _no_faults
    run_faults: Callable[[Any], Iterator[str]] = _no_faults
    modernise: Callable[[Values, str], None] = _unchanged
    from_foreign: Callable[[Values, Path], Values | None] = lambda values, path: None
    locate: Callable[[Any, Path], None] = lambda config, folder: None
    settle: Callable[[Any, Collection[str]], None] = lambda config, changed: None
    own_optimizers: Callable[[Any], bool] = lambda config: False
    symbol_fields: tuple[str, ...] = ("num_chars", "model_args.num_chars")
    rows: EmbeddingRows | None = None
    translate_names: "Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]" = lambda state: state
    discriminator: str = ""
    derived: tuple[str, ...] = ()
    only_in_training: tuple[str, ...] = ()
    renewed: Callable[[Any], tuple[str, ...]] = lambda config: ()
    makes_waveform: bool = False
    needs_waveforms: bool = False
    bounds: Callable[[Any], Bounds] = lambda config: Bounds()
    contours: Callable[[Any], tuple[str, ...]] = lambda config: ()
    output_rate: Callable[[Any], int] = lambda config: int(config.audio.sample_rate)
    fine_tune_settings: "Callable[[Any, Recorded], list[Change]]" = lambda config, recorded: []
    enough_minutes: float = 0.0
    clips_an_update: Callable[[Any, int], int | None] = lambda config, clips: None
    aligned_frames: Callable[[Any], int | None] = lambda config: None
    conv_pad: Callable[[Any], int] = lambda config: int(config.conv_pad)
    adapters: AdapterPlaces | None = None
    adapts_itself: bool = False
    shards: bool = False
    slow_to_speak: bool = False
    read_style: Callable[[Mapping[str, Any]], Any | None] = lambda flags: None

    @cached_property
    def implementation(self) -> Implementation:
        """What computes; costs torch when it is asked for first."""
        return self.load()

    @property
    def embedding_rows(self) -> EmbeddingRows:
        """What the rows of its embeddings stand for, of an architecture that reads text."""
        assert self.rows is not None, self.name
        return self.rows
