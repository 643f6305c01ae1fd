"""``tts-finetune --export FORMAT RUN_DIR``: a model for programs that have no torch."""

from pathlib import Path

from finetune_tts.cli.program import say
from finetune_tts.errors import UserError

FILE_NAME = "model.onnx"


def run_export(kind: str, model_path: Path, config_path: Path | None = None) -> None:
    """Export the model of a run, and say where it is.

    Args:
        kind: one of :data:`finetune_tts.synthesis.export.FORMATS`.
        model_path: folder of a run or a release, or a checkpoint; the file is written beside it.
        config_path: its config; by default the one beside it.

    Raises:
        UserError: another format, or a model that cannot be loaded or exported.
    """
    from finetune_tts.checkpoints.finding import find_weights
    from finetune_tts.synthesis.export import FORMATS, export_voice
    from finetune_tts.synthesis.loading import load_voice

    if kind not in FORMATS:
        raise UserError(f"--export {kind}: unknown format; there is {', '.join(FORMATS)}.")

    weights = find_weights(model_path)
    voice = load_voice(weights, config_path)
    exported = export_voice(voice, kind, weights.parent / FILE_NAME)
    say(f"wrote: {exported.path} ({exported.path.stat().st_size / 1e6:.1f} MB)")
    say(f"inputs: {', '.join(exported.inputs)}; token ids and rates are those of config.json")
    say(f"largest difference from torch: {exported.difference:.1e}")
