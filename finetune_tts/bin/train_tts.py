"""The classic way in: ``python finetune_tts/bin/train_tts.py --config_path C --restore_path P --coqpit.lr 0.00001``.

The same program as ``tts-finetune``, under the name that scripts for 🐸TTS use.
"""

import sys
from pathlib import Path

# Run as a file, from a checkout that is not installed, the package is found beside it.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from finetune_tts.cli.finetune import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
