"""``tts``: list, download and synthesise."""

import argparse
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_tts.cli.clips import fingerprint, identity, report_missing, speak_entry, write_clips
from finetune_tts.cli.conversion import convert_recording
from finetune_tts.cli.program import run_program, say
from finetune_tts.cli.speak_flags import build_parser, check_flags, style_of_flags
from finetune_tts.cli.streaming import write_stream
from finetune_tts.cli.texts import entries_of, is_live, is_subtitles, whole_text
from finetune_tts.errors import UserError
from finetune_tts.families.registry import ENTRIES, style_flags

if TYPE_CHECKING:
    import numpy as np
    import torch

    from finetune_tts.synthesis.delivery import Delivery
    from finetune_tts.synthesis.likeness import Likeness
    from finetune_tts.synthesis.voice import Speech, Voice


def main(argv: list[str] | None = None) -> int:
    """Run ``tts``; return the exit status."""
    return run_program(_run, argv)


def command_line(model_path: Path, text: str, speaker: str | None = None, language: str | None = None) -> str:
    """Return what the user types to hear a model."""
    words = ["tts", "--model_path", str(model_path), "--text", text]
    words += ["--speaker_idx", speaker] if speaker else []
    words += ["--language_idx", language] if language else []
    return shlex.join([*words, "--out_path", "mine.wav"])


def _run(argv: list[str]) -> None:
    parser = build_parser()
    arguments = parser.parse_known_flags(argv)
    if arguments.help:
        say(parser.format_help().rstrip())
    elif arguments.model_info:
        from finetune_tts.cli.catalog_view import print_info

        print_info(arguments.model_info, arguments.models_file)
    elif arguments.list_models is not None:
        from finetune_tts.cli.catalog_view import print_models

        print_models(arguments.list_models or None, arguments.models_file)
    else:
        check_flags(arguments)
        by_entry = arguments.out_dir or is_subtitles(arguments) or is_live(arguments)
        text = None if by_entry or arguments.reference_wav else whole_text(arguments)
        speaks = text is not None or by_entry or arguments.reference_wav is not None
        model_path, config_path = _model(arguments, speaks=bool(speaks or arguments.server))
        if arguments.list_speaker_idxs:
            _list_speakers(model_path, config_path)
        elif arguments.server:
            from finetune_tts.cli.speech_server import run_server

            loaded = _load(arguments, model_path, config_path)
            run_server(loaded.voice, _delivery(arguments, loaded), loaded.likeness, arguments, model_path)
        elif speaks:
            _speak(arguments, text, _load(arguments, model_path, config_path), model_path)


def _model(arguments: argparse.Namespace, *, speaks: bool) -> tuple[Path, Path | None]:
    """Weights and config, those of a catalog model downloaded first."""
    if not arguments.model_name:
        return arguments.model_path, arguments.config_path
    from finetune_tts.catalog.fetch import fetch
    from finetune_tts.catalog.listing import load_catalog
    from finetune_tts.catalog.lookup import find
    from finetune_tts.families.registry import FINE_TUNE, SPEAK, require_support

    entry = find(load_catalog(arguments.models_file), arguments.model_name)
    if speaks:
        require_support(entry, (FINE_TUNE, SPEAK))
    files = fetch(entry, accept_terms=arguments.yes)
    say(f"model: {files.folder}", aside=arguments.pipe_out or arguments.list_speaker_idxs)
    return files.model_file, files.config_file


def _list_speakers(model_path: Path, config_path: Path | None) -> None:
    from finetune_tts.synthesis.loading import load_voice

    voice = load_voice(model_path, config_path)
    unnamed = "This model has one voice, without a name."
    if voice.takes_d_vectors or voice.imitator is not None:
        unnamed = "This model names no speakers; it imitates the recordings of --speaker_wav."
    say("\n".join(name.strip() for name in voice.speaker_names) or unnamed, aside=not voice.speaker_names)


@dataclass(frozen=True)
class _Loaded:
    voice: "Voice"
    vocoder: str | None
    likeness: "Likeness"


def _load(arguments: argparse.Namespace, model_path: Path, config_path: Path | None) -> _Loaded:
    """The voice with its vocoder."""
    from finetune_tts.machine.device import choose_device
    from finetune_tts.speaker_encoder.encoder import encoder_files
    from finetune_tts.synthesis.likeness import Likeness
    from finetune_tts.synthesis.loading import load_voice

    device = choose_device(arguments.device)
    voice = load_voice(model_path, config_path, device=device)
    _require_own_flags(arguments, voice.config.model)
    vocoder = _give_vocoder(voice, arguments, model_path, device)
    if arguments.language_idx and not voice.languages:
        raise UserError(f"--language_idx {arguments.language_idx}: this model has one language; leave the flag out.")
    named = encoder_files(arguments.encoder_path, arguments.encoder_config_path) if arguments.encoder_path else None
    return _Loaded(voice, vocoder, Likeness(voice, config_path or model_path, named, device))


def _give_vocoder(
    voice: "Voice", arguments: argparse.Namespace, model_path: Path, device: "torch.device"
) -> str | None:
    from finetune_tts.synthesis.vocoder_choice import VocoderChoice, give_vocoder

    choice = VocoderChoice(
        name=arguments.vocoder_name,
        path=arguments.vocoder_path,
        config_path=arguments.vocoder_config_path,
        model_name=arguments.model_name,
        models_file=arguments.models_file,
        accept_terms=arguments.yes,
    )
    name = give_vocoder(voice, choice, model_path, device)
    if name is not None:
        say(f"vocoder: {name}", aside=arguments.pipe_out)
    return name


def _delivery(arguments: argparse.Namespace, loaded: _Loaded) -> "Delivery":
    """How the flags want it said."""
    from finetune_tts.synthesis.delivery import Delivery

    delivery = Delivery(
        speaker=arguments.speaker_idx,
        language=arguments.language_idx,
        style=style_of_flags(arguments),
        noise_scale=arguments.noise_scale,
        length_scale=arguments.length_scale,
        seed=arguments.seed,
    )
    return loaded.likeness.give(delivery, arguments.speaker_wav) if arguments.speaker_wav else delivery


def _speak(arguments: argparse.Namespace, text: str | None, loaded: _Loaded, model_path: Path) -> None:
    voice = loaded.voice
    if arguments.reference_wav:
        started = time.perf_counter()
        _write(arguments, voice, convert_recording(voice, arguments, loaded.likeness.vector), started)
        return
    delivery = _delivery(arguments, loaded)
    if arguments.out_dir:
        write_clips(voice, delivery, arguments, _made_by(arguments, loaded, model_path))
    elif is_subtitles(arguments):
        write_stream(_dubbed(arguments, voice, delivery), voice.sample_rate, arguments)
    elif text is None:
        write_stream(_lines(arguments, voice, delivery), voice.sample_rate, arguments)
    elif arguments.stream:
        write_stream(voice.stream(text, delivery), voice.sample_rate, arguments)
    else:
        started = time.perf_counter()
        _write(arguments, voice, voice.speak(text, delivery), started)


def _dubbed(arguments: argparse.Namespace, voice: "Voice", delivery: "Delivery") -> "Iterator[np.ndarray]":
    """The parts of a track in which each cue of subtitles starts at its time."""
    from finetune_tts.data.progress import progress
    from finetune_tts.synthesis.timeline import placed

    entries = list(entries_of(arguments))
    voice.require_delivery(delivery)
    missing = ""

    def clips() -> "Iterator[tuple[int, np.ndarray]]":
        nonlocal missing
        for entry in progress(entries, len(entries), "Cues"):
            assert entry.cue is not None
            try:
                speech = speak_entry(voice, entry, delivery, fit=arguments.fit)
            except UserError as error:
                raise UserError(f"{arguments.text_file}, line {entry.line}: {error}") from error
            missing = "".join(dict.fromkeys(missing + speech.missing))
            # Turned down as a file of its own would be, since clipping is heard.
            loudest = max(1.0, float(abs(speech.waveform).max()))
            yield round(entry.cue.start * speech.sample_rate), speech.waveform / loudest

    yield from placed(clips())
    report_missing(voice, missing)


def _lines(arguments: argparse.Namespace, voice: "Voice", delivery: "Delivery") -> "Iterator[np.ndarray]":
    """The speech of standard input, each line as soon as it has come; one that cannot be spoken is skipped."""
    import logging

    voice.require_delivery(delivery)
    for entry in entries_of(arguments):
        try:
            parts = voice.stream(entry.text, delivery)
        except UserError as error:
            logging.getLogger(__name__).warning("Line %d is left out. %s", entry.line, error)
            continue
        yield from parts


def _made_by(arguments: argparse.Namespace, loaded: _Loaded, model_path: Path) -> str:
    """What makes a clip what it is, beside its text."""
    from finetune_tts.checkpoints.finding import find_weights

    told = {name: getattr(arguments, name) for name in ("speaker_idx", "language_idx", "noise_scale", "length_scale",
                                                        "seed", "fit", "config_path", "encoder_path")}  # fmt: skip
    style = {flag.name: getattr(arguments, flag.name) for flag, _ in style_flags()}
    recordings = [identity(path) for path in arguments.speaker_wav or ()]
    return fingerprint(
        model=identity(find_weights(model_path)), vocoder=loaded.vocoder, recordings=recordings, **told, **style
    )


def _write(arguments: argparse.Namespace, voice: "Voice", speech: "Speech", started: float) -> None:
    """Write speech where the flags say, and say how it went."""
    from finetune_tts.audio.reading import wav_bytes
    from finetune_tts.audio.writing import write_sound

    spent = time.perf_counter() - started
    report_missing(voice, speech.missing)
    if arguments.pipe_out:
        sys.stdout.buffer.write(wav_bytes(speech.waveform, speech.sample_rate))
    else:
        write_sound(arguments.out_path, speech.waveform, speech.sample_rate)
        say(f"wrote: {arguments.out_path} ({speech.seconds:.2f} s)")
    if arguments.save_spectrogram:
        _save_spectrogram(speech.spectrogram, arguments.out_path.with_suffix(".npy"), aside=arguments.pipe_out)
    say(f"real-time factor: {spent / speech.seconds:.3f} ({spent:.2f} s to make it)", aside=arguments.pipe_out)


def _save_spectrogram(spectrogram: "np.ndarray", path: Path, *, aside: bool) -> None:
    """Write a spectrogram ``[T_mel, n_mels]`` as ``[n_mels, T_mel]``, as the model normalises it."""
    import io

    import numpy as np

    from finetune_tts.files import replacing

    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(spectrogram.T))
    with replacing(path) as file:
        file.write(buffer.getvalue())
    say(f"spectrogram: {path} ({spectrogram.shape[1]} bands, {spectrogram.shape[0]} frames)", aside=aside)


def _require_own_flags(arguments: argparse.Namespace, model: str) -> None:
    """Refuse flags of another kind of model, where this one has such of its own; others say what they lack."""
    own = {flag.name for flag in ENTRIES[model].flags}
    for flag, _ in style_flags():
        if own and flag.name not in own and getattr(arguments, flag.name) is not None:
            raise UserError(f"--{flag.name}: a {model} model has no such flag. Leave it out.")


if __name__ == "__main__":
    raise SystemExit(main())
