"""``tts``: list, download and synthesise."""

import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.cli.conversion import check_conversion_flags, convert_recording
from finetune_tts.cli.program import Parser, run_program, say
from finetune_tts.cli.streaming import check_stream_flags, write_stream
from finetune_tts.cli.vocoder_choice import check_vocoder_flags, give_vocoder
from finetune_tts.errors import UserError
from finetune_tts.families.registry import ENTRIES, family_of, style_flags

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from finetune_tts.synthesis.voice import Voice

USAGE = """%(prog)s --model_name NAME --text TEXT [flags]
       %(prog)s --model_path FILE --text TEXT [flags]"""

DESCRIPTION = """List, download and synthesise with text-to-speech models.

  tts --model_name tts_models/en/ljspeech/glow-tts --text "Ola." --out_path ola.wav
  tts --model_path output/my-voice/best_model.pth --text "Ola." --out_path ola.wav"""

EXAMPLES = """more examples:
  tts --list_models glow
  tts --model_path run/best_model.pth --config_path run/config.json --text "Ola." --speaker_idx p225
  tts --model_path run --text "Ola." --speaker_wav first.wav second.wav
  tts --model_path run --reference_wav mine.wav --reference_speaker_idx p225 --speaker_idx p226
  tts --model_path run --text_file story.txt --pipe_out | aplay
"""


def build_parser() -> Parser:
    """Return the parser of ``tts``."""
    parser = Parser(
        prog="tts",
        usage=USAGE,
        description=DESCRIPTION,
        epilog=EXAMPLES,
        may_be_empty=("--text", "--list_models"),
    )
    _add_tasks(parser.tasks.add_argument)
    _add_model(parser.add_argument_group("model").add_argument)
    _add_voice(parser.add_argument_group("speaker, language and style").add_argument)
    _add_vocoder(parser.add_argument_group("vocoder").add_argument)
    _add_output(parser.add_argument_group("output").add_argument)
    return parser


def _add_tasks(add: "Callable[..., object]") -> None:
    add("--list_models", nargs="?", const="", metavar="FILTER", help="list the catalog, or what FILTER is part of")
    add("--model_info", metavar="NAME", help="show everything about one model of the catalog")
    add("--list_speaker_idxs", action="store_true", help="list the speakers of the model")
    add("--text", help="text to synthesise")
    add("--text_file", type=Path, metavar="FILE", help="UTF-8 file of the text to synthesise; - is standard input")
    add(
        "--reference_wav",
        type=Path,
        metavar="FILE",
        help="recording to convert to the speaker's voice, for a model that can",
    )


def _add_model(add: "Callable[..., object]") -> None:
    add("--model_name", metavar="NAME", help="model of the catalog; downloaded if it is not here yet")
    add("--model_path", type=Path, metavar="FILE", help="checkpoint, or folder of a run")
    add(
        "--config_path",
        type=Path,
        metavar="FILE",
        help="config of the checkpoint (default: config.json beside it)",
    )
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: %(default)s)")
    add(
        "--models_file",
        type=Path,
        metavar="FILE",
        help="a catalog file of your own, merged in (or TTS_MODELS_FILE)",
    )
    add("--yes", action="store_true", help="accept the terms of a model's licence")


def _add_voice(add: "Callable[..., object]") -> None:
    add("--speaker_idx", metavar="NAME", help="speaker of a multi-speaker model")
    add(
        "--speaker_wav",
        type=Path,
        nargs="+",
        action="collect",
        metavar="FILE",
        help="recordings of the speaker to imitate, for a model that clones voices or has d-vectors",
    )
    add("--reference_speaker_idx", metavar="NAME", help="which of the model's speakers recorded --reference_wav")
    add(
        "--encoder_path",
        type=Path,
        metavar="FILE",
        help="speaker encoder for the recordings (default: the one that comes with the model)",
    )
    add(
        "--encoder_config_path",
        type=Path,
        metavar="FILE",
        help="config of the speaker encoder (default: config_se.json beside it)",
    )
    add("--language_idx", metavar="NAME", help="language of a multilingual model")
    for flag, _ in style_flags():
        add(f"--{flag.name}", metavar=flag.metavar, type=Path if flag.is_path else str, help=flag.help)
    add(
        "--noise_scale",
        type=float,
        metavar="FACTOR",
        help="variation, in place of the config's; 0 gives the same speech each time",
    )
    add(
        "--length_scale",
        type=float,
        metavar="FACTOR",
        help="duration factor, in place of the config's; above 1 is slower",
    )
    add("--speed", type=float, metavar="FACTOR", help="the same the other way round: 2 is twice as fast")
    add(
        "--seed",
        type=int,
        metavar="N",
        default=0,
        help="of what is drawn: another number gives another reading (default: 0)",
    )


def _add_vocoder(add: "Callable[..., object]") -> None:
    add("--vocoder_name", metavar="NAME", help="vocoder of the catalog (default: the one that it names for the model)")
    add("--vocoder_path", type=Path, metavar="FILE", help="checkpoint of a vocoder, or folder of its run")
    add(
        "--vocoder_config_path",
        type=Path,
        metavar="FILE",
        help="config of the vocoder (default: config.json beside it)",
    )


def _add_output(add: "Callable[..., object]") -> None:
    add(
        "--out_path",
        type=Path,
        metavar="FILE",
        default=Path("tts_output.wav"),
        help="wav file to write (default: %(default)s)",
    )
    add("--pipe_out", action="store_true", help="write the wav to standard output instead")
    add("--stream", action="store_true", help="write the speech while it is made")
    add("--save_spectrogram", action="store_true", help="write the mel spectrogram too, beside the wav file (.npy)")


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
        _check(arguments)
        text = None if arguments.reference_wav else _text(arguments)
        speaks = text is not None or arguments.reference_wav is not None
        model_path, config_path = _model(arguments, speaks=speaks)
        if arguments.list_speaker_idxs:
            _list_speakers(model_path, config_path)
        elif speaks:
            _speak(arguments, text, model_path, config_path)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what contradicts itself before anything is downloaded or loaded."""
    if not arguments.model_name and not arguments.model_path:
        raise UserError("Nothing to do: give --list_models, or --model_name or --model_path with --text. See --help.")
    if arguments.model_name and (arguments.model_path or arguments.config_path):
        other = "model_path" if arguments.model_path else "config_path"
        raise UserError(f"--model_name brings its own files: leave --{other} out, or --model_name.")
    if arguments.text is not None and arguments.text_file:
        raise UserError("--text and --text_file both say what to synthesise: give one of them.")
    check_vocoder_flags(arguments)
    check_conversion_flags(arguments)
    if arguments.speaker_wav and arguments.speaker_idx:
        raise UserError("--speaker_wav and --speaker_idx both say who speaks: give one of them.")
    _style(arguments)
    if arguments.encoder_path and not arguments.speaker_wav and not arguments.reference_wav:
        raise UserError("--encoder_path is for --speaker_wav, the recordings to imitate: give both or none.")
    if arguments.encoder_config_path and not arguments.encoder_path:
        raise UserError(
            "--encoder_config_path is given without --encoder_path, the speaker encoder that it belongs to."
        )
    for flag in ("noise_scale", "length_scale"):
        value = getattr(arguments, flag)
        if value is not None and not 0 <= value <= 10:
            raise UserError(f"--{flag} {value}: must be between 0 and 10.")
    if arguments.speed is not None:
        if arguments.length_scale is not None:
            raise UserError("--speed and --length_scale both say how fast it is spoken: give one of them.")
        if not 0.1 <= arguments.speed <= 10:
            raise UserError(f"--speed {arguments.speed:g}: must be between 0.1 and 10.")
        arguments.length_scale = 1 / arguments.speed
    if not 0 <= arguments.seed < 2**63:
        raise UserError(f"--seed {arguments.seed}: must be a whole number, at least 0.")
    check_stream_flags(arguments)
    if arguments.length_scale == 0:
        raise UserError("--length_scale 0: must be above 0.")
    spoken = arguments.text is not None or arguments.text_file or arguments.reference_wav
    if not arguments.pipe_out and spoken:
        parent = arguments.out_path.resolve().parent
        if not parent.is_dir():
            raise UserError(f"--out_path {arguments.out_path}: the folder {parent} does not exist. Create it first.")
        if arguments.out_path.is_dir():
            raise UserError(f"--out_path {arguments.out_path}: is a folder. Name a wav file.")
        _require_wav(arguments.out_path)
        _check_special(arguments)


def _require_wav(path: Path) -> None:
    """Refuse a name that promises another kind of recording than the one that is written."""
    from finetune_tts.data.audio_files import is_audio

    if is_audio(path.name) and path.suffix.lower() not in (".wav", ".wave"):
        wav = path.with_suffix(".wav")
        raise UserError(
            f"--out_path {path}: a WAV file is written. Name it so, and convert it: "
            f"{shlex.join(['ffmpeg', '-i', str(wav), str(path)])}"
        )


def _check_special(arguments: argparse.Namespace) -> None:
    """See that what is asked for can be done where ``--out_path`` is a device, a pipe or the standard output."""
    from finetune_tts.files import is_replaceable, is_standard_output

    if arguments.save_spectrogram and not is_replaceable(arguments.out_path):
        raise UserError(
            f"--save_spectrogram: {arguments.out_path} is no file, so there is no place beside it. Name a wav file "
            "with --out_path."
        )
    arguments.pipe_out = is_standard_output(arguments.out_path)


def _text(arguments: argparse.Namespace) -> str | None:
    """What to say; None where only the model or its speakers were asked for."""
    text: str | None = arguments.text
    if arguments.text_file:
        from finetune_tts.files import decoded, read_text

        is_input = str(arguments.text_file) == "-"
        text = decoded("standard input", sys.stdin.buffer.read()) if is_input else read_text(arguments.text_file)
    if text is None:
        if arguments.model_name or arguments.list_speaker_idxs:
            return None
        raise UserError("--text is missing: what is the model to say?")
    if not text.strip():
        where = f"--text_file {arguments.text_file}" if arguments.text_file else "--text"
        raise UserError(f"{where} is empty: give the model something to say.")
    return text


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


def _speak(arguments: argparse.Namespace, text: str | None, model_path: Path, config_path: Path | None) -> None:
    from finetune_tts.audio.reading import wav_bytes, write_waveform
    from finetune_tts.machine.device import choose_device
    from finetune_tts.synthesis.delivery import Delivery
    from finetune_tts.synthesis.loading import load_voice

    device = choose_device(arguments.device)
    voice = load_voice(model_path, config_path, device=device)
    _require_own_flags(arguments, voice.config.model)
    give_vocoder(voice, arguments, model_path, device, aside=arguments.pipe_out)
    if arguments.language_idx and not voice.languages:
        raise UserError(f"--language_idx {arguments.language_idx}: this model has one language; leave the flag out.")
    beside = config_path or model_path
    if text is None:
        started = time.perf_counter()
        speech = convert_recording(voice, arguments, lambda files: _d_vector(arguments, files, voice, beside))
    else:
        like = arguments.speaker_wav
        imitator = voice.imitator
        if imitator is not None and arguments.encoder_path:
            raise UserError("--encoder_path: this model listens to recordings itself. Leave the flag out.")
        delivery = Delivery(
            speaker=arguments.speaker_idx,
            d_vector=_d_vector(arguments, like, voice, beside) if like and imitator is None else None,
            voice=imitator.heard(like) if like and imitator is not None else None,
            language=arguments.language_idx,
            style=_style(arguments),
            noise_scale=arguments.noise_scale,
            length_scale=arguments.length_scale,
            seed=arguments.seed,
        )
        if arguments.stream:
            write_stream(voice.stream(text, delivery), voice.sample_rate, arguments)
            return
        started = time.perf_counter()
        speech = voice.speak(text, delivery)
    spent = time.perf_counter() - started
    if speech.missing:
        why = "not in the model's vocabulary"
        if all(map(voice.tokenizer.vocabulary.ignores, speech.missing)):
            why = "the model reads no punctuation"
        say(f"{why}, left out: {' '.join(speech.missing)}", aside=True)
    if arguments.pipe_out:
        sys.stdout.buffer.write(wav_bytes(speech.waveform, speech.sample_rate))
    else:
        write_waveform(arguments.out_path, speech.waveform, speech.sample_rate)
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


def _style(arguments: argparse.Namespace) -> Any | None:
    """How it is to be synthesised, as far as flags that only some families have say it."""
    given = {flag.name: (getattr(arguments, flag.name), owner) for flag, owner in style_flags()}
    owners = {owner for value, owner in given.values() if value is not None}
    if len(owners) > 1:
        names = " and ".join(f"--{name}" for name, (value, _) in given.items() if value is not None)
        raise UserError(f"{names} are for models of different kinds: give those of one.")
    return family_of(owners.pop()).read_style({name: value for name, (value, _) in given.items()}) if owners else None


def _require_own_flags(arguments: argparse.Namespace, model: str) -> None:
    """Refuse flags of another kind of model, where this one has such of its own; others say what they lack."""
    own = {flag.name for flag in ENTRIES[model].flags}
    for flag, _ in style_flags():
        if own and flag.name not in own and getattr(arguments, flag.name) is not None:
            raise UserError(f"--{flag.name}: a {model} model has no such flag. Leave it out.")


def _d_vector(arguments: argparse.Namespace, files: list[Path], voice: "Voice", beside: Path) -> "np.ndarray":
    """The mean vector of recordings of one speaker."""
    from finetune_tts.machine.device import choose_device
    from finetune_tts.speaker_encoder.encoder import encoder_files, encoder_of_model, load_speaker_encoder

    voice.require_d_vectors()
    if arguments.encoder_path:
        encoder = encoder_files(arguments.encoder_path, arguments.encoder_config_path)
    else:
        found = encoder_of_model(voice.config.to_dict(), beside if beside.is_dir() else beside.parent)
        if found is None:
            raise UserError(
                "--speaker_wav: the model brings no speaker encoder (model_se.pth and config_se.json). Name the one "
                "that it was trained with by --encoder_path and --encoder_config_path."
            )
        encoder = found
    return load_speaker_encoder(encoder, device=choose_device(arguments.device)).vector_of_files(files)


if __name__ == "__main__":
    raise SystemExit(main())
