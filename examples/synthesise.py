"""Synthesise a text into a file: python examples/synthesise.py MODEL "A text." out.wav

MODEL is a run folder, a checkpoint, or a name of the catalog.
"""

import sys

from finetune_tts.api import UserError, Voice


def main(model: str, text: str, path: str) -> None:
    """Load, speak, save."""
    voice = Voice.load(model)
    speech = voice.speak(text, speaker=voice.speakers[0] if voice.speakers else None)
    speech.save(path)
    print(f"{path}: {speech.seconds:.2f} s at {speech.sample_rate} Hz")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:4])
    except UserError as error:
        sys.exit(str(error))
