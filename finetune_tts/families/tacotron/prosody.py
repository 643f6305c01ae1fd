"""How a model with Capacitron is to speak: like a recording."""

import torch

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.base import Config
from finetune_tts.errors import UserError
from finetune_tts.families.tacotron.capacitron import Reference
from finetune_tts.families.tacotron.capacitron_config import CapacitronConfig, CapacitronVAEConfig
from finetune_tts.families.tacotron.style_flags import StyleRecording
from finetune_tts.text.tokenizer import Tokenizer


def reference_for(
    config: Config,
    extractor: SpectrogramExtractor,
    tokenizer: Tokenizer,
    device: torch.device,
    recording: StyleRecording,
) -> Reference:
    """Return what the network takes of a recording to imitate.

    Args:
        config: the model's.
        extractor: of the model's audio settings.
        tokenizer: the model's.
        device: of the network.
        recording: what the user asks for.

    Raises:
        UserError: the model has no Capacitron, the text is missing or has nothing in it that the model knows, or the
            recording cannot be read.
    """
    if not isinstance(config, CapacitronConfig) or not config.use_capacitron_vae:
        raise UserError(recording.refusal)
    vae = config.capacitron_vae or CapacitronVAEConfig()
    token_ids: list[int] = []
    if vae.capacitron_use_text_summary_embeddings:
        text = (recording.text or "").strip()
        token_ids = tokenizer.encode(text).ids if text else []
        if not token_ids:
            raise UserError(
                "--capacitron_style_text is missing or has nothing in it that the model knows: what is said in the "
                "recording? The model looks at that too."
            )
    mel = extractor.mel(extractor.load(recording.path))  # [n_mels, T_mel]
    return Reference(
        mels=torch.from_numpy(mel.T.copy()).unsqueeze(0).to(device),
        token_ids=torch.tensor([token_ids], dtype=torch.long, device=device),
    )
