"""``tts-finetune --export FORMAT RUN``: a model for other programs."""

import argparse
from pathlib import Path

from finetune_tts.cli.program import say
from finetune_tts.errors import UserError

FLAGS = ("precision", "data_licence", "hub_name", "hub_public", "vocoder_name", "vocoder_path")
"""That go with ``--export`` alone."""


def check_export_flags(arguments: argparse.Namespace) -> None:
    """Refuse flags of an export that does not take them, before anything is loaded.

    Raises:
        UserError: a flag without ``--export``, another format, another precision, or a repository that has no name.
    """
    from finetune_tts.sharing.formats import writer_of

    for flag in FLAGS:
        if getattr(arguments, flag) and not arguments.export:
            raise UserError(f"--{flag} is given without --export, which it belongs to.")
    if not arguments.export:
        return
    kind = arguments.export[0]
    unprintable = next((sign for sign in arguments.data_licence or "" if not sign.isprintable()), None)
    if unprintable is not None:
        raise UserError(f"--data_licence: has {unprintable!r} in it. Write it in one line, without control characters.")
    writer_of(kind, arguments.precision or "fp32")
    if kind == "hub" or arguments.hub_name:
        from finetune_tts.sharing.hub import require_name

        if kind not in ("hub", "card"):
            raise UserError(f"--hub_name is given with --export {kind}; it belongs to --export hub.")
        require_name(arguments.hub_name or "")
    if arguments.vocoder_name and arguments.vocoder_path:
        raise UserError("--vocoder_name brings its own files: leave --vocoder_path out, or --vocoder_name.")
    for flag in ("vocoder_name", "vocoder_path"):
        if getattr(arguments, flag) and kind != "sherpa":
            raise UserError(f"--{flag} is given with --export {kind}; it belongs to --export sherpa.")
    if arguments.hub_public and kind != "hub":
        raise UserError(f"--hub_public is given with --export {kind}; it belongs to --export hub.")


def run_export(arguments: argparse.Namespace) -> None:
    """Export the model of a run, and say where it is and on which terms it may be passed on.

    Args:
        arguments: format and run, its config if that is not beside it, and what else is asked of the export.

    Raises:
        UserError: another format, or a model that cannot be loaded or exported.
    """
    from finetune_tts.sharing.formats import writer_of
    from finetune_tts.sharing.source import Wishes, source_of
    from finetune_tts.synthesis.vocoder_choice import VocoderChoice

    kind, run = arguments.export
    wishes = Wishes(
        precision=arguments.precision or "fp32",
        data_licence=arguments.data_licence or "",
        hub_name=arguments.hub_name or "",
        public=arguments.hub_public,
        vocoder=VocoderChoice(
            name=arguments.vocoder_name,
            path=arguments.vocoder_path,
            models_file=arguments.models_file,
            accept_terms=arguments.yes,
        ),
    )
    write = writer_of(kind, wishes.precision)
    source = source_of(Path(run), arguments.config_path, wishes=wishes)
    shared = write(source)
    for path in shared.files:
        say(f"wrote: {path} ({path.stat().st_size / 1e6:.1f} MB)")
    for remark in (*shared.remarks, *source.terms.remarks()):
        say(remark)
