import numpy as np
import pytest

from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.errors import UserError


def ljspeech_like(count=3000):
    random = np.random.default_rng(0)
    return (np.clip(random.normal(6.57, 2.2, count), 1.1, 10.1) * 86).astype(int)


def padding(lengths, batches):
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    return 1 - sum(lengths[batch].sum() for batch in batches) / padded


def flat(batches):
    return sorted(index for batch in batches for index in batch)


def test_at_most_five_percent_padding_with_the_spread_of_ljspeech():
    lengths = ljspeech_like(13_100)
    sampler = LengthBatchSampler(lengths, 32)
    assert padding(lengths, sampler.batches(0)) < 0.05
    assert padding(lengths, LengthBatchSampler(ljspeech_like(3000), 32).batches(1)) < 0.05


def test_every_sample_once_in_every_epoch():
    sampler = LengthBatchSampler(ljspeech_like(101), 8)
    for epoch in range(4):
        assert flat(sampler.batches(epoch)) == list(range(101))
        assert len(sampler.batches(epoch)) == len(sampler) == 13


def test_batches_and_their_members_differ_between_epochs():
    sampler = LengthBatchSampler(ljspeech_like(1000), 10)
    members = [{frozenset(batch) for batch in sampler.batches(epoch)} for epoch in (1, 2)]
    assert len(members[0] & members[1]) < 5
    lengths = ljspeech_like(1000)
    firsts = [lengths[batch[0]] for batch in sampler.batches(1)]
    assert abs(np.corrcoef(firsts, np.arange(len(firsts)))[0, 1]) < 0.4  # not in order of length


def test_the_seed_alone_decides():
    lengths = ljspeech_like(100)
    assert LengthBatchSampler(lengths, 8, seed=1).batches(3) == LengthBatchSampler(lengths, 8, seed=1).batches(3)
    assert LengthBatchSampler(lengths, 8, seed=1).batches(3) != LengthBatchSampler(lengths, 8, seed=2).batches(3)


def test_without_shuffling_the_order_is_fixed():
    sampler = LengthBatchSampler([5, 1, 4, 2, 3], 2, shuffle=False)
    assert sampler.batches(0) == sampler.batches(7) == [[1, 3], [4, 2], [0]]


def test_the_longest_batch_runs_first_in_the_first_epoch_only():
    lengths = ljspeech_like(100)
    sampler = LengthBatchSampler(lengths, 8, longest_first=True)
    first = sampler.batches(0)[0]
    assert sorted(lengths[first]) == sorted(lengths)[-8:]
    assert flat(sampler.batches(0)) == list(range(100))
    assert any(sorted(lengths[sampler.batches(epoch)[0]]) != sorted(lengths)[-8:] for epoch in (1, 2, 3))


@pytest.mark.parametrize(("count", "batches"), [(16, 2), (17, 2), (23, 2), (24, 3)])
def test_drop_last_leaves_full_batches_only(count, batches):
    sampler = LengthBatchSampler(ljspeech_like(count), 8, drop_last=True, longest_first=True)
    for epoch in range(3):
        assert [len(batch) for batch in sampler.batches(epoch)] == [8] * batches
    assert len(sampler) == batches


def test_fewer_samples_than_a_batch():
    assert [sorted(batch) for batch in LengthBatchSampler([3, 1, 2], 32, longest_first=True).batches(0)] == [[0, 1, 2]]
    with pytest.raises(UserError, match="drop_last leaves no batch: there are 3 samples for a batch_size of 32"):
        LengthBatchSampler([3, 1, 2], 32, drop_last=True)


@pytest.mark.parametrize(("lengths", "size", "message"), [([], 4, "no samples"), ([1], 0, "batch_size is 0")])
def test_impossible_sizes(lengths, size, message):
    with pytest.raises(UserError, match=message):
        LengthBatchSampler(lengths, size)


@pytest.mark.parametrize("count", [64, 65, 66, 71])
def test_processes_share_an_epoch_without_overlap(count):
    lengths = ljspeech_like(count)
    parts = [LengthBatchSampler(lengths, 4, rank=rank, world_size=4).batches(2) for rank in range(4)]
    assert len({len(part) for part in parts}) == 1
    assert set(flat([batch for part in parts for batch in part])) == set(range(count))
    assert sum(map(len, [batch for part in parts for batch in part])) <= count + 3
    for step in zip(*parts, strict=True):  # nobody waits for a much longer batch
        longest = [lengths[batch].max() for batch in step]
        assert max(longest) <= 1.6 * min(longest)


def test_a_resumed_epoch_goes_on_with_the_same_batches():
    lengths = ljspeech_like(100)
    whole = LengthBatchSampler(lengths, 8, seed=5)
    whole.set_epoch(2)
    expected = list(whole)
    whole.batches_done = 4
    state = whole.state_dict()
    resumed = LengthBatchSampler(lengths, 8, seed=5)
    resumed.load_state_dict(state)
    resumed.set_epoch(2)
    assert list(resumed) == expected[4:]
    assert list(resumed) == expected  # a second pass is a whole one
    resumed.set_epoch(3)
    assert list(resumed) == whole.batches(3)


def test_a_finished_epoch_resumes_at_the_next():
    sampler = LengthBatchSampler(ljspeech_like(20), 8)
    sampler.batches_done = 3
    assert sampler.state_dict()["epoch"] == 1
    assert sampler.state_dict()["batch"] == 0


def test_changed_data_begin_the_epoch_anew_and_say_so(caplog):
    sampler = LengthBatchSampler(ljspeech_like(100), 8)
    sampler.batches_done = 4
    state = sampler.state_dict()
    other = LengthBatchSampler(ljspeech_like(101), 8)
    other.load_state_dict(state)
    assert list(other) == other.batches(0)
    assert "epoch 0 begins again" in caplog.text


def test_weights_decide_who_is_drawn():
    weights = np.full(100, 0.1 / 90)
    weights[:10] = 0.09
    sampler = LengthBatchSampler(np.full(100, 50), 10, weights=weights)
    drawn = flat(sampler.batches(0))
    assert len(drawn) == 100
    assert sum(index < 10 for index in drawn) > 75
    assert flat(sampler.batches(1)) != drawn


def padded_frames(lengths, batches):
    return [len(batch) * int(lengths[batch].max()) for batch in batches]


@pytest.mark.parametrize("world", [1, 3])
def test_no_batch_has_more_frames_than_it_may_and_no_clip_is_left_out(world):
    lengths = ljspeech_like(1001)
    samplers = [
        LengthBatchSampler(lengths, 1, seed=4, longest_first=True, batch_frames=8000, rank=rank, world_size=world)
        for rank in range(world)
    ]
    for epoch in range(4):
        parts = [sampler.batches(epoch) for sampler in samplers]
        assert all(len(part) == len(samplers[0]) for part in parts)
        assert max(frames for part in parts for frames in padded_frames(lengths, part)) <= 8000
        assert set(flat([batch for part in parts for batch in part])) == set(range(1001))
        if world == 1:
            assert len(flat(parts[0])) == 1001
    first = [index for part in samplers for index in part.batches(0)[0]]
    assert sorted(lengths[first]) == sorted(lengths)[-len(first) :]
    tried = [sampler.longest() for sampler in samplers]
    assert min(padded_frames(lengths, tried)) >= 8000 / 1.1
    assert not samplers[0].begins_with_longest


def test_batches_by_frames_differ_between_epochs_and_are_alike_in_size():
    lengths = ljspeech_like(2000)
    sampler = LengthBatchSampler(lengths, 1, batch_frames=12_000)
    members = [{frozenset(batch) for batch in sampler.batches(epoch)} for epoch in (1, 2)]
    assert len(members[0] & members[1]) < 5
    by_frames, by_clips = sampler.batches(1), LengthBatchSampler(lengths, 21).batches(1)
    spread = [np.std(padded_frames(lengths, batches)) for batches in (by_frames, by_clips)]
    assert spread[0] < spread[1] / 3
    assert padding(lengths, by_frames) < 0.05
    assert sampler.batches(3) == LengthBatchSampler(lengths, 9, batch_frames=12_000).batches(3)


def test_a_run_is_resumed_between_batches_by_frames():
    lengths = ljspeech_like(300)
    whole, resumed = (LengthBatchSampler(lengths, 1, batch_frames=5000) for _ in range(2))
    whole.batches_done = 3
    resumed.load_state_dict(whole.state_dict())
    assert list(resumed) == whole.batches(0)[3:]
    other = LengthBatchSampler(lengths, 1, batch_frames=6000)
    other.load_state_dict(whole.state_dict())
    assert other.first_batch == 0


def test_frames_without_shuffling_are_cut_in_order():
    assert LengthBatchSampler([5, 1, 4, 2, 3], 1, batch_frames=8, shuffle=False).batches(0) == [[1, 3], [4, 2], [0]]


def test_a_clip_of_more_frames_than_a_batch_and_drawn_clips_are_refused():
    with pytest.raises(UserError, match=r"batch_frames is 99, .* 100 frames"):
        LengthBatchSampler([3, 100], 1, batch_frames=99)
    with pytest.raises(UserError, match="weighted sampling do not go together"):
        LengthBatchSampler([3, 100], 1, batch_frames=200, weights=np.array([0.5, 0.5]))
