"""The speaker encoder of a consistency loss."""

import pytest
import torch

from finetune_tts.assembly.speaker_vectors import available_encoder
from finetune_tts.config.changes import apply_changes
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.vits.speaker_judge import speaker_judge


@pytest.fixture
def make_config(make_encoder, tmp_path):
    def make(**options):
        model, config = make_encoder(tmp_path / "encoder", **options)
        arguments = {"use_speaker_encoder_as_loss": True, "speaker_encoder_model_path": str(model),
                     "speaker_encoder_config_path": str(config)}  # fmt: skip
        return GlowTTSConfig(model_args=arguments)

    return make


def test_it_judges_waveforms_at_the_models_rate(make_config):
    config = make_config()
    judge = speaker_judge(config)
    assert (judge.resample.step, judge.resample.phases) == (441, 160)  # 22050 to 8000 Hz
    wav = torch.randn(2, 8192, requires_grad=True)
    vectors = judge(wav)
    assert vectors.shape == (2, 6)
    vectors.sum().backward()
    assert wav.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in judge.parameters())


def test_none_is_loaded_where_none_is_asked_for(make_config):
    config = make_config()
    config.model_args["use_speaker_encoder_as_loss"] = False
    assert speaker_judge(config) is None
    assert speaker_judge(GlowTTSConfig()) is None


def test_an_encoder_that_cannot_judge_is_refused(make_config):
    with pytest.raises(UserError, match="takes spectrograms"):
        speaker_judge(make_config(network="lstm", use_torch_spec=False))
    config = make_config()
    config.model_args["speaker_encoder_model_path"] = "none.pth"
    with pytest.raises(UserError, match="use_speaker_encoder_as_loss is true.*--encoder_path"):
        speaker_judge(config)


def test_an_encoder_beside_the_model_is_entered_into_the_config(make_config, tmp_path):
    config = make_config()
    config.model_args |= {
        "speaker_encoder_model_path": "/home/someone/best_model.pth",
        "speaker_encoder_config_path": "",
    }
    files, changes = available_encoder(config, None, [tmp_path / "elsewhere", tmp_path / "encoder"])
    apply_changes(config, changes)
    assert files.model == tmp_path / "encoder" / "model_se.pth"
    assert config.model_args["speaker_encoder_model_path"] == str(files.model)
    assert config.model_args["speaker_encoder_config_path"] == str(files.config)
    assert speaker_judge(config) is not None
