import numpy as np
import pytest
import torch

from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.data.features import FeatureCache
from finetune_tts.data.loader import make_loader
from finetune_tts.data.segments import HELD_OUT_SEGMENTS, SegmentDataset
from finetune_tts.errors import UserError

HOP = 64


@pytest.fixture
def segments(tmp_path, extractor, recorded):
    """``segments(3, seq_len=256)``: segments of three recordings of some 0.1 s."""

    def make(count=3, **options):
        cache = FeatureCache(tmp_path / "cache", extractor, waveforms=True)
        return SegmentDataset(recorded(count), cache, **{"seq_len": 4 * HOP, **options})

    return make


def test_a_segment_is_a_piece_of_the_recording_with_the_spectrogram_of_the_same_moment(segments, tmp_path, extractor):
    data = segments(conv_pad=2)
    sample = data.samples[0]
    cache = FeatureCache(tmp_path / "cache", extractor, waveforms=True)
    mel, waveform = cache.mel(sample), cache.waveform(sample)
    for epoch in range(5):
        data.set_epoch(epoch)
        segment = data[0]
        start = next(
            place for place in range(mel.shape[1] - 3)
            if np.array_equal(waveform[place * HOP : (place + 4) * HOP], segment.waveform)
        )  # fmt: skip
        places = np.clip(np.arange(start - 2, start + 6), 0, mel.shape[1] - 1)
        np.testing.assert_array_equal(segment.mel, mel[:, places])
        assert segment.name == sample.name


def test_every_epoch_has_other_segments_and_the_seed_repeats_them(segments):
    data, again, other = segments(seed=1), segments(seed=1), segments(seed=2)
    pieces = []
    for epoch in range(6):
        for each in (data, again, other):
            each.set_epoch(epoch)
        pieces.append(data[1].waveform)
        np.testing.assert_array_equal(data[1].waveform, again[1].waveform)
    assert len({piece.tobytes() for piece in pieces}) > 1
    assert any(not np.array_equal(data[index].waveform, other[index].waveform) for index in range(3))


def test_held_out_segments_are_fixed_and_spread(segments):
    data = segments(training=False, noise=True)
    before = [segment.waveform.copy() for segment in (data[index] for index in range(len(data)))]
    data.set_epoch(7)
    assert len(data) == 3 * HELD_OUT_SEGMENTS
    assert all(np.array_equal(old, data[index].waveform) for index, old in enumerate(before))
    assert not np.array_equal(before[0], before[HELD_OUT_SEGMENTS - 1])


def test_short_recordings_are_filled_with_silence(segments, extractor):
    data = segments(1, seq_len=100 * HOP, pad_short=2 * HOP)
    segment = data[0]
    assert segment.waveform.shape == (100 * HOP,)
    assert segment.mel.shape == (20, 100)
    assert not segment.waveform[-50 * HOP :].any()
    np.testing.assert_allclose(segment.mel[:, -10:], extractor.mel(np.zeros(20 * HOP, np.float32))[:, :10], atol=1e-5)


def test_noise_is_a_step_of_sixteen_bits_and_differs_between_epochs(segments):
    plain, noisy = segments(), segments(noise=True)
    first = noisy[0].waveform - plain[0].waveform
    assert 0.5 / 32768 < first.std() < 2 / 32768
    np.testing.assert_array_equal(noisy[0].mel, plain[0].mel)


def test_segments_that_are_no_whole_frames_are_refused(segments):
    with pytest.raises(UserError, match="multiple of the hop, 64 .*--coqpit.seq_len 128"):
        segments(seq_len=100)
    with pytest.raises(UserError, match="no recordings"):
        segments(0)


def test_a_loader_makes_batches_and_goes_on_in_the_middle_of_an_epoch(segments):
    def loader():
        data = segments(5)
        return make_loader(data, LengthBatchSampler(data.mel_lengths(), 2, seed=3))

    whole = loader()
    whole.batch_sampler.set_epoch(4)
    batches = list(whole)
    assert batches[0].mels.shape == (2, 20, 4)
    assert batches[0].waveforms.shape == (2, 1, 4 * HOP)
    assert len(batches[0]) == 2

    stopped = loader()
    stopped.batch_sampler.set_epoch(4)
    next(iter(stopped))
    again = loader()
    again.load_state_dict(stopped.state_dict())
    for left, right in zip(batches[1:], list(again), strict=True):
        assert left.names == right.names
        assert torch.equal(left.waveforms, right.waveforms)
    assert batches[0].to("meta").mels.device.type == "meta"
