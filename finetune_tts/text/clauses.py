"""Text to phonemes clause by clause, as Piper does it: other punctuation, other stress, signs taken apart.

Where :mod:`finetune_tts.text.phonemizer` keeps all marks of a text and gives each piece between them the melody of a
clause, espeak-ng decides here where a clause ends, and the mark there is one of ``.,:;?!`` or none.
"""

import re
import unicodedata

from finetune_tts.text.espeak import espeak_library
from finetune_tts.text.phonemizer import LANGUAGE_FLAGS, readable

#: what ends a clause for espeak-ng → the mark that Piper writes for it; where it writes none, nothing stands behind.
_WRITTEN = {
    ".": ".۔܁܄።᙮᠃᠉⳹⳾⸳⸼︒﹒｡",
    ",": ",՝،܂߸༔፣᠂᠈⸲⸴⹁︐︑﹐﹑､",
    ":": ":܆܇፥፦᠄⦂︓﹕",
    ";": ";\u0387؛܈፤–—⁏⸵⸺⸻︔︱︲﹔",
    "?": "?\u037e؟܉፧᥅⁇⳺⳻︖﹖",
    "!": "!܃߹᥄‼︕﹗",
    "": "¡¿᠁…⋮⋯⋰⋱、︙，：；։।෴།。！．？܀॥༎჻፨",
}
_MARKS = {sign: mark for mark, signs in _WRITTEN.items() for sign in signs}
_end = re.compile(r"[\W_]*$")
#: changes with what this module makes of a text.
_RULES = "clauses 1"
_ELLIPSIS = "..."
_WITHIN_A_SENTENCE = ",:;"


class ClausePhonemizer:
    """Phonemes in IPA as Piper takes them from espeak-ng."""

    def __init__(self, language: str, library: str | None = None) -> None:
        """Prepare a language, see :class:`finetune_tts.text.phonemizer.EspeakPhonemizer`."""
        self.language = language
        self.library = library
        self._voice = espeak_library(library).voice(language)

    def phonemize(self, text: str, language: str | None = None) -> str:
        """Turn any text into phonemes and the marks ``.,:;?!``, in Unicode's decomposed form.

        Args:
            text: any text, of any length.
            language: not looked at: this phonemizer has one language.
        """
        spelled = []
        for clause, part in espeak_library(self.library).parts(readable(text, self._voice).strip(), self._voice):
            mark = _mark_of(part)
            spelled += [LANGUAGE_FLAGS.sub("", clause), mark, " " if mark and mark in _WITHIN_A_SENTENCE else ""]
        return unicodedata.normalize("NFD", "".join(spelled))

    def fingerprint(self) -> str:
        """Return what decides the phonemes: these rules, language, voice and espeak-ng's version."""
        return f"{_RULES} {espeak_library(self.library).version} {self.language} {self._voice}"


def _mark_of(part: str) -> str:
    """The mark for the end of a clause: that of the first sign behind its last word that can end one."""
    end = _end.search(part)
    signs = end.group() if end else ""
    if _ELLIPSIS in signs:
        signs = signs.replace(_ELLIPSIS, "…")
    return next((_MARKS[sign] for sign in signs if sign in _MARKS), "")
