"""Train Tacotron 2 with Capacitron on Blizzard 2013: one speaker who reads novels, with all that her voice can do.

From scratch, or on from the checkpoint P of a model of the same kind:

    python recipes/blizzard2013/tacotron2-Capacitron/train_capacitron_t2.py --coqpit.datasets.0.path blizzard2013
    python recipes/blizzard2013/tacotron2-Capacitron/train_capacitron_t2.py --restore_path P --coqpit.lr 0.0001

The data set is that of the Blizzard Challenge 2013 (https://www.cstr.ed.ac.uk/projects/blizzard/2013/), cut into
sentences in LJSpeech's layout: metadata.csv, and the recordings at 24 kHz in wavs/. It lies in
recipes/blizzard2013/blizzard2013 or where --coqpit.datasets.0.path points. --help shows all flags and fields.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.tacotron.capacitron_config import CAPACITRON_OPTIMIZER, CapacitronVAEConfig
from finetune_tts.families.tacotron.config import Tacotron2Config


def make_config() -> Tacotron2Config:
    """Return what differs from the defaults of Tacotron 2."""
    return Tacotron2Config(
        run_name="capacitron_t2_blizzard2013",
        datasets=[
            DatasetConfig(
                formatter="ljspeech",
                path=str(Path(__file__).resolve().parents[1] / "blizzard2013"),
                meta_file_train="metadata.csv",
            )
        ],
        # Those of the released models and of their vocoder.
        audio=AudioConfig(sample_rate=24000, trim_db=60, mel_fmin=80.0, mel_fmax=12000.0, spec_gain=25),
        use_phonemes=True,
        phonemizer="espeak",
        phoneme_language="en-us",
        text_cleaner="phoneme_cleaners",
        use_capacitron_vae=True,
        capacitron_vae=CapacitronVAEConfig(capacitron_VAE_loss_alpha=1.0),
        attention_type="dynamic_convolution",
        # The network's optimizer, and that of beta, which holds the capacity.
        optimizer=CAPACITRON_OPTIMIZER,
        optimizer_params={
            "RAdam": {"betas": [0.9, 0.998], "weight_decay": 1e-6},
            "SGD": {"lr": 1e-5, "momentum": 0.9},
        },
        lr=0.001,
        lr_scheduler="StepwiseGradualLR",
        lr_scheduler_params={
            "gradual_learning_rates": [[0, 1e-3], [20_000, 5e-4], [40_000, 3e-4], [60_000, 1e-4], [80_000, 5e-5]]
        },
        scheduler_after_epoch=False,
        # capacitron_grad_clip cuts all gradients but that of beta.
        grad_clip=0.0,
        # The releases took 246 clips, of six seconds at most, on a GPU of theirs.
        batch_size=64,
        max_audio_len=6 * 24000,
        min_audio_len=24000,
        seq_len_norm=True,
        loss_masking=False,
        stopnet_pos_weight=15.0,
        decoder_loss_alpha=1.0,
        postnet_loss_alpha=1.0,
        decoder_diff_spec_alpha=1.0,
        postnet_diff_spec_alpha=1.0,
        decoder_ssim_alpha=1.0,
        postnet_ssim_alpha=1.0,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
