"""The flags of ``tts-finetune``."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from finetune_tts.cli import make_dataset
from finetune_tts.cli.program import Parser
from finetune_tts.errors import UserError
from finetune_tts.sharing.formats import FORMATS, PRECISIONS

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

#: what trains nothing, and reads no config that could be overridden.
_OF_NO_RUN = ("export", "report", "watch", "review")
_OF_RUNS = ("max_steps", "time_limit", "early_stop_patience", "stop_when", "no_hearing", "grad_accum_steps",
            "auto_batch", "discriminator_warm_up", "use_accelerate", "no_check", "no_report",
            "allow_partial_restore")  # fmt: skip


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
    _add_sharing(parser.add_argument_group("ways out").add_argument)
    _add_pages(parser.add_argument_group("live pages").add_argument)
    return parser


def require_of_run(arguments: argparse.Namespace, overrides: Sequence[object]) -> None:
    """Refuse what only a run heeds beside what starts none, where it would be ignored without a word.

    Raises:
        UserError: there is such a flag, or a ``--coqpit`` field.
    """
    start = next((name for name in _OF_NO_RUN if getattr(arguments, name)), None)
    if start is None:
        return
    given = next((f"--{name}" for name in _OF_RUNS if getattr(arguments, name)), "--coqpit" if overrides else None)
    if given is not None:
        raise UserError(f"{given} is for a run, and --{start} starts none: leave one of them out.")


def _add_tasks(add: Callable[..., object]) -> None:
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
    add(
        "--export",
        nargs=2,
        metavar=("FORMAT", "RUN"),
        help=f"write the model of a run for other programs: {', '.join(FORMATS)}",
    )


def _add_model(add: Callable[..., object]) -> None:
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


def _add_recordings(add: Callable[..., object]) -> None:
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


def _add_run(add: Callable[..., object]) -> None:
    add("--output_path", metavar="DIR", help="where run folders are made (default: output)")
    add("--run_name", metavar="NAME", help="first part of the run folder's name")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: %(default)s)")
    add("--max_steps", type=int, metavar="N", help="stop after N steps, whatever the epochs say")
    add("--time_limit", type=float, metavar="MINUTES", help="stop after so many minutes of training")
    add("--early_stop_patience", type=int, metavar="N", help="end after N evaluations without a lower held-out loss")
    add("--stop_when", metavar="WHAT", help="flat: end when nothing that is heard in its samples becomes better")
    add("--flat_looks", type=int, metavar="N", help="samples that are compared with as many before them (default: 4)")
    add("--no_hearing", action="store_true", help="do not measure what the samples of the run sound like")
    add("--grad_accum_steps", type=int, metavar="N", help="batches that make one step (default: 1)")
    add(
        "--auto_batch",
        action="store_true",
        help="find the largest batch that fits into memory; a step takes as many clips as before, in more batches",
    )
    add(
        "--discriminator_warm_up", type=int, metavar="N", help="steps in which a discriminator learns alone; 0 for none"
    )
    add(
        "--use_accelerate",
        nargs="?",
        const="true",
        type=str.lower,
        choices=("true", "false"),
        metavar="BOOL",
        help="of the PyPI trainer; changes nothing, as torchrun alone starts several processes",
    )


def _add_check(add: Callable[..., object]) -> None:
    add("--check", action="store_true", help="check recordings, model and machine, and train nothing")
    add("--check_json", type=Path, metavar="FILE", help="check, and write what was found to FILE too")
    add("--write_filtered", type=Path, metavar="DIR", help="check, and write metadata without the bad clips to DIR")
    add("--no_check", action="store_true", help="skip the short check before a run")


def _add_report(add: Callable[..., object]) -> None:
    add("--report", type=Path, metavar="RUN", help="make report.html of a run: did it help? (each run ends with it)")
    add("--no_report", action="store_true", help="end the run without a report")
    add("--report_sentences", type=int, metavar="N", help="held-out sentences to synthesise for it (default: 6)")
    add("--select_by", metavar="METRIC", help="keep and find the best model by what is heard: mcd, f0, wer, …")
    add(
        "--recogniser",
        metavar="NAME",
        help="speech recogniser (ASR) for word error rates: pocketsphinx, a model of transformers, or none",
    )


def _add_sharing(add: Callable[..., object]) -> None:
    titles = "; ".join(f"{name}: {title}" for name, title in PRECISIONS.items())
    add("--precision", metavar="NAME", help=f"numbers of an exported model (default: fp32). {titles}")
    add("--data_licence", metavar="TEXT", help="licence of the recordings, to be said in what is exported")
    add("--vocoder_name", metavar="NAME", help="vocoder of the catalog that --export sherpa puts beside a model")
    add("--vocoder_path", type=Path, metavar="FILE", help="the same: checkpoint of a vocoder, or folder of its run")
    add("--hub_name", metavar="USER/NAME", help="repository of the model hub that --export hub uploads to")
    add("--hub_public", action="store_true", help="everybody may see that repository (default: you alone)")


def _add_pages(add: Callable[..., object]) -> None:
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
