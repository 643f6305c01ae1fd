"""What is said of the machine, for GPUs too, without one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from finetune_tts.check import machine_checks as machine
from finetune_tts.check.finding import Severity
from finetune_tts.check.machine_checks import (
    check_device,
    check_disk,
    check_trial,
    describe_machine,
    free_space,
    run_time,
)
from finetune_tts.check.trial import Trial

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
TRIAL = Trial(
    steps=1000, epochs=10, step_seconds=0.5, measured_steps=3, run_seconds=520.0, asked_batch_size=16, batch_size=16,
    longest_seconds=9.5, peak_bytes=2 * 10**9, memory_bytes=8 * 10**9, checkpoint_bytes=300_000_000,
    feature_bytes=50_000_000, losses={"loss": 1.0}, non_finite=0,
)  # fmt: skip


def findings(**changes):
    return {finding.id: finding for finding in check_trial(replace(TRIAL, **changes), CPU)}


@pytest.fixture
def gpu(monkeypatch):
    def make(capability, built_for):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla X")
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: built_for)

    return make


@pytest.fixture
def amd_gpu(gpu, monkeypatch):
    """A GPU as torch for ROCm describes one: with a capability, as if it were NVIDIA's, and with names."""

    def make(architecture, built_for):
        gpu((9, 4), built_for)
        monkeypatch.setattr(torch.version, "hip", "6.3")
        properties = SimpleNamespace() if architecture is None else SimpleNamespace(gcnArchName=architecture)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)

    return make


@pytest.mark.parametrize(
    ("capability", "built_for", "fits"),
    [
        ((8, 6), ["sm_80", "sm_90"], True),
        ((9, 0), ["sm_80", "sm_90a"], True),
        ((12, 0), ["sm_80", "sm_90"], False),
        ((12, 0), ["sm_90", "compute_90"], True),
        ((6, 1), ["sm_75", "sm_80", "compute_80"], False),
        ((8, 0), ["sm_86"], False),
        ((8, 0), [], True),
    ],
)
def test_a_gpu_that_this_torch_is_not_built_for_stops_the_run(gpu, capability, built_for, fits):
    gpu(capability, built_for)
    finding = check_device(GPU)
    assert finding.severity is (Severity.FINE if fits else Severity.STOPS)
    assert "Tesla X" in finding.title


@pytest.mark.parametrize(
    ("architecture", "built_for", "severity"),
    [
        ("gfx942:sramecc+:xnack-", ["gfx90a", "gfx942"], Severity.FINE),
        ("gfx1100", ["gfx90a", "gfx1100"], Severity.FINE),
        ("gfx1103", ["gfx90a", "gfx1100"], Severity.ADVISES),
        ("gfx1103", [], Severity.FINE),
        (None, ["gfx90a"], Severity.FINE),
    ],
)
def test_an_amd_gpu_is_never_refused_before_it_was_tried(amd_gpu, architecture, built_for, severity):
    amd_gpu(architecture, built_for)
    finding = check_device(GPU)
    assert finding.severity is severity
    assert "Tesla X" in finding.title
    assert "sm_" not in finding.title


def test_a_gpu_that_is_there_but_cannot_be_used_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for make in ("NVIDIA", "AMD"):
        monkeypatch.setattr(machine, "_make_of_gpu", lambda make=make: make)
        finding = check_device(CPU)
        assert finding.severity is Severity.ADVISES
        assert f"{make} GPU, but it cannot be used" in finding.title
    monkeypatch.setattr(machine, "_make_of_gpu", lambda: "")
    assert check_device(CPU).severity is Severity.FINE


def test_a_trial_that_worked_is_fine():
    assert {finding.severity for finding in findings().values()} == {Severity.FINE}
    assert "16 of clips up to 9.5 s" in findings()["memory"].title
    assert "2.0 GB" in findings()["memory"].title


def test_a_batch_that_does_not_fit_stops_and_says_what_does():
    found = findings(batch_size=4)["memory"]
    assert found.severity is Severity.STOPS
    assert "--coqpit.batch_size 4 --grad_accum_steps 4" in found.advice
    assert findings(batch_size=0)["memory"].severity is Severity.STOPS


def test_a_step_that_fails_stops():
    assert findings(fault="no kernel image")["steps"].severity is Severity.STOPS
    assert "no kernel image" in findings(fault="no kernel image")["steps"].title


def test_losses_that_are_no_numbers_stop_where_all_are():
    assert findings(non_finite=4)["steps"].severity is Severity.STOPS
    assert findings(non_finite=1)["steps"].severity is Severity.ADVISES


def test_a_disk_that_is_too_small_stops():
    assert check_disk(TRIAL, 10**9, "output").severity is Severity.FINE
    found = check_disk(TRIAL, 10**8, "output")
    assert found.severity is Severity.STOPS
    assert "350 MB" in found.title


def test_the_time_of_the_run_is_said_as_a_person_says_it():
    assert run_time(TRIAL) == "about 9 min for 1,000 steps (10 epochs)"
    assert run_time(replace(TRIAL, measured_steps=1)).startswith("at most 9 min")
    assert run_time(replace(TRIAL, measured_steps=0)) == "unknown"


def test_the_machine_is_described_before_the_output_folder_is_made(tmp_path):
    found = describe_machine(CPU, torch.float32, tmp_path / "not" / "yet")
    assert (found.device, found.precision, found.torch) == ("cpu", "float32", torch.__version__)
    assert found.disk == pytest.approx(free_space(Path(tmp_path)), rel=0.05)


def test_a_run_of_many_days_is_told():
    assert findings()["time"].severity is Severity.FINE
    found = findings(run_seconds=84 * 3600.0)["time"]
    assert found.severity is Severity.ADVISES
    assert "84 h" in found.title
