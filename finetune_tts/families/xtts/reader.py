"""How XTTS reads: text of a language to pieces of words."""

from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.text.characters import Vocabulary
from finetune_tts.text.tokenizer import Encoded, Tokenizer


class PieceReader(Tokenizer):
    """XTTS's tokenizer in the place of one that looks symbols up."""

    def __init__(self, path: str) -> None:
        from collections import Counter

        from tokenizers import Tokenizer as T

        self.t = T.from_file(path)
        n = self.t.get_vocab_size()
        super().__init__(Vocabulary(tuple(self.t.id_to_token(i) for i in range(n))))
        self.C = Counter

    @property
    def languages(self):
        return tuple(
            s[1:-1] for s in self.vocabulary.symbols if s.startswith("[") and s[1:-1] in ("en", "es", "de", "fr")
        )

    def encode(self, text, language=None):
        ids = self.t.encode(f"[{language or 'en'}]" + text.lower().replace(" ", "[SPACE]")).ids
        return Encoded(ids, text.lower(), text.lower(), self.C())


def tokenizer_of(config: XttsConfig) -> Tokenizer:
    """The tokenizer of a model."""
    return PieceReader(config.model_args.tokenizer_file)
