"""``tts-finetune --make_dataset`` and ``--recordings``: from raw recordings to a voice."""

from pathlib import Path

import numpy as np
import pytest

from finetune_tts.audio.reading import read_waveform, write_waveform
from finetune_tts.corpus.clips import open_corpus

RECORDINGS = Path(__file__).parents[2] / "finetune_tts" / "assets" / "demo" / "recordings"
RATE = 22050


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory) -> Path:
    """Forty clips of the demo's voice in one file, with their text beside it."""
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("long") / "my reading.flac"
    lines = (RECORDINGS / "metadata.csv").read_text(encoding="utf-8").splitlines()[:40]
    parts = [np.zeros(RATE // 2, np.float32)]
    for line in lines:
        parts.append(read_waveform(RECORDINGS / "wavs" / f"{line.split('|')[0]}.flac", RATE))
        parts.append(np.zeros(round(random.uniform(0.2, 0.8) * RATE), np.float32))
    samples = np.concatenate(parts)
    write_waveform(path, samples + 1e-3 * random.normal(size=len(samples)), RATE)
    text = "\n".join(line.split("|")[1] for line in lines)
    path.with_suffix(".txt").write_text(text, encoding="utf-8")
    return path


def test_a_data_set_is_made_and_fine_tuned_with(tune, long_recording, workplace):
    words = ["--recordings", long_recording, "--transcript", long_recording.with_suffix(".txt"), "--language", "en"]
    made = tune("--make_dataset", "my-voice", *words)
    assert made.status == 0, made.err
    assert "my reading.flac" in made.line("recording:")
    assert "tts-finetune --review my-voice" in made.line("review:")
    _, clips = open_corpus(Path("my-voice"))
    text = long_recording.with_suffix(".txt").read_text(encoding="utf-8").split()
    assert len(" ".join(clip.text for clip in clips if clip.kept).split()) > 0.9 * len(text)
    assert Path("my-voice/review.html").is_file()
    model = ["--model_name", "tts_models/en/demo/glow-tts"]
    run = tune(*model, "--dataset_path", "my-voice", "--max_steps", 1, "--no_report", "--no_check")
    assert run.status == 0, run.err
    again = tune("--make_dataset", "my-voice", "--recordings", long_recording, "--whisper", "tiny")
    again.refused("holds a data set already", "--dataset_path my-voice")


@pytest.mark.slow
def test_both_steps_in_one_command(tune, tts, long_recording, workplace):
    words = ["--model_name", "tts_models/en/demo/glow-tts", "--recordings", long_recording]
    words += ["--transcript", long_recording.with_suffix(".txt"), "--language", "en"]
    first = tune(*words, "--max_steps", 4, "--no_report")
    assert first.status == 0, first.err
    assert "my reading.flac" in first.err
    assert Path("output/dataset-my reading/metadata.csv").is_file()
    spoken = tts("--model_path", first.run_folder, "--text", "It is my voice now.", "--out_path", "mine.wav")
    assert spoken.status == 0, spoken.err
    second = tune(*words, "--max_steps", 2, "--no_report")
    assert second.status == 0, second.err
    assert "is there already" in second.err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--make_dataset", "d"], ["of which recordings", "--recordings FILE"]),
        (["--recordings", "a.wav"], ["--make_dataset DIR", "--model_name NAME"]),
        (["--transcript", "a.txt", "--model_name", "x"], ["--transcript: of which recordings"]),
        (["--recordings", "a.wav", "--model_name", "x", "--dataset_path", "d"], ["do not go together"]),
        (["--make_dataset", "d", "--recordings", "gone.wav", "--language", "en"], ["gone.wav", "no such file"]),
        (["--make_dataset", "d", "--recordings", "a", "--clip_seconds", "5", "2"], ["--clip_seconds 5 2"]),
        (["--make_dataset", "d", "--recordings", "a", "--model_name", "x"], ["--make_dataset", "--model_name"]),
    ],
)
def test_flags_without_sense_are_refused(tune, workplace, words, parts):
    tune(*words).refused(*parts)
