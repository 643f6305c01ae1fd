"""Train VITS on LJSpeech: one speaker, 13,100 clips, 24 hours.

From scratch, or on from the checkpoint P of a model of the same kind:

    python recipes/ljspeech/vits_tts/train_vits.py --coqpit.datasets.0.path LJSpeech-1.1
    python recipes/ljspeech/vits_tts/train_vits.py --restore_path P --coqpit.run_name x --coqpit.lr 0.00001

The data set is LJSpeech 1.1 (https://keithito.com/LJ-Speech-Dataset), unpacked to recipes/ljspeech/LJSpeech-1.1 or to
where --coqpit.datasets.0.path points. --help shows all flags and all fields of the config.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.vits.config import VitsConfig


def make_config() -> VitsConfig:
    """Return what differs from the defaults of VITS."""
    return VitsConfig(
        run_name="vits_ljspeech",
        datasets=[
            DatasetConfig(
                formatter="ljspeech",
                path=str(Path(__file__).resolve().parents[1] / "LJSpeech-1.1"),
                meta_file_train="metadata.csv",
            )
        ],
        use_phonemes=True,
        phonemizer="espeak",
        phoneme_language="en-us",
        text_cleaner="english_cleaners",
        # A hundredth is held out: 12,969 clips in batches of 32 are 406 steps an epoch, and 1,000 epochs 406,000 steps;
        # the paper took 800,000, with batches of 64 on four GPUs.
        epochs=1000,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
