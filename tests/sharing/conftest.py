"""A run of a very small Glow-TTS of two speakers: what ways out are tried with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import load_config
from finetune_tts.runs.record import BaseModel, Clip, DataFacts, RunRecord, write_record

TINY = Path(__file__).parents[1] / "families" / "tiny"


@pytest.fixture
def make_run(tmp_path) -> Callable[..., Path]:
    """Makes a run folder, whose base model is under a licence; None is a run from scratch."""

    def make(licence: str | None = "CC BY-NC-ND 4.0", name: str = "glow_tts", **fields: Any) -> Path:
        folder = tmp_path / "run"
        folder.mkdir()
        values = json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))
        two = {"use_speaker_embedding": True, "speakers_file": "/home/someone/run/speakers.json", "num_speakers": 2}
        values |= {"output_path": "/home/someone/runs", "datasets": [{"formatter": "csv", "path": "../recordings"}]}
        (folder / "speakers.json").write_text(json.dumps({"ana": 0, "rui": 1}))
        np.save(folder / "scale_stats.npy", {"mel_mean": np.zeros(1)})
        (folder / "config.json").write_text(json.dumps({**values, **two, **fields}))
        config = load_config(folder / "config.json", quiet=True)
        assert isinstance(config, SpeakerConfig)
        torch.manual_seed(3)
        network = build_model(config, len(build_tokenizer(config).vocabulary), 2)
        for file_name in ("best_model.pth", "best_model_70.pth"):
            torch.save({"model": network.state_dict(), "step": 70}, folder / file_name)
        base = BaseModel("base/model_file.pth", name="tts_models/en/x/glow-tts", licence=licence or "")
        write_record(
            folder,
            RunRecord(
                started="2026-01-02T03:04:05+00:00",
                device="CPU",
                versions={"finetune-tts": "0"},
                data=DataFacts(("recordings",), 7, 2, 1.5, speakers=("ana", "rui"), languages=("en",)),
                base=None if licence is None else base,
                speaker="ana",
                clips=(Clip("clip1", "a secret sentence", "recordings/clip1.wav", "ana"),),
            ),
        )
        return folder

    return make
