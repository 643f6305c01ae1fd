"""Make the bundled base model of a run of train_base.py: its best weights in half precision, and a config without it.

    python recipes/demo/export_base.py output/demo-base-<date>-<hash>

Writes model_file.pth and config.json to finetune_tts/assets/demo/base, or to where --out points.
"""

import argparse
import sys
from pathlib import Path

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.checkpoints.writing import write_checkpoint
from finetune_tts.config.making import save_config
from finetune_tts.errors import UserError
from finetune_tts.families.loading import load_config

BASE = Path(__file__).resolve().parents[2] / "finetune_tts" / "assets" / "demo" / "base"


def export(run: Path, out: Path = BASE) -> None:
    """Write what a release holds.

    Args:
        run: folder of a run that has a best model.
        out: folder of the model; made if it is not there.

    Raises:
        UserError: the run has no config or no weights, or ``out`` cannot be written to.
    """
    checkpoint = read_checkpoint(run)
    config = load_config(run / "config.json")
    # What belongs to the corpus and to this training says nothing to those who fine-tune the model.
    config.datasets = []
    config.output_path = "output"
    config.lr_scheduler, config.lr_scheduler_params, config.scheduler_after_epoch = None, {}, True
    config.eval_split_size = 0.01
    out.mkdir(parents=True, exist_ok=True)
    payload = {"model": checkpoint.model, "step": checkpoint.step, "config": config.to_dict()}
    write_checkpoint(out / "model_file.pth", payload, half=True)
    save_config(config, out / "config.json")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder of train_base.py")
    parser.add_argument("--out", type=Path, default=BASE, help="folder of the model (default: %(default)s)")
    args = parser.parse_args()
    try:
        export(args.run, args.out)
    except UserError as error:
        sys.exit(f"export_base.py: {error}")
    print(f"{args.out / 'model_file.pth'}: {(args.out / 'model_file.pth').stat().st_size / 1e6:.1f} MB")
