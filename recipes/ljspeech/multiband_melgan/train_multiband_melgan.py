"""Train multi-band MelGAN on LJSpeech: the fastest of the vocoders on a CPU.

From scratch, on from the checkpoint P of a vocoder of the same shape, or on spectrograms of an acoustic model:

    python recipes/ljspeech/multiband_melgan/train_multiband_melgan.py --coqpit.datasets.0.path LJSpeech-1.1
    python recipes/ljspeech/multiband_melgan/train_multiband_melgan.py --restore_path P --coqpit.lr 0.00001 \
        --coqpit.steps_to_start_discriminator 0
    python recipes/ljspeech/multiband_melgan/train_multiband_melgan.py --restore_path P --coqpit.feature_path mels

The data set is LJSpeech 1.1 (https://keithito.com/LJ-Speech-Dataset), unpacked to recipes/ljspeech/LJSpeech-1.1 or to
where --coqpit.datasets.0.path points; any other folder of recordings does too, with or without transcripts.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.melgan.config import MultibandMelganConfig


def make_config() -> MultibandMelganConfig:
    """Return what differs from the defaults of multi-band MelGAN."""
    return MultibandMelganConfig(
        run_name="multiband_melgan_ljspeech",
        datasets=[DatasetConfig(path=str(Path(__file__).resolve().parents[1] / "LJSpeech-1.1"))],
        # As in the paper the generator first learns from spectrograms alone, for 200,000 steps, at ten times the
        # default rate; the schedule halves it every 100,000 steps, which it has to count then.
        lr_gen=0.001,
        scheduler_after_epoch=False,
        use_noise_augment=True,
        # An epoch is one segment of each clip: 13,090 are 205 steps of 64, so 4,900 epochs make a million.
        epochs=4900,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
