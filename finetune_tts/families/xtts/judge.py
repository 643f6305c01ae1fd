"""The speaker encoder that XTTS brings, as what judges how alike two voices are."""

from pathlib import Path

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.audio import AudioConfig
from finetune_tts.errors import UserError
from finetune_tts.families.xtts.decoder import ENCODER_RATE
from finetune_tts.families.xtts.weights import completed, translate_names
from finetune_tts.speaker_encoder.config import SpeakerEncoderConfig
from finetune_tts.speaker_encoder.encoder import SpeakerEncoder
from finetune_tts.speaker_encoder.front_end import WaveformToMel
from finetune_tts.speaker_encoder.resnet import ResNetSpeakerEncoder

_PREFIX = "hifigan_decoder.speaker_encoder."
_STAGES = range(1, 5)


def own_encoder(path: Path) -> SpeakerEncoder:
    """The encoder of a checkpoint. Nothing of XTTS but this is built.

    Raises:
        UserError: the checkpoint cannot be read, or holds no such encoder.
    """
    checkpoint = read_checkpoint(path)
    tensors = translate_names(completed(checkpoint.model, checkpoint.path.parent))
    weights = {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items() if name.startswith(_PREFIX)}
    try:
        blocks = {name.split(".")[:2][1] + name.split(".")[0] for name in weights if name.startswith("layer")}
        network = ResNetSpeakerEncoder(
            input_dim=64,
            proj_dim=len(weights["fc.weight"]),
            layers=[sum(block.endswith(f"layer{stage}") for block in blocks) for stage in _STAGES],
            num_filters=[len(weights[f"layer{stage}.0.conv1.weight"]) for stage in _STAGES],
            log_input=True,
            torch_spec=WaveformToMel(),
        )
        network.load_state_dict(weights)
    except (KeyError, RuntimeError, ValueError) as error:
        raise UserError(f"{path}: holds no speaker encoder of XTTS ({str(error).splitlines()[-1].strip()}).") from error
    audio = AudioConfig(
        sample_rate=ENCODER_RATE, fft_size=512, win_length=400, hop_length=160, num_mels=64, do_trim_silence=False
    )
    params = {"model_name": "resnet", "input_dim": 64, "proj_dim": network.proj_dim, "use_torch_spec": True}
    return SpeakerEncoder(network.eval(), SpeakerEncoderConfig(audio=audio, model_params=params), str(path))
