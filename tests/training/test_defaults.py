import pytest
import torch

from finetune_tts.assembly.defaults import defaults_table, fine_tune_defaults, from_scratch, rates_from_scratch
from finetune_tts.config.changes import apply_changes
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.hifigan.config import HifiganConfig

RATES = {"lr": 1e-3}
CPU = torch.device("cpu")


def values(minutes, clips, **options):
    return {
        default.field: default.value
        for default in fine_tune_defaults(minutes=minutes, clips=clips, device=CPU, rates=RATES, **options)
    }


@pytest.mark.parametrize(("minutes", "clips"), [(0.1, 2), (5, 60), (60, 700), (1200, 14000)])
def test_a_run_has_steps_and_looks_in_proportion_to_the_recordings(minutes, clips):
    found = values(minutes, clips)
    steps = found["epochs"] * -(-clips // found["batch_size"])

    assert 500 <= steps <= 50_000
    assert 10 <= steps / found["run_eval_steps"] <= 55
    assert found["save_step"] % found["run_eval_steps"] == 0
    assert 4 <= found["batch_size"] <= 32
    assert found["print_step"] <= found["run_eval_steps"]


def test_more_recordings_make_longer_runs():
    steps = [values(m, m * 12)["epochs"] * -(-m * 12 // values(m, m * 12)["batch_size"]) for m in (5, 20, 60, 300)]
    assert steps == sorted(steps)


def test_the_length_of_a_run_reckons_with_what_the_person_chose():
    assert values(5, 60, batch_size=2)["epochs"] == 1500 // 30
    assert values(5, 60, batch_size=2, batches_per_step=3)["epochs"] == 1500 // 10
    found = values(5, 60, batch_size=6, epochs=20)
    assert (found["epochs"], found["run_eval_steps"]) == (20, 10)


def test_adapters_get_the_rate_that_trains_from_scratch_and_discriminators_do_not():
    rates = {"lr_gen": 6e-4, "lr_disc": 3e-4}
    chosen = {
        adapters: {
            default.field: default.value
            for default in fine_tune_defaults(minutes=5, clips=60, device=CPU, rates=rates, adapters=adapters)
        }
        for adapters in (False, True)
    }
    assert [(found["lr_gen"], found["lr_disc"]) for found in chosen.values()] == [(2e-4, 1e-4), (6e-4, 1e-4)]


@pytest.mark.parametrize(("cpus", "workers"), [(1, None), (2, 1), (5, 4), (64, 4)])
def test_on_a_gpu_other_cores_read_the_clips(cpus, workers):
    made = {
        default.field: default.value
        for default in fine_tune_defaults(minutes=5, clips=60, device=torch.device("cuda", 0), rates=RATES, cpus=cpus)
    }
    assert made.get("num_loader_workers") == workers
    assert "num_loader_workers" not in values(5, 60, cpus=cpus)


def test_what_the_person_set_stays_and_every_choice_has_its_reason(tiny_config):
    config = tiny_config()
    config.lr = 0.5
    applied = apply_changes(config, fine_tune_defaults(minutes=5, clips=60, device=CPU, rates=RATES), {"lr"})

    assert config.lr == 0.5
    assert config.batch_size == 4
    table = defaults_table(applied)
    assert "lr =" not in table
    assert "batch_size = 4" in table
    assert all(default.reason for default in applied)


def test_bf16_where_a_gpu_is_fast_at_it():
    names = [
        default.field
        for default in fine_tune_defaults(minutes=5, clips=60, device=torch.device("cuda"), rates=RATES, bf16=True)
    ]
    assert "mixed_precision" in names
    assert "mixed_precision" not in values(5, 60, bf16=True)


def test_the_rate_is_a_third_of_what_the_architecture_trains_from_nothing_with():
    assert rates_from_scratch(GlowTTSConfig()) == RATES
    assert values(5, 60)["lr"] == 3e-4
    rates = {"lr_gen": 2e-4, "lr_disc": 2e-4}
    found = fine_tune_defaults(minutes=5, clips=60, device=CPU, rates=rates)
    assert {default.field: default.value for default in found if default.field.startswith("lr")} == {
        "lr_gen": 7e-5,
        "lr_disc": 7e-5,
    }
    assert "of the generator" in found[0].reason


def test_generator_and_discriminator_have_rates_of_their_own():
    assert rates_from_scratch(HifiganConfig()).keys() == {"lr_gen", "lr_disc"}


def test_a_model_that_starts_from_nothing_keeps_the_rate_of_its_recipe():
    found = from_scratch(fine_tune_defaults(minutes=5, clips=60, device=CPU, rates=RATES), RATES)
    assert {default.field: default.value for default in found} == {"lr": 1e-3, "batch_size": 4, "eval_batch_size": 4}
