"""What holds for any feed-forward network, small or large."""

import math

import pytest
import torch

from finetune_tts.families.feed_forward.loss import FeedForwardLoss, binary_loss, forward_sum_loss
from finetune_tts.families.feed_forward.network import FeedForwardTTS, PredictorSizes, mean_by_symbol
from finetune_tts.families.feed_forward.stacks import Positions, position_table

TRANSFORMER = {"hidden_channels_ffn": 24, "num_heads": 2, "num_layers": 1, "dropout_p": 0.1}
CONVOLUTIONS = {"kernel_size": 4, "dilations": [1, 2], "num_conv_blocks": 1, "num_res_blocks": 2}
RELATIVE = {
    "hidden_channels_ffn": 24, "num_heads": 2, "kernel_size": 3, "dropout_p": 0.1, "num_layers": 2,
    "rel_attn_window_size": 4,
}  # fmt: skip
WAVENET = {
    "num_blocks": 2, "hidden_channels": 12, "kernel_size": 3, "dilation_rate": 2, "num_layers": 2, "dropout_p": 0.05,
}  # fmt: skip
ENCODERS = {
    "fftransformer": TRANSFORMER, "residual_conv_bn": CONVOLUTIONS, "relative_position_transformer": RELATIVE,
}  # fmt: skip
DECODERS = {**ENCODERS, "wavenet": WAVENET}
LENGTHS = {"token_counts": (7, 5, 3), "mel_counts": (31, 24, 10)}


def tiny(encoder="fftransformer", decoder="fftransformer", **options):
    torch.manual_seed(1)
    sizes = {
        "num_symbols": 12, "out_channels": 8, "hidden_channels": 16,
        "encoder_type": encoder, "encoder_params": ENCODERS[encoder],
        "decoder_type": decoder, "decoder_params": DECODERS[decoder],
        "durations": PredictorSizes(8), "pitch": PredictorSizes(8), "energy": PredictorSizes(8),
    }  # fmt: skip
    return FeedForwardTTS(**{**sizes, **options})


@pytest.fixture
def batch():
    """The one that the golden numbers were computed of."""
    return {
        "token_ids": torch.arange(21).reshape(3, 7) * 5 % 12,
        "token_lengths": torch.tensor(LENGTHS["token_counts"]),
        "mels": torch.sin(torch.arange(744, dtype=torch.float64) * 0.37).float().reshape(3, 31, 8),
        "mel_lengths": torch.tensor(LENGTHS["mel_counts"]),
        "pitch": torch.sin(torch.arange(93, dtype=torch.float64) * 0.11).float().reshape(3, 1, 31),
        "energy": torch.cos(torch.arange(93, dtype=torch.float64) * 0.07).float().reshape(3, 1, 31),
    }


def losses(network, batch, **options):
    lengths = batch["token_lengths"], batch["mel_lengths"]
    return FeedForwardLoss(**options)(network(**batch), batch["mels"], *lengths, **LENGTHS)


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [*((name, "fftransformer") for name in ENCODERS), *(("fftransformer", name) for name in DECODERS)],
)
def test_every_encoder_and_decoder_learns(encoder, decoder, batch):
    network = tiny(encoder, decoder)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    found = []
    for _ in range(20):
        loss = losses(network, batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert found[-1] < found[0] - 0.3


# Numbers of coqui-tts 0.28.0 with the weights of the reference cases' rule, seed 7: sum and norm.
GOLDEN = {
    "relative_position_transformer": {
        "mels": (-25.962367325555533, 22.322548575074713), "log_durations": (-2.808023776859045, 0.8315636042528436),
        "pitch": (-2.8307500034570694, 1.2145497869114936), "energy": (-8.803742319345474, 2.2935354718639402),
        "speech": (-2.9493020810186863, 6.810810354246429),
    },
    "wavenet": {
        "mels": (-56.19741344585782, 14.807065993163642), "log_durations": (-1.402852326631546, 0.4226594443283483),
        "pitch": (-0.19190022349357605, 0.8412188269316534), "energy": (-8.868482232093811, 2.3565280072048624),
        "speech": (-3.9188833609223366, 4.769366660201516),
    },
}  # fmt: skip


@pytest.mark.parametrize("decoder", GOLDEN)
def test_parts_that_no_reference_case_has_give_the_numbers_of_coqui_tts(
    decoder, batch, with_rule_weights, assert_golden
):
    if decoder == "wavenet":
        network = tiny(decoder=decoder, d_vector_dim=16, positional_encoding=False)
    else:
        network = tiny(decoder, decoder, decoder_params={**RELATIVE, "layer_norm_type": "2"}, d_vector_dim=6)
    positions = {name: tensor for name, tensor in network.state_dict().items() if name.endswith(".pe")}
    with_rule_weights(network, positions, seed=7)
    size = 16 if decoder == "wavenet" else 6
    d_vectors = torch.cos(torch.arange(3 * size, dtype=torch.float64)).float().reshape(3, size)
    output, golden = network(**batch, d_vectors=d_vectors), GOLDEN[decoder]
    for name in ("mels", "log_durations", "pitch", "energy"):
        assert_golden(getattr(output, name), *golden[name])
    network.prepare_for_inference()
    speech = network.inference(batch["token_ids"][:1], batch["token_lengths"][:1], d_vectors=d_vectors[:1])
    assert_golden(speech.mels, *golden["speech"])


def test_attention_in_training_is_that_of_evaluation_but_for_dropout(batch):
    network = tiny(encoder_params={**TRANSFORMER, "dropout_p": 1e-7}, decoder_params={**TRANSFORMER, "dropout_p": 1e-7})
    network.duration_predictor.dropout = network.pitch_predictor.dropout = network.energy_predictor.dropout = 0.0
    trained = network.train()(**batch).mels
    torch.testing.assert_close(trained, network.eval()(**batch).mels)


def test_text_is_encoded_alike_whatever_padding_follows(batch):
    network = tiny().eval()
    with torch.no_grad():
        together = network(**batch)
        alone = network(**{name: tensor[1:2] for name, tensor in batch.items()})
    for name in ("log_durations", "pitch", "energy"):
        torch.testing.assert_close(getattr(together, name)[1:2], getattr(alone, name))


def test_the_loss_does_not_see_padding(batch):
    network = tiny().eval()
    whole = losses(network, batch)
    changed = {**batch, "mels": batch["mels"].clone()}
    output = network(**batch)
    changed["mels"][2, 10:] = 9.0
    lengths = batch["token_lengths"], batch["mel_lengths"]
    found = FeedForwardLoss()(output, changed["mels"], *lengths, **LENGTHS)
    torch.testing.assert_close(found["loss_spec"], whole["loss_spec"])


def test_durations_do_not_bend_a_text_encoder_that_is_kept_away_from_them(batch):
    for detached in (False, True):
        network = tiny(detach_duration_predictor=detached)
        network(**batch).log_durations.sum().backward()
        assert (network.emb.weight.grad is None) == detached


def test_the_mean_of_a_symbol_leaves_out_frames_without_voice():
    path = torch.tensor([[[1.0, 1, 1, 0, 0], [0, 0, 0, 1, 1]]])  # two symbols
    values = torch.tensor([[[2.0, 0, 4, 0, 0]]])
    assert mean_by_symbol(values, path).tolist() == [[[3.0, 0.0]]]


def test_the_forward_sum_is_that_over_all_monotonic_paths():
    torch.manual_seed(0)
    scores = torch.randn(2, 4, 3)
    counts, frames = (3, 2), (4, 3)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    found = forward_sum_loss(scores, counts, frames, mask)

    def paths(symbols, steps):
        """Ways through the symbols in order, a blank (0) allowed before, between and after them."""
        states = 2 * symbols + 1

        def walk(path):
            if len(path) == steps:
                if path[-1] >= states - 2:
                    yield path
                return
            for state in range(path[-1], min(path[-1] + 3, states)):
                # A blank may be passed over, a symbol may not.
                if state - path[-1] < 2 or (state % 2 and path[-1] % 2):
                    yield from walk([*path, state])

        yield from walk([0])
        yield from walk([1])

    expected = 0.0
    for row, symbols, steps in zip(scores, counts, frames, strict=True):
        padded = torch.cat([torch.full((4, 1), -1.0), row[:, :symbols]], dim=1).log_softmax(dim=1)
        chances = [
            sum(float(padded[step, state // 2 + 1 if state % 2 else 0]) for step, state in enumerate(path))
            for path in paths(symbols, steps)
        ]
        expected -= math.log(sum(map(math.exp, chances))) / symbols / 2
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_sure_and_right_aligner_has_no_binary_loss():
    hard = torch.eye(3)[None]
    assert float(binary_loss(hard, hard)) == pytest.approx(0.0, abs=1e-6)
    assert float(binary_loss(torch.full((1, 3, 3), 1 / 3), hard)) == pytest.approx(math.log(3))


def test_a_loss_without_weight_is_left_out(batch):
    found = losses(tiny(), batch, pitch=0.0, binary=0.0)
    assert found.keys() == {"loss", "loss_spec", "loss_dur", "loss_energy", "loss_aligner"}


def test_speech_lasts_as_long_as_the_factor_says(batch):
    network = tiny().eval()
    with torch.no_grad():
        network.duration_predictor.proj.bias.fill_(math.log(1 + 8.0))
        network.duration_predictor.proj.weight.zero_()
    ids, lengths = batch["token_ids"][:2], batch["token_lengths"][:2]
    once, twice = (network.inference(ids, lengths, length_scale=scale) for scale in (1.0, 2.0))
    assert once.mel_lengths.tolist() == [56, 40]
    assert twice.mel_lengths.tolist() == [112, 80]


def test_diverged_durations_are_told_and_bounded(batch):
    network = tiny().eval()
    for value, holds in ((math.nan, math.isnan), (200.0, math.isinf)):
        torch.nn.init.constant_(network.duration_predictor.proj.bias, value)
        speech = network.inference(batch["token_ids"][:1], batch["token_lengths"][:1])
        assert holds(float(speech.frames_asked_for))
        assert speech.mels.shape[1] < 1000


def test_pitch_follows_factor_and_shift(batch):
    network = tiny().eval()
    ids, lengths = batch["token_ids"][:1], batch["token_lengths"][:1]
    plain = network.inference(ids, lengths)
    higher = network.inference(ids, lengths, pitch_factor=1.5, pitch_shift=0.25)
    torch.testing.assert_close(higher.pitch, plain.pitch * 1.5 + 0.25)
    assert not torch.allclose(higher.mels, plain.mels)


def test_positions_go_on_beyond_the_table_of_a_checkpoint():
    positions = Positions(4)
    assert positions.pe.shape == (1, 4, 5000)
    steps = torch.zeros(1, 4, 5100)
    torch.testing.assert_close(positions(steps, torch.ones(1, 1, 5100)), position_table(4, 5100))
