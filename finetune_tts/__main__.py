"""``python -m finetune_tts``: the same as ``tts-finetune``."""

from finetune_tts.cli.finetune import main

raise SystemExit(main())
