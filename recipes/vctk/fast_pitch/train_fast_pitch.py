"""Train FastPitch on the 109 speakers of VCTK, with a vector learned for each of them.

    python recipes/vctk/fast_pitch/train_fast_pitch.py --coqpit.datasets.0.path VCTK-Corpus-0.92
    python recipes/vctk/fast_pitch/train_fast_pitch.py --restore_path P --coqpit.run_name x --coqpit.lr 0.00001

The data set is VCTK 0.92 (https://datashare.ed.ac.uk/handle/10283/3443), unpacked to recipes/vctk/VCTK-Corpus-0.92 or
to where --coqpit.datasets.0.path points. Speakers of a restored model keep their vectors, new ones are added by name.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.feed_forward.config import FastPitchConfig, PitchAudioConfig


def make_config() -> FastPitchConfig:
    """Return what differs from the defaults of FastPitch."""
    return FastPitchConfig(
        run_name="fast_pitch_vctk",
        datasets=[DatasetConfig(formatter="vctk", path=str(Path(__file__).resolve().parents[1] / "VCTK-Corpus-0.92"))],
        use_speaker_embedding=True,
        # Most speakers read about 400 sentences, some far fewer; all are heard equally often.
        use_speaker_weighted_sampler=True,
        # Clips begin and end with quiet breath, which the 45 dB of the default would keep.
        audio=PitchAudioConfig(trim_db=23),
        use_phonemes=True,
        phonemizer="espeak",
        phoneme_language="en-us",
        text_cleaner="phoneme_cleaners",
        # Some 44,000 clips are 690 steps an epoch, and 300 epochs some 207,000 steps.
        batch_size=64,
        epochs=300,
        # The warm-up of the schedule, 4,000, counts steps: six epochs.
        scheduler_after_epoch=False,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
