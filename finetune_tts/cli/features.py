"""``tts-finetune --extract_features``: spectrograms of a model under teacher forcing, for its vocoder to learn from."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_tts.assembly.overriding import make_room_for_dataset
from finetune_tts.cli.program import say
from finetune_tts.errors import UserError

if TYPE_CHECKING:
    from finetune_tts.data.gathering import Formatter
    from finetune_tts.families.overrides import Override


def run_features(
    arguments: argparse.Namespace, overrides: "list[Override]", model: Path | None, formatter: "Formatter | None"
) -> None:
    """Write the spectrograms of the recordings that the flags, or the model's config, name.

    Args:
        arguments: the flags.
        overrides: of the user.
        model: files of a model of the catalog; None takes ``--restore_path``.
        formatter: your own reader of metadata.
    """
    from finetune_tts.assembly.forced_features import write_forced_features
    from finetune_tts.config.speech import SpeechConfig
    from finetune_tts.families.overrides import apply_overrides
    from finetune_tts.machine.device import choose_device
    from finetune_tts.synthesis.loading import load_voice

    path = model or arguments.restore_path
    if path is None:
        raise UserError("--extract_features: of which model? Name it with --restore_path RUN, or --model_name NAME.")
    folder: Path = arguments.extract_features
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--extract_features {folder}: is a file. Name a folder.")
    device = choose_device(arguments.device)
    voice = load_voice(path, arguments.config_path, device=device)
    config = voice.config
    assert isinstance(config, SpeechConfig)
    make_room_for_dataset(config, overrides, replace=True)
    apply_overrides(config, overrides)
    if not any(dataset.path for dataset in config.datasets):
        raise UserError("Of which recordings? Give --dataset_path DIR.")
    count = write_forced_features(voice, config, folder, device=device, formatter=formatter)
    say(f"features: {folder} ({count} recordings)")
    data = shlex.quote(config.datasets[0].path)
    say(
        "use them: tts-finetune --model_name vocoder_models/… "
        f"--dataset_path {data} --coqpit.feature_path {shlex.quote(str(folder))}"
    )
