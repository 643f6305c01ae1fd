"""The model against the recordings: what is restored, what is new, and whether it reads texts as before."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from finetune_tts.check.finding import Finding, Severity, fine
from finetune_tts.checkpoints.report import Fate, RestoreReport
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.errors import counted
from finetune_tts.text.tokenizer import Tokenizer

#: text fields that decide what a model reads: another value is another pronunciation.
_TEXT_FIELDS = ("use_phonemes", "phonemizer", "phoneme_language", "text_cleaner", "add_blank", "enable_eos_bos_chars")


@dataclass(frozen=True)
class NewRows:
    """Rows of an embedding that the run adds: symbols, speakers or languages.

    Attributes:
        tensor: its name.
        kept: how many rows stay.
        new: what the new ones stand for.
        left_out: what the pre-trained model has and the run does not.
    """

    tensor: str
    kept: int
    new: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class ModelSummary:
    """What the run starts from.

    Attributes:
        source: the checkpoint; empty for a model that starts from scratch.
        parameters: of the network.
        restored, fresh, left_over: tensors of each fate.
        rows: of embeddings.
    """

    source: str
    parameters: int
    restored: int
    fresh: int
    left_over: int
    rows: tuple[NewRows, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return asdict(self)


def summarise_model(source: Path | None, report: RestoreReport | None, network: nn.Module) -> ModelSummary:
    """Put what was restored into numbers.

    Args:
        source: the weights; None for a model that starts from scratch.
        report: of their restoring.
        network: that they were restored into.
    """
    parameters = sum(parameter.numel() for parameter in network.parameters())
    if source is None or report is None:
        return ModelSummary("", parameters, 0, len(network.state_dict()), 0, ())
    rows = tuple(NewRows(row.name, len(row.kept), row.new, row.left_out) for row in report.rows)
    return ModelSummary(
        source=str(source),
        parameters=parameters,
        restored=len(report.of(Fate.RESTORED)),
        fresh=len(report.of(Fate.FRESH)),
        left_over=len(report.of(Fate.LEFT_OVER)),
        rows=rows,
    )


def check_restored(report: RestoreReport | None) -> Finding:
    """Say what of the pre-trained model the run keeps.

    Args:
        report: of its restoring; None for a model that starts from scratch.
    """
    if report is None:
        return Finding(
            "restore",
            Severity.ADVISES,
            "nothing is restored: the model starts from scratch",
            "That takes hours of recordings and days of training. --model_name or --restore_path names a model.",
            count=1,
        )
    restored, fresh = len(report.of(Fate.RESTORED)), report.of(Fate.FRESH)
    # Tables whose rows stand for the same are named together.
    tables: dict[tuple[str, ...], list[str]] = {}
    for row in report.rows:
        if row.new:
            tables.setdefault(row.new, []).append(row.name)
    added = "; ".join(f"{len(new)} new in {', '.join(names)} ({_some(new)})" for new, names in tables.items())
    if not fresh:
        return fine("restore", f"{restored} of {restored} tensors restored" + (f"; {added}" if added else ""))
    modules = ", ".join(dict.fromkeys(tensor.module for tensor in fresh))
    return Finding(
        "restore",
        Severity.ADVISES,
        f"{counted(len(fresh), 'tensor')} of {restored + len(fresh)} are not in the checkpoint and start fresh: "
        f"{modules}" + (f"; {added}" if added else ""),
        "Fine for what the release never holds (a discriminator, a new speaker's row); else take its own config.",
        count=len(fresh),
    )


def check_new_languages(before: Tokenizer | None, now: Tokenizer) -> list[Finding]:
    """Say which languages of the recordings the pre-trained model does not know.

    Args:
        before: what read the model's texts, where it can grow.
        now: what reads those of the run.
    """
    if before is None:
        return []
    known = ", ".join(before.languages[:20]) + (", …" if len(before.languages) > 20 else "")
    new = [language for language in now.languages if language not in before.languages]
    if not new:
        return [fine("languages", f"the model knows the language of every clip (it reads {known})")]
    pieces = len(now.vocabulary) - len(before.vocabulary) - len(new)
    return [
        Finding(
            "languages",
            Severity.ADVISES,
            f"the model does not know the language {', '.join(map(repr, new))} of the recordings: a mark "
            f"and {pieces} pieces of words are added to its vocabulary",
            "A new language takes hours of recordings, and more than one voice. If it is another name of one that the "
            f"model reads ({known}), say that: --coqpit.datasets.0.language",
            count=len(new),
        )
    ]


def check_text_settings(there: SpeechConfig, here: SpeechConfig) -> Finding:
    """Say whether a run reads texts as the pre-training of its weights did.

    Args:
        there: config of the weights.
        here: config of the run.
    """
    changed = [
        f"{name} {getattr(there, name)!r} → {getattr(here, name)!r}"
        for name in _TEXT_FIELDS
        if hasattr(here, name) and getattr(there, name, None) != getattr(here, name)
    ]
    if not changed:
        return fine("text_settings", "texts are read as in the pre-training")
    return Finding(
        "text_settings",
        Severity.ADVISES,
        f"texts are read otherwise than in the pre-training: {', '.join(changed)}",
        "The model would have to learn to read again. Leave them as they are, unless the language is another.",
        count=len(changed),
    )


def _some(names: tuple[str, ...]) -> str:
    return " ".join(names[:12]) + (" …" if len(names) > 12 else "")
