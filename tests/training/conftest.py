"""A network, a task and a data set so small that a whole run takes a fraction of a second."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.batch import Batch, Collate, Item
from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.data.loader import SpeechLoader, make_loader
from finetune_tts.machine.distributed import World
from finetune_tts.machine.precision import choose_precision
from finetune_tts.machine.seeds import seed_everything
from finetune_tts.tasks.spoken_samples import SpokenSample
from finetune_tts.tasks.task import TTSTask
from finetune_tts.training.loop import TrainingLoop
from finetune_tts.training.settings import RunLimits, TrainerSettings

MELS = 4


class TinyNetwork(nn.Module):
    """Predicts a clip's mean spectrum from its tokens; dropout makes it depend on the random numbers of the run."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(8, 6)
        self.norm = nn.BatchNorm1d(6)
        self.out = nn.Linear(6, MELS)
        self.drop = nn.Dropout(0.2)

    def forward(self, token_ids: Tensor) -> Tensor:
        return self.out(self.drop(self.norm(self.emb(token_ids).mean(dim=1))))


class TinyTask(TTSTask):
    prepared = 0

    def run_network(self, batch: Batch) -> Tensor:
        return self.network(batch.token_ids)

    def losses(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        error = ((outputs - batch.mels.mean(dim=1)) ** 2).mean()
        if "poison" in batch.names:
            error = error * float("nan")
        return {"loss": error, "error": error}

    def prepare_fresh_network(self, batches: Iterator[Batch]) -> None:
        self.prepared += 1


class TinyData(Dataset):
    """Clips of a few tokens and frames, the same for the same number of clips."""

    def __init__(self, clips: int = 22, names: Sequence[str] = ()) -> None:
        random = np.random.default_rng(clips)
        self.items = []
        for number in range(clips):
            mel = random.normal(size=(MELS, int(random.integers(4, 20)))).astype(np.float32)
            name = names[number] if number < len(names) else f"clip{number}"
            self.items.append(Item(token_ids=random.integers(0, 8, size=5), mel=mel, name=name, text="text"))
        self.samples = self.items
        self.collate = Collate(pad_id=0)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        return self.items[index]

    def set_epoch(self, epoch: int) -> None:
        pass

    def mel_lengths(self) -> list[int]:
        return [item.mel.shape[1] for item in self.items]


def make_config(**fields: Any) -> SpeechConfig:
    values = {
        "model": "tiny",
        "run_name": "tiny",
        "optimizer": "AdamW",
        "lr": 0.01,
        "batch_size": 4,
        "eval_batch_size": 4,
        "epochs": 3,
        "print_step": 2,
        "plot_step": 2,
        "save_step": 1000,
        "test_sentences": ["Hello, you.", "Bye."],
        **fields,
    }
    config = SpeechConfig()
    for name, value in values.items():
        setattr(config, name, value)
    return config


def tiny_loader(
    config: SpeechConfig, data: TinyData, *, training: bool = True, world: World | None = None
) -> SpeechLoader:
    world = world or World()
    sampler = LengthBatchSampler(
        data.mel_lengths(), config.batch_size, seed=1, shuffle=training, rank=world.rank, world_size=world.size
    )
    return make_loader(data, sampler)


@pytest.fixture
def tiny_config() -> Callable[..., SpeechConfig]:
    return make_config


@pytest.fixture
def tiny_task() -> type[TTSTask]:
    return TinyTask


@pytest.fixture
def tiny_data() -> type[TinyData]:
    return TinyData


@pytest.fixture
def tiny_network() -> type[TinyNetwork]:
    return TinyNetwork


@pytest.fixture
def speak() -> Callable[[nn.Module, Any], SpokenSample]:
    """Speaks noise, for which it uses random numbers up."""

    def speak(network: nn.Module, sentence: Any) -> SpokenSample:
        return SpokenSample((torch.rand(800) - 0.5).numpy(), 16000)

    return speak


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., TrainingLoop]:
    """Makes a trainer of the tiny task: ``make_run(folder="a", resume=None, settings fields..., config fields...)``."""

    def make(
        folder: str = "run",
        *,
        resume: Any = None,
        names: Sequence[str] = (),
        clips: int = 22,
        eval_clips: int | None = 6,
        speak: Any = None,
        task: type[TTSTask] = TinyTask,
        settings: dict[str, Any] | None = None,
        **fields: Any,
    ) -> TrainingLoop:
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        config = make_config(**fields)
        device = torch.device("cpu")
        seed_everything(7)
        given = dict(settings or {})
        limits = RunLimits(**{name: given.pop(name) for name in RunLimits.__dataclass_fields__ if name in given})
        options = TrainerSettings(device=device, precision=choose_precision(config, device), limits=limits, **given)
        data = TinyData(clips, names)
        eval_loader = tiny_loader(config, TinyData(eval_clips), training=False) if eval_clips else None
        tiny = task(TinyNetwork(), config, speak)
        return TrainingLoop(tiny, config, path, tiny_loader(config, data), eval_loader, options, resume)

    return make
