"""What both Tacotrons are held against."""

from functools import cached_property
from typing import Any

import pytest
import torch

from finetune_tts.families.building import build_model
from finetune_tts.families.tacotron.building import loss_options
from finetune_tts.families.tacotron.loss import TacotronLosses, tacotron_loss
from finetune_tts.families.tacotron.network import TacotronNetwork, TacotronOutput


class TacotronReference:
    """A reference case of a Tacotron with our network for it."""

    def __init__(self, case: Any, with_rule_weights: Any, assert_close: Any) -> None:
        speakers = case.read("shapes.json").get("speaker_embedding.weight", [0])[0]
        self.case = case
        self.network: TacotronNetwork = with_rule_weights(
            build_model(case.config, case.config.num_chars, speakers), case.buffers()
        )
        self.batch = case.tensors()
        self.expected = case.expected()
        self.assert_close = assert_close

    def run(self) -> TacotronOutput:
        """A teacher-forced pass."""
        names = ("text", "text_lengths", "mel", "mel_lengths", "speaker_ids", "d_vectors")
        return self.network(*(self.batch.get(name) for name in names))

    @cached_property
    def output(self) -> TacotronOutput:
        """The same, once."""
        return self.run()

    @cached_property
    def losses(self) -> TacotronLosses:
        """All terms."""
        targets = self.batch["linear"] if self.case.config.model == "tacotron" else self.batch["mel"]
        return tacotron_loss(
            self.output,
            self.batch["text_lengths"],
            self.batch["mel"],
            self.batch["mel_lengths"],
            targets,
            frames_per_step=self.network.frames_per_step,
            options=loss_options(self.case.config),
        )

    def check_names(self) -> None:
        """Tensor names and shapes are those of released checkpoints."""
        ours = {name: list(tensor.shape) for name, tensor in self.network.state_dict().items()}
        assert ours == self.case.read("shapes.json")

    def check_output(self) -> None:
        """Spectrograms, alignments and stops, and those of the second decoder."""
        names = {
            "model_outputs": self.output.outputs,
            "decoder_outputs": self.output.decoder_outputs,
            "alignments": self.output.alignments,
            "stop_tokens": self.output.stops,
            "decoder_outputs_backward": self.output.second_outputs,
            "alignments_backward": self.output.second_alignments,
        }
        for name, tensor in names.items():
            if f"forward.{name}" in self.expected:
                self.assert_close(name, tensor, self.expected[f"forward.{name}"])
            else:
                assert tensor is None, name

    def check_output_without_gradients(self) -> None:
        """A pass that records nothing gives the same."""
        with torch.inference_mode():
            again = self.run()
        torch.testing.assert_close(again.outputs, self.output.outputs, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(again.alignments, self.output.alignments, rtol=1e-4, atol=1e-6)

    def check_losses(self) -> None:
        """Every term, and the sum."""
        prefix = "loss."
        expected = {name[len(prefix) :]: value for name, value in self.expected.items() if name.startswith(prefix)}
        expected.pop("align_error", None)
        self.assert_close("loss", self.losses.total, expected.pop("loss"))
        assert self.losses.terms.keys() == expected.keys()
        for name, value in expected.items():
            self.assert_close(name, self.losses.terms[name], value)

    def check_gradients(self) -> None:
        """The norm of every parameter's gradient."""
        self.losses.total.backward()
        expected = self.case.read("gradients.json")
        norms = {n: 0.0 if p.grad is None else float(p.grad.norm()) for n, p in self.network.named_parameters()}
        assert norms.keys() == expected.keys()
        for name, norm in expected.items():
            if norm == 0:
                assert norms[name] == 0, name
            else:
                # A number that shifts all energies alike changes no softmax: its gradient is 0 but for rounding.
                assert norms[name] == pytest.approx(norm, rel=1e-3, abs=1e-8), name

    def check_speech(self) -> None:
        """Inference of the first text, where the reference has it."""
        if "inference.model_outputs" not in self.expected:
            return
        length = int(self.batch["text_lengths"][0])
        first = {name: self.batch[name][:1] for name in ("speaker_ids", "d_vectors") if name in self.batch}
        speech = self.network.inference(self.batch["text"][:1, :length], max_steps=12, **first)
        for name, tensor in {
            "model_outputs": speech.outputs,
            "decoder_outputs": speech.decoder_outputs,
            "alignments": speech.alignments,
            "stop_tokens": speech.stops,
        }.items():
            self.assert_close(name, tensor, self.expected[f"inference.{name}"])


@pytest.fixture
def tacotron_reference(reference_case: Any, with_rule_weights: Any, assert_close: Any) -> TacotronReference:
    """The case available."""
    return TacotronReference(reference_case, with_rule_weights, assert_close)
