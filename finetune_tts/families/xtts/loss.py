"""The objective of XTTS: how surprised the language model is by texts and codes.

Dimensions: B batch, T tokens, N codes, V size of the text vocabulary, K number of codes with START and STOP.
"""

from torch import Tensor
from torch.nn import functional as F

from finetune_tts.families.xtts.network import IGNORED, GptOutput


def gpt_losses(output: GptOutput, *, text_weight: float, code_weight: float) -> dict[str, Tensor]:
    """Cross-entropy over all places that count, under the names of the makers' program.

    Args:
        output: of a pass.
        text_weight, code_weight: how much each part counts.

    Returns:
        ``loss``, and its parts ``loss_text_ce`` and ``loss_mel_ce``, weighted.
    """
    text = _cross_entropy(output.text_logits, output.text_targets) * text_weight
    codes = _cross_entropy(output.code_logits, output.code_targets) * code_weight
    return {"loss": text + codes, "loss_text_ce": text, "loss_mel_ce": codes}


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over all places of ``logits [B, T, V]`` whose target counts."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
