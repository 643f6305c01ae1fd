"""Train VITS on the 109 speakers of VCTK, with a vector learned for each of them.

    python recipes/vctk/vits/train_vits.py --coqpit.datasets.0.path VCTK-Corpus-0.92
    python recipes/vctk/vits/train_vits.py --restore_path P --coqpit.run_name x --coqpit.lr 0.00001

The data set is VCTK 0.92 (https://datashare.ed.ac.uk/handle/10283/3443), unpacked to recipes/vctk/VCTK-Corpus-0.92 or
to where --coqpit.datasets.0.path points. Speakers of a restored model keep their vectors, new ones are added by name.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.vits.config import VitsArgs, VitsAudioConfig, VitsConfig


def make_config() -> VitsConfig:
    """Return what differs from the defaults of VITS."""
    return VitsConfig(
        run_name="vits_vctk",
        datasets=[DatasetConfig(formatter="vctk", path=str(Path(__file__).resolve().parents[1] / "VCTK-Corpus-0.92"))],
        model_args=VitsArgs(use_speaker_embedding=True),
        # Most speakers read about 400 sentences, some far fewer; all are heard equally often.
        use_speaker_weighted_sampler=True,
        # Clips begin and end with quiet breath, which the model need not learn.
        audio=VitsAudioConfig(do_trim_silence=True, trim_db=23),
        use_phonemes=True,
        phonemizer="espeak",
        phoneme_language="en-us",
        text_cleaner="english_cleaners",
        # Some 44,000 clips in batches of 32 are 1,375 steps an epoch.
        epochs=400,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
