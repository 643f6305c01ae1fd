"""XTTS v1.1 and v2 give the numbers of the reference: names, codes, conditioning, losses, gradients, speech."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from finetune_tts.families.building import build_model
from finetune_tts.families.xtts.dvae import DVAEEncoder, encoder_weights
from finetune_tts.families.xtts.generation import Sampling, most_codes, write
from finetune_tts.families.xtts.loss import gpt_losses
from finetune_tts.families.xtts.mels import code_mel
from finetune_tts.families.xtts.network import IGNORED, Xtts
from finetune_tts.families.xtts.weights import translate_names

REFERENCE_MODEL = "xtts"


class Reference:
    """A reference case with its network."""

    def __init__(self, case):
        self.case, self.expected, self.inputs = case, case.expected(), case.tensors()
        self.state = case.weights()
        self.stats = torch.from_numpy(np.load(case.folder / "mel_stats.npy")).to(torch.get_default_dtype())
        network = build_model(case.config, num_symbols=case.config.model_args["gpt_number_text_tokens"])
        assert isinstance(network, Xtts)
        network.load_state_dict(translate_names(self.state))
        network.mel_stats.copy_(self.stats)
        self.network = network.eval()

    def codes(self):
        waveforms = self.inputs["waveform"].squeeze(1)
        encoder = DVAEEncoder(codes=self.case.config.model_args["gpt_num_audio_tokens"] - 2).eval()
        prefix = "dvae."
        encoder.load_state_dict(
            encoder_weights({name[len(prefix) :]: x for name, x in self.state.items() if name.startswith(prefix)})
        )
        return encoder(code_mel()(waveforms, self.stats))

    def output(self):
        inputs = self.inputs
        lengths = torch.ceil(inputs["waveform_lengths"] / 1024).long()
        conditioning = list(inputs["conditioning"].flatten(1))
        return self.network(inputs["text"], inputs["text_lengths"], self.codes(), lengths, conditioning)


@pytest.fixture
def xtts_reference(reference_case):
    """The network of a case with the case's weights."""
    return Reference(reference_case)


def test_reference_codes_and_spectrograms(xtts_reference, assert_close):
    expected, inputs = xtts_reference.expected, xtts_reference.inputs
    network, stats = xtts_reference.network, xtts_reference.stats
    assert_close("dvae_mel", code_mel()(inputs["waveform"].squeeze(1), stats), expected["dvae_mel"])
    assert xtts_reference.codes().tolist() == expected["codes"].tolist()
    mel = network.listen(inputs["conditioning"].flatten(1), stats)
    assert_close("conditioning_mel", mel.unsqueeze(1), expected["conditioning_mel"])
    assert_close("conditioning", network.gpt.prompt_of(mel), expected["conditioning"])


def test_reference_losses_logits_and_gradients(xtts_reference, assert_close):
    expected = xtts_reference.expected
    output = xtts_reference.output()
    for row, wanted in enumerate(expected["mel_logits"]):
        # Places in the padding see other places there than in the makers' program, and nobody asks them.
        counts = output.code_targets[row] != IGNORED
        logits = output.code_logits[row].T  # [K, N]
        assert_close(f"mel_logits {row}", logits[:, counts], wanted[:, : logits.shape[1]][:, counts.numpy()])
    losses = gpt_losses(output, text_weight=0.01, code_weight=1.0)
    assert_close("loss_text_ce", losses["loss_text_ce"], expected["loss.loss_text_ce"])
    assert_close("loss_mel_ce", losses["loss_mel_ce"], expected["loss.loss_mel_ce"])
    assert_close("loss", losses["loss"], expected["loss.loss"])
    losses["loss"].backward()
    gradients = {name: parameter.grad for name, parameter in xtts_reference.network.named_parameters()}
    for name, norm in xtts_reference.case.read("gradients.json").items():
        gradient = gradients.get(name.removeprefix("xtts."))  # the DVAE does not learn, and is not part of the network
        ours = 0.0 if gradient is None else float(gradient.norm())
        assert ours == pytest.approx(norm, rel=1e-3, abs=0), name


def test_reference_cloning_and_decoder(xtts_reference, assert_close):
    expected, inputs, network = xtts_reference.expected, xtts_reference.inputs, xtts_reference.network
    with torch.no_grad():
        recording = inputs["reference_22050"][0]
        has_perceiver = network.gpt.conditioning_perceiver is not None
        chunks = list(recording.split(2 * 22050)) if has_perceiver else [recording]
        prompt = torch.stack(network.prompts_of(chunks)).mean(0)
        assert_close("gpt_cond_latent", prompt.unsqueeze(0), expected["cloning.gpt_cond_latent"])
        resampled = torch.from_numpy(expected["resampled_16k"])
        speaker = network.hifigan_decoder.speaker_of(resampled)
        assert_close("speaker_embedding", speaker, expected["cloning.speaker_embedding"])
        waveform = network.hifigan_decoder(
            inputs["decoder_latents"], torch.from_numpy(expected["cloning.speaker_embedding"])
        )
        assert_close("decoder_of_latents", waveform, expected["decoder_of_latents"])


@pytest.mark.parametrize(("name", "penalty"), [("greedy", 1.0), ("greedy_repetition_penalty", 10.0)])
def test_reference_greedy_codes_and_their_vectors(xtts_reference, assert_close, name, penalty):
    expected, gpt = xtts_reference.expected, xtts_reference.network.gpt
    prompt = torch.from_numpy(expected["cloning.gpt_cond_latent"])
    text_ids = torch.from_numpy(expected["spoken_text_ids"]).long()
    sampling = Sampling(temperature=0, repetition_penalty=penalty)
    written = list(write(gpt, prompt, text_ids, sampling, limit=most_codes(gpt)))
    codes = torch.stack([step.codes for step in written], dim=1)
    assert codes.tolist() == expected[f"{name}.codes"].tolist()
    assert_close("latents", torch.stack([step.latents for step in written], dim=1), expected[f"{name}.latents"])
    # A code's chance is that of its logits, as a pass over everything at once gives it too.
    logits = gpt.mel_head(torch.from_numpy(expected[f"{name}.latents"]))
    chances = F.log_softmax(logits, dim=-1).gather(2, codes.unsqueeze(2)).squeeze(2)
    assert_close("chances", torch.stack([step.log_chances for step in written], dim=1), chances.detach().numpy())
