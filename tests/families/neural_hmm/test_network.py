"""Neural HMM TTS and OverFlow as networks: how they draw, how long, and what they expect of recordings."""

from dataclasses import replace

import pytest
import torch

from finetune_tts.families.neural_hmm.network import HMMOptions, NeuralHMMTTS, Overflow, Sampling

OPTIONS = HMMOptions(
    out_channels=4,
    encoder_in_out_features=6,
    prenet_dim=5,
    memory_rnn_dim=7,
    outputnet_size=(8,),
    flat_start_transition_p=0.2,
)
FLOW = {
    "hidden_channels": 6,
    "kernel_size": 3,
    "dilation_rate": 1,
    "num_flow_blocks": 2,
    "num_coupling_layers": 1,
    "dropout": 0.0,
    "num_splits": 4,
    "num_squeeze": 2,
    "sigmoid_scale": False,
}
TEXT = torch.tensor([[3, 1, 4, 2]])
MEANS = Sampling(temperature=0.0, quantile=0.5, most_frames=200)


def hmm(**options):
    torch.manual_seed(0)
    return NeuralHMMTTS(num_symbols=5, options=replace(OPTIONS, **options)).eval()


def overflow():
    torch.manual_seed(0)
    network = Overflow(num_symbols=5, options=OPTIONS, **FLOW)
    with torch.no_grad():
        for parameter in network.decoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


def batch():
    torch.manual_seed(1)
    ids = torch.randint(1, 5, (3, 5))
    return ids, torch.tensor([5, 5, 5]), torch.randn(3, 20, 4), torch.tensor([20, 17, 12])


def test_a_state_ends_at_the_quantile_of_its_duration():
    # It stays with a chance of 0.8, and 0.8 ** 4 is the first power below a half: each of the eight states has four.
    speech = hmm().inference(TEXT, MEANS)
    assert speech.states == [state for state in range(8) for _ in range(4)]
    assert speech.ended
    assert speech.mel.shape == (1, 32, 4)


@pytest.mark.parametrize(("scale", "frames"), [(0.5, 2), (1.0, 4), (2.0, 7)])
def test_the_duration_factor_lengthens_every_state(scale, frames):
    # 0.8 ** (frames / scale) falls below a half.
    assert len(hmm().inference(TEXT, replace(MEANS, length_scale=scale)).states) == 8 * frames


def test_durations_can_be_drawn():
    drawn = replace(MEANS, quantile=None)
    network = hmm()
    torch.manual_seed(3)
    counts = [len(network.inference(TEXT, drawn).states) for _ in range(30)]
    assert len(set(counts)) > 5
    assert min(counts) >= 8
    assert 25 < sum(counts) / 30 < 60  # a state lasts five frames on average


def test_a_sentence_that_does_not_end_is_cut():
    speech = hmm().inference(TEXT, replace(MEANS, most_frames=10))
    assert (len(speech.states), speech.ended) == (10, False)


def test_a_sentence_that_ends_with_the_last_frame_is_not_taken_for_cut():
    assert hmm().inference(TEXT, replace(MEANS, most_frames=32)).ended


@pytest.mark.parametrize("make", [hmm, overflow])
def test_the_temperature_is_the_noise(make):
    network = make()
    calm = [network.inference(TEXT, MEANS).mel for _ in range(2)]
    torch.testing.assert_close(*calm, rtol=0, atol=0)
    lively = [network.inference(TEXT, replace(MEANS, temperature=0.5)).mel for _ in range(2)]
    assert not torch.equal(*lively)


def test_the_prenet_can_drop_out_in_synthesis_too():
    network = hmm(prenet_dropout_at_inference=True)
    torch.nn.init.normal_(network.neural_hmm.output_net.parametermodel.last_layer.weight)
    with torch.no_grad():
        network.neural_hmm.go_tokens.fill_(1.0)  # else there would be nothing to drop at first
    first, second = (network.inference(TEXT, replace(MEANS, most_frames=8)).mel for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("make", [hmm, overflow])
def test_what_is_drawn_has_the_level_of_the_recordings(make):
    network = make()
    before = network.inference(TEXT, MEANS).mel
    network.mean.fill_(-5.0)
    network.std.fill_(2.0)
    torch.testing.assert_close(network.inference(TEXT, MEANS).mel, 2 * before - 5)


@pytest.mark.parametrize("make", [hmm, overflow])
def test_frames_beyond_a_clip_do_not_count(make):
    network = make()
    torch.nn.init.normal_(network.neural_hmm.output_net.parametermodel.last_layer.weight)
    ids, token_lengths, mels, mel_lengths = batch()
    found = network(ids, token_lengths, mels, mel_lengths).log_likelihood
    for clip, frames in enumerate(mel_lengths.tolist()):
        one = slice(clip, clip + 1)
        alone = network(ids[one], token_lengths[one], mels[one, :frames], mel_lengths[one]).log_likelihood
        torch.testing.assert_close(alone[0], found[clip])


@pytest.mark.parametrize("make", [hmm, overflow])
def test_the_likelihood_stays_in_float32_when_the_rest_computes_in_bfloat16(make):
    network = make()
    torch.nn.init.normal_(network.neural_hmm.output_net.parametermodel.last_layer.weight, std=0.1)
    exact = network(*batch()).log_likelihood
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = network(*batch()).log_likelihood
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, exact), "nothing was computed in bfloat16"
    torch.testing.assert_close(rough, exact, rtol=0.01, atol=0)


@pytest.mark.parametrize("order", [1, 3])
def test_a_frame_depends_on_those_before_it_alone(order):
    network = hmm(ar_order=order)
    torch.nn.init.normal_(network.neural_hmm.output_net.parametermodel.last_layer.weight)
    frames = torch.randn(1, 9, 4)
    changed = frames.clone()
    changed[0, 5] += 1.0
    before, after = (network.neural_hmm._remember(x) for x in (frames, changed))
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6], after[:, 6])


def test_memory_is_the_same_in_training_and_in_synthesis():
    network = hmm(ar_order=2)
    torch.nn.init.normal_(network.neural_hmm.output_net.parametermodel.last_layer.weight, std=0.1)
    mel = network.inference(TEXT, replace(MEANS, most_frames=12)).mel
    # Every frame is the mean that the network expects there, so that what it expects of its own speech is the same.
    states = network.encoder.states_of(TEXT, torch.tensor([4]))
    expected = network.neural_hmm.output_net
    memory = network.neural_hmm._remember(mel)
    path = torch.tensor(network.inference(TEXT, replace(MEANS, most_frames=12)).states)
    first = expected.heard(memory)[0] + expected.texts(states)[0, path]
    hidden = torch.relu(first)
    last = network.neural_hmm.output_net.parametermodel.last_layer
    torch.testing.assert_close(last(hidden)[:, :4], mel[0])


@pytest.mark.parametrize(("make", "group"), [(hmm, 1), (overflow, 2)])
def test_it_says_what_it_expects_of_a_recording(make, group):
    network = make()
    ids, token_lengths, mels, mel_lengths = batch()
    expected, lengths = network.expect(ids, token_lengths, mels, mel_lengths)
    assert lengths.tolist() == [frames // group * group for frames in (20, 17, 12)]
    assert expected.shape == mels.shape
    assert expected.isfinite().all()


def test_a_flat_start_says_the_same_of_all_states():
    network = hmm()
    network.start_flat(-5.0, 2.0, 0.25)
    assert (float(network.mean), float(network.std)) == (-5.0, 2.0)
    speech = network.inference(TEXT, MEANS)
    torch.testing.assert_close(speech.mel, torch.full_like(speech.mel, -5.0))
    assert speech.states[:4] == [0, 0, 0, 1]  # 0.75 ** 3 is below a half


def test_one_frame_is_spoken_too():
    speech = overflow().inference(TEXT, replace(MEANS, most_frames=1))
    assert (speech.mel.shape[1], len(speech.states)) == (2, 2)  # which make a group of the flow


def test_the_flow_is_undone():
    network = overflow()
    mels = torch.randn(2, 8, 4)
    lengths = torch.tensor([8, 6])
    latents, found, _ = network.latents_of(mels, lengths)
    assert not torch.allclose(latents, mels)
    back = network.mels_of(latents, found)
    torch.testing.assert_close(back[0], mels[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(back[1, :6], mels[1, :6], rtol=1e-4, atol=1e-5)


def test_folded_weights_speak_the_same():
    network = overflow()
    before = network.inference(TEXT, MEANS).mel
    network.prepare_for_inference()
    torch.testing.assert_close(network.inference(TEXT, MEANS).mel, before)
