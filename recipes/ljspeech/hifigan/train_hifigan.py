"""Train HiFi-GAN on LJSpeech: the vocoder for any model of the same audio settings.

From scratch, on from the checkpoint P of a vocoder of the same shape, or on spectrograms of an acoustic model:

    python recipes/ljspeech/hifigan/train_hifigan.py --coqpit.datasets.0.path LJSpeech-1.1
    python recipes/ljspeech/hifigan/train_hifigan.py --restore_path P --coqpit.run_name x --coqpit.lr 0.00001
    python recipes/ljspeech/hifigan/train_hifigan.py --restore_path P --coqpit.feature_path mels

The data set is LJSpeech 1.1 (https://keithito.com/LJ-Speech-Dataset), unpacked to recipes/ljspeech/LJSpeech-1.1 or to
where --coqpit.datasets.0.path points; any other folder of recordings does too, with or without transcripts.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.hifigan.config import HifiganConfig


def make_config() -> HifiganConfig:
    """Return what differs from the defaults of HiFi-GAN; the defaults are the large generator, v1."""
    return HifiganConfig(
        run_name="hifigan_ljspeech",
        datasets=[DatasetConfig(path=str(Path(__file__).resolve().parents[1] / "LJSpeech-1.1"))],
        # Of the paper: segments of 8,192 samples in batches of 16, rates of 0.0002 that fall by 0.1 % an epoch.
        seq_len=8192,
        pad_short=2000,
        batch_size=16,
        eval_batch_size=16,
        use_noise_augment=True,
        lr_gen=0.0002,
        lr_disc=0.0002,
        # An epoch is one segment of each clip: 13,090 are 819 steps, so 3,050 epochs are the paper's 2.5 million.
        epochs=3050,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
