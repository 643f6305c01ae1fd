"""Train FastPitch on LJSpeech: one speaker, 13,100 clips, 24 hours.

From scratch, or on from the checkpoint P of a model of the same kind:

    python recipes/ljspeech/fast_pitch/train_fast_pitch.py --coqpit.datasets.0.path LJSpeech-1.1
    python recipes/ljspeech/fast_pitch/train_fast_pitch.py --restore_path P --coqpit.run_name x --coqpit.lr 0.00001

The data set is LJSpeech 1.1 (https://keithito.com/LJ-Speech-Dataset), unpacked to recipes/ljspeech/LJSpeech-1.1 or to
where --coqpit.datasets.0.path points. Pitch is computed once and kept.
--help shows all flags and all fields of the config.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.feed_forward.config import FastPitchConfig, PitchAudioConfig


def make_config() -> FastPitchConfig:
    """Return what differs from the defaults of FastPitch."""
    return FastPitchConfig(
        run_name="fast_pitch_ljspeech",
        datasets=[
            DatasetConfig(
                formatter="ljspeech",
                path=str(Path(__file__).resolve().parents[1] / "LJSpeech-1.1"),
                meta_file_train="metadata.csv",
            )
        ],
        # Natural logarithms up to 8 kHz, as the HiFi-GAN of the catalog takes them.
        audio=PitchAudioConfig(trim_db=60, signal_norm=False, mel_fmax=8000.0, spec_gain=1, log_func="np.log"),
        use_phonemes=True,
        phonemizer="espeak",
        phoneme_language="en-us",
        text_cleaner="phoneme_cleaners",
        # A hundredth is held out: 12,969 clips in batches of 32 are 406 steps an epoch, and 500 epochs 203,000 steps.
        epochs=500,
        # The warm-up of the schedule, 4,000, counts steps: ten epochs.
        scheduler_after_epoch=False,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
