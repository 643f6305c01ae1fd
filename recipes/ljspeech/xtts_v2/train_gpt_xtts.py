"""Fine-tune XTTS v2 on LJSpeech: one English speaker, 13,100 clips, 24 hours.

On from the released model, whole or by adapters:

    python recipes/ljspeech/xtts_v2/train_gpt_xtts.py --model_name tts_models/multilingual/multi-dataset/xtts_v2
    python recipes/ljspeech/xtts_v2/train_gpt_xtts.py --restore_path P --coqpit.lora_rank 16 --coqpit.lr 0.0001

P is the folder of the release, with vocab.json, dvae.pth and mel_stats.pth beside the weights. The data set is LJSpeech
1.1 (https://keithito.com/LJ-Speech-Dataset), unpacked to recipes/ljspeech/LJSpeech-1.1 or to where
--coqpit.datasets.0.path points. --help shows all flags and all fields of the config.
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.xtts.config import XttsConfig


def make_config() -> XttsConfig:
    """Return what differs from the defaults of XTTS v2."""
    return XttsConfig(
        run_name="xtts_v2_ljspeech",
        datasets=[
            DatasetConfig(
                formatter="ljspeech",
                path=str(Path(__file__).resolve().parents[1] / "LJSpeech-1.1"),
                meta_file_train="metadata.csv",
                language="en",
            )
        ],
        # The makers advise 252 clips an update: --grad_accum_steps 84 with batches of 3.
        batch_size=3,
        eval_batch_size=3,
        epochs=10,
        mixed_precision=True,
        eval_split_max_size=256,
        save_step=1000,
        save_n_checkpoints=1,
        num_loader_workers=4,
        test_sentences=[
            ["Be a voice, not an echo.", None, None, "en"],
            ["This cake is great. It's so delicious and moist.", None, None, "en"],
        ],
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
