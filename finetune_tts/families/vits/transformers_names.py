"""Tensor names of transformers' ``VitsModel`` under 🐸TTS's, and back.

Where 🐸TTS keeps the size of a weight beside its direction (``weight_g``, ``weight_v``), a ``VitsModel`` has the same
two under names of torch's parametrizations, or, in its waveform decoder, the weight itself.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from finetune_tts.layers.weight_norm import joined

#: A tensor that every such checkpoint has, and no other.
SIGN = "text_encoder.embed_tokens.weight"

#: first part of a name, theirs → ours
_MODULES = {"decoder": "waveform_decoder", "embed_speaker": "emb_g"}
#: our name of a module → further parts of names in it, theirs → ours
_PARTS = {
    "text_encoder": {"embed_tokens": "emb", "project": "proj"},
    "posterior_encoder": {"conv_pre": "pre", "conv_proj": "proj", "wavenet": "enc"},
    "flow": {"conv_pre": "pre", "conv_post": "post", "wavenet": "enc"},
    "waveform_decoder": {"upsampler": "ups", "cond": "cond_layer"},
    "duration_predictor": {
        "translate": "translation",
        "conv_dds": "convs",
        "post_conv_dds": "post_convs",
        "convs_dilated": "convs_sep",
        "convs_pointwise": "convs_1x1",
        "conv_pre": "pre",
        "conv_proj": "proj",
        "post_conv_pre": "post_pre",
        "post_conv_proj": "post_proj",
    },
}
#: a layer of the text encoder: what theirs calls a part of it → where that stands in ours
_LAYER = {
    "attention.q_proj": "attn_layers.{}.conv_q",
    "attention.k_proj": "attn_layers.{}.conv_k",
    "attention.v_proj": "attn_layers.{}.conv_v",
    "attention.out_proj": "attn_layers.{}.conv_o",
    "attention.emb_rel_k": "attn_layers.{}.emb_rel_k",
    "attention.emb_rel_v": "attn_layers.{}.emb_rel_v",
    "feed_forward": "ffn_layers.{}",
    "layer_norm": "norm_layers_1.{}",
    "final_layer_norm": "norm_layers_2.{}",
}
_OUR_LAYER = re.compile(r"text_encoder\.encoder\.(\w+)\.(\d{1,9})\.?(.*)")
_THEIR_LAYER = re.compile(r"text_encoder\.encoder\.layers\.(\d{1,9})\.(.*)")
_SIZE, _DIRECTION = "parametrizations.weight.original0", "parametrizations.weight.original1"
_PROJECTION = re.compile(r"\.conv_[qkvo]\.weight$")  # a linear layer of theirs, a convolution over one step of ours
_PLAIN_NORM = re.compile(r"duration_predictor\.norm_\d\.(gamma|beta)")  # of the one that predicts a number
_FOLDED = re.compile(r"waveform_decoder\.(ups|resblocks)\..*weight$")
_OUR_NORM = re.compile(r"(\.norm[^.]*(?:\.\d{1,9})?)\.(gamma|beta)$")
_THEIR_NORM = re.compile(r"(\.norm[^.]*(?:\.\d{1,9})?)\.(weight|bias)$")


def from_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a ``VitsModel`` under 🐸TTS's names; those of another model stay as they are."""
    if SIGN not in state:
        return dict(state)
    found: dict[str, Tensor] = {}
    for theirs, tensor in state.items():
        name = _our_name(theirs).replace(_SIZE, "weight_g").replace(_DIRECTION, "weight_v")
        if _PROJECTION.search(name):
            tensor = tensor.reshape(*tensor.shape[:2], 1)
        if _PLAIN_NORM.fullmatch(name):
            tensor = tensor.reshape(1, -1, 1)
        if _FOLDED.match(name):
            axes = tuple(range(1, tensor.dim()))
            found[f"{name}_g"] = torch.linalg.vector_norm(tensor, dim=axes, keepdim=True) if axes else tensor
            name = f"{name}_v"
        found[name] = tensor
    return found


def to_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a VITS under the names of a ``VitsModel``, which has no discriminator.

    Args:
        state: with its weight norms, as it was trained.
    """
    durations = any(name.startswith("duration_predictor.flows.") for name in state)
    found: dict[str, Tensor] = {}
    for ours, tensor in state.items():
        if ours.startswith("disc."):
            continue
        if ours.startswith("waveform_decoder.") and ours.endswith("weight_g"):
            continue
        if ours.startswith("waveform_decoder.") and ours.endswith("weight_v"):
            plain = ours.removesuffix("_v")
            found[_their_name(plain, durations)] = joined(state[f"{plain}_g"], tensor)
            continue
        name = ours
        if _PROJECTION.search(name):
            tensor = tensor[:, :, 0]
        if _PLAIN_NORM.fullmatch(name):
            tensor = tensor.reshape(-1)
        name = _their_name(name, durations).replace("weight_g", _SIZE).replace("weight_v", _DIRECTION)
        found[name] = tensor
    return {name: tensor.contiguous() for name, tensor in found.items()}


def _our_name(name: str) -> str:
    layer = _THEIR_LAYER.fullmatch(name)
    if layer:
        number, rest = layer.groups()
        for theirs, ours in _LAYER.items():
            if rest == theirs or rest.startswith(f"{theirs}."):
                name = f"text_encoder.encoder.{ours.format(number)}{rest.removeprefix(theirs)}"
                break
    else:
        first, *rest_parts = name.split(".")
        module = _MODULES.get(first, first)
        parts = _PARTS.get(module, {})
        name = ".".join([module, *(parts.get(part, part) for part in rest_parts)])
    return _THEIR_NORM.sub(lambda match: f"{match[1]}.{'gamma' if match[2] == 'weight' else 'beta'}", name)


def _their_name(name: str, durations: bool) -> str:
    """The name there; ``durations``: they are predicted as a distribution, by a network with other names."""
    name = _OUR_NORM.sub(lambda match: f"{match[1]}.{'weight' if match[2] == 'gamma' else 'bias'}", name)
    layer = _OUR_LAYER.fullmatch(name)
    if layer:
        kind, number, rest = layer.groups()
        for theirs, ours in _LAYER.items():
            place, _, part = ours.partition(".{}")
            wanted = part.removeprefix(".")
            if place == kind and (not wanted or rest == wanted or rest.startswith(f"{wanted}.")):
                left = rest.removeprefix(wanted).removeprefix(".")
                return f"text_encoder.encoder.layers.{number}.{theirs}{'.' * bool(left)}{left}"
    first, *parts = name.split(".")
    module = {ours: theirs for theirs, ours in _MODULES.items()}.get(first, first)
    known = {} if first == "duration_predictor" and not durations else _PARTS.get(first, {})
    back = {ours: theirs for theirs, ours in known.items()}
    return ".".join([module, *(back.get(part, part) for part in parts)])
