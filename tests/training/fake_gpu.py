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
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

if len(sys.argv) > 1:
    ctypes.CDLL(sys.argv[1])

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.data.batch import Collate, Item
from finetune_tts.data.segments import Segment, collate_segments
from finetune_tts.families import building
from finetune_tts.families.building import build_discriminator, build_generator, build_model, make_task
from finetune_tts.families.loading import VOCODER_CLASSES, config_from_dict, vocoder_config_from_dict
from finetune_tts.families.tacotron.building import build_tacotron, build_tacotron2
from finetune_tts.families.tacotron.tacotron import TacotronSizes
from finetune_tts.families.tacotron.tacotron2 import Tacotron2Sizes
from finetune_tts.layers import alignment
from finetune_tts.layers.gan import GANVocoder
from finetune_tts.machine.precision import Precision
from finetune_tts.training.loop import TrainingLoop
from finetune_tts.training.settings import TrainerSettings

DEVICE = torch.device("cuda", 0)
SYMBOLS, SPEAKERS, LANGUAGES, D_VECTOR = 12, 3, 2, 6
RATE, HOP, MELS, LINEAR = 8000, 64, 20, 129
AUDIO = {"sample_rate": RATE, "fft_size": 256, "win_length": 256, "hop_length": HOP, "num_mels": MELS,
         "mel_fmax": 4000.0}  # fmt: skip
GLOW_TTS = {
    "out_channels": MELS, "hidden_channels_enc": 8, "hidden_channels_dec": 8, "hidden_channels_dp": 8,
    "num_flow_blocks_dec": 1, "num_block_layers": 1,
    "encoder_params": {"kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2, "hidden_channels_ffn": 8,
                       "rel_attn_window_size": 4, "input_length": None},
}  # fmt: skip
TACOTRON = {"encoder_in_features": 8, "decoder_in_features": 8, "out_channels": LINEAR, "r": 2}
TACOTRON2 = {**TACOTRON, "model": "tacotron2", "out_channels": MELS}
VITS = {
    "hidden_channels": 8, "hidden_channels_ffn_text_encoder": 8, "num_layers_text_encoder": 1,
    "num_layers_posterior_encoder": 1, "num_layers_flow": 1, "upsample_initial_channel_decoder": 16,
    "upsample_rates_decoder": [8, 8], "upsample_kernel_sizes_decoder": [16, 16], "resblock_kernel_sizes_decoder": [3],
    "resblock_dilation_sizes_decoder": [[1]], "periods_multi_period_discriminator": [2], "spec_segment_size": 8,
    "out_channels": LINEAR,
}  # fmt: skip
WAVERNN = {"rnn_dims": 8, "fc_dims": 8, "compute_dims": 8, "res_out_dims": 8, "num_res_blocks": 1, "feat_dims": MELS,
           "upsample_factors": [2, 2], "pad": 2}  # fmt: skip
LOSSES = {
    "stft_loss_params": {"n_ffts": [128], "hop_lengths": [32], "win_lengths": [64]},
    "subband_stft_loss_params": {"n_ffts": [64], "hop_lengths": [16], "win_lengths": [32]},
    "l1_spec_loss_params": {"use_mel": True, "sample_rate": RATE, "n_fft": 256, "hop_length": 64, "win_length": 256,
                            "n_mels": MELS, "mel_fmin": 0.0, "mel_fmax": None},
    "steps_to_start_discriminator": 0,
}  # fmt: skip

#: Architecture, and what is said of the variant → fields of its config.
CASES: dict[str, dict[str, Any]] = {
    "glow_tts": GLOW_TTS,
    "glow_tts of speakers": {
        **GLOW_TTS, "use_speaker_embedding": True, "encoder_type": "residual_conv_bn", "mean_only": False,
        "encoder_params": {"kernel_size": 3, "dilations": [1], "num_conv_blocks": 1, "num_res_blocks": 1},
    },
    "glow_tts of d-vectors": {
        **GLOW_TTS, "use_d_vector_file": True, "d_vector_dim": D_VECTOR, "sigmoid_scale": True,
        "encoder_type": "gated_conv", "encoder_params": {"kernel_size": 5, "dropout_p": 0.1, "num_layers": 1},
    },
    "tacotron": {**TACOTRON, "memory_size": 3, "double_decoder_consistency": True, "ddc_r": 4},
    "tacotron2": TACOTRON2,
    "tacotron2 with forward attention": {
        **TACOTRON2, "use_forward_attn": True, "transition_agent": True, "attention_norm": "softmax",
        "prenet_type": "bn", "bidirectional_decoder": True, "loss_masking": False,
    },
    "tacotron2 with dynamic convolutions": {
        **TACOTRON2, "attention_type": "dynamic_convolution", "use_speaker_embedding": True, "speaker_embedding_dim": 4,
    },
    "tacotron2 with Gaussians and styles": {
        **TACOTRON2, "attention_type": "graves", "attention_heads": 3, "use_gst": True,
        "gst": {"gst_embedding_dim": 8, "gst_num_heads": 2, "gst_num_style_tokens": 3},
    },
    "tacotron2 with Capacitron": {
        **TACOTRON2, "use_capacitron_vae": True, "optimizer": "CapacitronOptimizer",
        "capacitron_vae": {"capacitron_VAE_embedding_dim": 4, "capacitron_text_summary_embedding_dim": 4},
        "optimizer_params": {"RAdam": {"betas": [0.9, 0.998]}, "SGD": {"lr": 1e-5, "momentum": 0.9}},
    },
    "vits": {"model_args": VITS},
    "vits of speakers and languages": {
        "model_args": {**VITS, "use_speaker_embedding": True, "speaker_embedding_channels": 6, "use_sdp": False,
                       "use_language_embedding": True, "use_noise_scaled_mas": True},
    },
    "vits of d-vectors at a lower rate": {
        "model_args": {**VITS, "use_d_vector_file": True, "d_vector_dim": D_VECTOR, "encoder_sample_rate": RATE // 2,
                       "use_spectral_norm_disriminator": True},
    },
    "hifigan": {
        "generator_model_params": {
            "upsample_factors": [8, 8], "upsample_kernel_sizes": [16, 16], "upsample_initial_channel": 16,
            "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3]], "resblock_type": "1",
        },
    },
    "melgan": {"generator_model_params": {"upsample_factors": [8, 8], "num_res_blocks": 1}},
    "fullband_melgan": {"generator_model_params": {"upsample_factors": [8, 8], "num_res_blocks": 1}},
    "multiband_melgan": {"generator_model_params": {"upsample_factors": [4, 4], "num_res_blocks": 1}},
    "parallel_wavegan": {
        "generator_model_params": {"upsample_factors": [8, 8], "num_res_blocks": 2, "stacks": 1},
        "discriminator_model_params": {"num_layers": 3},
    },
    "univnet": {
        "generator_model_params": {
            "upsample_factors": [8, 8], "in_channels": 4, "hidden_channels": 4, "kpnet_hidden_channels": 8,
            "lvc_layers_each_block": 1,
        },
    },
    "wavegrad": {
        "model_params": {
            "in_channels": MELS, "x_conv_channels": 8, "y_conv_channels": 4, "upsample_factors": [8, 8],
            "ublock_out_channels": [8, 4], "dblock_out_channels": [8], "upsample_dilations": [[1, 2, 1, 2]] * 2,
        },
    },
    "wavernn": {"model_args": {**WAVERNN, "mode": "mold"}},
    "wavernn of normals": {"model_args": {**WAVERNN, "mode": "gauss", "use_upsample_net": False}},
    "wavernn of levels": {"model_args": {**WAVERNN, "mode": 9, "mulaw": True}},
}  # fmt: skip

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


def speech_batch(values: dict[str, Any]) -> Any:
    """Three short clips, with what a config asks for."""
    random = np.random.default_rng(0)
    wanted = {**values, **values.get("model_args", {})}

    def drawn(*shape: int, where: object = True) -> Any:
        return random.normal(size=shape).astype(np.float32) if where else None

    items = []
    for number, (tokens, frames) in enumerate(((4, 10), (3, 9), (2, 6))):
        items.append(
            Item(
                token_ids=random.integers(1, SYMBOLS, size=tokens),
                mel=drawn(MELS, frames),
                name=f"clip{number}",
                text="text",
                speaker_id=number if wanted.get("use_speaker_embedding") else None,
                d_vector=drawn(D_VECTOR, where=wanted.get("use_d_vector_file")),
                language_id=number % LANGUAGES if wanted.get("use_language_embedding") else None,
                linear=drawn(LINEAR, frames, where=values["model"] == "tacotron"),
                waveform=drawn(frames * HOP, where=values["model"] == "vits"),
            )
        )
    return Collate(pad_id=0)(items)


def segment_batch(frames: int, hop_length: int, context: int = 0) -> Any:
    """Two pieces of recordings."""
    random = np.random.default_rng(0)
    shapes = (MELS, frames + 2 * context), (frames * hop_length,)
    return collate_segments(
        [Segment(*(random.normal(size=shape).astype(np.float32) for shape in shapes), name) for name in "ab"]
    )


def make_case(name: str) -> tuple[Any, nn.Module, Any]:
    """Config, network and batch of a case."""
    values = {"model": name.split()[0], **CASES[name], "audio": AUDIO, "run_eval": False}
    if values["model"] not in VOCODER_CLASSES:
        config = config_from_dict(values)
        languages = LANGUAGES if values["model"] == "vits" else 0
        return config, build_model(config, SYMBOLS, SPEAKERS, languages), speech_batch(values)
    config = vocoder_config_from_dict(values, quiet=True)
    network: nn.Module = build_generator(config)
    if values["model"] == "wavernn":  # goes through the waveform sample by sample
        return config, network, segment_batch(3, 4, context=2)
    if isinstance(config, GANVocoderConfig):
        config = vocoder_config_from_dict({**values, **LOSSES}, quiet=True)
        network = GANVocoder(generator=network, discriminator=build_discriminator(config))
    return config, network, segment_batch(64, HOP)


def faults_of_case(name: str) -> list[str]:
    """What goes wrong in a step and an evaluation in bfloat16, where types may meet."""
    config, network, batch = make_case(name)

    def run(watch: Watch, folder: Path) -> None:
        task = make_task(network.to(DEVICE), config)
        loader: Any = SimpleNamespace(batch_sampler=None)
        settings = TrainerSettings(DEVICE, Precision("cuda", torch.bfloat16, "asked for"))
        trainer = TrainingLoop(task, config, folder, loader, None, settings)
        trainer.model.train()
        task.on_train_step_start(trainer)
        with watch:
            trainer.stepper.step(1, [trainer.format_batch(batch)])
        trainer.model.eval()
        with torch.no_grad(), watch, settings.precision.autocast():
            task.held_out_losses(trainer.format_batch(batch), trainer.criterion)

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
    nn.utils.rnn.pack_padded_sequence = packed
    nn.utils.rnn.pad_packed_sequence = lambda padded, **options: (padded, None)
    alignment.search_on_gpu = lambda log_likelihood, *lengths: torch.zeros_like(log_likelihood)
    # Widths that are no fields of a config.
    sizes = TacotronSizes(recurrent=12, prenet=(8, 6), cbhg=4, encoder_bank=3, postnet_bank=2, postnet_projection=6)
    building.BUILDERS["tacotron"] = partial(build_tacotron, sizes=sizes)
    building.BUILDERS["tacotron2"] = partial(build_tacotron2, sizes=Tacotron2Sizes(recurrent=12, prenet=6, postnet=6))
    warnings.filterwarnings("ignore", "PyTorch was compiled without cuDNN")
    print(json.dumps({"cases": {name: faults_of_case(name) for name in CASES}, "known": known_faults()}))


if __name__ == "__main__":
    main()
