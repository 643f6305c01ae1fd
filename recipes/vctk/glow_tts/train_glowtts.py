"""Train Glow-TTS on the 109 speakers of VCTK, with a vector learned for each of them.

    python recipes/vctk/glow_tts/train_glowtts.py --coqpit.datasets.0.path VCTK-Corpus-0.92
    python recipes/vctk/glow_tts/train_glowtts.py --restore_path P --coqpit.run_name x --coqpit.lr 0.00001

The data set is VCTK 0.92 (https://datashare.ed.ac.uk/handle/10283/3443), unpacked to recipes/vctk/VCTK-Corpus-0.92 or
to where --coqpit.datasets.0.path points. Speakers of a restored model keep their vectors, new ones are added by name.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.glow_tts.config import GlowTTSConfig


def make_config() -> GlowTTSConfig:
    """Return what differs from the defaults of Glow-TTS."""
    return GlowTTSConfig(
        run_name="glow_tts_vctk",
        datasets=[DatasetConfig(formatter="vctk", path=str(Path(__file__).resolve().parents[1] / "VCTK-Corpus-0.92"))],
        use_speaker_embedding=True,
        # Most speakers read about 400 sentences, some far fewer; all are heard equally often.
        use_speaker_weighted_sampler=True,
        # Clips begin and end with quiet breath, which the 45 dB of the default would keep.
        audio=AudioConfig(trim_db=23),
        use_phonemes=True,
        phonemizer="espeak",
        phoneme_language="en-us",
        text_cleaner="phoneme_cleaners",
        # Clips are half as long as those of LJSpeech, so that 64 of them take the memory of 32.
        batch_size=64,
        # Some 44,000 clips are 690 steps an epoch, and 350 epochs some 240,000 steps.
        epochs=350,
        # The warm-up of the schedule, 4,000, counts steps: six epochs.
        scheduler_after_epoch=False,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
