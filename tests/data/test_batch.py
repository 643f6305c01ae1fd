import numpy as np
import torch

from finetune_tts.data.batch import Collate, Item


def item(tokens, frames, name="a", **more):
    mel = np.arange(2 * frames, dtype=np.float32).reshape(2, frames) + 1
    return Item(np.arange(1, tokens + 1, dtype=np.int64), mel, name, name.upper(), **more)


def test_items_are_padded_to_one_shape_the_longest_text_first():
    batch = Collate(pad_id=9)([item(2, 5, "a"), item(4, 3, "b")])
    assert batch.names == ["b", "a"]
    assert batch.texts == ["B", "A"]
    assert batch.token_ids.tolist() == [[1, 2, 3, 4], [1, 2, 9, 9]]
    assert batch.token_lengths.tolist() == [4, 2]
    assert batch.mel_lengths.tolist() == [3, 5]
    assert batch.mels.shape == (2, 5, 2)
    assert batch.mels.dtype == torch.float32
    assert batch.token_ids.dtype == batch.token_lengths.dtype == batch.mel_lengths.dtype == torch.int64
    assert batch.mels[0].tolist() == [[1, 4], [2, 5], [3, 6], [0, 0], [0, 0]]
    assert (batch.speaker_ids, batch.d_vectors, batch.language_ids, batch.linears) == (None, None, None, None)
    assert len(batch) == 2


def test_optional_parts_follow_the_order():
    parts = [
        item(1, 3, "a", speaker_id=0, language_id=1, d_vector=np.float32([1, 2]), linear=np.ones((4, 3), np.float32)),
        item(2, 2, "b", speaker_id=7, language_id=0, d_vector=np.float32([3, 4]), linear=np.ones((4, 2), np.float32)),
    ]
    batch = Collate(0)(parts)
    assert batch.speaker_ids.tolist() == [7, 0]
    assert batch.language_ids.tolist() == [0, 1]
    assert batch.d_vectors.tolist() == [[3, 4], [1, 2]]
    assert batch.linears.shape == (2, 3, 4)
    assert batch.linears[0, 2].tolist() == [0, 0, 0, 0]


def test_frames_become_a_multiple_of_the_reduction_factor():
    assert Collate(0, frames_per_step=4)([item(1, 5)]).mels.shape == (1, 8, 2)
    assert Collate(0, frames_per_step=5)([item(1, 5)]).mels.shape == (1, 5, 2)


def test_a_batch_moves_as_a_whole():
    batch = Collate(0)([item(1, 3, speaker_id=1)]).to("meta", non_blocking=True)
    assert {batch.token_ids.device.type, batch.mels.device.type, batch.speaker_ids.device.type} == {"meta"}
    assert batch.names == ["a"]
    assert batch.d_vectors is None


def test_waveforms_follow_the_order_and_are_as_long_as_the_frames():
    parts = [item(1, 3, waveform=np.ones(6, np.float32)), item(2, 2, waveform=np.full(4, 2, np.float32))]
    batch = Collate(0, frames_per_step=2)(parts)
    assert batch.waveforms.shape == (2, 1, 8)
    assert batch.waveform_lengths.tolist() == [4, 6]
    assert batch.waveforms[:, 0].tolist() == [[2, 2, 2, 2, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0]]
    assert Collate(0)([item(1, 3)]).waveforms is None
