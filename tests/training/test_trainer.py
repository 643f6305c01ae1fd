import json
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.machine.interrupts import TrainingInterrupted
from finetune_tts.runs.checkpoints import newest_checkpoint
from finetune_tts.runs.history import read_history
from finetune_tts.tasks.spoken_samples import SpokenSample
from finetune_tts.training.non_finite import NonFiniteLoss


def load(path):
    return torch.load(path, weights_only=True)


def test_a_run_leaves_checkpoint_best_model_history_and_events(make_run, speak):
    run = make_run(speak=speak, epochs=2)
    run.fit()

    names = {path.name for path in run.output_path.iterdir()}
    assert run.total_steps_done == 12  # 22 clips in batches of 4, twice
    assert {"checkpoint_12.pth", "best_model.pth", "history.jsonl", "samples"} <= names
    assert any(name.startswith("best_model_") for name in names)
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert len(list((run.output_path / "samples").glob("step_0000012/*.wav"))) == 2


def test_checkpoints_hold_the_networks_own_names_and_the_keys_of_the_field(make_run):
    run = make_run(epochs=1)
    run.fit()

    checkpoint = load(run.output_path / "checkpoint_6.pth")

    assert set(checkpoint["model"]) == set(run.task.network.state_dict())
    assert {"model", "optimizer", "scheduler", "scaler", "step", "epoch", "date", "model_loss", "config"} <= set(
        checkpoint
    )
    assert checkpoint["step"] == 6
    assert checkpoint["config"]["run_name"] == "tiny"


def test_the_loss_falls_and_the_best_model_is_the_one_of_the_lowest_held_out_loss(make_run):
    run = make_run(epochs=8)
    run.fit()

    history = read_history(run.output_path)
    held_out = {entry.step: entry.losses["loss"] for entry in history if entry.split == "eval"}
    best = min(held_out, key=held_out.get)
    trained = [entry.losses["loss"] for entry in history if entry.split == "train"]
    assert trained[-1] < trained[0]
    assert (run.output_path / f"best_model_{best}.pth").exists()
    assert load(run.output_path / "best_model.pth")["step"] == best
    assert run.best_loss["eval_loss"] == held_out[best]
    assert len(list(run.output_path.glob("best_model_*.pth"))) == 1


def test_save_all_best_keeps_the_earlier_ones(make_run):
    run = make_run(epochs=4, save_all_best=True)
    run.fit()

    assert len(list(run.output_path.glob("best_model_*.pth"))) > 1


def test_target_loss_decides_which_model_is_the_best(make_run):
    run = make_run(epochs=1, target_loss="error")
    run.fit()

    assert run.best_loss["eval_loss"] == run.eval_losses["error"]


def test_a_target_loss_that_there_is_not_is_refused_with_the_names_that_there_are(make_run):
    with pytest.raises(UserError, match="target_loss typo.*loss, error"):
        make_run(epochs=1, target_loss="typo").fit()


def test_held_out_loss_by_steps_replaces_the_one_by_epochs(make_run):
    run = make_run(epochs=2, run_eval_steps=4)
    run.fit()

    assert [entry.step for entry in read_history(run.output_path) if entry.split == "eval"] == [4, 8, 12]


def test_without_held_out_clips_the_training_loss_decides(make_run):
    run = make_run(epochs=2, eval_clips=None)
    run.fit()

    assert run.best_loss["train_loss"] < math.inf
    assert (run.output_path / "best_model.pth").exists()


def test_measuring_and_speaking_change_nothing_of_the_training(make_run, speak):
    plain = make_run("plain", epochs=2, run_eval=False)
    plain.fit()
    busy = make_run("busy", speak=speak, epochs=2, run_eval_steps=1, save_step=1)
    busy.fit()

    for name, weight in plain.task.network.state_dict().items():
        assert torch.equal(weight, busy.task.network.state_dict()[name]), name


def test_the_newest_checkpoints_are_kept_and_no_more(make_run):
    run = make_run(epochs=2, save_step=2, save_n_checkpoints=3)
    run.fit()

    assert sorted(path.name for path in run.output_path.glob("checkpoint_*")) == [
        "checkpoint_10.pth",
        "checkpoint_12.pth",
        "checkpoint_8.pth",
    ]


@pytest.mark.parametrize(
    ("after_epoch", "expected"), [(True, [1.0] * 6 + [0.5] * 6), (False, [0.5**n for n in range(12)])]
)
def test_the_schedule_steps_as_the_config_says(make_run, after_epoch, expected):
    run = make_run(
        epochs=2, print_step=1, lr=1.0, optimizer="SGD", lr_scheduler="ExponentialLR",
        lr_scheduler_params={"gamma": 0.5}, scheduler_after_epoch=after_epoch,
    )  # fmt: skip
    run.fit()

    rates = [entry.rate for entry in read_history(run.output_path) if entry.split == "train"]
    assert rates == pytest.approx(expected)


def test_a_schedule_that_ends_before_the_run_keeps_its_last_rate(make_run):
    params = {"max_lr": 0.1, "total_steps": 4, "final_div_factor": 10}
    options = {"lr_scheduler": "OneCycleLR", "lr_scheduler_params": params, "scheduler_after_epoch": False}
    run = make_run(epochs=1, **options)  # 6 steps
    run.fit()
    assert run.stepper.next_rates() == pytest.approx([0.1 / 25 / 10])


def test_a_schedule_that_follows_the_held_out_loss_gets_it(make_run):
    run = make_run(epochs=6, lr=0.0, lr_scheduler="ReduceLROnPlateau", lr_scheduler_params={"patience": 1})
    run.fit()

    assert run.schedules[0].scheduler.num_bad_epochs > 0 or run.schedules[0].scheduler.last_epoch == 6


def test_accumulated_batches_make_the_gradient_of_one_large_batch(make_run, monkeypatch):
    options = {"epochs": 1, "clips": 16, "optimizer": "SGD", "lr": 0.1, "eval_clips": None, "grad_clip": 0.0}
    gathered = make_run("gathered", settings={"grad_accum_steps": 2}, batch_size=4, **options)
    large = make_run("large", batch_size=8, **options)
    for run in (gathered, large):
        # Dropout and batch statistics would tell the two apart, rightly.
        run.task.network.drop = run.task.network.norm = nn.Identity()
    batches = list(gathered.train_loader)
    whole = batches[0].__class__(
        **{
            **{
                name: torch.cat([getattr(batch, name) for batch in batches[:2]])
                for name in ("token_ids", "token_lengths")
            },
            "mels": nn.utils.rnn.pad_sequence([mel for batch in batches[:2] for mel in batch.mels], batch_first=True),
            "mel_lengths": torch.cat([batch.mel_lengths for batch in batches[:2]]),
            "names": [name for batch in batches[:2] for name in batch.names],
            "texts": [],
        }
    )
    for run in (gathered, large):
        monkeypatch.setattr(run.task, "losses", lambda outputs, batch: {"loss": (outputs**2).mean()})

    gathered.stepper.step(1, batches[:2])
    large.stepper.step(1, [whole])

    for left, right in zip(gathered.task.parameters(), large.task.parameters(), strict=True):
        torch.testing.assert_close(left, right)


def test_the_last_batches_of_an_epoch_make_a_step_even_if_they_are_fewer(make_run):
    run = make_run(epochs=2, settings={"grad_accum_steps": 4})  # 6 batches: 4 and 2
    run.fit()

    assert run.total_steps_done == 4


def test_a_step_without_finite_loss_is_left_out_and_its_clips_are_named(make_run, caplog):
    run = make_run(epochs=1, names=["poison"])
    run.fit()

    assert run.stepper.guard.skipped == 1
    assert "poison" in caplog.text
    assert all(torch.isfinite(weight).all() for weight in run.task.parameters())
    assert all(math.isfinite(entry.losses["loss"]) for entry in read_history(run.output_path))


def test_several_steps_in_a_row_without_finite_loss_end_the_run_with_its_checkpoint_whole(make_run):
    run = make_run(epochs=9, names=["poison"] * 22, save_step=1)

    with pytest.raises(NonFiniteLoss, match="5 steps in a row.*poison.*--coqpit.lr"):
        run.fit()

    assert load(newest_checkpoint(run.output_path))["step"] == 4


def test_gradients_are_cut_to_the_norm(make_run):
    run = make_run(epochs=1, grad_clip=1e-3, optimizer="SGD", lr=1.0)
    before = [weight.detach().clone() for weight in run.task.parameters()]
    run.stepper.step(1, [next(iter(run.train_loader))])

    moved = (
        torch.stack([(new - old).norm() for new, old in zip(run.task.parameters(), before, strict=True)]).norm().item()
    )
    assert moved == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize("stop_at", [1, 3, 6, 7, 11])
def test_a_run_that_stops_and_goes_on_equals_one_that_never_stopped(make_run, speak, stop_at):
    options = {"epochs": 3, "run_eval_steps": None, "print_step": 1, "lr_scheduler": "NoamLR",
               "lr_scheduler_params": {"warmup_steps": 5}, "scheduler_after_epoch": False, "speak": speak}  # fmt: skip
    straight = make_run("straight", **options)
    straight.fit()
    make_run("stopped", settings={"max_steps": stop_at}, **options).fit()
    checkpoint = read_checkpoint(newest_checkpoint(straight.output_path.parent / "stopped"))
    again = make_run("stopped", resume=checkpoint, **options)
    again.fit()

    assert again.total_steps_done == straight.total_steps_done
    for name, weight in straight.task.network.state_dict().items():
        assert torch.equal(weight, again.task.network.state_dict()[name]), name
    wanted = [(entry.step, entry.losses, entry.rate) for entry in read_history(straight.output_path)]
    found = [(entry.step, entry.losses, entry.rate) for entry in read_history(again.output_path)]
    # Ending early is an evaluation more; all others are the same to the last bit.
    assert [entry for entry in found if entry in wanted] == wanted
    assert again.best_loss["eval_loss"] <= straight.best_loss["eval_loss"]


def test_a_run_goes_on_from_an_older_checkpoint_with_the_same_numbers(make_run):
    straight = make_run("run", epochs=3, save_step=4, print_step=1)
    straight.fit()
    history = (straight.output_path / "history.jsonl").read_text()
    losses = [json.loads(line)["losses"] for line in history.splitlines()]

    again = make_run(
        "run", resume=read_checkpoint(straight.output_path / "checkpoint_8.pth"), epochs=3, save_step=4, print_step=1
    )
    again.fit()

    repeated = (again.output_path / "history.jsonl").read_text()
    assert [json.loads(line)["losses"] for line in repeated.splitlines()] == losses
    steps = [json.loads(line)["step"] for line in repeated.splitlines()]
    assert all(before <= after for before, after in pairwise(steps))
    assert again.best_loss == straight.best_loss


@pytest.mark.parametrize(("begun", "resumed"), [(False, True), (True, False)])
@pytest.mark.parametrize("on_device", [False, True])
def test_a_run_goes_on_where_the_optimizer_computes_another_way(make_run, monkeypatch, begun, resumed, on_device):
    monkeypatch.setattr("finetune_tts.training.non_finite._decides_on_device", lambda judged: on_device)
    straight = make_run("straight", epochs=2, optimizer_params={"fused": begun})
    straight.fit()
    make_run(epochs=1, optimizer_params={"fused": begun}).fit()
    checkpoint = read_checkpoint(newest_checkpoint(straight.output_path.parent / "run"))
    again = make_run(resume=checkpoint, epochs=2, optimizer_params={"fused": resumed})
    again.fit()

    assert again.total_steps_done == 12
    for name, weight in straight.task.network.state_dict().items():
        torch.testing.assert_close(again.task.network.state_dict()[name], weight, msg=name)


def test_the_first_signal_saves_and_says_how_to_go_on(make_run, monkeypatch):
    run = make_run(epochs=3)
    step = run.stepper.step

    def interrupted(number, batches):
        step(number, batches)
        if number == 4:
            run.interrupts.requested = True

    monkeypatch.setattr(run.stepper, "step", interrupted)

    with pytest.raises(TrainingInterrupted, match=r"step 4.*tts-finetune --continue_path .*run"):
        run.fit()
    assert load(run.output_path / "checkpoint_4.pth")["step"] == 4


def test_a_rate_that_is_set_for_going_on_is_the_one_of_the_next_step(make_run):
    make_run(epochs=1, lr_scheduler="ExponentialLR", lr_scheduler_params={"gamma": 0.5}).fit()
    checkpoint = read_checkpoint(newest_checkpoint(make_run().output_path))
    changed = {"changed": frozenset({"lr"})}
    run = make_run(resume=checkpoint, settings=changed, lr=0.004, epochs=3, print_step=1,
                   lr_scheduler="ExponentialLR", lr_scheduler_params={"gamma": 0.5})  # fmt: skip
    run.fit()

    rates = {entry.step: entry.rate for entry in read_history(run.output_path) if entry.split == "train"}
    assert rates[7] == pytest.approx(0.004)
    assert rates[18] == pytest.approx(0.002)


def test_memory_that_does_not_suffice_says_what_to_lower(make_run, monkeypatch):
    run = make_run(epochs=1)

    def too_much(number, batches):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(run.stepper, "step", too_much)
    with pytest.raises(UserError, match="--coqpit.batch_size.*--coqpit.max_audio_len"):
        run.fit()


def test_the_run_ends_at_its_time_limit(make_run):
    run = make_run(epochs=1000, settings={"time_limit": 0.0})
    run.fit()

    assert run.total_steps_done == 0


def test_sentences_that_cannot_be_spoken_do_not_end_the_run(make_run, caplog):
    def mute(network, sentence):
        raise RuntimeError("no voice today")

    run = make_run(epochs=1, speak=mute)
    run.fit()

    assert "no voice today" in caplog.text
    assert run.total_steps_done == 6


def test_a_sentence_that_cannot_be_spoken_costs_none_of_the_others(make_run, speak, caplog):
    def choosy(network, sentence):
        if sentence == "One.":
            raise UserError("not this one")
        return speak(network, sentence)

    run = make_run(epochs=1, speak=choosy, test_sentences=["One.", "Two."])
    run.fit()

    assert "Step 6: the test sentence 'One.' could not be synthesised. not this one" in caplog.text
    assert [path.name for path in (run.output_path / "samples" / "step_0000006").iterdir()] == ["1_Two.wav"]


def test_hooks_of_a_task_see_the_run_under_the_names_of_the_pypi_trainer(make_run, tiny_task):
    seen = []

    class CuriousTask(tiny_task):
        """Its hooks read what those of PyPI's tasks read."""

        def on_train_step_end(self, trainer):
            assert trainer.model is self
            assert trainer.config is self.config
            assert (trainer.output_path / "history.jsonl").exists()
            assert trainer.optimizer[0].param_groups[0]["lr"] > 0
            assert (len(trainer.scheduler), trainer.scaler, trainer.args.rank) == (1, None, 0)
            assert (trainer.grad_accum_steps, trainer.use_cuda, trainer.num_gpus) == (1, False, 1)
            assert not trainer.use_amp_scaler
            assert trainer.best_loss.keys() == {"train_loss", "eval_loss"}
            assert len(trainer.train_loader) > len(trainer.eval_loader)
            seen.append((trainer.total_steps_done, trainer.epochs_done))

        def on_epoch_end(self, trainer):
            assert callable(trainer.criterion)
            seen.append("epoch")

    make_run(epochs=1, task=CuriousTask).fit()
    assert seen == [*((step, 0) for step in range(1, 7)), "epoch"]


@pytest.fixture
def two_part_task(tiny_task):
    """The embedding and the rest, each with an optimizer and a loss of its own; the second sits out the first steps."""

    class TwoPartTask(tiny_task):
        calls = 0

        def get_optimizer(self):
            parts = [self.network.emb.parameters(), self.network.out.parameters()]
            return [torch.optim.SGD(part, lr=0.1) for part in parts]

        optimizer_names = ("embedding", "rest")

        def parts_at(self, step, warm_up=0):
            return 0, 1

        def part_losses(self, batch, parts):
            self.calls += 1
            outputs = self.run_network(batch)
            losses = self.losses(outputs, batch)
            return outputs, {part: losses for part in parts if part == 0 or self.calls > 1}

    return TwoPartTask


def test_a_task_with_two_optimizers_trains_each_part_against_its_own_loss(make_run, two_part_task):
    run = make_run(epochs=1, task=two_part_task, grad_clip=[0.0, 0.0], print_step=1)
    first, second = run.task.network.emb.weight.detach().clone(), run.task.network.out.weight.detach().clone()

    run.stepper.step(1, [next(iter(run.train_loader))])
    assert not torch.equal(run.task.network.emb.weight, first)
    assert torch.equal(run.task.network.out.weight, second)
    run.fit()

    assert not torch.equal(run.task.network.out.weight, second)
    losses = read_history(run.output_path)[-1].losses
    assert {"loss_0", "loss_1", "error"} <= set(losses)
    assert run.best_loss["eval_loss"] == pytest.approx((losses["loss_0"] + losses["loss_1"]) / 2)
    assert len(load(run.output_path / "checkpoint_6.pth")["optimizer"]) == 2


def test_clip_norms_of_the_wrong_number_are_refused(make_run, two_part_task):
    with pytest.raises(UserError, match=r"grad_clip \[1.0\]: needs one number for each of 2"):
        make_run(task=two_part_task, grad_clip=[1.0])


def test_figures_of_spoken_sentences_reach_the_dashboard(make_run):
    def speak(network, sentence):
        mel, alignment = np.zeros((5, 4), np.float32), np.eye(5, 3, dtype=np.float32)
        return SpokenSample(np.zeros(800, np.float32), 16000, mel, alignment)

    run = make_run(epochs=1, speak=speak, test_sentences=["Hello.", ["Bye.", "speaker", None, "en"]])
    run.fit()

    events = EventAccumulator(str(run.output_path)).Reload().Tags()
    assert {"TestFigures/1/spectrogram", "TestFigures/2/alignment"} <= set(events["images"])
    assert {"TestAudios/1", "TestAudios/2"} <= set(events["audio"])
    assert {"EvalStats/avg_loss", "TrainIterStats/loss", "TrainIterStats/current_lr"} <= set(events["scalars"])


def test_a_loss_scale_is_searched_without_counting_its_overflows(make_run):
    run = make_run(epochs=2, mixed_precision=True)
    run.stepper.scaler = torch.GradScaler("cpu", init_scale=2.0**127)
    run.fit()

    assert run.stepper.guard.skipped == 0
    assert run.stepper.scaler.get_scale() < 2.0**127
    assert all(torch.isfinite(weight).all() for weight in run.task.parameters())
