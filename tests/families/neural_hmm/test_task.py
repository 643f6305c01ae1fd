"""Neural HMMs as a task: what they measure of the recordings before they start from scratch."""

import numpy as np
import pytest
import torch

from finetune_tts.data.batch import Collate, Item
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.neural_hmm.task import DataStatistics

SMALL = {
    "audio": {"num_mels": 4},
    "out_channels": 4,
    "encoder_in_out_features": 6,
    "prenet_dim": 5,
    "memory_rnn_dim": 7,
    "outputnet_size": [8],
}


def batches(scale=2.0, level=-5.0):
    """Two batches of three clips; a symbol lasts ten frames."""
    random = np.random.default_rng(0)
    items = [
        Item(
            token_ids=random.integers(1, 9, size=frames // 10),
            mel=(level + scale * random.normal(size=(4, frames))).astype(np.float32),
            name=f"clip{frames}",
            text="",
        )
        for frames in (60, 50, 40, 30, 20, 10)
    ]
    collate = Collate(pad_id=0)
    return [collate(items[:3]), collate(items[3:])]


def test_statistics_are_those_of_all_frames_and_none_of_the_padding():
    found = DataStatistics()
    for batch in batches():
        found.add(batch)
    pairs = [pair for batch in batches() for pair in zip(batch.mels, batch.mel_lengths, strict=True)]
    frames = torch.cat([mel[:length] for mel, length in pairs])
    assert found.mean == pytest.approx(float(frames.mean()), rel=1e-5)
    assert found.std == pytest.approx(float(frames.std(unbiased=False)), rel=1e-5)
    assert found.symbols_a_frame == 0.1


@pytest.mark.parametrize("model", ["neural_hmm", "overflow"])
def test_a_fresh_network_starts_with_what_was_measured(model):
    config = config_from_dict({"model": model, **SMALL}, quiet=True)
    network = build_model(config, 9)
    make_task(network, config).prepare_fresh_network(iter(batches()))
    assert float(network.mean) == pytest.approx(-5, abs=0.2)
    assert float(network.std) == pytest.approx(2, abs=0.2)
    logit = network.neural_hmm.output_net.parametermodel.last_layer.bias[-1].detach()
    assert float(torch.sigmoid(logit)) == pytest.approx(0.2)  # with two states for a symbol of ten frames


def test_recordings_without_a_sound_are_refused():
    config = config_from_dict({"model": "overflow", **SMALL}, quiet=True)
    task = make_task(build_model(config, 9), config)
    with pytest.raises(UserError, match="one and the same number"):
        task.prepare_fresh_network(iter(batches(scale=0.0)))


def test_a_figure_shows_where_in_the_text_each_frame_is():
    config = config_from_dict({"model": "overflow", **SMALL}, quiet=True)
    task = make_task(build_model(config, 9), config)
    batch = batches()[0]
    figures = task.figures(task.run_network(batch), batch)
    assert len(figures) == 2
