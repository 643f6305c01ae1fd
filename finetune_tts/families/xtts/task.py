"""XTTS as a task of the trainer: the language model learns; all else stays what it is.

Each clip is read in its own voice: a part of it becomes the prompt, and the codes of that part are not asked for, so
that copying gains nothing. The makers' program has that mask for one clip of a batch only, and in another unit.
"""

import re
from collections.abc import Sequence
from fnmatch import translate
from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.config.adaptation import patterns_of
from finetune_tts.data.batch import Batch
from finetune_tts.errors import UserError
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.loss import gpt_losses
from finetune_tts.families.xtts.low_rank import add_adapters, keep_in_bfloat16
from finetune_tts.families.xtts.network import GptOutput, Xtts
from finetune_tts.layers.low_rank import MARK
from finetune_tts.layers.recomputing import let_recompute
from finetune_tts.tasks.optimizers import make_optimizer
from finetune_tts.tasks.spoken_samples import Speaker
from finetune_tts.tasks.task import TTSTask

#: parts of names of weights that are no matrices of a map, and that do not decay.
_TABLES = ("text_embedding", "mel_embedding", "pos_embedding", "prompt_embedding", ".latents")


class XttsTask(TTSTask):
    """Cross-entropy of texts and codes, under 🐸TTS's names."""

    network: Xtts
    needs_waveforms = True

    def __init__(self, network: Xtts, config: XttsConfig, speak: Speaker | None = None) -> None:
        super().__init__(network, config, speak)
        self.adapted = config.lora_rank > 0
        self.keeps_best_lean = not self.adapted
        if self.adapted:
            device = network.mel_stats.device
            pattern, rank, dropout = self._lora_pattern(), config.lora_rank, config.lora_dropout
            try:
                add_adapters(network.gpt, pattern=pattern, rank=rank, alpha=config.lora_alpha, dropout=dropout)
            except ValueError as error:
                raise UserError(str(error)) from error
            network.to(device)
            if config.mixed_precision and config.precision == "bf16":
                keep_in_bfloat16(network.gpt)
            for name, parameter in network.gpt.named_parameters():
                if config.lora_also and re.search(config.lora_also, name):
                    parameter.requires_grad_(True)
        saves = config.recompute_activations
        let_recompute(network.gpt, self.adapted if saves is None else saves)

    def _lora_pattern(self) -> str:
        """What is looked for in the names of the language model's matrices: ``lora_targets``, else ``lora_pattern``."""
        targets = patterns_of(self.config.lora_targets)
        if not targets:
            return str(self.config.lora_pattern)
        return "|".join(f"^{translate(of_all.removeprefix('gpt.'))}" for of in targets for of_all in (of, f"{of}.*"))

    def run_network(self, batch: Batch) -> GptOutput:
        """Read each clip in the voice of a part of it."""
        assert batch.codes is not None
        assert batch.code_lengths is not None
        waveforms, heard = self._prompts(batch)
        output: GptOutput = self.network(
            batch.token_ids, batch.token_lengths, batch.codes, batch.code_lengths, waveforms, heard
        )
        return output

    def losses(self, outputs: GptOutput, batch: Batch) -> dict[str, Tensor]:
        """``loss``, and its parts ``loss_text_ce`` and ``loss_mel_ce``."""
        args = self.config.model_args
        with torch.autocast(outputs.code_logits.device.type, enabled=False):
            return gpt_losses(
                GptOutput(
                    outputs.text_logits.float(),
                    outputs.text_targets,
                    outputs.code_logits.float(),
                    outputs.code_targets,
                ),
                text_weight=args.gpt_loss_text_ce_weight,
                code_weight=args.gpt_loss_mel_ce_weight,
            )

    def _prompts(self, batch: Batch) -> tuple[list[Tensor], Tensor | None]:
        """A part of each clip ``[T_wav]``, and which codes ``[B, 2]`` it was made of.

        In training it is anywhere, of a length between the config's bounds; held out it is the beginning, of a middle
        length, always the same. At most half of a clip becomes its prompt.
        """
        assert batch.waveforms is not None
        assert batch.waveform_counts is not None
        args = self.config.model_args
        low, high, stride = args.min_conditioning_length, args.max_conditioning_length, args.gpt_code_stride_len
        shortest = self.network.listen.shortest
        parts, heard = [], []
        for row, count in enumerate(batch.waveform_counts):
            wanted = int(torch.randint(low, high + 1, ())) if self.training else (low + high) // 2
            length = max(min(wanted, count // 2), min(shortest, count))
            start = int(torch.randint(0, count - length + 1, ())) if self.training else 0
            parts.append(batch.waveforms[row, 0, start : start + length])
            heard.append((start // stride, -(-(start + length) // stride)))
        if not args.gpt_use_masking_gt_prompt_approach:
            return parts, None
        return parts, torch.tensor(heard).to(batch.token_ids.device, non_blocking=True)

    def units_to_shard(self) -> Sequence[nn.Module]:
        """The blocks of the language model; and the decoder, which training never calls and so stays shared out."""
        return *self.network.gpt.gpt.h, self.network.hifigan_decoder

    def seconds(self, batch: Batch) -> float:
        """Length of the longest clip."""
        assert batch.waveforms is not None
        return batch.waveforms.shape[2] / self.config.audio.sample_rate

    def get_optimizer(self) -> torch.optim.Optimizer:
        """The optimizer that the config names; only matrices decay."""
        config = self.config
        named = [(name, weight) for name, weight in self.network.named_parameters() if weight.requires_grad]
        spared = [
            weight
            for name, weight in named
            if config.optimizer_wd_only_on_weights and (weight.dim() < 2 or any(part in name for part in _TABLES))
        ]
        decaying = [weight for _, weight in named if all(weight is not other for other in spared)]
        return make_optimizer(
            config.optimizer,
            decaying,
            self.get_lr(),
            config.optimizer_params,
            undecayed=spared,
            factors=self.rate_factors(),
        )

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The network's; with adapters, what was trained alone."""
        state = super().state_dict(*args, **kwargs)
        if not self.adapted:
            return state
        learned = {name for name, _ in self.network.named_parameters()}
        return {name: tensor for name, tensor in state.items() if name in learned or MARK in name}
