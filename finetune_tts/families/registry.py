"""Which architectures there are: name → what can be done with it here, and where it is loaded from.

Written out by hand: plain data and one import each, made when the family is asked for. Listing the catalog and parsing
the command line load no family, and no torch.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.errors import UserError

if TYPE_CHECKING:
    from finetune_tts.families.family import Family

FINE_TUNE = "fine-tune"
SPEAK = "speak"
NOT_YET = "not yet"


@dataclass(frozen=True)
class Flag:
    """A flag of ``tts`` that only some families have.

    Attributes:
        name: without the dashes.
        metavar: what its value is called.
        help: a line for ``--help``.
        is_path: its value is a file.
    """

    name: str
    metavar: str
    help: str
    is_path: bool = False


@dataclass(frozen=True)
class Entry:
    """One architecture.

    Attributes:
        support: what can be done with it here: ``FINE_TUNE`` or ``SPEAK``.
        load: loads the family.
        is_vocoder: it turns spectrograms into waveforms; the others turn text into either.
        spellings: other names of it in configs, in lower case with ``_`` between words.
        foreign: it reads config files of another program too.
        discriminators: names of the discriminators that it brings, which any vocoder's config may name.
        flags: of ``tts``, beside those that all architectures have.
    """

    support: str
    load: "Callable[[], Family]"
    is_vocoder: bool = False
    spellings: tuple[str, ...] = ()
    foreign: bool = False
    discriminators: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()


def _glow_tts() -> "Family":
    from finetune_tts.families.glow_tts.family import FAMILY

    return FAMILY


def _neural_hmm() -> "Family":
    from finetune_tts.families.neural_hmm.family import NEURAL_HMM

    return NEURAL_HMM


def _overflow() -> "Family":
    from finetune_tts.families.neural_hmm.family import OVERFLOW

    return OVERFLOW


def _tacotron() -> "Family":
    from finetune_tts.families.tacotron.family import TACOTRON

    return TACOTRON


def _tacotron2() -> "Family":
    from finetune_tts.families.tacotron.family import TACOTRON2

    return TACOTRON2


def _vits() -> "Family":
    from finetune_tts.families.vits.family import FAMILY

    return FAMILY


def _xtts() -> "Family":
    from finetune_tts.families.xtts.family import FAMILY

    return FAMILY


def _fast_pitch() -> "Family":
    from finetune_tts.families.feed_forward.family import FAST_PITCH

    return FAST_PITCH


def _fastspeech2() -> "Family":
    from finetune_tts.families.feed_forward.family import FASTSPEECH2

    return FASTSPEECH2


def _fast_speech() -> "Family":
    from finetune_tts.families.feed_forward.family import FAST_SPEECH

    return FAST_SPEECH


def _speedy_speech() -> "Family":
    from finetune_tts.families.feed_forward.family import SPEEDY_SPEECH

    return SPEEDY_SPEECH


def _hifigan() -> "Family":
    from finetune_tts.families.hifigan.family import FAMILY

    return FAMILY


def _melgan() -> "Family":
    from finetune_tts.families.melgan.family import MELGAN

    return MELGAN


def _fullband_melgan() -> "Family":
    from finetune_tts.families.melgan.family import FULLBAND_MELGAN

    return FULLBAND_MELGAN


def _multiband_melgan() -> "Family":
    from finetune_tts.families.melgan.family import MULTIBAND_MELGAN

    return MULTIBAND_MELGAN


def _parallel_wavegan() -> "Family":
    from finetune_tts.families.parallel_wavegan.family import FAMILY

    return FAMILY


def _univnet() -> "Family":
    from finetune_tts.families.univnet.family import FAMILY

    return FAMILY


def _wavegrad() -> "Family":
    from finetune_tts.families.wavegrad.family import FAMILY

    return FAMILY


def _wavernn() -> "Family":
    from finetune_tts.families.wavernn.family import FAMILY

    return FAMILY


_STYLE_FLAGS = (
    Flag(
        "gst_style",
        "WAV_OR_JSON",
        "for a model with style tokens: a recording to imitate, or the weights of tokens: '{\"0\": 0.3}'",
    ),
    Flag("capacitron_style_wav", "FILE", "for a model with Capacitron: a recording to imitate", is_path=True),
    Flag("capacitron_style_text", "TEXT", "what is said in it"),
)

_SAMPLING_FLAGS = (
    Flag("temperature", "NUMBER", "for a model that draws codes: below 1 it varies less; 0 takes the likeliest always"),
    Flag("top_k", "N", "how many of the likeliest codes it draws from; 0 is all"),
    Flag("top_p", "NUMBER", "it draws from the likeliest codes that sum up to this chance"),
    Flag("repetition_penalty", "NUMBER", "how much less likely it finds codes that it wrote before; 1 is off"),
    Flag("candidates", "N", "how many times it speaks a sentence; the likeliest is taken"),
    Flag("length_penalty", "NUMBER", "of several candidates, above 1 it prefers longer ones"),
)

_MELODY_FLAGS = (Flag("pitch", "FACTOR", "for a model that predicts the pitch: 1.1 is a tenth higher"),)

#: the ``model`` field of a config → the architecture.
ENTRIES: dict[str, Entry] = {
    "glow_tts": Entry(FINE_TUNE, _glow_tts, spellings=("glowtts",)),
    "neuralhmm_tts": Entry(FINE_TUNE, _neural_hmm, spellings=("neural_hmm", "neural_hmm_tts", "neuralhmm")),
    "overflow": Entry(FINE_TUNE, _overflow),
    "tacotron": Entry(FINE_TUNE, _tacotron, flags=_STYLE_FLAGS),
    "tacotron2": Entry(FINE_TUNE, _tacotron2, flags=_STYLE_FLAGS),
    "vits": Entry(FINE_TUNE, _vits, foreign=True),
    "xtts": Entry(FINE_TUNE, _xtts, flags=_SAMPLING_FLAGS),
    "fast_pitch": Entry(FINE_TUNE, _fast_pitch, spellings=("fastpitch",), flags=_MELODY_FLAGS),
    "fastspeech2": Entry(FINE_TUNE, _fastspeech2, spellings=("fast_speech2", "fast_speech_2"), flags=_MELODY_FLAGS),
    "fast_speech": Entry(FINE_TUNE, _fast_speech, spellings=("fastspeech",), flags=_MELODY_FLAGS),
    "speedy_speech": Entry(FINE_TUNE, _speedy_speech, spellings=("speedyspeech",), flags=_MELODY_FLAGS),
    "hifigan": Entry(
        FINE_TUNE, _hifigan, is_vocoder=True, spellings=("hifi_gan",), discriminators=("hifigan_discriminator",)
    ),
    "melgan": Entry(
        FINE_TUNE,
        _melgan,
        is_vocoder=True,
        spellings=("mel_gan",),
        discriminators=("melgan_multiscale_discriminator",),
    ),
    "fullband_melgan": Entry(FINE_TUNE, _fullband_melgan, is_vocoder=True, spellings=("fullbandmelgan",)),
    "multiband_melgan": Entry(FINE_TUNE, _multiband_melgan, is_vocoder=True, spellings=("multibandmelgan",)),
    "parallel_wavegan": Entry(
        FINE_TUNE,
        _parallel_wavegan,
        is_vocoder=True,
        spellings=("parallelwavegan",),
        discriminators=("parallel_wavegan_discriminator", "residual_parallel_wavegan_discriminator"),
    ),
    "univnet": Entry(FINE_TUNE, _univnet, is_vocoder=True, discriminators=("univnet_discriminator",)),
    "wavegrad": Entry(FINE_TUNE, _wavegrad, is_vocoder=True, spellings=("wave_grad",)),
    "wavernn": Entry(FINE_TUNE, _wavernn, is_vocoder=True, spellings=("wave_rnn",)),
}


def architecture_name(spelling: str) -> str:
    """Return an architecture's name as it is written today, from any spelling that releases have used."""
    name = spelling.strip().lower().replace("-", "_").replace(" ", "_")
    return next((known for known, entry in ENTRIES.items() if name in entry.spellings), name)


def family_of(architecture: str) -> "Family":
    """Return the family that the ``model`` field of a config names, in any letter case.

    Raises:
        UserError: there is none.
    """
    entry = ENTRIES.get(architecture.lower())
    if entry is None:
        raise UserError(f"model {architecture!r}: this architecture is not supported yet; {', '.join(ENTRIES)} are.")
    return entry.load()


def is_vocoder(architecture: str) -> bool:
    """Whether an architecture turns spectrograms into waveforms."""
    entry = ENTRIES.get(architecture.lower())
    return entry is not None and entry.is_vocoder


def names(*, vocoders: bool) -> list[str]:
    """The names of all architectures of one kind: vocoders, or those that read text."""
    return [name for name, entry in ENTRIES.items() if entry.is_vocoder is vocoders]


def support(architecture: str) -> str:
    """Return ``FINE_TUNE``, ``SPEAK`` or ``NOT_YET`` for an architecture name, in any letter case."""
    entry = ENTRIES.get(architecture.lower())
    return NOT_YET if entry is None else entry.support


def require_support(entry: ModelEntry, wanted: Container[str]) -> None:
    """Refuse a model that cannot be used as you want, before anything of it is downloaded.

    Args:
        entry: of the catalog; one whose architecture is not known yet passes, as its config will tell.
        wanted: levels of support that suffice.

    Raises:
        UserError: the model's architecture does not reach any of them.
    """
    if entry.architecture and support(entry.architecture) not in wanted:
        raise UserError(
            f"{entry.name} is a {entry.architecture} model, which this version cannot "
            f"{'fine-tune' if support(entry.architecture) == SPEAK else 'fine-tune or synthesise with'} yet. "
            "--list_models marks those that it can."
        )


def style_flags() -> Iterator[tuple[Flag, str]]:
    """Yield each flag that only some families have, once, with one of the architectures that have it."""
    seen: set[str] = set()
    for name, entry in ENTRIES.items():
        for flag in entry.flags:
            if flag.name not in seen:
                seen.add(flag.name)
                yield flag, name
