"""The classic way in: ``python finetune_tts/bin/compute_embeddings.py --model_path M --config_path C ...``.

The same work as ``tts-finetune --compute_embeddings``, under the flags of 🐸TTS's script.
"""

import sys
from pathlib import Path

# Run as a file, from a checkout that is not installed, the package is found beside it.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from finetune_tts.cli.embeddings import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
