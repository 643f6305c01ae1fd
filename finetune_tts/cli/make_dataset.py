"""``tts-finetune --make_dataset``: raw recordings, cut and with their text, as a data set."""

import argparse
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_tts.cli.program import say
from finetune_tts.errors import UserError, counted
from finetune_tts.files import expanded

if TYPE_CHECKING:
    from finetune_tts.corpus.making import Made, Room

FLAGS = ("recordings", "transcript", "language", "whisper", "clip_seconds", "clip_format")
_NOISY, _MUCH_OTHER = 20.0, 0.1
_SHOWN = 6


def add_flags(add: Callable[..., object]) -> None:
    """Add the flags of raw recordings to a group of a parser."""
    add(
        "--make_dataset", type=Path, metavar="DIR", help="cut raw recordings into clips, with their text, as a data set"
    )
    add("--recordings", action="collect", nargs="+", type=Path, metavar="FILE", help="sound or video, of any length")
    add(
        "--transcript",
        action="collect",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="what is said: one text for each recording, or one for all (default: they are transcribed)",
    )
    add("--language", metavar="CODE", help="language that is spoken, such as en or es")
    add(
        "--whisper",
        metavar="MODEL",
        help="model of faster-whisper that transcribes: a name or a folder (default: small)",
    )
    add("--clip_seconds", nargs=2, type=float, metavar=("LEAST", "MOST"), help="length of clips (default: 1 12)")
    add("--clip_format", metavar="FORMAT", help="of the clips' sound: wav or flac (default: wav)")


def require_sense(arguments: argparse.Namespace, *, of_run: bool) -> None:
    """Refuse flags of raw recordings that go with nothing.

    Args:
        arguments: of the command line.
        of_run: they begin a run.

    Raises:
        UserError: there are such flags.
    """
    if arguments.make_dataset:
        return
    given = [flag for flag in FLAGS if getattr(arguments, flag)]
    if given and not arguments.recordings:
        raise UserError(f"--{given[0]}: of which recordings? Give --recordings FILE ...")
    if given and not of_run:
        raise UserError("--recordings: what for? Give --make_dataset DIR, or a model to fine-tune: --model_name NAME.")
    if given and arguments.dataset_path:
        raise UserError("--recordings and --dataset_path do not go together: leave one of them out.")


def run_make_dataset(arguments: argparse.Namespace) -> None:
    """Make a data set, say what it is, and how to go on."""
    folder = expanded(arguments.make_dataset)
    made = _make(arguments, folder)
    for line in summary_lines(made):
        say(line)
    quoted = shlex.quote(str(folder))
    language = f" --coqpit.datasets.0.language {made.language}" if made.language else ""
    say(f"review:    tts-finetune --review {quoted}")
    say(f"fine-tune: tts-finetune --model_name NAME --dataset_path {quoted}{language}")


def made_for_run(arguments: argparse.Namespace) -> tuple[Path, str | None]:
    """Make the data set of a run, unless it is there: its folder, and the language that it is in."""
    from finetune_tts.corpus.making import is_made

    recordings = [expanded(path) for path in arguments.recordings]
    folder = expanded(arguments.output_path or "output") / f"dataset-{recordings[0].stem}"
    if is_made(folder):
        say(f"data set: {folder} is there already", aside=True)
        return folder, arguments.language
    made = _make(arguments, folder)
    for line in summary_lines(made):
        say(line, aside=True)
    return folder, made.language


def _make(arguments: argparse.Namespace, folder: Path) -> "Made":
    from finetune_tts.corpus.cutting import Lengths
    from finetune_tts.corpus.making import Order, make_dataset

    encoder = None
    if arguments.encoder_path:
        from finetune_tts.speaker_encoder.encoder import encoder_files, load_speaker_encoder

        encoder = load_speaker_encoder(encoder_files(arguments.encoder_path, arguments.encoder_config_path))
    try:
        made = make_dataset(
            Order(
                folder=folder,
                recordings=[expanded(path) for path in arguments.recordings or ()],
                transcripts=[expanded(path) for path in arguments.transcript or ()],
                language=arguments.language,
                whisper=arguments.whisper or "small",
                device=arguments.device.split(":")[0],
                lengths=Lengths(*arguments.clip_seconds) if arguments.clip_seconds else Lengths(),
                format=arguments.clip_format or "wav",
                encoder=encoder,
            )
        )
    except OSError as error:
        raise UserError(f"--make_dataset {folder}: cannot be written ({error.strerror}).") from error
    return made


def summary_lines(made: "Made") -> list[str]:
    """What was made of which recordings, what was dropped, and what is doubtful."""
    lines = [_room_line(room) for room in made.rooms]
    kept = [clip for clip in made.clips if clip.kept]
    lengths = [clip.seconds for clip in kept]
    size = f"{counted(len(kept))}, {sum(lengths) / 60:.1f} minutes, {min(lengths):.1f} to {max(lengths):.1f} s"
    lines.append(f"data set:  {made.corpus.folder}  {size}")
    seconds: Counter[str] = Counter()
    for part in made.dropped:
        if part.source is not None:
            seconds[part.reason] += round(part.end - part.start)
    for clip in made.clips:
        if not clip.kept:
            seconds[clip.reason.split(":")[0].split(" (")[0]] += round(clip.seconds)
    lines += [f"dropped:   {count:4d} s  {reason}" for reason, count in seconds.most_common(_SHOWN)]
    unread = [part.text for part in made.dropped if part.source is None]
    if unread:
        words = sum(len(text.split()) for text in unread)
        lines.append(f"not read:  {counted(len(unread), 'passage')} of the text, {words:,} words")
    if made.dropped:
        lines.append(f"           all of it is listed in {made.corpus.folder / 'dropped.csv'}")
    return lines


def _room_line(room: "Room") -> str:
    snr = room.speech_level - room.noise_floor
    notes = []
    if snr < _NOISY:
        notes.append("that is noisy, and a voice learns noise too")
    if room.other_seconds > max(2.0, _MUCH_OTHER * room.speech_seconds):
        notes.append(f"{room.other_seconds:.0f} s of music or noise")
    return (
        f"recording: {room.recording}  {_clock(room.seconds)}, {_clock(room.speech_seconds)} of speech, "
        f"{snr:.0f} dB above the noise" + "".join(f"; {note}" for note in notes)
    )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
