"""What the rows of each architecture's embeddings stand for: symbols, speakers, languages.

Restoring copies these rows by what they stand for, not by their place; so an alphabet or a circle of speakers may grow.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class EmbeddingRows:
    """Names of the embedding tensors of an architecture, in its state dict.

    Attributes:
        symbols: one row for each symbol of the vocabulary.
        speakers: one row for each speaker, in a network of several; "" where the architecture knows no such thing.
        languages: one row for each language, likewise.
    """

    symbols: str
    speakers: str = ""
    languages: str = ""


#: architecture name → its embeddings, written out by hand.
EMBEDDING_ROWS = {
    "glow_tts": EmbeddingRows(symbols="encoder.emb.weight", speakers="emb_g.weight"),
    "vits": EmbeddingRows(symbols="text_encoder.emb.weight", speakers="emb_g.weight", languages="emb_l.weight"),
    "tacotron": EmbeddingRows(symbols="embedding.weight", speakers="speaker_embedding.weight"),
    "tacotron2": EmbeddingRows(symbols="embedding.weight", speakers="speaker_embedding.weight"),
}


def embedding_rows(architecture: str) -> EmbeddingRows:
    """Return the embeddings of an architecture that has a builder, in any letter case."""
    return EMBEDDING_ROWS[architecture.lower()]
