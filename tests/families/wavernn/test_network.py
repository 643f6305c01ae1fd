"""WaveRNN: golden numbers of every mode and build, of synthesis whole and in pieces, and joining pieces."""

import pytest
import torch

from finetune_tts.families.wavernn.network import Wavernn, fold, unfold

SMALL = {
    "feat_dims": 5,
    "rnn_dims": 8,
    "fc_dims": 7,
    "compute_dims": 6,
    "res_out_dims": 12,
    "num_res_blocks": 2,
    "upsample_factors": [2, 3],
    "target_samples": 20,
    "overlap_samples": 6,
}


@pytest.fixture
def build(with_rule_weights):
    return lambda **changes: with_rule_weights(Wavernn(**{**SMALL, **changes}), seed=7)


@pytest.mark.parametrize(
    ("changes", "total", "norm"),
    [
        ({}, 21.9209, 7.8009),
        ({"mode": 9}, 205.628, 32.1759),
        ({"mode": "gauss"}, -0.639401, 1.03152),
        ({"use_aux_net": False}, -5.98167, 6.21673),
        ({"use_upsample_net": False}, 23.4829, 7.9324),
    ],
)
def test_distributions_of_all_samples(changes, total, norm, build, chirp, assert_golden):
    output = build(**changes)(chirp(24, batch=2)[:, 0], chirp(40, batch=2).reshape(2, 5, 8))
    assert_golden(output, total, norm)


@pytest.mark.parametrize(
    ("frames", "mode", "batched", "total", "norm"),
    [
        (12, "mold", False, 3.6357, 6.25518),
        (12, "mold", True, 2.02168, 6.09617),
        (12, 6, False, 0.305101, 2.49105),
        (12, 6, True, 0.0469182, 2.5152),
        (25, "mold", False, 2.8969, 6.40608),
        (25, "mold", True, 2.50677, 5.87172),
        (25, 6, False, 1.29205, 2.49884),
        (25, 6, True, 1.93826, 2.72505),
    ],
)
def test_synthesis(frames, mode, batched, total, norm, build, chirp, assert_golden):
    network = build(mode=mode, mulaw=mode == 6, batched=batched)
    torch.manual_seed(0)
    wave = network.inference(chirp(5 * frames).reshape(1, 5, frames))
    assert wave.shape == (1, 1, (frames - 1) * 6)
    assert_golden(wave, total, norm)


@pytest.mark.parametrize("batched", [False, True])
def test_a_normal_speaks_too(batched, build, chirp):
    wave = build(mode="gauss", batched=batched).inference(chirp(60).reshape(1, 5, 12))
    assert wave.abs().max() <= 1.5
    assert torch.isfinite(wave).all()


def test_single_steps_say_what_the_whole_pass_says(build, chirp):
    network = build(mode="gauss", batched=False)
    mel = chirp(30).reshape(1, 5, 6)
    drawn = network.speak(*network.upsample(mel))
    before = torch.cat([torch.zeros(1, 1), drawn[:, :-1]], dim=1)
    whole = network(before, mel)
    torch.manual_seed(5)
    again = network.distribution.draw(whole[0])
    torch.manual_seed(5)
    expected = torch.normal(whole[0, :, 0], whole[0, :, 1].exp()).clamp(-1, 1)
    torch.testing.assert_close(again, expected)
    assert whole.shape == (1, 12, 2)


def test_what_fits_into_one_piece_is_not_cut(build, chirp):
    mel = chirp(25).reshape(1, 5, 5)
    torch.manual_seed(0)
    whole = build(batched=False).inference(mel)
    torch.manual_seed(0)
    assert torch.equal(build(batched=True).inference(mel), whole)


def test_one_utterance_at_a_time(build):
    with pytest.raises(ValueError, match="one utterance at a time, not 2"):
        build().inference(torch.zeros(2, 5, 4))


@pytest.mark.parametrize("length", [7, 26, 32, 33, 50, 84])
def test_pieces_joined_are_the_whole_but_for_its_ends(length):
    whole = torch.linspace(1, 2, length)
    pieces = fold(whole.reshape(1, length, 1), 20, 6)[..., 0]
    assert pieces.shape[1] == 32
    joined = unfold(pieces, 20, 6)
    assert len(joined) >= length
    inner = [index for index in range(6, min(length, 20))]
    torch.testing.assert_close(joined[inner], whole[inner])


def test_pieces_without_overlap():
    whole = torch.arange(10.0)
    assert torch.equal(unfold(fold(whole.reshape(1, 10, 1), 5, 0)[..., 0], 5, 0), whole)


@pytest.mark.parametrize("mode", ["mold", "gauss", 6])
def test_nothing_is_drawn_from_weights_that_are_no_numbers(mode, build, chirp):
    network = build(mode=mode, mulaw=mode == 6)
    with torch.no_grad():
        network.fc3.bias[0] = float("nan")
    with pytest.raises(ValueError, match="NaN or infinity"):
        network.inference(chirp(60).reshape(1, 5, 12))
