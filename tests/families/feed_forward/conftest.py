"""What all feed-forward models are held against."""

from functools import cached_property
from typing import Any

import pytest
import torch

from finetune_tts.data.batch import Batch
from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.feed_forward.network import FeedForwardOutput, FeedForwardTTS


class FeedForwardReference:
    """A reference case with our network for it."""

    def __init__(self, case: Any, with_rule_weights: Any, assert_close: Any) -> None:
        self.case, self.assert_close = case, assert_close
        self.shapes = case.read("shapes.json")
        self.network: FeedForwardTTS = with_rule_weights(self.build(), self.positions)
        self.batch = case.tensors()
        self.expected = case.expected()

    def build(self) -> FeedForwardTTS:
        """The network with fresh weights."""
        speakers = self.shapes.get("emb_g.weight", [0])[0]
        symbols = self.case.config.model_args.num_chars
        network = build_model(self.case.config, symbols, speakers)
        assert isinstance(network, FeedForwardTTS)
        return network

    @cached_property
    def positions(self) -> dict[str, torch.Tensor]:
        """What the rule of the weights does not give."""
        return {name: tensor for name, tensor in self.build().state_dict().items() if name.endswith(".pe")}

    @cached_property
    def output(self) -> FeedForwardOutput:
        """A teacher-forced pass."""
        batch = self.batch
        return self.network(
            *(batch[name] for name in ("text", "text_lengths", "mel", "mel_lengths")),
            **{name: batch.get(name) for name in ("pitch", "energy", "speaker_ids", "d_vectors")},
        )

    @cached_property
    def losses(self) -> dict[str, torch.Tensor]:
        """All terms, as the task has them."""
        batch = self.batch
        made = Batch(
            batch["text"], batch["text_lengths"], batch["mel"], batch["mel_lengths"], ["a", "b", "c"], ["", "", ""],
            token_counts=tuple(batch["text_lengths"].tolist()), mel_counts=tuple(batch["mel_lengths"].tolist()),
        )  # fmt: skip
        return make_task(self.network, self.case.config).losses(self.output, made)

    def check_names(self) -> None:
        """Tensor names and shapes are those of released checkpoints."""
        assert {name: list(tensor.shape) for name, tensor in self.network.state_dict().items()} == self.shapes

    def check_output(self) -> None:
        """Spectrograms, alignments, durations, pitch and energy."""
        output, expected = self.output, self.expected
        self.assert_close("mels", output.mels, expected["forward.model_outputs"])
        self.assert_close("log-durations", output.log_durations, expected["forward.durations_log"])
        self.assert_close("soft alignment", output.alignment_soft, expected["forward.alignment_soft"])
        self.assert_close("scores", output.alignment_scores.unsqueeze(1), expected["forward.alignment_logprob"])
        assert (output.alignment.numpy() == expected["forward.alignments"]).all()
        assert (output.alignment.numpy() == expected["forward.alignment_mas"]).all()
        assert (output.durations.numpy() == expected["forward.o_alignment_dur"]).all()
        for name in ("pitch", "energy"):
            assert (getattr(output, name) is None) == (f"forward.{name}_avg" not in expected)
            if f"forward.{name}_avg" in expected:
                self.assert_close(name, getattr(output, name), expected[f"forward.{name}_avg"])
                aligned = getattr(output, f"aligned_{name}")
                self.assert_close(f"aligned {name}", aligned, expected[f"forward.{name}_avg_gt"])

    def check_losses(self) -> None:
        """Each term, and their sum."""
        wanted = {name[5:]: value for name, value in self.expected.items() if name.startswith("loss.")}
        assert self.losses.keys() == wanted.keys()
        for name, value in wanted.items():
            self.assert_close(name, self.losses[name], value)

    def check_gradients(self) -> None:
        """The norm of each parameter's gradient; where it is 0, nothing of the loss arrives."""
        self.losses["loss"].backward()
        expected = self.case.read("gradients.json")
        norms = {name: 0.0 if p.grad is None else float(p.grad.norm()) for name, p in self.network.named_parameters()}
        assert norms.keys() == expected.keys()
        for name, norm in expected.items():
            if norm == 0:
                assert norms[name] == 0, name
            else:
                assert norms[name] == pytest.approx(norm, rel=1e-3), name

    def check_speech(self) -> None:
        """The first sentence."""
        batch, expected = self.batch, self.expected
        network = self.network
        network.prepare_for_inference()
        first = {name: batch[name][:1] for name in ("speaker_ids", "d_vectors") if name in batch}
        length = int(batch["text_lengths"][0])
        speech = network.inference(batch["text"][:1, :length], batch["text_lengths"][:1], **first)
        self.assert_close("mels", speech.mels, expected["inference.model_outputs"])
        self.assert_close("log-durations", speech.log_durations.unsqueeze(1), expected["inference.durations_log"])
        assert (speech.alignment.numpy() == expected["inference.alignments"]).all()
        for name in ("pitch", "energy"):
            if f"inference.{name}" in expected:
                self.assert_close(name, getattr(speech, name), expected[f"inference.{name}"])


@pytest.fixture
def feed_forward_reference(reference_case: Any, with_rule_weights: Any, assert_close: Any) -> FeedForwardReference:
    return FeedForwardReference(reference_case, with_rule_weights, assert_close)
