"""``tts-finetune`` for vocoders: what differs from a model that reads text."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.cli.check import say_quick_check
from finetune_tts.cli.outcome import say_outcome
from finetune_tts.cli.program import say
from finetune_tts.cli.reporting import report_of_run, trained

if TYPE_CHECKING:
    from finetune_tts.assembly.speech import Request
    from finetune_tts.training.run import StoppedRun


def located_config(path: Path) -> Any:
    """The config of a person's own, of a model that reads or of a vocoder, with the files that it names found."""
    from finetune_tts.config.paths import locate_paths
    from finetune_tts.families.loading import load_any_config

    config = load_any_config(path)
    locate_paths(config, path.parent)
    return config


def released_config(restore_path: Path, config_path: Path | None) -> Any:
    """The config of a pre-trained model or vocoder, made the config of a new run."""
    from finetune_tts.assembly.pretrained import config_to_tune
    from finetune_tts.assembly.vocoder import vocoder_config_to_tune
    from finetune_tts.config.commented_json import read_object
    from finetune_tts.families.loading import vocoder_name
    from finetune_tts.synthesis.loading import find_config

    path = config_path or find_config(restore_path)
    if vocoder_name(read_object(path)) is not None:
        return vocoder_config_to_tune(path)
    return config_to_tune(restore_path, path)


def train_vocoder(request: "Request", arguments: argparse.Namespace, run: "StoppedRun | None" = None) -> None:
    """Train a vocoder, from the start or on from where a run stopped, and say how to use it.

    Args:
        request: of the run.
        arguments: what the flags say about check and report.
        run: that goes on.
    """
    from finetune_tts.assembly.vocoder import assemble_continued_vocoder, assemble_vocoder

    assembly = assemble_vocoder(request) if run is None else assemble_continued_vocoder(run, request)
    if not arguments.no_check:
        say_quick_check(assembly)
    result = trained(arguments, assembly.job)
    say_outcome(result, held_out=assembly.job.eval_data is not None)
    words = ["tts", "--model_path", "MODEL", "--vocoder_path", str(result.best_model or result.folder)]
    say(f'speak with it: {shlex.join(words)} --text "Hello."')
    report_of_run(arguments, result.folder, assembly.job.device)
