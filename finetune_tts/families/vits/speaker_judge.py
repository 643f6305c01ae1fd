"""The speaker encoder that judges generated speech in training, where a config asks for it."""

import torch

from finetune_tts.config.speech import SpeechConfig
from finetune_tts.errors import UserError
from finetune_tts.speaker_encoder.encoder import encoder_of_model, load_speaker_encoder
from finetune_tts.speaker_encoder.frozen import FrozenSpeakerEncoder


def speaker_judge(config: SpeechConfig, device: torch.device | str = "cpu") -> FrozenSpeakerEncoder | None:
    """The encoder for a speaker-consistency loss, None where the config does not ask for one.

    Keep it out of the network whose checkpoints are written: its weights belong to its own file.

    Args:
        config: of the run, its paths located; its ``model_args`` say whether and which.
        device: of the network that is judged.

    Raises:
        UserError: the config names no encoder that is there, or one that takes spectrograms.
    """
    values = config.to_dict()
    arguments = values.get("model_args") or {}
    if not arguments.get("use_speaker_encoder_as_loss"):
        return None
    files = encoder_of_model(values)
    if files is None:
        raise UserError(
            "use_speaker_encoder_as_loss is true, but speaker_encoder_model_path and speaker_encoder_config_path name "
            "no speaker encoder that is there. Name it with --encoder_path and --encoder_config_path, or set the field "
            "false."
        )
    return load_speaker_encoder(files, device=device).frozen(config.audio.sample_rate)
