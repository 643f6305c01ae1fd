"""Tensors of another shape or type than the network has: each is refused by name, whichever architecture it is."""

import copy
import json
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_tts.assembly.pretrained import read_pretrained
from finetune_tts.checkpoints.networks import restore_network
from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.checkpoints.vocoders import restore_vocoder, vocoder_weights
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_generator, build_model, fit_to_weights
from finetune_tts.families.loading import load_config, load_vocoder_config
from finetune_tts.synthesis.loading import load_voice

REFERENCE = Path(__file__).parents[1] / "reference"
SPEECH = ["glow_tts_multispeaker", "vits_multispeaker", "vits_dp", "tacotron_ddc", "tacotron2_ddc"]
VOCODERS = ["hifigan", "multiband_melgan", "parallel_wavegan", "univnet"]

CHANGES = {
    "a single number": lambda tensor: torch.tensor(1.0),
    "no rows": lambda tensor: tensor[:0] if tensor.dim() else torch.ones(0),
    "an axis more": lambda tensor: tensor.unsqueeze(0),
    "one axis": lambda tensor: tensor.flatten(),
    "a row more": lambda tensor: torch.cat([tensor, tensor[:1]]) if tensor.dim() else torch.ones(2),
    "columns for rows": lambda tensor: tensor.transpose(0, -1) if tensor.dim() else torch.ones(1, 1),
    "whole numbers": lambda tensor: tensor.long(),
    "truth values": lambda tensor: tensor.bool(),
    "not a number": lambda tensor: tensor.float() * float("nan"),
    "nothing at all": lambda tensor: None,
}


@cache
def speech_network(case):
    config = load_config(REFERENCE / case / "config.json")
    shapes = json.loads((REFERENCE / case / "shapes.json").read_text())
    tables = ("text_encoder.emb.weight", "encoder.emb.weight", "embedding.weight")
    symbols = next(shapes[name][0] for name in tables if name in shapes)
    speakers = next((shapes[name][0] for name in ("emb_g.weight", "speaker_embedding.weight") if name in shapes), 0)
    torch.manual_seed(0)
    return config, build_model(config, symbols, speakers)


@cache
def generator(case):
    torch.manual_seed(0)
    return build_generator(load_vocoder_config(REFERENCE / case / "config.json"))


def changed(state, places, change, renamed):
    """``state`` with some tensors changed."""
    result = dict(state)
    names = list(state)
    for place in places:
        name = names[int(place * len(names))]
        tensor = CHANGES[change](state[name])
        result.pop(name, None)
        if tensor is not None:
            result[name + ("_v" if renamed else "")] = tensor
    return result


# Of the real sizes of networks, so that a few have to do.
FEWER = settings(max_examples=max(settings().max_examples // 10, 10))
PLACES = st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=3)


@FEWER
@given(
    case=st.sampled_from(SPEECH),
    places=PLACES,
    change=st.sampled_from(list(CHANGES)),
    renamed=st.booleans(),
    reduction=st.integers(-1, 6),
)
def test_fuzz_weights_of_speech_models_are_restored_or_refused(case, places, change, renamed, reduction):
    config, network = speech_network(case)
    config = copy.deepcopy(config)
    state = changed(network.state_dict(), places, change, renamed)
    chosen = {"r"} if reduction > 0 else set()
    if reduction > 0:
        config.r = reduction
    checkpoint = Checkpoint(Path("model.pth"), state, extra={"r": reduction})
    fitted = fit_to_weights(config, checkpoint, chosen)
    report = restore_network(network, fitted.weights, source="model.pth")
    if report.gap:
        with pytest.raises(UserError, match="do not fit this model"):
            report.raise_for_gap()


@FEWER
@given(case=st.sampled_from(VOCODERS), places=PLACES, change=st.sampled_from(list(CHANGES)), renamed=st.booleans())
def test_fuzz_weights_of_vocoders_are_restored_or_refused(case, places, change, renamed):
    network = generator(case)
    state = changed({f"model_g.{name}": value for name, value in network.state_dict().items()}, places, change, renamed)
    weights = vocoder_weights(Checkpoint(Path("model.pth"), state))
    report = restore_vocoder(network, weights.generator, source="model.pth")
    if report.gap:
        with pytest.raises(UserError, match="do not fit this model"):
            report.raise_for_gap()


@pytest.fixture
def release(tmp_path, make_config, make_network):
    """Write a release of two speakers, one of its tensors changed."""

    def write(name, change):
        folder = tmp_path / "release"
        folder.mkdir(exist_ok=True)
        config = make_config(use_speaker_embedding=True)
        state = dict(make_network(config, 2).state_dict())
        state[name] = change(state[name])
        torch.save({"model": state}, folder / "model_file.pth")
        (folder / "config.json").write_text(json.dumps(config.to_dict()))
        return folder, config

    return write


@pytest.mark.parametrize("table", ["emb_g.weight", "encoder.emb.weight"])
@pytest.mark.parametrize("change", ["a single number", "no rows", "an axis more", "one axis"])
def test_a_table_without_a_row_for_each_name_is_refused(release, table, change):
    folder, _ = release(table, CHANGES[change])
    with pytest.raises(UserError, match=f"{table}.*(a row for each name|shape)"):
        load_voice(folder)


def test_rows_that_take_no_room_are_not_counted_out(release):
    folder, config = release("emb_g.weight", lambda tensor: torch.ones(2**40, 0))
    for read in (lambda: load_voice(folder), lambda: read_pretrained(folder, config)):
        with pytest.raises(UserError, match="emb_g.weight has the shape .*a row for each name"):
            read()
