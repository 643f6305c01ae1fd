"""Training steps of every architecture on a GPU that is none: ``python fake_gpu.py [LIBRARY]`` prints faults as JSON.

Tensors of torch's ``FakeTensorMode`` know their shape, type and device and hold no numbers. So a step over them finds
tensors of two devices that meet, and whatever it would have to wait for a GPU to know, without a GPU. A mode around it
finds what fake tensors let pass: copies that wait, and products of two types of numbers. ``LIBRARY`` is what
``fake_gpu.cpp`` was made to, for a torch without CUDA.
"""

import ctypes
import json
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

if len(sys.argv) > 1:
    ctypes.CDLL(sys.argv[1])

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from finetune_tts.config.vocoder import GANVocoderConfig, VocoderConfig
from finetune_tts.data.batch import Collate, Item
from finetune_tts.data.segments import Segment, collate_segments
from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.loading import any_config_from_dict
from finetune_tts.families.registry import ENTRIES, family_of
from finetune_tts.layers import alignment
from finetune_tts.machine.precision import Precision
from finetune_tts.training.hook_view import HookView
from finetune_tts.training.loop import TrainingLoop
from finetune_tts.training.settings import TrainerSettings

DEVICE = torch.device("cuda", 0)
TINY = Path(__file__).parents[1] / "families" / "tiny"
SYMBOLS, SPEAKERS, LANGUAGES = 12, 3, 2

aten = torch.ops.aten
#: Products, which do not bring numbers of two types to one.
PRODUCTS = (aten.mm, aten.addmm, aten.bmm, aten.baddbmm, aten.mv, aten.addmv, aten.dot, aten.convolution,
            aten.convolution_backward)  # fmt: skip


class Watch(TorchDispatchMode):
    """Notes copies that wait for the GPU, and products of numbers of different types."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        operation = func.overloadpacket
        if operation is aten._local_scalar_dense and args[0].device.type == "cpu":
            return 1.0  # what lies on the CPU is known without waiting, though not here
        if operation in PRODUCTS:
            found = sorted({str(value.dtype) for value in args if isinstance(value, Tensor)})
            if len(found) > 1:
                self.note(f"{func} of {' and '.join(found)}")
        result = func(*args, **kwargs)
        if operation in (aten._to_copy, aten.copy_):
            source = args[operation is aten.copy_]
            waits = not kwargs.get("non_blocking") and args[2:] != (True,)
            if waits and source.device.type != result.device.type:
                self.note(f"a copy from {source.device.type} to {result.device.type}")
        return result

    def note(self, fault: str) -> None:
        """Keep a fault with its place."""
        self.faults.add(f"{fault}, {_place(traceback.extract_stack())}")


def _place(stack: traceback.StackSummary) -> str:
    """The innermost line of the package."""
    frames = [frame for frame in stack if "finetune_tts" in Path(frame.filename).parts]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "in a backward pass"


def cases() -> dict[str, dict[str, Any]]:
    """Each architecture of the registry, alone and with what is said of a variant → fields of its config.

    The fields are those of ``tiny/<name>.json``; a variant in ``tiny/variants/<name>.json`` says what differs.
    """
    found = {}
    for name in ENTRIES:
        fields = json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))
        variants = TINY / "variants" / f"{name}.json"
        told = json.loads(variants.read_text(encoding="utf-8")) if variants.exists() else {}
        found[name] = fields
        for what, others in told.items():
            network = {**fields.get("model_args", {}), **others.get("model_args", {})}
            found[f"{name} {what}"] = {**fields, **others, **({"model_args": network} if network else {})}
    return found


def speech_batch(config: Any) -> Any:
    """Three short clips, with what a config asks for."""
    random = np.random.default_rng(0)
    audio, family = config.audio, family_of(config.model)
    linear = config.compute_linear_spec and not family.needs_waveforms

    def drawn(*shape: int, where: object = True) -> Any:
        return random.normal(size=shape).astype(np.float32) if where else None

    items = []
    for number, (tokens, frames) in enumerate(((4, 10), (3, 9), (2, 6))):
        items.append(
            Item(
                token_ids=random.integers(1, SYMBOLS, size=tokens),
                mel=drawn(audio.num_mels, frames),
                name=f"clip{number}",
                text="text",
                speaker_id=number if getattr(config, "use_speaker_embedding", False) else None,
                d_vector=drawn(config.d_vector_dim or 0) if getattr(config, "use_d_vector_file", False) else None,
                language_id=number % LANGUAGES if getattr(config, "use_language_embedding", False) else None,
                linear=drawn(audio.fft_size // 2 + 1, frames, where=linear),
                waveform=drawn(frames * audio.hop_length, where=family.needs_waveforms),
                codes=random.integers(0, 5, size=-(-frames // 4)) if family.implementation.codec else None,
                pitch=drawn(frames, where="pitch" in family.contours(config)),
                energy=drawn(frames, where="energy" in family.contours(config)),
            )
        )
    return Collate(pad_id=0)(items)


def segment_batch(config: VocoderConfig) -> Any:
    """Two pieces of recordings."""
    random = np.random.default_rng(0)
    # One without a discriminator may go through the waveform sample by sample.
    frames = config.seq_len // config.audio.hop_length if isinstance(config, GANVocoderConfig) else 1
    context = family_of(config.model).conv_pad(config)
    shapes = (config.audio.num_mels, frames + 2 * context), (frames * config.audio.hop_length,)
    return collate_segments(
        [Segment(*(random.normal(size=shape).astype(np.float32) for shape in shapes), name) for name in "ab"]
    )


def make_case(fields: dict[str, Any]) -> tuple[Any, nn.Module, Any]:
    """Config, network and batch of a case."""
    config: Any = any_config_from_dict({**fields, "run_eval": False, "steps_to_start_discriminator": 0}, quiet=True)
    if isinstance(config, VocoderConfig):
        return config, build_model(config), segment_batch(config)
    languages = LANGUAGES if getattr(config, "use_language_embedding", False) else 0
    return config, build_model(config, SYMBOLS, SPEAKERS, languages), speech_batch(config)


def faults_of_case(fields: dict[str, Any]) -> list[str]:
    """What goes wrong in a step and an evaluation in bfloat16, where types may meet."""
    config, network, batch = make_case(fields)

    def run(watch: Watch, folder: Path) -> None:
        task = make_task(network.to(DEVICE), config)
        loader: Any = [batch]  # the loop asks how long it is
        settings = TrainerSettings(DEVICE, Precision("cuda", torch.bfloat16, "asked for"))
        trainer = TrainingLoop(task, config, folder, loader, None, settings)
        task.train()
        task.on_train_step_start(HookView(trainer))
        with watch:
            trainer.stepper.step(1, [trainer.format_batch(batch)])
        task.eval()
        with torch.no_grad(), watch, settings.precision.autocast():
            task.held_out_losses(trainer.format_batch(batch))

    return faults_of(run)


def faults_of(run: Callable[[Watch, Path], None]) -> list[str]:
    """What goes wrong when something runs."""
    watch = Watch()
    try:
        with FakeTensorMode(allow_non_fake_inputs=True), tempfile.TemporaryDirectory() as folder:
            run(watch, Path(folder))
    except Exception as error:
        place = _place(traceback.extract_tb(error.__traceback__))
        watch.faults.add(f"{type(error).__name__}: {error}, {place}")
    return sorted(watch.faults)


def known_faults() -> dict[str, list[str]]:
    """What is found of things that are wrong: without it nobody would know that anything is looked for."""

    def of(do: Callable[[Tensor], object]) -> list[str]:
        def run(watch: Watch, folder: Path) -> None:
            x = torch.ones(2, 2, device=DEVICE)
            with watch:
                do(x)

        return faults_of(run)

    return {
        "two devices": of(lambda x: x + torch.ones(2, 2)),
        "two types": of(lambda x: x @ x.bfloat16()),
        "a number": of(lambda x: x.sum().item()),
        "a decision": of(lambda x: bool((x > 0).all())),
        "a mask": of(lambda x: x[x > 0]),
        "a copy to the CPU": of(lambda x: x.cpu()),
        "a copy to the GPU": of(lambda x: torch.arange(2).to(DEVICE)),
        "a constant": of(lambda x: torch.tensor(1.0, device=DEVICE)),
        "nothing": of(lambda x: torch.ones(2, 2).to(DEVICE, non_blocking=True) @ x),
    }


def gru_cell(input_gates: Tensor, hidden_gates: Tensor, hidden: Tensor, *biases: Any) -> tuple[Tensor, Tensor]:
    """The shapes that torch's own GRU gives on a GPU without cuDNN, which torch has no fake of."""
    return torch.empty_like(hidden), hidden.new_empty(hidden.shape[0], 5 * hidden.shape[1])


def gru_cell_backward(gradient: Tensor, workspace: Tensor, has_bias: bool) -> tuple[Any, ...]:
    """The same of its backward pass."""
    gates = [gradient.new_empty(gradient.shape[0], 3 * gradient.shape[1]) for _ in range(2)]
    biases = [gates[0].new_empty(gates[0].shape[1]) if has_bias else None for _ in range(2)]
    return (*gates, torch.empty_like(gradient), *biases)


def ctc_loss(scores: Tensor, targets: Tensor, frames: Any, symbols: Any, **options: Any) -> Tensor:
    """In place of torch's, whose shapes fake tensors take for unknown: scores ``[T, B, C]`` to losses ``[B]``."""
    assert not isinstance(frames, Tensor), "the loss waits for the lengths"
    assert not isinstance(symbols, Tensor), "the loss waits for the lengths"
    assert scores.device == targets.device, "the loss copies the targets"
    return scores.sum(dim=(0, 2))


def packed(padded: Tensor, lengths: Tensor, batch_first: bool = False, enforce_sorted: bool = True) -> Tensor:
    """In place of torch's packing, which needs the lengths as numbers."""
    assert lengths.device.type == "cpu", "packing waits for the lengths"
    assert enforce_sorted, "packing copies the order of the clips"
    return padded


def main() -> None:
    """Run all cases."""
    # Else a module keeps its parameters and swaps their numbers, which fake ones have none of.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    torch.cuda.is_bf16_supported = lambda including_emulation=True: True
    torch.cuda.amp.common.amp_definitely_not_available = lambda: False
    meta = torch.library.Library("aten", "IMPL", "Meta")
    meta.impl("_thnn_fused_gru_cell", gru_cell)
    meta.impl("_thnn_fused_gru_cell_backward", gru_cell_backward)
    torch.ctc_loss = ctc_loss
    nn.utils.rnn.pack_padded_sequence = packed
    nn.utils.rnn.pad_packed_sequence = lambda padded, **options: (padded, None)
    alignment.search_on_gpu = lambda log_likelihood, *lengths: torch.zeros_like(log_likelihood)
    warnings.filterwarnings("ignore", "PyTorch was compiled without cuDNN")
    print(
        json.dumps({"cases": {name: faults_of_case(case) for name, case in cases().items()}, "known": known_faults()})
    )


if __name__ == "__main__":
    main()
