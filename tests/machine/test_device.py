import pytest
import torch

from finetune_tts.errors import UserError
from finetune_tts.machine.device import choose_device, why_no_cuda

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


def test_the_cpu_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")


@no_gpu
def test_auto_is_the_cpu_where_there_is_no_gpu():
    assert choose_device("auto").type == "cpu"


@no_gpu
@pytest.mark.parametrize("name", ["cuda", "cuda:3"])
def test_cuda_where_there_is_none_says_why_and_what_to_do(name):
    with pytest.raises(UserError, match=f"--device {name}: no GPU.*--device cpu"):
        choose_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "meta", "cuda:-1"])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(UserError, match="--device"):
        choose_device(name)


@pytest.fixture
def four_gpus(monkeypatch):
    current = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    return current


def test_of_several_gpus_the_first_is_used_and_said(four_gpus, caplog):
    caplog.set_level("INFO")
    assert choose_device("auto") == torch.device("cuda", 0)
    assert "4 GPUs are visible; the first (GPU 0) is used" in caplog.text
    assert "torchrun --nproc_per_node 4" in caplog.text
    assert four_gpus == [torch.device("cuda", 0)]


def test_a_gpu_by_number(four_gpus):
    assert choose_device("cuda:2") == torch.device("cuda", 2)
    with pytest.raises(UserError, match="cuda:4: there are 4 GPU"):
        choose_device("cuda:4")


def test_under_a_launcher_each_process_gets_its_own(four_gpus):
    assert choose_device("auto", local_rank=3) == torch.device("cuda", 3)
    with pytest.raises(UserError, match="Process 4.*--nproc_per_node 4"):
        choose_device("cuda", local_rank=4)


@pytest.mark.parametrize(
    ("cuda", "hip", "environment", "said"),
    [
        (None, None, {}, "built without CUDA and ROCm"),
        ("12.8", None, {"CUDA_VISIBLE_DEVICES": ""}, "CUDA_VISIBLE_DEVICES hides all"),
        ("12.8", None, {"HIP_VISIBLE_DEVICES": ""}, "for CUDA 12.8 finds no GPU"),
        (None, "6.3", {"HIP_VISIBLE_DEVICES": "-1"}, "HIP_VISIBLE_DEVICES hides all"),
        (None, "6.3", {}, "for ROCm 6.3 finds no GPU"),
    ],
)
def test_why_there_is_no_gpu(monkeypatch, cuda, hip, environment, said):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert said in why_no_cuda()
