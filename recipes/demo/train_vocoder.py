"""Train a small vocoder for the voices of the demo, on a CPU.

    python recipes/demo/make_corpus.py --voice slt --sentences recipes/demo/base_sentences.txt --out corpus/slt
    python recipes/demo/make_corpus.py --voice rms --sentences recipes/demo/base_sentences.txt --out corpus/rms
    python recipes/demo/train_vocoder.py --coqpit.datasets.0.path corpus

A HiFi-GAN of 146 thousand weights at the audio settings of the bundled model. It learns from spectrograms of several
resolutions first, which costs a CPU little, and from a discriminator afterwards. docs/vocoders.md says what came of it.
"""

from pathlib import Path

import finetune_tts
from finetune_tts.cli.finetune import main
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.hifigan.config import HifiganConfig
from finetune_tts.families.loading import load_config

BASE = Path(finetune_tts.__file__).parent / "assets" / "demo" / "base" / "config.json"


def make_config() -> HifiganConfig:
    """Return what differs from the defaults of HiFi-GAN."""
    return HifiganConfig(
        run_name="demo_vocoder",
        audio=load_config(BASE, quiet=True).audio,
        datasets=[DatasetConfig(path="corpus")],
        # Half a second of speech in a segment; 1,922 recordings are 120 steps of 16 an epoch.
        seq_len=8192,
        pad_short=2000,
        batch_size=16,
        eval_batch_size=16,
        epochs=500,
        run_eval_steps=1000,
        save_step=1000,
        save_n_checkpoints=2,
        # In half precision some 290 kB, which fits beside the bundled model.
        generator_model_params={
            "upsample_factors": [8, 8, 4],
            "upsample_kernel_sizes": [16, 16, 8],
            "upsample_initial_channel": 72,
            "resblock_kernel_sizes": [3, 5, 7],
            "resblock_dilation_sizes": [[1, 2], [2, 6], [3, 12]],
            "resblock_type": "2",
        },
        use_stft_loss=True,
        stft_loss_weight=1.0,
        use_l1_spec_loss=False,
        # The discriminator of MelGAN, smaller: HiFi-GAN's own would cost a CPU far more than the generator.
        discriminator_model="melgan_multiscale_discriminator",
        discriminator_model_params={"base_channels": 8, "max_channels": 128, "downsample_factors": [4, 4, 4]},
        feat_match_loss_weight=10.0,
        steps_to_start_discriminator=20_000,
        lr_gen=0.001,
        lr_disc=0.0005,
        precompute_num_workers=2,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
