"""The Tacotrons beyond the reference's cases: every variant trains, speaks, and does what its options say."""

from dataclasses import replace

import pytest
import torch

from finetune_tts.families.tacotron.attention import AttentionOptions, beta_binomial
from finetune_tts.families.tacotron.capacitron import CapacitronOptions
from finetune_tts.families.tacotron.loss import TacotronLossOptions, alignment_error, tacotron_loss
from finetune_tts.families.tacotron.network import NetworkOptions
from finetune_tts.families.tacotron.style import StyleOptions
from finetune_tts.families.tacotron.tacotron import Tacotron, TacotronSizes
from finetune_tts.families.tacotron.tacotron2 import Tacotron2, Tacotron2Sizes

PLAIN = NetworkOptions(num_symbols=20, frame_channels=8, frames_per_step=2)
VARIANTS = {
    "plain": PLAIN,
    "softmax": replace(PLAIN, attention=AttentionOptions(norm="softmax")),
    "no location": replace(PLAIN, attention=AttentionOptions(location=False)),
    "windowing": replace(PLAIN, attention=AttentionOptions(windowing=True)),
    "forward": replace(PLAIN, attention=AttentionOptions(forward=True)),
    "transition agent": replace(PLAIN, attention=AttentionOptions(forward=True, transition_agent=True)),
    "forward mask": replace(PLAIN, attention=AttentionOptions(forward=True, forward_mask=True)),
    "graves": replace(PLAIN, attention=AttentionOptions(kind="graves", heads=3)),
    "dynamic convolution": replace(PLAIN, attention=AttentionOptions(kind="dynamic_convolution")),
    "bn prenet": replace(PLAIN, prenet_type="bn"),
    "no prenet dropout": replace(PLAIN, prenet_dropout=False),
    "stopnet not apart": replace(PLAIN, separate_stopnet=False),
    "coarse decoder": replace(PLAIN, coarse_frames_per_step=5),
    "bidirectional": replace(PLAIN, bidirectional=True),
    "memory": replace(PLAIN, memory_size=5),
    "short memory": replace(PLAIN, memory_size=1),
    "speakers": replace(PLAIN, num_speakers=3, speaker_channels=6),
    "d-vectors": replace(PLAIN, d_vector_channels=6),
    "style": replace(PLAIN, style=StyleOptions(channels=8, heads=2, tokens=3)),
    "capacitron": replace(PLAIN, capacitron=CapacitronOptions(channels=4, text_channels=3)),
    "capacitron that sees speakers": replace(
        PLAIN, num_speakers=3, speaker_channels=6, capacitron=CapacitronOptions(4, 0, sees_speaker=True)
    ),
}


def small(kind, options):
    torch.manual_seed(1)
    if kind == "tacotron2":
        return Tacotron2(options=options, encoder_channels=8, sizes=Tacotron2Sizes(recurrent=12, prenet=6, postnet=6))
    sizes = TacotronSizes(recurrent=12, prenet=(8, 6), cbhg=4, encoder_bank=3, postnet_bank=2, postnet_projection=6)
    return Tacotron(options=options, linear_channels=9, encoder_channels=8, sizes=sizes)


def make_batch(frames=25):
    generator = torch.Generator().manual_seed(2)
    return {
        "token_ids": torch.randint(1, 20, (3, 7), generator=generator),
        "token_lengths": torch.tensor([7, 5, 4]),
        "mels": torch.randn(3, frames, 8, generator=generator),
        "mel_lengths": torch.tensor([frames, frames - 4, frames - 11]),
    }


def conditions(options, batch=3):
    return {
        "speaker_ids": torch.arange(batch) % 3 if options.num_speakers else None,
        "d_vectors": torch.ones(batch, options.d_vector_channels) if options.d_vector_channels else None,
    }


def loss_of(network, batch, output):
    targets = batch["mels"] if isinstance(network, Tacotron2) else torch.ones(*batch["mels"].shape[:2], 9)
    options = TacotronLossOptions(
        coarse=bool(network.options.coarse_frames_per_step), bidirectional=network.options.bidirectional
    )
    return tacotron_loss(
        output,
        batch["token_lengths"],
        batch["mels"],
        batch["mel_lengths"],
        targets,
        frames_per_step=network.frames_per_step,
        options=options,
    )


@pytest.mark.parametrize("kind", ["tacotron", "tacotron2"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_learns_and_speaks(kind, variant):
    options = VARIANTS[variant]
    network, batch = small(kind, options).train(), make_batch()
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    totals = []
    for _ in range(5):
        torch.manual_seed(3)  # the same dropout each time, so that the loss falls
        losses = loss_of(network, batch, network(**batch, **conditions(options)))
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        totals.append(float(losses.total.detach()))
    assert totals[-1] < totals[0]
    unreached = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()}
    assert all("attention.ta" in name or "stopnet" in name or ".v." in name or "beta" in name for name in unreached)
    speech = network.eval().inference(batch["token_ids"][:1], max_steps=4, **conditions(options, 1))
    assert speech.outputs.shape[2] == (9 if kind == "tacotron" else 8)
    assert speech.outputs.shape[1] == 2 * speech.alignments.shape[1]
    assert speech.outputs.isfinite().all()


@pytest.mark.parametrize("kind", ["tacotron", "tacotron2"])
@pytest.mark.parametrize("variant", ["plain", "forward mask", "graves", "dynamic convolution", "memory", "bn prenet"])
def test_teacher_forcing_gives_what_speaking_gives_when_it_is_fed_its_own_frames(kind, variant):
    network = small(kind, VARIANTS[variant]).eval()
    tokens = make_batch()["token_ids"][:1]
    speech = network.inference(tokens, max_steps=6)
    frames = speech.decoder_outputs.shape[1]
    lengths = torch.tensor([7]), torch.tensor([frames])
    with torch.no_grad():
        forced = network(tokens, lengths[0], speech.decoder_outputs, lengths[1])
    torch.testing.assert_close(forced.decoder_outputs, speech.decoder_outputs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(forced.alignments, speech.alignments, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.sigmoid(forced.stops), speech.stops[:, :, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["tacotron", "tacotron2"])
def test_fewer_frames_a_step_use_the_first_rows_of_the_projection(kind):
    network, batch = small(kind, replace(PLAIN, frames_per_step=3)), make_batch()
    network.set_frames_per_step(2)
    output = network(**batch)
    assert output.decoder_outputs.shape == (3, 26, 8)
    assert output.alignments.shape == (3, 13, 7)
    assert loss_of(network, batch, output).total.isfinite()
    with pytest.raises(ValueError, match="1 to 3 frames a step"):
        network.set_frames_per_step(4)


@pytest.mark.parametrize("kind", ["tacotron", "tacotron2"])
def test_a_sentence_that_does_not_end_is_cut_off(kind):
    network = small(kind, PLAIN).eval()
    stopnet = network.decoder.stopnet
    with torch.no_grad():
        (stopnet.linear if kind == "tacotron" else stopnet[1].linear_layer).bias.fill_(-100.0)
        if kind == "tacotron":  # which also stops at the end of the text
            network.decoder.attention.v.linear_layer.weight.zero_()
    speech = network.inference(make_batch()["token_ids"][:1], max_steps=9)
    assert not speech.ended
    assert speech.alignments.shape[1] in (9, 10)


def test_a_style_is_a_recording_or_weights_of_the_tokens():
    network = small("tacotron2", VARIANTS["style"]).eval()
    tokens = make_batch()["token_ids"][:1]
    without = network.inference(tokens, max_steps=3)
    like = network.inference(tokens, max_steps=3, style=torch.randn(1, 70, 8))
    weighed = network.inference(tokens, max_steps=3, style={0: 0.5, 2: -0.3})
    assert not torch.allclose(without.outputs, like.outputs)
    assert not torch.allclose(without.outputs, weighed.outputs)
    torch.testing.assert_close(network.inference(tokens, max_steps=3, style={}).outputs, without.outputs)
    with pytest.raises(ValueError, match="style token 3: there are 3, 0 to 2"):
        network.inference(tokens, style={3: 1.0})


def test_several_texts_at_once_are_refused():
    with pytest.raises(ValueError, match="one at a time"):
        small("tacotron2", PLAIN).inference(make_batch()["token_ids"])


def test_texts_need_not_be_sorted_by_length():
    network, batch = small("tacotron2", PLAIN).eval(), make_batch()
    turned = {name: tensor.flip(0) for name, tensor in batch.items()}
    torch.testing.assert_close(network(**turned).outputs, network(**batch).outputs.flip(0), rtol=1e-4, atol=1e-5)


def test_bf16_gives_about_the_same_numbers():
    options = replace(PLAIN, coarse_frames_per_step=4)
    network, batch = small("tacotron2", options).eval(), make_batch()
    exact = network(**batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = network(**batch)
    torch.testing.assert_close(rough.outputs.float(), exact.outputs, rtol=0.1, atol=0.1)
    loss_of(network, batch, replace(rough, outputs=rough.outputs.float())).total.backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


def test_a_decided_attention_has_no_alignment_error():
    assert float(alignment_error(torch.eye(5).unsqueeze(0))) == 0
    assert float(alignment_error(torch.full((1, 5, 5), 0.2))) == pytest.approx(0.8)


def test_beta_binomial_is_a_distribution():
    probabilities = beta_binomial(10, 0.1, 0.9)
    assert float(probabilities.sum()) == pytest.approx(1, abs=1e-5)
    assert float(probabilities[0]) == pytest.approx(0.7400, abs=1e-3)


def test_terms_with_weight_0_are_left_out():
    network, batch = small("tacotron2", PLAIN).eval(), make_batch()
    options = TacotronLossOptions(
        decoder=0, guided_attention=0, decoder_similarity=0, postnet_similarity=0, stopnet=False, error="l1"
    )
    losses = tacotron_loss(
        network(**batch),
        batch["token_lengths"],
        batch["mels"],
        batch["mel_lengths"],
        batch["mels"],
        frames_per_step=2,
        options=options,
    )
    assert losses.terms.keys() == {"postnet_loss", "decoder_diff_spec_loss", "postnet_diff_spec_loss"}
    assert losses.total.isfinite()
