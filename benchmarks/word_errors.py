"""How well a general English speech recogniser (pocketsphinx) understands recordings: the word error rate.

    python benchmarks/word_errors.py --wavs corpus/rms_heldout/wavs --sentences recipes/demo/heldout_sentences.txt

The recordings, in the order of their names, belong to the lines of the sentence file. The speech recogniser is the
English one that comes inside pocketsphinx's package, so the same recordings give the same number on every machine.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from finetune_tts.audio.reading import read_waveform
from finetune_tts.errors import UserError
from finetune_tts.files import read_text
from finetune_tts.hearing.speech_recognition import POCKETSPHINX, SAMPLE_RATE, find_recogniser
from finetune_tts.hearing.words import edits, words


def recognise(wav_paths: Sequence[Path]) -> list[list[str]]:
    """Give the words that pocketsphinx hears in each recording.

    Raises:
        UserError: pocketsphinx is missing, or a recording cannot be read.
    """
    recogniser = find_recogniser(POCKETSPHINX, "en")
    assert recogniser is not None
    return [words(recogniser.transcript(read_waveform(path, SAMPLE_RATE), SAMPLE_RATE)) for path in wav_paths]


def word_error_rate(reference_texts: Sequence[str], wav_paths: Sequence[str | Path]) -> float:
    """Give the word errors of all recordings together, divided by the number of words of their texts.

    Args:
        reference_texts: What is said in each recording.
        wav_paths: The recordings, in the same order; any sample rate.

    Returns:
        0.0 when every word was understood; more than 1.0 when more was heard than said.

    Raises:
        UserError: The two lists don't fit, hold no word, or `recognise` raises it.
    """
    references = reference_words(reference_texts, wav_paths)
    heard = recognise([Path(path) for path in wav_paths])
    errors = sum(edits(*pair) for pair in zip(references, heard, strict=True))
    return errors / sum(map(len, references))


def reference_words(texts: Sequence[str], wav_paths: Sequence[str | Path]) -> list[list[str]]:
    """Split the texts into words, once it is sure that they can be scored against the recordings."""
    if len(texts) != len(wav_paths):
        raise UserError(f"{len(texts)} sentences for {len(wav_paths)} recordings; there must be one of each.")
    references = [words(text) for text in texts]
    if not any(references):
        raise UserError("The sentences hold no word to score; give at least one English sentence.")
    return references


def main() -> None:
    """Print what was said and heard in each recording, and the total word error rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wavs", type=Path, required=True, help="folder with one .wav per sentence, in name order")
    parser.add_argument("--sentences", type=Path, required=True, help="text file, one sentence per line")
    args = parser.parse_args()
    try:
        sentences = [line.strip() for line in read_text(args.sentences).splitlines() if line.strip()]
        wav_paths = sorted(args.wavs.glob("*.wav"))
        references = reference_words(sentences, wav_paths)
        heard = recognise(wav_paths)
    except UserError as error:
        sys.exit(f"word_errors.py: {error}")
    errors = [edits(*pair) for pair in zip(references, heard, strict=True)]
    width = max(map(len, sentences))
    print(f"{'sentence':{width}}  errors  heard")
    for sentence, count, result in zip(sentences, errors, heard, strict=True):
        print(f"{sentence:{width}}  {count:6d}  {' '.join(result)}")
    total = sum(map(len, references))
    print(f"word error rate {sum(errors) / total:.3f}: {sum(errors)} errors in {total} words")


if __name__ == "__main__":
    main()
