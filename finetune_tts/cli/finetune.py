"""``tts-finetune``: fine-tune a pre-trained model on recordings."""

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.cli import make_dataset
from finetune_tts.cli.field_list import field_list
from finetune_tts.cli.outcome import say_outcome
from finetune_tts.cli.program import Parser, run_program, say
from finetune_tts.cli.reporting import check_report_flags, report_if_stopped, report_of_run, run_report
from finetune_tts.cli.request import (
    SHORT_FOR,
    apply,
    located_config,
    make_room_for_dataset,
    request_of,
    require_dataset,
    short_forms,
)
from finetune_tts.cli.speak import command_line
from finetune_tts.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from finetune_tts.assembly.assembly import Assembly
    from finetune_tts.assembly.request import Request
    from finetune_tts.catalog.cache import ModelFiles
    from finetune_tts.config.speech import SpeechConfig
    from finetune_tts.data.gathering import Formatter
    from finetune_tts.families.overrides import Override
    from finetune_tts.training.run import StoppedRun, TrainingResult

USAGE = """%(prog)s --model_name NAME --dataset_path DIR [flags] [--coqpit.FIELD VALUE]
       %(prog)s --config_path FILE [--restore_path FILE] [flags] [--coqpit.FIELD VALUE]"""

DESCRIPTION = """Fine-tune a pre-trained text-to-speech model on your own recordings.

First see whether it is going to work, then run it:

  tts-finetune --model_name tts_models/en/ljspeech/glow-tts --dataset_path recordings --check
  tts-finetune --model_name tts_models/en/ljspeech/glow-tts --dataset_path recordings"""

EXAMPLES = """more examples:
  tts-finetune --demo
  tts-finetune --list_models glow
  tts-finetune --model_name tts_models/en/ljspeech/glow-tts --dataset_path recordings --coqpit.lr 0.00001
  tts-finetune --config_path config.json --restore_path model_file.pth --coqpit.run_name my-voice
  tts-finetune --continue_path output/my-voice-November-23-2026_10+15AM-0c1d2e3
  tts-finetune --watch output/my-voice-November-23-2026_10+15AM-0c1d2e3
  tts-finetune --export onnx output/my-voice-November-23-2026_10+15AM-0c1d2e3
  tts-finetune --restore_path RUN --extract_features mels
  tts-finetune --report output/my-voice-November-23-2026_10+15AM-0c1d2e3 --select_by mcd
  tts-finetune --make_dataset my-voice --recordings book.flac --transcript book.txt --language es
  tts-finetune --review my-voice
  tts-finetune --compute_embeddings d_vectors.json --encoder_path model_se.pth --dataset_path recordings

A model's own config (--model_name, or --restore_path alone) is filled in with settings that suit the recordings, for
every field that --coqpit does not set. A config of yours (--config_path) is taken as it stands."""

_DATA = ("dataset_path", "dataset_format", "meta_file", "columns")
_PLACE = ("output_path", "run_name")
_OF_RUN = ("model_name", "config_path", "restore_path")

_LAST_PORT = 65_535

#: flags that say what a run starts from → flags that go with them.
STARTS = {
    "demo": _PLACE,
    "export": ("config_path",),
    "continue_path": _DATA,
    "model_name": ("extract_features", "compute_embeddings", "config_path", *_DATA, *_PLACE),
    "config_path": ("export", "extract_features", "compute_embeddings", "model_name", "restore_path", *_DATA, *_PLACE),
    "restore_path": ("extract_features", "compute_embeddings", "config_path", *_DATA, *_PLACE),
    "extract_features": ("model_name", "config_path", "restore_path", *_DATA, "output_path"),
    "report": (),
    "make_dataset": (),
    "review": (),
    "watch": (),
    "compute_embeddings": ("model_name", "config_path", "restore_path", *_DATA, "output_path"),
}


def build_parser(prog: str = "tts-finetune") -> Parser:
    """Return the parser of ``tts-finetune``; ``--coqpit.*`` is taken out before."""
    parser = Parser(prog=prog, usage=USAGE, description=DESCRIPTION, epilog=EXAMPLES, may_be_empty=("--list_models",))
    _add_tasks(parser.tasks.add_argument)
    _add_model(parser.add_argument_group("model").add_argument)
    _add_recordings(parser.add_argument_group("recordings").add_argument)
    make_dataset.add_flags(parser.add_argument_group("raw recordings").add_argument)
    _add_run(parser.add_argument_group("run").add_argument)
    _add_check(parser.add_argument_group("check").add_argument)
    _add_report(parser.add_argument_group("report").add_argument)
    _add_pages(parser.add_argument_group("live pages").add_argument)
    return parser


def _add_tasks(add: "Callable[..., object]") -> None:
    add("--demo", action="store_true", help="fine-tune the bundled model on the bundled recordings: offline, minutes")
    add("--list_models", nargs="?", const="", metavar="FILTER", help="list the catalog, or what FILTER is part of")
    add("--model_info", metavar="NAME", help="show everything about one model of the catalog")
    add("--continue_path", type=Path, metavar="RUN", help="resume the run in this folder where it stopped")
    add(
        "--extract_features",
        type=Path,
        metavar="DIR",
        help="write the model's mel spectrograms of the recordings to DIR, for a vocoder to learn from",
    )
    add(
        "--compute_embeddings",
        type=Path,
        metavar="OUT",
        help="write the d-vectors of the recordings to OUT (.json, .pth)",
    )
    add("--export", nargs=2, metavar=("FORMAT", "RUN"), help="write the model of a run for other programs: onnx")


def _add_model(add: "Callable[..., object]") -> None:
    add("--model_name", metavar="NAME", help="model of the catalog to fine-tune; downloaded if it is not here yet")
    add("--config_path", type=Path, metavar="FILE", help="config of the run (default: the model's own)")
    add("--restore_path", type=Path, metavar="FILE", help="checkpoint, or folder that holds one, to start from")
    add("--allow_partial_restore", action="store_true", help="continue although weights of the model are missing")
    add(
        "--encoder_path",
        type=Path,
        metavar="FILE",
        help="speaker encoder (default: the one that comes with the model)",
    )
    add(
        "--encoder_config_path",
        type=Path,
        metavar="FILE",
        help="config of the speaker encoder (default: config_se.json beside it)",
    )
    add(
        "--models_file",
        type=Path,
        metavar="FILE",
        help="a catalog file of your own, merged in (or TTS_MODELS_FILE)",
    )
    add("--yes", action="store_true", help="accept the terms of a model's licence")


def _add_recordings(add: "Callable[..., object]") -> None:
    add(
        "--dataset_path",
        action="collect",
        metavar="DIR",
        help="folder of the recordings (--coqpit.datasets.0.path); several data sets: give it several times",
    )
    add(
        "--dataset_format",
        action="collect",
        metavar="NAME",
        help="layout of the recordings (default: auto, which looks)",
    )
    add(
        "--meta_file",
        action="collect",
        metavar="FILE",
        help="metadata file inside the folder, where the layout has one",
    )
    add(
        "--columns",
        action="collect",
        metavar="LIST",
        help="what its columns hold: file,text,speaker in order (_ for others), or some by name: text=sentence",
    )


def _add_run(add: "Callable[..., object]") -> None:
    add("--output_path", metavar="DIR", help="where run folders are made (default: output)")
    add("--run_name", metavar="NAME", help="first part of the run folder's name")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: %(default)s)")
    add("--max_steps", type=int, metavar="N", help="stop after N steps, whatever the epochs say")
    add("--time_limit", type=float, metavar="MINUTES", help="stop after so many minutes of training")
    add("--early_stop_patience", type=int, metavar="N", help="end after N evaluations without a lower held-out loss")
    add("--grad_accum_steps", type=int, metavar="N", help="batches that make one step (default: 1)")
    add(
        "--discriminator_warm_up", type=int, metavar="N", help="steps in which a discriminator learns alone; 0 for none"
    )


def _add_check(add: "Callable[..., object]") -> None:
    add("--check", action="store_true", help="check recordings, model and machine, and train nothing")
    add("--check_json", type=Path, metavar="FILE", help="check, and write what was found to FILE too")
    add("--write_filtered", type=Path, metavar="DIR", help="check, and write metadata without the bad clips to DIR")
    add("--no_check", action="store_true", help="skip the short check before a run")


def _add_report(add: "Callable[..., object]") -> None:
    add("--report", type=Path, metavar="RUN", help="make report.html of a run: did it help? (each run ends with it)")
    add("--no_report", action="store_true", help="end the run without a report")
    add("--report_sentences", type=int, metavar="N", help="held-out sentences to synthesise for it (default: 6)")
    add("--select_by", metavar="METRIC", help="find the best saved model by what is heard: mcd, f0, wer, …")
    add(
        "--recogniser",
        metavar="NAME",
        help="speech recogniser (ASR) for word error rates: pocketsphinx, a model of transformers, or none",
    )


def _add_pages(add: "Callable[..., object]") -> None:
    add(
        "--review",
        type=Path,
        metavar="DIR",
        help="open the page to correct the clips of a data set cut from recordings",
    )
    add(
        "--watch",
        type=Path,
        metavar="RUN",
        help="open the live page of a run: its curves, its samples, how it is going",
    )
    add("--port", type=int, metavar="N", help="port of the page on this machine (default: one that is free)")
    add("--no_browser", action="store_true", help="print the address of the page, and open no browser")


def main(
    argv: list[str] | None = None, *, config: "SpeechConfig | None" = None, formatter: "Formatter | None" = None
) -> int:
    """Run ``tts-finetune``.

    Args:
        argv: arguments; those of the process by default.
        config: of a recipe, which stands in the place of ``--config_path``.
        formatter: a recipe's own reader of metadata, see :func:`finetune_tts.data.gathering.load_samples`.

    Returns:
        The exit status.
    """
    return run_program(partial(_command, config=config, formatter=formatter), argv)


def _command(
    argv: list[str], config: "SpeechConfig | None", formatter: "Formatter | None"
) -> "Callable[[], None] | None":
    """Do what the arguments ask for; what trains is returned, to be called."""
    overrides: list[Override] = []
    # Listing the catalog must not pay for reading configs.
    if any(word.startswith("--coqpit.") for word in argv):
        from finetune_tts.families.overrides import split_overrides

        overrides, argv = split_overrides(argv)
    parser = build_parser() if config is None else build_parser(Path(sys.argv[0]).name)
    arguments = parser.parse_known_flags(argv)
    if arguments.help:
        say(parser.format_help() + field_list(arguments, config))
    elif arguments.model_info:
        from finetune_tts.cli.catalog_view import print_info

        print_info(arguments.model_info, arguments.models_file)
    elif arguments.list_models is not None:
        from finetune_tts.cli.catalog_view import print_models

        print_models(arguments.list_models or None, arguments.models_file)
    else:
        _check(arguments, config)
        check_report_flags(arguments)
        if arguments.recordings and not arguments.make_dataset:
            overrides += _made_dataset(arguments)
        overrides += short_forms(arguments, overrides)
        if arguments.demo:
            from finetune_tts.cli.demo import run_demo

            run_demo(arguments, overrides)
        elif arguments.export:
            from finetune_tts.cli.export import run_export

            run_export(arguments.export[0], Path(arguments.export[1]), arguments.config_path)
        elif arguments.report:
            run_report(arguments)
        elif arguments.make_dataset:
            make_dataset.run_make_dataset(arguments)
        elif arguments.review:
            from finetune_tts.cli.review import run_review

            run_review(arguments)
        elif arguments.watch:
            from finetune_tts.cli.watch import run_watch

            run_watch(arguments)
        elif arguments.compute_embeddings:
            from finetune_tts.cli.embeddings import run_embeddings

            run_embeddings(arguments, overrides, config, formatter)
        elif arguments.extract_features:
            from finetune_tts.cli.features import run_features

            released = _released(arguments).folder if arguments.model_name else None
            run_features(arguments, overrides, released, formatter)
        elif arguments.continue_path:
            return partial(_train, arguments, *_resumed(arguments, overrides, formatter))
        else:
            request = _request(arguments, overrides, config, formatter)
            if not _checks(arguments):
                return partial(_train, arguments, request)
            from finetune_tts.cli.check import run_check

            run_check(request, arguments)
    return None


def _made_dataset(arguments: argparse.Namespace) -> "list[Override]":
    """Make a data set of raw recordings, put it where the run looks for one, and return what it says of it."""
    from finetune_tts.families.overrides import Override

    folder, language = make_dataset.made_for_run(arguments)
    arguments.dataset_path = [str(folder)]
    return [Override("datasets.0.language", (language,))] if language else []


def _check(arguments: argparse.Namespace, config: "SpeechConfig | None") -> None:
    """Refuse what contradicts itself before anything is downloaded or loaded."""
    given = [flag for flag in (*STARTS, *SHORT_FOR) if getattr(arguments, flag)]
    starts = [flag for flag in STARTS if flag in given]
    make_dataset.require_sense(arguments, of_run=config is not None or any(start in given for start in _OF_RUN))
    if config is None and not starts:
        raise UserError(
            "What is to be fine-tuned? Give --model_name NAME and --dataset_path DIR; "
            "or --config_path and --restore_path; or --demo. --help shows examples."
        )
    if config is not None and arguments.config_path:
        raise UserError("This recipe has its config in itself: leave --config_path out.")
    for start in starts:
        for other in given:
            if other not in (start, *STARTS[start]):
                raise UserError(f"--{start} and --{other} do not go together: leave one of them out.")
    for flag in ("port", "no_browser"):
        if getattr(arguments, flag) and not (arguments.review or arguments.watch):
            raise UserError(f"--{flag} is given without --review or --watch, which it belongs to.")
    if not 0 <= (arguments.port or 0) <= _LAST_PORT:
        raise UserError(f"--port {arguments.port}: must be from 1 to {_LAST_PORT}, or 0 for one that is free.")
    for start in ("continue_path", "compute_embeddings", "review", "watch"):
        if _checks(arguments) and getattr(arguments, start):
            raise UserError(f"--{start} and --check do not go together: leave one of them out.")
    if _checks(arguments) and arguments.no_check:
        raise UserError("--check and --no_check do not go together: leave one of them out.")
    for flag in ("grad_accum_steps", "max_steps", "time_limit", "early_stop_patience"):
        value = getattr(arguments, flag)
        if value is not None and not value > 0:
            raise UserError(f"--{flag} {value}: must be above 0.")
    if arguments.encoder_config_path and not arguments.encoder_path:
        raise UserError(
            "--encoder_config_path is given without --encoder_path, the speaker encoder that it belongs to."
        )
    warm_up = arguments.discriminator_warm_up
    if warm_up is not None and warm_up < 0:
        raise UserError(f"--discriminator_warm_up {warm_up}: must be 0 or more.")


def _checks(arguments: argparse.Namespace) -> bool:
    """Whether a check is wanted and no run."""
    return bool(arguments.check or arguments.check_json or arguments.write_filtered)


def _request(
    arguments: argparse.Namespace,
    overrides: "list[Override]",
    config: "SpeechConfig | None",
    formatter: "Formatter | None",
) -> "Request":
    """What a new run is asked for."""
    own_config = config is not None or arguments.config_path is not None
    if arguments.model_name and not own_config:
        require_dataset(overrides)  # nothing is downloaded for a run that cannot be
    files = _released(arguments) if arguments.model_name else None
    restore_path = files.model_file if files else arguments.restore_path
    of_run: Any = config
    if config is None and own_config:
        of_run = located_config(arguments.config_path)
    elif config is None:
        from finetune_tts.assembly.pretrained import config_to_tune

        of_run = config_to_tune(restore_path, files.config_file if files else None)
    make_room_for_dataset(of_run, overrides, replace=not own_config)
    apply(of_run, overrides, own=own_config)
    return request_of(arguments, overrides, of_run, formatter, restore_path=restore_path, fill_in=not own_config)


def _released(arguments: argparse.Namespace) -> "ModelFiles":
    """The files of a catalog model and those that only fine-tuning needs, downloaded if they are not here yet."""
    from finetune_tts.catalog.fetch import fetch
    from finetune_tts.catalog.listing import load_catalog
    from finetune_tts.catalog.lookup import find
    from finetune_tts.families.registry import FINE_TUNE, require_support

    entry = find(load_catalog(arguments.models_file), arguments.model_name)
    require_support(entry, (FINE_TUNE,))
    files = fetch(entry, accept_terms=arguments.yes, for_training=True)
    say(f"model: {files.folder}")
    return files


def _resumed(
    arguments: argparse.Namespace, overrides: "list[Override]", formatter: "Formatter | None"
) -> "tuple[Request, StoppedRun]":
    """What a run that is resumed is asked for, and where it stopped."""
    from finetune_tts.training.run import open_run

    run = open_run(arguments.continue_path)
    config: Any = run.config
    apply(config, overrides)
    return request_of(arguments, overrides, config, formatter), run


def _train(arguments: argparse.Namespace, request: "Request", run: "StoppedRun | None" = None) -> None:
    """Train, from the start or from where a run stopped, and say how to use what was trained."""
    from finetune_tts.assembly.assembly import assemble
    from finetune_tts.cli.check import say_quick_check
    from finetune_tts.training.run import fit

    assembly = assemble(request, run)
    if not arguments.no_check:
        say_quick_check(assembly)
    with report_if_stopped(arguments, assembly.job.device):
        result = fit(assembly.job)
    if assembly.job.world.is_main:
        assembly.material.ended(result.folder, result.best_model)
    say_outcome(result)
    say(f"synthesise with it: {_speaking_command(assembly, result)}")
    report_of_run(arguments, result.folder, assembly.job.device)


def _speaking_command(assembly: "Assembly", result: "TrainingResult") -> str:
    """What you type to hear what a run has trained."""
    from finetune_tts.assembly.sentences import Teller, teller_of
    from finetune_tts.config.vocoder import VocoderConfig
    from finetune_tts.tasks.spoken_samples import sentence_text

    config: Any = assembly.job.config
    model = result.best_model or result.folder
    if isinstance(config, VocoderConfig):
        return shlex.join(["tts", "--model_path", "MODEL", "--vocoder_path", str(model)]) + ' --text "Hello."'
    sentence = next(iter(config.test_sentences), "Hello.")
    teller = teller_of(sentence, Teller(assembly.heard.speaker, assembly.heard.language))
    return command_line(model, sentence_text(sentence), teller.speaker, teller.language)


if __name__ == "__main__":
    raise SystemExit(main())
