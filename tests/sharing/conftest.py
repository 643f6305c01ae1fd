"""A run of a very small Glow-TTS of two speakers, and a small VITS of any kind: what ways out are tried with."""

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
from finetune_tts.families.loading import any_config_from_dict, load_config
from finetune_tts.families.vits.config import VitsArgs, VitsConfig
from finetune_tts.runs.record import BaseModel, Clip, DataFacts, RunRecord, write_record

TINY = Path(__file__).parents[1] / "families" / "tiny"
TINY_VITS = {
    "hidden_channels": 8, "hidden_channels_ffn_text_encoder": 8, "num_layers_text_encoder": 1,
    "num_layers_posterior_encoder": 1, "num_layers_flow": 1, "upsample_initial_channel_decoder": 16,
    "resblock_kernel_sizes_decoder": [3], "resblock_dilation_sizes_decoder": [[1]],
}  # fmt: skip


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


@pytest.fixture
def vits_of(tmp_path):
    """Writes a small VITS with weights that say something; returns its folder."""

    def make(speakers: int = 0, languages: int = 0, args: dict | None = None, **fields):
        folder = tmp_path / "run"
        folder.mkdir()
        conditions = {"use_speaker_embedding": speakers > 0, "use_language_embedding": languages > 0}
        config = VitsConfig(
            **{"use_phonemes": True, "phonemizer": "espeak", "phoneme_language": "en-us", **fields},
            model_args=VitsArgs(**TINY_VITS, **conditions, speaker_embedding_channels=4, **(args or {})),
        )
        for names_file, count, name in (("speakers_file", speakers, "ana"), ("language_ids_file", languages, "en")):
            if count:
                setattr(config, names_file, f"{names_file}.json")
                setattr(config.model_args, names_file, f"{names_file}.json")
                names = [name, *(f"{name}-{number}" for number in range(1, count))]
                (folder / f"{names_file}.json").write_text(json.dumps({name: row for row, name in enumerate(names)}))
        (folder / "config.json").write_text(json.dumps(config.to_dict()))
        torch.manual_seed(2)
        network = build_model(config, len(build_tokenizer(config).vocabulary), speakers, languages, for_training=False)
        with torch.no_grad():
            for parameter in network.parameters():  # a fresh flow passes everything through
                parameter += 0.05 * torch.randn_like(parameter)
        torch.save({"model": network.state_dict()}, folder / "model_file.pth")
        return folder

    return make


@pytest.fixture
def pair_of(tmp_path):
    """Writes a very small Glow-TTS that reads phonemes, and a vocoder; returns their folders."""

    def make(
        speakers: int = 0, vocoder: str = "hifigan", audio: dict | None = None, **fields: Any
    ) -> tuple[Path, Path]:
        folders = tmp_path / "run", tmp_path / "vocoder"
        read = [json.loads((TINY / f"{name}.json").read_text(encoding="utf-8")) for name in ("glow_tts", vocoder)]
        read[0] = {
            **{name: value for name, value in read[0].items() if name != "characters"},
            **{"use_phonemes": True, "phonemizer": "espeak", "phoneme_language": "en-us"},
            **({"use_speaker_embedding": True, "speakers_file": "speakers.json"} if speakers else {}),
            **fields,
        }
        read[1]["audio"] |= audio or {}
        for folder, values in zip(folders, read, strict=True):
            folder.mkdir()
            config = any_config_from_dict(values, quiet=True)
            torch.manual_seed(4)
            reads = isinstance(config, SpeakerConfig)
            sizes = (len(build_tokenizer(config).vocabulary), speakers) if reads else ()
            network = build_model(config, *sizes, for_training=False)
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter += 0.05 * torch.randn_like(parameter)
            torch.save({"model": network.state_dict()}, folder / "model_file.pth")
            (folder / "config.json").write_text(json.dumps(config.to_dict()))
        if speakers:
            names = ["ana", *(f"ana-{number}" for number in range(1, speakers))]
            (folders[0] / "speakers.json").write_text(json.dumps({name: row for row, name in enumerate(names)}))
        return folders

    return make
