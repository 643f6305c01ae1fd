"""Synthesising and fine-tuning from Python: the same road as ``tts`` and ``tts-finetune``, with the same errors.

    from finetune_tts.api import Voice, fine_tune

    voice = Voice.load("tts_models/en/ljspeech/glow-tts")
    voice.speak("Ola.").save("ola.wav")
    result = fine_tune("tts_models/en/ljspeech/glow-tts", "my-recordings", max_steps=500)
    result.voice().speak("It is my voice now.").save("mine.wav")

Mistakes of the user raise :class:`UserError`. Nothing is printed: what the programs tell on the terminal goes to the
logger ``finetune_tts``. Importing this loads no torch; that happens with the first call.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.errors import UserError
from finetune_tts.training.callbacks import (
    STOP,
    Callbacks,
    CheckpointWritten,
    Evaluated,
    RunHandle,
    SampleSpoken,
    StepDone,
)

if TYPE_CHECKING:
    import numpy as np

    from finetune_tts.assembly.request import Request
    from finetune_tts.families.overrides import Override
    from finetune_tts.synthesis.delivery import Delivery
    from finetune_tts.synthesis.likeness import Likeness
    from finetune_tts.synthesis.voice import Voice as LoadedVoice
    from finetune_tts.training.run import StoppedRun

__all__ = [
    "STOP",
    "Callbacks",
    "CheckpointWritten",
    "Evaluated",
    "FineTuned",
    "RunHandle",
    "SampleSpoken",
    "Speech",
    "StepDone",
    "UserError",
    "Voice",
    "fine_tune",
    "resume",
]


@dataclass(frozen=True, eq=False)
class Speech:
    """Something synthesised."""

    waveform: "np.ndarray"
    """``[T]`` float32; it may go beyond full scale, from -1 to 1, and is turned down when it is saved."""
    sample_rate: int
    """In Hz."""
    missing: str = ""
    """Characters of the text that the model does not know, each once; they were not spoken."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.waveform) / self.sample_rate

    def save(self, path: str | Path) -> Path:
        """Write a ``.wav``, ``.flac``, ``.ogg``, ``.opus`` or ``.mp3`` file, as its name says; return its path.

        Raises:
            UserError: such a file cannot be written.
            OSError: it cannot be written there.
        """
        from finetune_tts.audio.writing import SOUND_KINDS, write_sound

        path = Path(path)
        if path.suffix.lower() not in SOUND_KINDS:
            raise UserError(f"{path}: such a file cannot be written. {', '.join(SOUND_KINDS)} can.")
        write_sound(path, self.waveform, self.sample_rate)
        return path


class Voice:
    """A model that synthesises. Make one with :meth:`load`; one thread at a time may use it."""

    def __init__(self, voice: "LoadedVoice", likeness: "Likeness") -> None:
        self._voice, self._likeness = voice, likeness

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        config_path: str | Path | None = None,
        vocoder: str | Path | None = None,
        device: str = "auto",
        models_file: str | Path | None = None,
        accept_terms: bool = False,
    ) -> "Voice":
        """Load a voice.

        Args:
            model: a run folder, a checkpoint, or the name of a model of the catalog, which is downloaded if it is not
                here yet.
            config_path: config of a checkpoint; the one beside it by default.
            vocoder: a run folder, a checkpoint or a name likewise; by default the one that the catalog names.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
            models_file: a catalog file of your own, merged in.
            accept_terms: you accept the terms of the model's licence.

        Raises:
            UserError: there is no such model, it cannot be had, is damaged, or cannot synthesise.
        """
        from finetune_tts.families.released import released_files
        from finetune_tts.machine.device import choose_device
        from finetune_tts.synthesis.likeness import Likeness
        from finetune_tts.synthesis.loading import load_voice
        from finetune_tts.synthesis.vocoder_choice import VocoderChoice, give_vocoder

        name, path = _name_or_path(model)
        if name is not None:
            if config_path is not None:
                raise UserError(f"config_path {config_path}: {name} brings its own; leave it out.")
            files = released_files(name, models_file=models_file, accept_terms=accept_terms)
            path, config_path = files.model_file, files.config_file
        assert path is not None
        chosen = choose_device(device)
        voice = load_voice(path, config_path, device=chosen)
        vocoder_name, vocoder_path = (None, None) if vocoder is None else _name_or_path(vocoder)
        choice = VocoderChoice(
            name=vocoder_name,
            path=vocoder_path,
            model_name=name,
            models_file=None if models_file is None else Path(models_file),
            accept_terms=accept_terms,
        )
        give_vocoder(voice, choice, path, chosen)
        return cls(voice, Likeness(voice, Path(config_path or path), device=chosen))

    @property
    def sample_rate(self) -> int:
        """Of what it synthesises, in Hz."""
        return self._voice.sample_rate

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who can speak; empty for a model of one voice."""
        return self._voice.speaker_names

    @property
    def languages(self) -> tuple[str, ...]:
        """Which languages it can be told to speak; empty for a model of one language."""
        return self._voice.languages

    def speak(
        self,
        text: str,
        *,
        speaker: str | None = None,
        speaker_wav: str | Path | Sequence[str | Path] | None = None,
        language: str | None = None,
        speed: float = 1.0,
        noise_scale: float | None = None,
        seed: int = 0,
        style: Mapping[str, object] | None = None,
    ) -> Speech:
        """Synthesise a text of any length.

        Args:
            text: is cut into sentences.
            speaker: name of the speaker, for a multi-speaker model.
            speaker_wav: recordings of one speaker to imitate, for a model that can.
            language: for a multilingual model.
            speed: 2 is twice as fast.
            noise_scale: variation, in place of the config's; 0 gives the same speech each time.
            seed: of what is drawn: another number gives another reading.
            style: what only this kind of model knows, by the names of the flags of ``tts``: ``{"pitch": 1.1}``.

        Raises:
            UserError: an argument does not fit the model, or nothing in the text can be synthesised.
        """
        delivery = self._delivery(speaker, speaker_wav, language, speed, noise_scale, seed, style)
        spoken = self._voice.speak(text, delivery)
        return Speech(spoken.waveform, spoken.sample_rate, spoken.missing)

    def stream(
        self,
        text: str,
        *,
        speaker: str | None = None,
        speaker_wav: str | Path | Sequence[str | Path] | None = None,
        language: str | None = None,
        speed: float = 1.0,
        noise_scale: float | None = None,
        seed: int = 0,
        style: Mapping[str, object] | None = None,
    ) -> "Iterator[np.ndarray]":
        """Synthesise a text and hand over each part ``[T]`` as soon as it is made: a sentence, or less.

        The arguments are those of :meth:`speak`, and so are the errors; all but those of a model that has diverged are
        raised at once. Whoever stops taking parts stops the synthesis.
        """
        delivery = self._delivery(speaker, speaker_wav, language, speed, noise_scale, seed, style)
        return self._voice.stream(text, delivery)

    def _delivery(
        self,
        speaker: str | None,
        speaker_wav: str | Path | Sequence[str | Path] | None,
        language: str | None,
        speed: float,
        noise_scale: float | None,
        seed: int,
        style: Mapping[str, object] | None,
    ) -> "Delivery":
        from finetune_tts.families.registry import ENTRIES, family_of
        from finetune_tts.synthesis.delivery import Delivery

        if not 0.1 <= speed <= 10:
            raise UserError(f"speed {speed}: must be between 0.1 and 10.")
        if noise_scale is not None and not 0 <= noise_scale <= 10:
            raise UserError(f"noise_scale {noise_scale}: must be between 0 and 10.")
        if language is not None and not self.languages:
            raise UserError(f"language {language}: this model has one language; leave it out.")
        if not isinstance(seed, Integral) or not 0 <= seed < 2**63:
            raise UserError(f"seed {seed}: must be a whole number, at least 0.")
        if speaker is not None and speaker_wav is not None:
            raise UserError("speaker and speaker_wav both say who speaks: give one of them.")
        model = self._voice.config.model
        own = {flag.name for flag in ENTRIES[model].flags}
        if unknown := sorted(set(style or ()) - own):
            known = f"these can be: {', '.join(sorted(own))}." if own else "it has no style."
            raise UserError(f"style {', '.join(unknown)}: a {model} model has no such style; {known}")
        delivery = Delivery(
            speaker=speaker,
            language=language,
            noise_scale=noise_scale,
            length_scale=None if speed == 1 else 1 / speed,
            style=family_of(model).read_style({name: str(value) for name, value in style.items()}) if style else None,
            seed=seed,
        )
        if speaker_wav is None:
            return delivery
        recordings = [speaker_wav] if isinstance(speaker_wav, str | Path) else list(speaker_wav)
        return self._likeness.give(delivery, recordings)


@dataclass(frozen=True)
class FineTuned:
    """What a run left behind."""

    folder: Path
    """The run folder, which can be moved and loaded."""
    best_model: Path | None
    """The best checkpoint; None where no evaluation found one."""
    steps: int
    """In all."""
    best_loss: float | None
    """The lowest target loss: held-out, where there are held-out clips."""
    losses: Mapping[str, float]
    """The held-out losses at the end, by name."""
    device: str = "auto"
    """What the run was told."""

    def voice(self) -> Voice:
        """Load the best model of the run.

        Raises:
            UserError: it is a vocoder, or the run has written no model.
        """
        return Voice.load(self.best_model or self.folder, device=self.device)


def fine_tune(
    model: str | Path,
    recordings: str | Path | Sequence[str | Path],
    *,
    out: str | Path = "output",
    run_name: str | None = None,
    overrides: Mapping[str, object] | None = None,
    callbacks: Callbacks | None = None,
    max_steps: int | None = None,
    time_limit: float | None = None,
    early_stop_patience: int | None = None,
    device: str = "auto",
    models_file: str | Path | None = None,
    accept_terms: bool = False,
) -> FineTuned:
    """Fine-tune a model on recordings, with settings that suit them wherever ``overrides`` sets none.

    Args:
        model: a run folder, a checkpoint, or the name of a model of the catalog, which is downloaded if it is not here
            yet.
        recordings: folder of a data set in any layout that ``tts-finetune`` knows, or several.
        out: where the run folder is made.
        run_name: first part of its name.
        overrides: fields of the config, as ``--coqpit.FIELD``: ``{"lr": 1e-5, "audio.do_trim_silence": True}``.
        callbacks: functions to call while it trains.
        max_steps, time_limit, early_stop_patience: steps, minutes, or evaluations without a lower held-out loss after
            which it ends.
        device: as for :meth:`Voice.load`.
        models_file: a catalog file of your own, merged in.
        accept_terms: you accept the terms of the model's licence.

    Raises:
        UserError: the model cannot be had, the recordings cannot be used, or a field is not what it should be.
        TrainingInterrupted: Ctrl-C or a signal; the run has saved itself, and the message says how to resume it.
        Exception: what a callback raised; the run has saved itself.
    """
    from finetune_tts.assembly.overriding import apply, make_room_for_dataset
    from finetune_tts.assembly.pretrained import config_to_tune
    from finetune_tts.assembly.request import Request
    from finetune_tts.families.overrides import Override
    from finetune_tts.families.registry import FINE_TUNE
    from finetune_tts.families.released import released_files
    from finetune_tts.training.settings import RunLimits

    folders = [recordings] if isinstance(recordings, str | Path) else list(recordings)
    if not folders:
        raise UserError("recordings: none are named. Name the folder of the recordings.")
    fields = _overrides(overrides or {})
    for number, folder in enumerate(folders):
        if not Path(folder).expanduser().is_dir():
            raise UserError(f"recordings {folder}: no such folder. Name the folder of the recordings.")
        fields.append(Override(f"datasets.{number}.path", (str(folder),)))
        if number:
            fields.append(Override(f"datasets.{number}.formatter", ("auto",)))
    fields.append(Override("output_path", (str(out),)))
    if run_name is not None:
        fields.append(Override("run_name", (run_name,)))
    name, path = _name_or_path(model)
    config_path = None
    if name is not None:
        files = released_files(
            name, needed=(FINE_TUNE,), models_file=models_file, accept_terms=accept_terms, for_training=True
        )
        path, config_path = files.model_file, files.config_file
    assert path is not None
    config = config_to_tune(path, config_path)
    make_room_for_dataset(config, fields, replace=True)
    apply(config, fields)
    limits = RunLimits(
        max_steps=_positive("max_steps", max_steps),
        time_limit=None if time_limit is None else 60 * _positive("time_limit", time_limit),
        early_stop_patience=_positive("early_stop_patience", early_stop_patience),
    )
    chosen = frozenset(override.path.split(".")[0] for override in fields)
    request = Request(config=config, restore_path=path, chosen=chosen, fill_in=True, device=device, limits=limits)
    return _fit(request, None, callbacks)


def resume(
    folder: str | Path,
    *,
    overrides: Mapping[str, object] | None = None,
    callbacks: Callbacks | None = None,
    max_steps: int | None = None,
    device: str = "auto",
) -> FineTuned:
    """Resume a run where it stopped; the arguments and errors are those of :func:`fine_tune`."""
    from finetune_tts.assembly.overriding import apply
    from finetune_tts.assembly.request import Request
    from finetune_tts.training.run import open_run
    from finetune_tts.training.settings import RunLimits

    run = open_run(folder)
    fields = _overrides(overrides or {})
    config: Any = run.config
    apply(config, fields)
    chosen = frozenset(override.path.split(".")[0] for override in fields)
    limits = RunLimits(max_steps=_positive("max_steps", max_steps))
    return _fit(Request(config=config, chosen=chosen, device=device, limits=limits), run, callbacks)


def _fit(request: "Request", run: "StoppedRun | None", callbacks: Callbacks | None) -> FineTuned:
    from finetune_tts.assembly.assembly import assemble
    from finetune_tts.training.run import fit

    assembly = assemble(request, run)
    result = fit(replace(assembly.job, callbacks=callbacks or Callbacks()))
    if assembly.job.world.is_main:
        assembly.material.ended(result.folder, result.best_model)
    return FineTuned(
        folder=result.folder,
        best_model=result.best_model,
        steps=result.steps,
        best_loss=result.best_loss,
        losses=dict(result.eval_losses),
        device=request.device,
    )


def _name_or_path(model: str | Path) -> tuple[str | None, Path | None]:
    """Whether it is a name of the catalog, or a path: what is there is a path."""
    path = Path(model).expanduser()
    if isinstance(model, Path) or path.exists() or path.suffix in (".pth", ".pt") or str(model).startswith((".", "/")):
        return None, path
    return str(model), None


def _overrides(fields: Mapping[str, object]) -> "list[Override]":
    """Values of Python as the command line writes them."""
    from finetune_tts.families.overrides import Override

    return [Override(name, (value if isinstance(value, str) else _written(value),)) for name, value in fields.items()]


def _written(value: object) -> str:
    return json.dumps(str(value) if isinstance(value, Path) else value).strip('"')


def _positive(name: str, value: Any) -> Any:
    if value is not None and not value > 0:
        raise UserError(f"{name} {value}: must be above 0.")
    return value
