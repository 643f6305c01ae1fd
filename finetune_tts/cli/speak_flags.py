"""The flags of ``tts``, and what they may not say together."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.cli.clips import FORMATS
from finetune_tts.cli.conversion import check_conversion_flags
from finetune_tts.cli.program import Parser
from finetune_tts.cli.streaming import check_stream_flags
from finetune_tts.cli.texts import is_subtitles
from finetune_tts.errors import UserError
from finetune_tts.families.registry import family_of, style_flags

if TYPE_CHECKING:
    from collections.abc import Callable

USAGE = """%(prog)s --model_name NAME --text TEXT [flags]
       %(prog)s --model_path FILE --text TEXT [flags]
       %(prog)s --model_path FILE --text_file LIST --out_dir DIR [flags]
       %(prog)s --model_path FILE --server [flags]"""

DESCRIPTION = """List, download and synthesise with text-to-speech models.

  tts --model_name tts_models/en/ljspeech/glow-tts --text "Ola." --out_path ola.wav
  tts --model_path output/my-voice/best_model.pth --text "Ola." --out_path ola.wav"""

EXAMPLES = """more examples:
  tts --list_models glow
  tts --model_path run/best_model.pth --config_path run/config.json --text "Ola." --speaker_idx p225
  tts --model_path run --text "Ola." --speaker_wav first.wav second.wav
  tts --model_path run --reference_wav mine.wav --reference_speaker_idx p225 --speaker_idx p226
  tts --model_path run --text_file story.txt --stream --pipe_out | aplay
  tts --model_path run --text_file list.txt --out_dir clips
  tts --model_path run --text_file film.srt --fit --out_path film.flac
  tts --model_path run --server
"""


DEFAULT_OUTPUT = Path("tts_output.wav")
DEFAULT_PORT = 5002
MOST_WAITING, MOST_TEXT = 32, 5000
_OF_SERVER = ("host", "port", "allow_host", "max_waiting", "max_text", "wav_dir")
_OF_DIR = ("each", "out_format")
_LAST_PORT = 65_535


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
    _add_files(parser.add_argument_group("many files, and subtitles").add_argument)
    _add_server(parser.add_argument_group("server").add_argument)
    return parser


def _add_tasks(add: "Callable[..., object]") -> None:
    add("--list_models", nargs="?", const="", metavar="FILTER", help="list the catalog, or what FILTER is part of")
    add("--model_info", metavar="NAME", help="show everything about one model of the catalog")
    add("--list_speaker_idxs", action="store_true", help="list the speakers of the model")
    add("--text", help="text to synthesise")
    add(
        "--text_file",
        type=Path,
        metavar="FILE",
        help="file of the text to synthesise, or of subtitles (.srt); - is standard input",
    )
    add("--server", action="store_true", help="serve a page and an API that synthesise, until Ctrl-C")
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
        help=f"file to write: .wav, .flac, .ogg, .opus or .mp3 (default: {DEFAULT_OUTPUT})",
    )
    add("--pipe_out", action="store_true", help="write the wav to standard output instead")
    add("--stream", action="store_true", help="write the speech while it is made; of standard input, line by line")
    add("--save_spectrogram", action="store_true", help="write the mel spectrogram too, beside the wav file (.npy)")


def _add_files(add: "Callable[..., object]") -> None:
    add("--out_dir", type=Path, metavar="DIR", help="write one file for each line of the text, or cue of the subtitles")
    add("--each", choices=("line", "paragraph", "sentence"), help="what becomes a file in --out_dir (default: line)")
    add("--out_format", choices=FORMATS, help="kind of the files in --out_dir (default: wav)")
    add("--fit", action="store_true", help="make cues faster that last longer than they may, up to twice as fast")


def _add_server(add: "Callable[..., object]") -> None:
    add("--host", metavar="ADDRESS", help="address to listen at (default: 127.0.0.1, this machine alone)")
    add("--port", type=int, metavar="N", help=f"port to listen at (default: {DEFAULT_PORT}; 0 for one that is free)")
    add(
        "--allow_host",
        nargs="+",
        action="collect",
        metavar="NAME",
        help="further names under which the server may be asked, such as that of a proxy",
    )
    add("--max_waiting", type=int, metavar="N", help=f"requests that may wait (default: {MOST_WAITING})")
    add("--max_text", type=int, metavar="N", help=f"characters that a request may have (default: {MOST_TEXT:,})")
    add("--wav_dir", type=Path, metavar="DIR", help="folder of recordings that requests may name to be imitated")


def check_flags(arguments: argparse.Namespace) -> None:
    """Refuse what contradicts itself before anything is downloaded or loaded.

    Raises:
        UserError: something does.
    """
    if not arguments.model_name and not arguments.model_path:
        raise UserError("Nothing to do: give --list_models, or --model_name or --model_path with --text. See --help.")
    if arguments.model_name and (arguments.model_path or arguments.config_path):
        other = "model_path" if arguments.model_path else "config_path"
        raise UserError(f"--model_name brings its own files: leave --{other} out, or --model_name.")
    if arguments.text is not None and arguments.text_file:
        raise UserError("--text and --text_file both say what to synthesise: give one of them.")
    _check_vocoder(arguments)
    check_conversion_flags(arguments)
    if arguments.speaker_wav and arguments.speaker_idx:
        raise UserError("--speaker_wav and --speaker_idx both say who speaks: give one of them.")
    style_of_flags(arguments)
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
    _check_server(arguments)
    _check_dir(arguments)
    spoken = arguments.text is not None or arguments.text_file or arguments.reference_wav
    if not arguments.out_dir and not arguments.pipe_out and spoken:
        arguments.out_path = arguments.out_path or DEFAULT_OUTPUT
        parent = arguments.out_path.resolve().parent
        if not parent.is_dir():
            raise UserError(f"--out_path {arguments.out_path}: the folder {parent} does not exist. Create it first.")
        if arguments.out_path.is_dir():
            raise UserError(f"--out_path {arguments.out_path}: is a folder. Name a wav file.")
        _require_writable_kind(arguments.out_path)
        _check_special(arguments)


def _check_vocoder(arguments: argparse.Namespace) -> None:
    if arguments.vocoder_name and (arguments.vocoder_path or arguments.vocoder_config_path):
        other = "vocoder_path" if arguments.vocoder_path else "vocoder_config_path"
        raise UserError(f"--vocoder_name brings its own files: leave --{other} out, or --vocoder_name.")
    if arguments.vocoder_config_path and not arguments.vocoder_path:
        raise UserError("--vocoder_config_path is given without --vocoder_path, the checkpoint that it belongs to.")


def _check_server(arguments: argparse.Namespace) -> None:
    for flag in _OF_SERVER:
        if getattr(arguments, flag) is not None and not arguments.server:
            raise UserError(f"--{flag} is given without --server, which it belongs to.")
    if not arguments.server:
        return
    for flag in ("text", "text_file", "reference_wav", "out_path", "out_dir", "pipe_out", "stream", "fit",
                 "save_spectrogram", "list_speaker_idxs"):  # fmt: skip
        if getattr(arguments, flag):
            raise UserError(f"--server and --{flag} do not go together: leave one of them out.")
    if not 0 <= (arguments.port or 0) <= _LAST_PORT:
        raise UserError(f"--port {arguments.port}: must be from 1 to {_LAST_PORT}, or 0 for one that is free.")
    for flag in ("max_waiting", "max_text"):
        value = getattr(arguments, flag)
        if value is not None and not 1 <= value <= 1_000_000:
            raise UserError(f"--{flag} {value}: must be from 1 to 1,000,000.")
    if arguments.wav_dir and not arguments.wav_dir.is_dir():
        raise UserError(f"--wav_dir {arguments.wav_dir}: no such folder.")


def _check_dir(arguments: argparse.Namespace) -> None:
    for flag in _OF_DIR:
        if getattr(arguments, flag) and not arguments.out_dir:
            raise UserError(f"--{flag} is given without --out_dir, which it belongs to.")
    if arguments.fit and not is_subtitles(arguments):
        raise UserError("--fit is for subtitles, which have times: name a .srt file with --text_file.")
    if is_subtitles(arguments):
        for flag in ("each", "save_spectrogram"):
            if getattr(arguments, flag):
                raise UserError(f"--{flag} and subtitles do not go together: leave the flag out.")
    if not arguments.out_dir:
        return
    if arguments.text is None and not arguments.text_file:
        raise UserError("--out_dir: what is to be synthesised? Give --text_file LIST.")
    for flag in ("out_path", "pipe_out", "stream", "save_spectrogram"):
        if getattr(arguments, flag):
            raise UserError(f"--out_dir and --{flag} do not go together: leave one of them out.")


def _require_writable_kind(path: Path) -> None:
    """Refuse a name that promises another kind of recording than those that can be written."""
    from finetune_tts.data.audio_files import is_audio

    if is_audio(path.name) and path.suffix.lower().removeprefix(".") not in (*FORMATS, "wave"):
        wav = path.with_suffix(".wav")
        raise UserError(
            f"--out_path {path}: such a file cannot be written. Name a WAV file, and convert it: "
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


def style_of_flags(arguments: argparse.Namespace) -> Any | None:
    """How it is to be synthesised, as far as flags that only some families have say it."""
    given = {flag.name: (getattr(arguments, flag.name), owner) for flag, owner in style_flags()}
    owners = {owner for value, owner in given.values() if value is not None}
    if len(owners) > 1:
        names = " and ".join(f"--{name}" for name, (value, _) in given.items() if value is not None)
        raise UserError(f"{names} are for models of different kinds: give those of one.")
    return family_of(owners.pop()).read_style({name: value for name, (value, _) in given.items()}) if owners else None
