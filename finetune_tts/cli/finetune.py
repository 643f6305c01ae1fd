"""``tts-finetune``: fine-tune a pre-trained model on recordings."""

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.cli import make_dataset
from finetune_tts.cli.export import check_export_flags, run_export
from finetune_tts.cli.field_list import field_list
from finetune_tts.cli.finetune_flags import build_parser, require_of_run
from finetune_tts.cli.outcome import say_outcome
from finetune_tts.cli.program import run_program, say
from finetune_tts.cli.reporting import check_report_flags, report_if_stopped, report_of_run, run_report
from finetune_tts.cli.request import (
    SHORT_FOR,
    located_config,
    opened_run,
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
        require_of_run(arguments, overrides)
        check_report_flags(arguments)
        check_export_flags(arguments)
        if arguments.recordings and not arguments.make_dataset:
            overrides += _made_dataset(arguments)
        overrides += short_forms(arguments, overrides)
        if arguments.demo:
            from finetune_tts.cli.demo import run_demo

            run_demo(arguments, overrides)
        elif arguments.export:
            run_export(arguments)
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
    for flag in ("grad_accum_steps", "max_steps", "time_limit", "early_stop_patience", "flat_looks"):
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
    from finetune_tts.assembly.overriding import apply, make_room_for_dataset

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
    from finetune_tts.families.registry import FINE_TUNE
    from finetune_tts.families.released import released_files

    files = released_files(
        arguments.model_name,
        needed=(FINE_TUNE,),
        models_file=arguments.models_file,
        accept_terms=arguments.yes,
        for_training=True,
    )
    say(f"model: {files.folder}")
    return files


def _resumed(
    arguments: argparse.Namespace, overrides: "list[Override]", formatter: "Formatter | None"
) -> "tuple[Request, StoppedRun]":
    """What a run that is resumed is asked for, and where it stopped."""
    from finetune_tts.assembly.overriding import apply

    run = opened_run(arguments)
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
