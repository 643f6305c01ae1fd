"""``tts-finetune --export FORMAT RUN``: a model for other programs."""

from pathlib import Path

from finetune_tts.cli.program import say


def run_export(kind: str, model_path: Path, config_path: Path | None = None) -> None:
    """Export the model of a run, and say where it is.

    Args:
        kind: one of :data:`finetune_tts.sharing.formats.FORMATS`.
        model_path: folder of a run or a release, or a checkpoint; files are written beside it.
        config_path: its config; by default the one beside it.

    Raises:
        UserError: another format, or a model that cannot be loaded or exported.
    """
    from finetune_tts.sharing.formats import writer_of
    from finetune_tts.sharing.source import source_of

    write = writer_of(kind)
    shared = write(source_of(model_path, config_path))
    for path in shared.files:
        say(f"wrote: {path} ({path.stat().st_size / 1e6:.1f} MB)")
    for remark in shared.remarks:
        say(remark)
