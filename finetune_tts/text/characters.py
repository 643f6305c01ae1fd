"""The symbols of a model in id order, by the rules of 🐸TTS's character classes."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from finetune_tts.errors import UserError

PAD, EOS, BOS, BLANK = "<PAD>", "<EOS>", "<BOS>", "<BLNK>"
GRAPHEMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUNCTUATIONS = "!'(),-.:;? "
IPA_PHONEMES = (
    "iyɨʉɯuɪʏʊeøɘəɵɤoɛœɜɞʌɔæɐaɶɑɒᵻ"  # vowels
    "ʘɓǀɗǃʄǂɠǁʛ"  # clicks and implosives
    "pbtdʈɖcɟkɡqɢʔɴŋɲɳnɱmʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦɬɮʋɹɻjɰlɭʎʟ"  # pulmonic consonants
    "ˈˌːˑ"  # stress and length
    "ʍwɥʜʢʡɕʑɺɧʲ"  # other symbols
    "\u0303ɚ˞ɫ"  # nasal vowels (a combining tilde), r-colour, velar l
)
# Full stops and commas of all scripts: who reads punctuation reads one of these.
_STOPS_AND_COMMAS = frozenset(".。．｡։።۔।॥།။៕,、，､،፣၊՝")
_APOSTROPHES = frozenset("'’ʼ")
# Characters that Unicode counts as punctuation, and that people say.
_SAID = frozenset("#%&*@§¶†‡‰‱/\\٪٭％＃＆＊＠／＼")


@dataclass(frozen=True)
class Vocabulary:
    """Symbols in id order. The same symbol may stand twice; text then gets the later id, as in 🐸TTS.

    Attributes:
        symbols: every symbol, its place is its id.
        pad: symbol that fills batches, or ``None``; likewise ``eos`` and ``bos`` (the ends of a sentence) and
            ``blank`` (what stands between symbols with ``add_blank``).
        letters_field: field of the config that names the letters or phonemes, and to which more can be added.
    """

    symbols: tuple[str, ...]
    pad: str | None = None
    eos: str | None = None
    bos: str | None = None
    blank: str | None = None
    letters_field: str = field(default="characters.characters", compare=False)
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {symbol: index for index, symbol in enumerate(self.symbols)})

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._ids

    @property
    def find(self) -> Callable[[str], int | None]:
        """What gives the id of a symbol, None if the vocabulary lacks it; fast enough for whole books."""
        return self._ids.get

    def id(self, symbol: str) -> int:
        """Return the id of a symbol.

        Raises:
            KeyError: the vocabulary lacks it.
        """
        return self._ids[symbol]

    @property
    def pad_id(self) -> int:
        """Id that fills batches; 0 where no symbol is named for it, as 🐸TTS fills with zeros."""
        return self._ids[self.pad] if self.pad else 0

    @property
    def reads_punctuation(self) -> bool:
        """Whether it has a full stop or a comma of any script; those of some multilingual releases have neither."""
        return not _STOPS_AND_COMMAS.isdisjoint(self.symbols)

    def ignores(self, symbol: str) -> bool:
        """Whether a symbol is a punctuation mark that the model never saw, as its vocabulary has no punctuation.

        Such marks were dropped from the text that the model was trained on, and are no fault of a text. Characters that
        are said (``%``), and apostrophes of another form where the vocabulary has one, are not among them.
        """
        if symbol in self._ids or self.reads_punctuation or symbol in _SAID:
            return False
        if symbol in _APOSTROPHES and not _APOSTROPHES.isdisjoint(self.symbols):
            return False
        return unicodedata.category(symbol).startswith("P")


def vocabulary(
    characters: Mapping[str, Any] | None,
    use_phonemes: bool = False,
    add_blank: bool = False,
    characters_class: str | None = None,
) -> Vocabulary:
    """Build the vocabulary that 🐸TTS builds from the same config.

    Args:
        characters: the config's ``characters``; ``None`` for the default set of the class.
        use_phonemes: which class counts where none is named: ``IPAPhonemes`` or ``Graphemes``.
        add_blank: a vocabulary without a blank gets one behind the last symbol, as the models of 2020 had it.
        characters_class: class name or import path; by default the one that ``characters`` names. Only the last part
            counts: ``Graphemes``, ``IPAPhonemes``, ``VitsCharacters``, ``BaseCharacters`` or ``BaseVocabulary``.

    Raises:
        UserError: an unknown class, or fields that make no vocabulary.
    """
    fields = dict(characters or {})
    path = characters_class or fields.get("characters_class") or ("IPAPhonemes" if use_phonemes else "Graphemes")
    name = str(path).rpartition(".")[2]
    if name not in _BUILDERS:
        near = get_close_matches(name, _BUILDERS, n=1) or list(_BUILDERS)
        raise UserError(f"characters.characters_class {path!r}: unknown. Use {' or '.join(near)}.")
    for key in ("pad", "eos", "bos", "blank", "characters", "punctuations", "phonemes"):
        if not isinstance(fields.get(key), str | None):
            raise UserError(f"characters.{key} must be text or null, not {fields[key]!r}.")
    built = _BUILDERS[name](fields)
    if add_blank and not built.blank:
        return replace(built, symbols=(*built.symbols, BLANK), blank=BLANK)
    return built


def _graphemes(fields: Mapping[str, Any]) -> Vocabulary:
    return _ordered(fields, fields.get("characters") or GRAPHEMES)


def _ipa_phonemes(fields: Mapping[str, Any]) -> Vocabulary:
    # Configs of 2020 and 2021 hold the letters under "characters" and the phonemes under "phonemes".
    phonemes = fields.get("phonemes")
    if phonemes is None:
        return _ordered(fields, fields.get("characters") or IPA_PHONEMES)
    return replace(_ordered(fields, phonemes), letters_field="characters.phonemes")


def _ordered(fields: Mapping[str, Any], characters: str) -> Vocabulary:
    """Order symbols as pad, eos, bos, blank, characters, punctuations."""
    if not fields:
        fields = {"pad": PAD, "eos": EOS, "bos": BOS, "blank": BLANK, "is_unique": False}
    letters: Iterable[str] = characters
    if fields.get("is_unique", True):
        letters = dict.fromkeys(letters)
    if fields.get("is_sorted", True):
        letters = sorted(letters)
    special = {name: fields.get(name) or None for name in ("pad", "eos", "bos", "blank")}
    punctuations = fields.get("punctuations")
    symbols = (
        *(symbol for symbol in special.values() if symbol),
        *letters,
        *(PUNCTUATIONS if punctuations is None else punctuations),
    )
    if fields.get("is_unique", True) and len(set(symbols)) < len(symbols):
        twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        raise UserError(
            f"characters: {', '.join(map(repr, twice))} stand twice among characters and punctuations. "
            "Name each once, or set characters.is_unique to false."
        )
    pad, eos, bos, blank = special.values()
    return Vocabulary(symbols, pad, eos, bos, blank)


def _blank_last(fields: Mapping[str, Any]) -> Vocabulary:
    if not fields:
        fields = {"pad": PAD, "characters": GRAPHEMES, "phonemes": IPA_PHONEMES, "punctuations": PUNCTUATIONS}
    pad = fields.get("pad") or PAD
    letters = (fields.get("characters") or "") + (fields.get("phonemes") or "")
    return Vocabulary((pad, *(fields.get("punctuations") or ""), *letters, BLANK), pad=pad, blank=BLANK)


def _base_vocabulary(fields: Mapping[str, Any]) -> Vocabulary:
    listed = fields.get("vocab_dict")
    if not listed or isinstance(listed, str) or not all(isinstance(symbol, str) for symbol in listed):
        raise UserError("characters.vocab_dict: BaseVocabulary needs a list of symbols, or a dictionary, in id order.")
    special = {name: fields.get(name) or None for name in ("pad", "eos", "bos", "blank")}
    for name, symbol in special.items():
        if symbol and symbol not in listed:
            raise UserError(f"characters.{name} {symbol!r} is not in characters.vocab_dict. Add it, or set it to null.")
    pad, eos, bos, blank = special.values()
    return Vocabulary(tuple(listed), pad, eos, bos, blank, letters_field="characters.vocab_dict")


_BUILDERS = {
    "Graphemes": _graphemes,
    "IPAPhonemes": _ipa_phonemes,
    "VitsCharacters": _blank_last,
    "BaseCharacters": _graphemes,
    "BaseVocabulary": _base_vocabulary,
}
