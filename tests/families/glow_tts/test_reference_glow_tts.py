"""Glow-TTS gives the numbers of the reference: outputs, losses, gradients, speech."""

import pytest
import torch

from finetune_tts.families.building import build_model
from finetune_tts.families.glow_tts.loss import glow_tts_loss

REFERENCE_MODEL = "glow_tts"


@pytest.fixture
def network(reference_case, with_rule_weights):
    shapes = reference_case.read("shapes.json")
    speakers = shapes.get("emb_g.weight", [0])[0]
    return with_rule_weights(build_model(reference_case.config, reference_case.config.num_chars, speakers))


@pytest.fixture
def output(reference_case, network):
    batch = reference_case.tensors()
    return network(
        batch["text"],
        batch["text_lengths"],
        batch["mel"],
        batch["mel_lengths"],
        batch.get("speaker_ids"),
        batch.get("d_vectors"),
    )


def test_reference_names_and_shapes_are_those_of_released_checkpoints(reference_case, network):
    network.prepare_for_inference()
    ours = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    theirs = reference_case.read("shapes.json")
    # The reference was saved with folded WaveNet layers, kept factors in `start`, and inverses that follow from others.
    theirs = {name: shape for name, shape in theirs.items() if not name.endswith("weight_inv")}
    for name in [name for name in theirs if name.endswith("weight_g")]:
        theirs.pop(name)
        theirs[name.replace("weight_g", "weight")] = theirs.pop(name.replace("weight_g", "weight_v"))
    assert ours == theirs


def test_reference_forward_pass(reference_case, output, assert_close):
    expected = reference_case.expected()
    assert_close("z", output.z, expected["forward.z"])
    assert_close("log-determinant", output.log_determinant, expected["forward.logdet"])
    assert_close("mean", output.mean, expected["forward.y_mean"])
    assert_close("log-scale", output.log_scale, expected["forward.y_log_scale"])
    assert (output.alignment.numpy() == expected["forward.alignments"]).all()
    assert_close("log-durations", output.log_durations, expected["forward.durations_log"])
    assert_close("aligned log-durations", output.aligned_log_durations, expected["forward.total_durations_log"])


def test_reference_losses(reference_case, output, assert_close):
    batch, expected = reference_case.tensors(), reference_case.expected()
    losses = glow_tts_loss(output, batch["text_lengths"], batch["mel_lengths"])
    assert_close("loss", losses.total, expected["loss.loss"])
    assert_close("log_mle", losses.log_mle, expected["loss.log_mle"])
    assert_close("loss_dur", losses.duration, expected["loss.loss_dur"])


def test_reference_gradients(reference_case, network, output):
    batch = reference_case.tensors()
    glow_tts_loss(output, batch["text_lengths"], batch["mel_lengths"]).total.backward()
    expected = reference_case.read("gradients.json")
    norms = {name: 0.0 if p.grad is None else float(p.grad.norm()) for name, p in network.named_parameters()}
    assert norms.keys() == expected.keys()
    for name, norm in expected.items():
        if norm == 0:
            assert norms[name] == 0, name
        else:
            # A key's bias shifts all scores alike: its gradient is 0 but for rounding.
            assert norms[name] == pytest.approx(norm, rel=1e-3, abs=1e-9), name


def test_reference_speech(reference_case, network, assert_close):
    batch, expected = reference_case.tensors(), reference_case.expected()
    first = {name: batch[name][:1] for name in ("speaker_ids", "d_vectors") if name in batch}
    length = int(batch["text_lengths"][0])
    speech = network.inference(batch["text"][:1, :length], batch["text_lengths"][:1], **first)
    assert_close("mel", speech.mel, expected["inference.model_outputs"])
    assert_close("mean", speech.mean, expected["inference.y_mean"])
    assert (speech.alignment.numpy() == expected["inference.alignments"]).all()
    assert_close("log-durations", speech.log_durations, expected["inference.durations_log"])


def test_reference_speech_is_the_same_with_folded_weights(reference_case, network):
    batch = reference_case.tensors()
    first = {name: batch[name][:1] for name in ("speaker_ids", "d_vectors") if name in batch}
    before = network.inference(batch["text"][:1], batch["text_lengths"][:1], **first).mel
    network.prepare_for_inference()
    torch.testing.assert_close(network.inference(batch["text"][:1], batch["text_lengths"][:1], **first).mel, before)
