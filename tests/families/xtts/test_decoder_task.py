"""Training of the decoder: what it hears, what it is compared with, and what stays as it is."""

import copy

import numpy as np
import pytest
import torch

from finetune_tts.audio.reading import resample
from finetune_tts.data.batch import Collate, Item
from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.reading import tokenizer_of
from finetune_tts.families.xtts.decoder_task import MEL_ERROR, XttsDecoderTask
from finetune_tts.families.xtts.generation import Sampling, write
from finetune_tts.tasks.adversarial import DISCRIMINATOR, GENERATOR

RATE = 22050


def clip(seconds, name="clip", tokens=6):
    random = np.random.default_rng(int(seconds * 100))
    samples = int(seconds * RATE)
    wav = 0.3 * np.sin(2 * np.pi * 220 * np.arange(samples) / RATE) + 0.01 * random.standard_normal(samples)
    frames = samples // 256
    return Item(
        token_ids=random.integers(5, 30, tokens),
        mel=np.zeros((0, frames), np.float32),
        name=name,
        text="text",
        waveform=wav.astype(np.float32)[: frames * 256],
        codes=random.integers(0, 64, -(-samples // 1024)),
    )


def batch_of(*seconds):
    return Collate(pad_id=0)([clip(each, f"clip{place}", 8 - place) for place, each in enumerate(seconds)])


@pytest.fixture
def task(small_widths, xtts_config):
    xtts_config.train_decoder = True
    xtts_config.decoder_segment_frames = 32
    torch.manual_seed(1)
    task = make_task(build_model(xtts_config, len(tokenizer_of(xtts_config).vocabulary)), xtts_config)
    task.train()
    return task


def step(task, optimizers, batch):
    """One step of both parts, as the stepper makes it."""
    _, found = task.part_losses(batch, (DISCRIMINATOR, GENERATOR))
    for part, losses in found.items():
        weights = [weight for group in optimizers[part].param_groups for weight in group["params"]]
        losses["loss"].backward(inputs=weights, retain_graph=part == DISCRIMINATOR)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return found


@torch.no_grad()
def test_the_decoder_hears_what_it_hears_in_speaking(xtts):
    prompt, text = torch.randn(1, 32, 32) * 0.1, torch.randint(5, 30, (1, 7))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        written = list(write(xtts.gpt, prompt, text, Sampling(temperature=2.0, top_k=0, top_p=1.0), limit=20))
    codes = torch.cat([each.codes for each in written])
    codes = codes[codes != xtts.gpt.stop_audio]
    assert len(codes) > 3
    spoken = torch.cat([each.latents for each in written])[: len(codes)]
    # Beside a longer clip and a shorter one, whose places fill the batch differently.
    others = [(torch.randn(40, 32), torch.randint(5, 30, (12,)), torch.randint(0, 64, (n,))) for n in (30, 1)]
    prompts, texts, rows = zip(others[0], (prompt[0], text[0], codes), others[1], strict=True)
    heard = xtts.gpt.latents_of(prompts, texts, rows)
    assert [len(vectors) for vectors in heard] == [30, len(codes), 1]
    torch.testing.assert_close(heard[1], spoken, rtol=1e-4, atol=1e-5)


def test_a_segment_is_compared_with_the_same_part_of_the_recording(task):
    task.eval()
    batch = batch_of(1.5, 1.0)
    heard = task.hear(batch)
    assert heard.frames.shape == (2, 32, 32)
    assert heard.recorded.shape == (2, 1, 32 * 256)
    for row, count in enumerate(batch.waveform_counts):
        wav = batch.waveforms[row, 0, :count].numpy()
        recorded = resample(wav, RATE, 24000)
        start = (count * 24000 // RATE // 256 - 32) // 2 * 256
        torch.testing.assert_close(
            heard.recorded[row, 0], torch.from_numpy(recorded[start : start + 32 * 256]), rtol=0, atol=0.02
        )


def test_the_frames_of_a_segment_are_those_of_its_time(task, monkeypatch):
    """Vectors that count the codes become frames that tell when they are."""
    task.eval()
    batch = batch_of(1.5, 1.0)
    counted = [torch.arange(float(count)).unsqueeze(1).expand(-1, 32) for count in batch.code_counts]
    monkeypatch.setattr(task.network.gpt, "latents_of", lambda *_: counted)
    frames = task.hear(batch).frames
    for row, count in enumerate(batch.waveform_counts):
        start = (count * 24000 // RATE // 256 - 32) // 2
        seconds = (start + torch.arange(32) + 0.5) * 256 / 24000  # the middles of the frames
        place = seconds * RATE / 1024 - 0.5
        torch.testing.assert_close(frames[row, 0], place, rtol=0, atol=0.05)


def test_held_out_clips_are_cut_the_same_way_and_others_anywhere(task):
    batch = batch_of(1.8)
    assert not torch.equal(task.hear(batch).recorded, task.hear(batch).recorded)
    task.eval()
    assert torch.equal(task.hear(batch).recorded, task.hear(batch).recorded)


def test_the_longest_clip_takes_no_more_of_the_decoder_than_a_short_one(task):
    assert task.run_network(batch_of(2.2)).generated.shape == task.run_network(batch_of(1.0)).generated.shape
    # One that is shorter than a segment is made whole.
    assert task.run_network(batch_of(1.0, 0.2)).generated.shape == (2, 1, 18 * 256)


def test_only_the_hifigan_and_its_judge_learn(task):
    before = copy.deepcopy(task.network.state_dict())
    optimizers = task.get_optimizer()
    step(task, optimizers, batch_of(1.0, 0.8))
    after = task.network.state_dict()
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert {name.split(".")[0] for name in changed} == {"hifigan_decoder", "disc"}
    decoder = {name for name in changed if name.startswith("hifigan_decoder.")}
    assert all(name.startswith("hifigan_decoder.waveform_decoder.") for name in decoder)
    assert {name for name in before if name.startswith("hifigan_decoder.waveform_decoder.")} - decoder == set()


def test_the_language_model_reads_without_dropout(task):
    batch = batch_of(1.0)
    torch.manual_seed(1)
    first = task.hear(batch).frames
    torch.manual_seed(1)
    assert torch.equal(task.hear(batch).frames, first)
    task.eval()
    task.train()
    assert not any(module.training for module in task.network.gpt.modules())
    assert task.network.hifigan_decoder.waveform_decoder.training


def test_a_clip_that_is_seen_again_and_again_is_made_ever_better(task):
    task.config.lr = 2e-3
    batch = batch_of(1.0)
    optimizers = task.get_optimizer()
    losses = [float(step(task, optimizers, batch)[GENERATOR][MEL_ERROR]) for _ in range(12)]
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])


def test_two_rates_are_of_discriminator_and_decoder(task):
    task.config.lr = [1e-4, 3e-4]
    assert [optimizer.param_groups[0]["lr"] for optimizer in task.get_optimizer()] == [1e-4, 3e-4]
    assert isinstance(task, XttsDecoderTask)
