"""Make the bundled recordings of the demo of a corpus by make_corpus.py: the same samples in FLAC, at half the size.

    python recipes/demo/make_corpus.py --voice rms --sentences recipes/demo/voice_sentences.txt --out corpus/rms \
        --prefix voice
    python recipes/demo/make_recordings.py corpus/rms

Writes metadata.csv and wavs/*.flac to finetune_tts/assets/demo/recordings, or to where --out points.
"""

import argparse
import sys
from pathlib import Path

import soundfile

from finetune_tts.errors import UserError
from finetune_tts.files import read_text, replacing, write_text

RECORDINGS = Path(__file__).resolve().parents[2] / "finetune_tts" / "assets" / "demo" / "recordings"


def make_recordings(corpus: Path, out: Path = RECORDINGS) -> int:
    """Write the recordings that the metadata of ``corpus`` names, then the metadata; returns their number.

    Raises:
        UserError: the metadata or a recording cannot be read.
    """
    metadata = read_text(corpus / "metadata.csv")
    names = [line.split("|")[0] for line in metadata.splitlines()]
    (out / "wavs").mkdir(parents=True, exist_ok=True)
    for name in names:
        path = corpus / "wavs" / f"{name}.wav"
        try:
            samples, sample_rate = soundfile.read(path, dtype="int16")
        except soundfile.LibsndfileError as error:
            raise UserError(f"{path}: cannot be read ({error.error_string}). Run make_corpus.py again.") from error
        with replacing(out / "wavs" / f"{name}.flac") as file:
            soundfile.write(file, samples, sample_rate, format="FLAC", subtype="PCM_16")
    write_text(out / "metadata.csv", metadata)
    return len(names)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of the corpus")
    parser.add_argument("--out", type=Path, default=RECORDINGS, help="folder of the recordings (default: %(default)s)")
    args = parser.parse_args()
    try:
        number = make_recordings(args.corpus, args.out)
    except UserError as error:
        sys.exit(f"make_recordings.py: {error}")
    print(f"{number} recordings: {args.out}")
