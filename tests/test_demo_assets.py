"""What the package brings with it for the demo: complete, small, documented, and a voice that can be loaded."""

from pathlib import Path

import soundfile

from finetune_tts.files import read_text
from finetune_tts.synthesis.loading import load_voice

DEMO = Path(__file__).parents[1] / "finetune_tts" / "assets" / "demo"
HELD_OUT = Path(__file__).parents[1] / "recipes" / "demo" / "heldout_sentences.txt"


def test_assets_stay_small():
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= 16e6


def test_recordings_are_complete_and_as_the_base_wants_them():
    rows = [line.split("|") for line in read_text(DEMO / "recordings" / "metadata.csv").splitlines()]
    assert 60 <= len(rows) <= 100
    files = {path.stem: path for path in (DEMO / "recordings" / "wavs").iterdir()}
    assert files.keys() == {row[0] for row in rows}
    assert {(info.samplerate, info.channels) for info in map(soundfile.info, map(str, files.values()))} == {(16000, 1)}


def test_held_out_sentences_are_not_among_the_recordings():
    spoken = {line.split("|")[1].lower() for line in read_text(DEMO / "recordings" / "metadata.csv").splitlines()}
    held_out = [line.lower() for line in read_text(HELD_OUT).splitlines()]
    assert len(held_out) == 20
    assert not spoken & set(held_out)


def test_base_speaks():
    voice = load_voice(DEMO / "base")
    assert sum(parameter.numel() for parameter in voice.network.parameters()) <= 8e6
    speech = voice.speak("The last train leaves a quarter before midnight.")
    assert speech.missing == ""
    assert 1.5 < speech.seconds < 6


def test_card_tells_what_it_is():
    card = read_text(DEMO / "README.md")
    for word in ("flite", "slt", "rms", "Licence", "word error rate", "recipes/demo/train_base.py"):
        assert word in card
