"""How VITS synthesises."""

import torch

from finetune_tts.families.divergence import look_at_durations
from finetune_tts.families.speech import Request, Waveform
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.families.vits.network import VITS


def speak(network: VITS, config: VitsConfig, request: Request) -> Waveform:
    """Generate the waveform of a sentence; see :data:`finetune_tts.families.speech.Speak`."""
    args = config.model_args
    lengths = torch.tensor([request.token_ids.shape[1]], device=request.token_ids.device)
    speech = network.inference(
        request.token_ids,
        lengths,
        speaker_ids=request.speaker_id,
        d_vectors=request.d_vector,
        language_ids=request.language_id,
        noise_scale=args.inference_noise_scale if request.noise_scale is None else request.noise_scale,
        duration_noise_scale=args.inference_noise_scale_dp,
        length_scale=args.length_scale if request.length_scale is None else request.length_scale,
        max_frames=args.max_inference_len,
    )
    seconds = (config.audio.hop_length or 0) / (args.encoder_sample_rate or config.audio.sample_rate)
    look_at_durations(network, speech.frames_asked_for, speech.alignment.shape[2], lengths, seconds)
    return Waveform(speech.waveforms[0, 0].float().cpu().numpy(), speech.alignment[0].T.float().cpu().numpy())
