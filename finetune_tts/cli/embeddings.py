"""``tts-finetune --compute_embeddings``, and the same under 🐸TTS's flags: d-vectors of a data set."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_tts.assembly.overriding import make_room_for_dataset
from finetune_tts.cli.program import Parser, run_program, say
from finetune_tts.errors import UserError
from finetune_tts.files import expanded

if TYPE_CHECKING:
    from finetune_tts.config.dataset import DatasetConfig
    from finetune_tts.config.speech import SpeechConfig
    from finetune_tts.data.d_vectors import DVectors
    from finetune_tts.data.gathering import Formatter
    from finetune_tts.families.overrides import Override
    from finetune_tts.speaker_encoder.encoder import EncoderFiles

SUFFIXES = (".json", ".pth")


def run_embeddings(
    arguments: argparse.Namespace,
    overrides: "list[Override]",
    config: "SpeechConfig | None",
    formatter: "Formatter | None",
) -> None:
    """Compute the d-vectors of the recordings that the flags name, and write them."""
    from finetune_tts.config.speech import SpeechConfig
    from finetune_tts.families.overrides import apply_overrides
    from finetune_tts.synthesis.loading import load_located_config

    out = arguments.compute_embeddings
    require_writable(out, "--compute_embeddings")
    there = _there(out)
    if config is None and arguments.config_path:
        config = load_located_config(arguments.config_path)
    config = config or SpeechConfig()
    make_room_for_dataset(config, overrides, replace=not arguments.config_path)
    apply_overrides(config, overrides)
    files = _encoder_files(arguments, config)
    vectors = _compute(files, config.datasets, arguments.device, config.output_path, formatter, there=there)
    _write(vectors, out)
    say(f"use them: --coqpit.use_d_vector_file true --coqpit.d_vector_file {out} --coqpit.d_vector_dim {vectors.size}")


def main(argv: list[str] | None = None) -> int:
    """Run ``compute_embeddings.py``, which knows the flags of 🐸TTS's script; return the exit status."""
    return run_program(_run_classic, argv)


def build_classic_parser() -> Parser:
    """Return the parser of ``compute_embeddings.py``."""
    parser = Parser(prog="compute_embeddings.py", description="Compute the speaker vectors of a data set.")
    add = parser.add_argument
    add("--model_path", type=Path, help="speaker encoder")
    add("--config_path", type=Path, help="its config (default: config_se.json beside it)")
    add("--config_dataset_path", type=Path, help="config of a model, whose data sets are worked through")
    add("--output_path", type=Path, default=Path("speakers.pth"), help="file to write (default: %(default)s)")
    add("--old_file", type=Path, help="file of vectors that need not be computed again")
    add("--old_append", action="store_true", help="keep the other vectors of that file too")
    add("--disable_cuda", action="store_true", help="compute on the CPU")
    add("--no_eval", action="store_true", help="leave held-out recordings out")
    add("--formatter_name", default="auto", help="layout of the recordings (default: auto, which looks)")
    add("--dataset_name", default="", help="name of the data set, part of every key")
    add("--dataset_path", default="", help="folder of the recordings")
    add("--meta_file_train", default="", help="metadata file inside the folder")
    add("--meta_file_val", default="", help="metadata file of held-out recordings")
    return parser


def require_writable(path: Path, flag: str) -> None:
    """Find out before hours of work that the result could not be written.

    Raises:
        UserError: the name does not say which form is wanted, or there is no such folder.
    """
    if path.is_dir():
        raise UserError(f"{flag} {path}: is a folder. Name a file, for example {path / 'd_vectors.json'}.")
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{flag} {path}: must end in {' or '.join(SUFFIXES)}, which decides the form.")
    if not path.resolve().parent.is_dir():
        raise UserError(f"{flag} {path}: the folder {path.resolve().parent} does not exist. Create it first.")
    if path.exists() and not path.is_file():
        raise UserError(f"{flag} {path}: is a device or a pipe. Name a file.")


def _there(path: Path) -> "DVectors | None":
    """The vectors that a file holds already."""
    from finetune_tts.data.d_vectors import DVectors

    return DVectors.read(path) if path.exists() else None


def _run_classic(argv: list[str]) -> None:
    from finetune_tts.config.dataset import DatasetConfig
    from finetune_tts.data.d_vectors import DVectors
    from finetune_tts.speaker_encoder.encoder import encoder_files
    from finetune_tts.synthesis.loading import load_located_config

    parser = build_classic_parser()
    arguments = parser.parse_known_flags(argv)
    if arguments.help:
        say(parser.format_help().rstrip())
        return
    out = arguments.output_path
    out = out / "speakers.pth" if out.is_dir() else out
    require_writable(out, "--output_path")
    if not arguments.model_path:
        raise UserError("--model_path is missing: the checkpoint of the speaker encoder.")
    if arguments.config_dataset_path:
        datasets = load_located_config(arguments.config_dataset_path).datasets
    else:
        datasets = [
            DatasetConfig(
                formatter=arguments.formatter_name,
                dataset_name=arguments.dataset_name,
                path=arguments.dataset_path,
                meta_file_train=arguments.meta_file_train,
                meta_file_val=arguments.meta_file_val,
            )
        ]
    if arguments.no_eval:
        datasets = [replace(dataset, meta_file_val="") for dataset in datasets]
    files = encoder_files(arguments.model_path, arguments.config_path)
    old = DVectors.read(arguments.old_file) if arguments.old_file else None
    appended = old if arguments.old_append else None
    device = "cpu" if arguments.disable_cuda else "auto"
    cache, held_out = out.resolve().parent, not arguments.no_eval
    vectors = _compute(
        files, datasets, device, cache, known=old, appended=appended, there=_there(out), held_out=held_out
    )
    _write(vectors, out)


def _encoder_files(arguments: argparse.Namespace, config: "SpeechConfig") -> "EncoderFiles":
    """The encoder that a flag names, or the one that a model brings."""
    from finetune_tts.speaker_encoder.encoder import encoder_files, encoder_of_model

    if arguments.encoder_path:
        return encoder_files(arguments.encoder_path, arguments.encoder_config_path)
    found, where = None, ""
    if arguments.model_name:
        from finetune_tts.catalog.fetch import fetch
        from finetune_tts.catalog.listing import load_catalog
        from finetune_tts.catalog.lookup import find

        release = fetch(find(load_catalog(arguments.models_file), arguments.model_name), accept_terms=arguments.yes)
        found, where = encoder_of_model({}, release.folder), f"--model_name {arguments.model_name}"
    elif arguments.restore_path:
        folder = arguments.restore_path if arguments.restore_path.is_dir() else arguments.restore_path.parent
        found, where = encoder_of_model({}, folder), f"--restore_path {arguments.restore_path}"
    elif arguments.config_path:
        values = config.to_dict()
        found, where = encoder_of_model(values, arguments.config_path.parent), f"--config_path {arguments.config_path}"
    if found is not None:
        return found
    brings_none = f"{where} brings no speaker encoder: n" if where else "N"
    raise UserError(f"{brings_none}ame one with --encoder_path model_se.pth --encoder_config_path config_se.json.")


def _compute(
    files: "EncoderFiles",
    datasets: "list[DatasetConfig]",
    device: str,
    output_path: str | Path,
    formatter: "Formatter | None" = None,
    *,
    known: "DVectors | None" = None,
    appended: "DVectors | None" = None,
    there: "DVectors | None" = None,
    held_out: bool = True,
) -> "DVectors":
    """The vectors of data sets, and those of ``appended``.

    Args:
        files: of the encoder.
        datasets: the data sets.
        device: where to compute.
        output_path: folder of the cache.
        formatter: your own reader of metadata.
        known: vectors that need not be computed.
        appended: vectors that come with them.
        there: what the file holds that they are written to.

    Raises:
        UserError: what the file holds would be lost; see also the functions called.
    """
    from finetune_tts.data.content import CACHE_NAME
    from finetune_tts.data.gathering import load_samples
    from finetune_tts.machine.device import choose_device
    from finetune_tts.speaker_encoder.encoder import load_speaker_encoder
    from finetune_tts.synthesis.d_vectors import complete_d_vectors

    samples = [sample for sample in load_samples(datasets, formatter) if held_out or sample.split != "eval"]
    kept = {sample.name for sample in samples} | set(appended.vectors if appended is not None else ())
    if there is not None:
        _require_kept(there, [name for name in there.vectors if name not in kept])
    encoder = load_speaker_encoder(files, device=choose_device(device))
    vectors = complete_d_vectors(samples, known, encoder, expanded(output_path) / CACHE_NAME)
    if appended is not None:
        vectors = appended.merged(vectors)
    if there is not None:
        _require_kept(there, there.differing(vectors))
    return vectors


def _require_kept(there: "DVectors", lost: list[str]) -> None:
    if lost:
        raise UserError(
            f"{there.source}: the file is there and holds {len(lost)} d-vectors that would be lost ({lost[0]}, …): of "
            "other recordings, or of another encoder. Choose another name (d_vector_file takes a list of files), or "
            "remove the file."
        )


def _write(vectors: "DVectors", path: Path) -> None:
    vectors.write(path)
    speakers = len(vectors.names())
    say(f"wrote: {path} ({len(vectors.vectors)} d-vectors of {vectors.size} numbers, {speakers} speakers)")
