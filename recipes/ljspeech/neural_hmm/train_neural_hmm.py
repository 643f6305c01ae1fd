"""Train Neural HMM TTS on LJSpeech: one speaker, 13,100 clips, 24 hours.

From scratch, or on from the checkpoint P of a model of the same kind:

    python recipes/ljspeech/neural_hmm/train_neural_hmm.py --coqpit.datasets.0.path LJSpeech-1.1
    python recipes/ljspeech/neural_hmm/train_neural_hmm.py --restore_path P --coqpit.run_name x --coqpit.lr 0.0003

The data set is LJSpeech 1.1 (https://keithito.com/LJ-Speech-Dataset), unpacked to recipes/ljspeech/LJSpeech-1.1 or to
where --coqpit.datasets.0.path points. --help shows all flags and all fields of the config.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.neural_hmm.config import NeuralHMMConfig


def make_config() -> NeuralHMMConfig:
    """Return what differs from the defaults of Neural HMM TTS."""
    return NeuralHMMConfig(
        run_name="neural_hmm_ljspeech",
        datasets=[
            DatasetConfig(
                formatter="ljspeech",
                path=str(Path(__file__).resolve().parents[1] / "LJSpeech-1.1"),
                meta_file_train="metadata.csv",
            )
        ],
        # Natural logarithms up to 8 kHz, not normalised: what most vocoders of LJSpeech were trained on.
        audio=AudioConfig(
            trim_db=60, mel_fmax=8000.0, spec_gain=1, log_func="np.log", signal_norm=False, ref_level_db=20
        ),
        use_phonemes=True,
        phonemizer="espeak",
        phoneme_language="en-us",
        text_cleaner="phoneme_cleaners",
        # 12,969 clips in batches of 32 are 406 steps an epoch, and 250 epochs 101,500 steps.
        epochs=250,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
