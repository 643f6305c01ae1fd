"""The networks of the reference cases."""

import pytest

from finetune_tts.families.building import build_model
from finetune_tts.families.neural_hmm.loss import negative_log_likelihood


@pytest.fixture
def network(reference_case):
    network = build_model(reference_case.config, reference_case.config.num_chars)
    network.load_state_dict(reference_case.weights())
    return network.eval()


@pytest.fixture
def output(reference_case, network):
    batch = reference_case.tensors()
    return network(batch["text"], batch["text_lengths"], batch["mel"], batch["mel_lengths"])


@pytest.fixture
def check_reference(reference_case, network, output, assert_close):
    """Compares names, outputs, loss and gradients with those of the reference."""

    def check() -> None:
        group = getattr(reference_case.config, "num_squeeze", 1)  # frames that do not fill one are cut off
        shapes = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
        assert shapes == reference_case.read("shapes.json")
        batch, expected = reference_case.tensors(), reference_case.expected()
        assert_close("log-likelihood", output.log_likelihood, expected["forward.log_probs"])
        for clip, frames in enumerate(batch["mel_lengths"].tolist()):
            frames = frames // group * group
            ours, theirs = output.log_alphas[clip, :frames], expected["forward.alignments"][clip, :frames]
            assert_close(f"alignment of clip {clip}", ours, theirs)
        loss = negative_log_likelihood(output.log_likelihood, batch["text_lengths"], batch["mel_lengths"])
        assert_close("loss", loss, expected["loss.loss"])
        loss.backward()
        gradients = reference_case.read("gradients.json")
        norms = {name: 0.0 if p.grad is None else float(p.grad.norm()) for name, p in network.named_parameters()}
        assert norms.keys() == gradients.keys()
        for name, norm in gradients.items():
            assert norms[name] == pytest.approx(norm, rel=1e-3), name

    return check
