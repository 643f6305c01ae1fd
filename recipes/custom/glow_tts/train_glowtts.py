"""Train Glow-TTS on recordings of your own, in a layout of your own. Copy this file and change what you need.

    python recipes/custom/glow_tts/train_glowtts.py --restore_path model_file.pth --coqpit.datasets.0.path my_recordings
    python recipes/custom/glow_tts/train_glowtts.py --coqpit.run_name from-nothing

As it stands it reads recipes/custom/my_recordings (or where --coqpit.datasets.0.path points):

    my_recordings/transcripts.txt       hello_1.wav;Hello, how are you?
    my_recordings/clips/hello_1.wav     hello_2.wav;I'm fine.

Layouts that many data sets have need no recipe: see docs/datasets.md.
"""

from pathlib import Path
from typing import Any

from finetune_tts.cli.finetune import main
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.files import read_text


def my_formatter(root_path: str, meta_file: str, ignored_speakers: list[str] | None = None) -> list[dict[str, Any]]:
    """Read the metadata of the data set: a dictionary for each recording.

    Args:
        root_path: the data set's folder, ``datasets.0.path``.
        meta_file: ``datasets.0.meta_file_train``.
        ignored_speakers: ``datasets.0.ignored_speakers``; they are taken out afterwards, nothing is to be done here.

    Raises:
        UserError: a line has no ``;``. The user reads this message and no traceback.
    """
    path = Path(root_path) / meta_file
    samples = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        file_name, separator, text = line.partition(";")
        if not separator:
            raise UserError(f"{path}, line {number}: {line!r} has no ';'. Write FILE;TEXT.")
        # A speaker's name matters where there are several; see use_speaker_embedding in recipes/vctk.
        samples.append({"audio_file": f"{root_path}/clips/{file_name}", "text": text, "speaker_name": "me"})
    return samples


def make_config() -> GlowTTSConfig:
    """Return the config: every field that is not named here has its default (--help lists them)."""
    return GlowTTSConfig(
        # The run folder is output/my_voice-<date>-<hash>.
        output_path="output",
        run_name="my_voice",
        # Where the recordings are. The formatter's name is not looked at, as my_formatter reads the metadata.
        datasets=[
            DatasetConfig(
                dataset_name="my_recordings",
                path=str(Path(__file__).resolve().parents[1] / "my_recordings"),
                meta_file_train="transcripts.txt",
            )
        ],
        # Recordings of any rate are brought to this one. A restored model keeps to the spectrograms that it has
        # learned: for --restore_path, write here what the "audio" of its config.json says.
        audio=AudioConfig(sample_rate=22050, mel_fmin=0.0, mel_fmax=None),
        # The model reads phonemes of American English; espeak-ng has more than a hundred other languages.
        use_phonemes=True,
        phonemizer="espeak",
        phoneme_language="en-us",
        text_cleaner="phoneme_cleaners",
        # A tenth of what trains from scratch, as the restored weights are good already; from scratch take 0.001.
        lr=1e-4,
        # An hour in 600 clips, 60 of them held out, makes 540 / 16 = 34 steps an epoch; 200 epochs are 6,800 steps.
        batch_size=16,
        epochs=200,
        eval_split_size=0.1,
        # The schedule counts steps. For restored weights it leaves its warm-up out.
        scheduler_after_epoch=False,
        # Spoken in training; listen to them in TensorBoard, or in the run folder.
        test_sentences=["This is what my voice sounds like.", "It is a little better every time."],
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config(), formatter=my_formatter))
