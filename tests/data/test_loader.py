import gc
import logging
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from finetune_tts.data import loader as loader_module
from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.dataset import NOISE_LEVEL, SpeechDataset
from finetune_tts.data.features import FeatureCache
from finetune_tts.data.loader import make_loader
from finetune_tts.data.speakers import LanguageNames, SpeakerNames
from finetune_tts.data.tokenizing import TokenCache
from finetune_tts.errors import UserError


@pytest.fixture
def cache(tmp_path, extractor):
    return FeatureCache(tmp_path / "cache", extractor)


@pytest.fixture
def dataset(recorded, tokenizer, cache):
    return SpeechDataset(recorded(7), tokenizer, cache)


def test_items_hold_ids_and_features(recorded, tokenizer, tmp_path, extractor):
    samples = recorded(anna=1, bert=1)
    cache = FeatureCache(tmp_path / "cache", extractor, linear=True)
    d_vectors = DVectors({sample.name: np.float32([1, 2]) for sample in samples}, {}, "d.json")
    dataset = SpeechDataset(
        samples,
        TokenCache(tokenizer),
        cache,
        speakers=SpeakerNames({"bert": 0, "anna": 5}),
        d_vectors=d_vectors,
        languages=LanguageNames.of(["en"]),
    )
    item = dataset[0]
    assert item.token_ids.tolist() == tokenizer.encode("Text .").ids
    assert (item.speaker_id, item.language_id, item.text, item.name) == (5, 0, "Text .", "lj#wavs/anna0")
    assert item.mel.shape == (20, 13)
    assert item.linear.shape == (129, 13)
    assert item.d_vector.tolist() == [1, 2]
    assert dataset.mel_lengths() == [13, 19]
    assert dataset.token_lengths() == [6, 6]


def test_faults_show_when_the_data_set_is_made(recorded, tokenizer, cache):
    with pytest.raises(UserError, match="speaker 'anna' is not among"):
        SpeechDataset(recorded(1), tokenizer, cache, speakers=SpeakerNames.of(["bert"]))
    with pytest.raises(UserError, match="no samples"):
        SpeechDataset([], tokenizer, cache)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_the_order_of_the_sampler(dataset, workers):
    sampler = LengthBatchSampler(dataset.mel_lengths(), 2, seed=3)
    loader = make_loader(dataset, sampler, num_workers=workers)
    assert len(loader) == 4
    for epoch in range(2):
        sampler.set_epoch(epoch)
        names = [set(batch.names) for batch in loader]
        assert names == [{dataset.samples[index].name for index in batch} for batch in sampler.batches(epoch)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resume_goes_on_after_the_last_batch_that_was_handed_out(dataset, workers):
    def loader():
        return make_loader(dataset, LengthBatchSampler(dataset.mel_lengths(), 2, seed=3), num_workers=workers)

    first = loader()
    expected = [batch.names for batch in first]
    for number, _ in enumerate(first, start=1):
        if number == 2:
            state = first.state_dict()
            break
    assert state["batch"] == 2
    second = loader()
    second.load_state_dict(state)
    assert [batch.names for batch in second] == expected[2:]


def test_noise_is_small_differs_between_epochs_and_is_the_same_after_a_resume(recorded, tokenizer, tmp_path, extractor):
    (sample,) = recorded(1)
    cache = FeatureCache(tmp_path / "cache", extractor, waveforms=True)
    clean = cache.waveform(sample)
    dataset = SpeechDataset([sample], tokenizer, cache, noise_seed=1)
    noise = dataset[0].waveform - clean
    assert 0.8 * NOISE_LEVEL < noise.std() < 1.2 * NOISE_LEVEL
    assert noise.dtype == np.float32
    first = dataset[0].mel
    np.testing.assert_array_equal(dataset[0].mel, first)
    assert first.shape[1] == dataset.mel_lengths()[0]
    assert not np.array_equal(first, cache.mel(sample))
    dataset.set_epoch(1)
    assert not np.array_equal(dataset[0].mel, first)


@pytest.mark.parametrize("noise_seed", [None, 1])
def test_spectrograms_that_a_model_does_not_read_are_not_read_and_take_no_room(
    recorded, tokenizer, tmp_path, extractor, monkeypatch, noise_seed
):
    cache = FeatureCache(tmp_path / "cache", extractor, waveforms=True)
    samples = recorded(3)
    whole = SpeechDataset(samples, tokenizer, cache, noise_seed=noise_seed)
    expected = whole.collate([whole[index] for index in range(3)])
    monkeypatch.setattr(cache, "mel", lambda sample: pytest.fail("a spectrogram was read"))
    monkeypatch.setattr(extractor, "mel", lambda wav: pytest.fail("a spectrogram was computed"))
    lean = SpeechDataset(samples, tokenizer, cache, noise_seed=noise_seed, mels=False)
    batch = lean.collate([lean[index] for index in range(3)])
    assert batch.mels.shape == (*expected.mels.shape[:2], 0)
    for name in ("mel_lengths", "waveforms", "waveform_lengths", "token_ids"):
        assert torch.equal(getattr(batch, name), getattr(expected, name)), name


@pytest.mark.parametrize("workers", [0, 1])
def test_workers_hear_of_the_epoch(recorded, tokenizer, cache, workers):
    dataset = SpeechDataset(recorded(1), tokenizer, cache, noise_seed=1)
    loader = make_loader(dataset, LengthBatchSampler(dataset.mel_lengths(), 1), num_workers=workers)
    mels = []
    for epoch in (0, 1, 0):
        loader.batch_sampler.set_epoch(epoch)
        mels += [batch.mels for batch in loader]
    assert torch.equal(mels[0], mels[2])
    assert not torch.equal(mels[0], mels[1])


@pytest.mark.parametrize("workers", [0, 1])
def test_a_recording_that_breaks_while_training_is_named_in_one_line(dataset, tmp_path, workers):
    sampler = LengthBatchSampler(dataset.mel_lengths(), 7)
    dataset.pack()
    for feature in (tmp_path / "cache").rglob("*.npy"):
        feature.unlink()
    dataset.samples[3].audio_file.write_bytes(b"")
    with pytest.raises(UserError, match=r"^\S*anna3.wav: the file has 0 bytes[^\n]*$"):
        list(make_loader(dataset, sampler, num_workers=workers))


def test_what_workers_read_is_the_same_when_it_is_packed(dataset):
    before = [dataset[index] for index in range(7)]
    dataset.pack()
    for one, other in zip(before, [dataset[index] for index in range(7)], strict=True):
        assert (one.name, one.text) == (other.name, other.text)
        assert np.array_equal(one.token_ids, other.token_ids)
        assert one.token_ids.dtype == other.token_ids.dtype == np.int64
        assert np.array_equal(one.mel, other.mel)


def test_the_collector_of_a_worker_leaves_alone_what_its_parent_had(dataset):
    class Counting:
        """Counts what the collector of a worker does not look at, in the place of a batch."""

        def __call__(self, items):
            return gc.get_freeze_count()

    dataset.collate = Counting()
    loader = make_loader(dataset, LengthBatchSampler(dataset.mel_lengths(), 7), num_workers=1)
    assert next(iter(loader)) > 10_000
    assert gc.get_freeze_count() == 0


def test_more_workers_than_cpus_are_told_in_one_line(dataset, monkeypatch, caplog):
    monkeypatch.setattr(loader_module, "usable_cpus", lambda: 1)
    monkeypatch.setattr(torch._utils, "cpu_count", lambda: 1)
    sampler = LengthBatchSampler(dataset.mel_lengths(), 7)
    with caplog.at_level(logging.WARNING):
        assert len(list(make_loader(dataset, sampler, num_workers=2))) == 1
    (message,) = caplog.messages
    assert "2 processes that load clips share 1 CPUs" in message
    caplog.clear()
    make_loader(dataset, sampler, num_workers=1)
    assert not caplog.messages


def test_a_worker_survives_a_signal_to_its_group_from_its_first_moment(dataset, monkeypatch):
    seed_worker = loader_module._seed_worker

    def terminated_before_it_is_set_up(worker_id):
        os.kill(os.getpid(), signal.SIGTERM)
        seed_worker(worker_id)

    monkeypatch.setattr(loader_module, "_seed_worker", terminated_before_it_is_set_up)
    loader = make_loader(dataset, LengthBatchSampler(dataset.mel_lengths(), 7), num_workers=1)
    assert len(list(loader)) == 1


FAILING_PROGRAM = """
import sys, torch
from torch.utils.data import Dataset
from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.data.loader import make_loader

class Numbers(Dataset):
    collate = staticmethod(torch.tensor)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return index

    def set_epoch(self, epoch):
        pass

    def pack(self):
        pass

def train():
    batches = iter(make_loader(Numbers(), LengthBatchSampler([1] * 8, 2), num_workers=1))
    next(batches)
    raise RuntimeError("the step failed")

try:
    train()
except RuntimeError as error:
    sys.kept = error  # and with it the loader and its worker
"""


def test_a_program_that_fails_while_workers_run_ends():
    run = subprocess.run([sys.executable, "-c", FAILING_PROGRAM], timeout=60, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
