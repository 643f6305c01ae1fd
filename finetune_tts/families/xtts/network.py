"""XTTS: a language model that writes speech.

A recording is a row of codes, some 21 a second, as a text is a row of tokens. The model reads how somebody sounds (a
prompt of vectors, see ``conditioning.py``), then what is to be said, and writes the codes of that voice saying it, one
after the other (Betker 2023, "Better speech synthesis through scaling"; Casanova et al. 2024):

    prompt | START text STOP | START codes STOP

Training asks for every code at once, given those before it; speaking (``generation.py``) draws one, reads it, and draws
the next. The vectors from which the codes are drawn, not the codes, go to a HiFi-GAN that makes the waveform.

Tensor names are those of the released checkpoints.

Dimensions: B batch, P places of the prompt, T tokens of the longest text, N codes of the longest clip, C width,
V size of the text vocabulary, K number of codes with START and STOP, n_mels mel bands, T_mel frames, T_wav samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.xtts.conditioning import ConditioningEncoder, PerceiverResampler
from finetune_tts.families.xtts.decoder import Decoder
from finetune_tts.families.xtts.mels import NUM_MELS, LogMel, conditioning_mel
from finetune_tts.families.xtts.packing import is_fast_here, pack
from finetune_tts.families.xtts.transformer import Context, Transformer

IGNORED = -1
"""Target of a place that does not count."""
STOPS = 4
"""Stop tokens that the makers' models are trained to write behind the codes of a clip."""
_DEVIATION = 0.02  # of fresh embeddings
_UNUSED_PLACES = 216
WORTH_PACKING = 20_000_000
"""Parameters of a transformer below which it is fast as it is."""


@dataclass(frozen=True)
class GptOutput:
    """What the language model expects at every place, and what it should have.

    Attributes:
        text_logits: ``[B, T + 1, V]``.
        text_targets: ``[B, T + 1]``, ``IGNORED`` in the padding.
        code_logits: ``[B, N + STOPS, K]``.
        code_targets: ``[B, N + STOPS]``, ``IGNORED`` in the padding and where the clip was its own prompt.
    """

    text_logits: Tensor
    text_targets: Tensor
    code_logits: Tensor
    code_targets: Tensor


class Positions(nn.Module):
    """A learned vector for each place of a text, or of a row of codes."""

    def __init__(self, places: int, width: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(places, width)
        nn.init.normal_(self.emb.weight, std=_DEVIATION)

    def forward(self, places: int, first: int = 0) -> Tensor:
        """The vectors of ``places`` places from ``first`` on, ``[places, C]``."""
        return self.emb.weight[first : first + places]


class Gpt(nn.Module):
    """The language model.

    Args:
        layers, width, heads, dropout: of the transformer.
        text_tokens: V.
        audio_tokens: K.
        max_text_tokens: places for a text, beside START and STOP.
        max_audio_tokens: places for codes, beside what stands around them.
        start_text, stop_text, start_audio, stop_audio: ids that stand around a text and around codes.
        use_perceiver: ask the recording for a prompt of 32 places, as v2 does; v1.1 takes its frames.
    """

    def __init__(
        self,
        *,
        layers: int,
        width: int,
        heads: int,
        text_tokens: int,
        audio_tokens: int,
        max_text_tokens: int,
        max_audio_tokens: int,
        start_text: int,
        stop_text: int,
        start_audio: int,
        stop_audio: int,
        use_perceiver: bool = True,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.start_text, self.stop_text = start_text, stop_text
        self.start_audio, self.stop_audio = start_audio, stop_audio
        self.max_text_tokens, self.max_audio_tokens = max_text_tokens, max_audio_tokens
        self.conditioning_encoder = ConditioningEncoder(num_mels=NUM_MELS, channels=width, heads=heads)
        self.text_embedding = nn.Embedding(text_tokens, width)
        self.mel_embedding = nn.Embedding(audio_tokens, width)
        self.gpt = Transformer(layers=layers, width=width, heads=heads, dropout=dropout)
        self.mel_pos_embedding = Positions(max_audio_tokens + 3, width)
        self.text_pos_embedding = Positions(max_text_tokens + 2, width)
        self.final_norm = nn.LayerNorm(width)
        self.text_head = nn.Linear(width, text_tokens)
        self.mel_head = nn.Linear(width, audio_tokens)
        for table in (self.text_embedding, self.mel_embedding):
            nn.init.normal_(table.weight, std=_DEVIATION)
        self.conditioning_perceiver = PerceiverResampler(channels=width) if use_perceiver else None
        if not use_perceiver:  # tables that v1.1 holds and does not read
            self.prompt_embedding = nn.Embedding(audio_tokens, width)
            self.prompt_pos_embedding = Positions(_UNUSED_PLACES, width)

    def prompt_of(self, mel: Tensor) -> Tensor:
        """Listen to recordings of one length: mel spectrograms ``[B, n_mels, T_mel]`` to prompts ``[B, P, C]``."""
        frames = self.conditioning_encoder(mel).transpose(1, 2)
        return frames if self.conditioning_perceiver is None else self.conditioning_perceiver(frames)

    def read(self, text_ids: Tensor) -> Tensor:
        """START, a text and STOP ``[B, T]`` as vectors ``[B, T + 2, C]``, for speaking."""
        framed = F.pad(F.pad(text_ids, (0, 1), value=self.stop_text), (1, 0), value=self.start_text)
        return self.text_embedding(framed) + self.text_pos_embedding(framed.shape[1])

    def vectors_of_codes(self, codes: Tensor, first: int = 0) -> Tensor:
        """Codes ``[B, N]`` that begin at place ``first``, START being place 0, as vectors ``[B, N, C]``."""
        return self.mel_embedding(codes) + self.mel_pos_embedding(codes.shape[1], first)

    def latents_of(self, prompts: Sequence[Tensor], texts: Sequence[Tensor], codes: Sequence[Tensor]) -> list[Tensor]:
        """The vectors that the codes of clips would be drawn from, if they were spoken: what the decoder hears.

        All is read as in speaking, STOP of the text too. What fills the batch stands at the end, where no place that
        counts can see it.

        Args:
            prompts: one for each clip, ``[P, C]``.
            texts: ids, ``[T]`` each.
            codes: ``[N]`` each.

        Returns:
            ``[N, C]`` for each clip: the vectors at START and at every code but the last.
        """
        rows = [
            torch.cat(
                (
                    prompt,
                    self.read(text.unsqueeze(0))[0],
                    self.vectors_of_codes(F.pad(row[:-1], (1, 0), value=self.start_audio).unsqueeze(0))[0],
                )
            )
            for prompt, text, row in zip(prompts, texts, codes, strict=True)
        ]
        hidden = self.final_norm(self.gpt(nn.utils.rnn.pad_sequence(rows, batch_first=True), Context()))  # [B, …, C]
        every = zip(hidden, rows, codes, strict=True)
        return [vectors[len(read) - len(row) : len(read)] for vectors, read, row in every]

    def forward(
        self,
        prompts: Sequence[Tensor],
        text_ids: Tensor,
        text_lengths: Tensor,
        codes: Tensor,
        code_lengths: Tensor,
        heard: Tensor | None = None,
    ) -> GptOutput:
        """Expect every token of texts and every code of clips, given all that stands before it.

        Places are packed: behind the prompt of a clip comes its text, behind the text its codes, and what fills the
        batch stands at the end, where no place that counts can see it. STOP of the text is expected, but not read: so
        the released models were trained.

        Args:
            prompts: one for each clip, ``[P, C]``.
            text_ids: ``[B, T]``; any ids in the padding.
            text_lengths: ``[B]``.
            codes: ``[B, N]``, likewise.
            code_lengths: ``[B]``.
            heard: ``[B, 2]``, the first code of each clip that its prompt was made of, and the one behind the last;
                these are not asked for, so that nothing is gained by copying the prompt.
        """
        device = text_ids.device
        texts, text_targets = _framed(text_ids, text_lengths, self.start_text, self.stop_text, stops=1)
        spoken, code_targets = _framed(codes, code_lengths, self.start_audio, self.stop_audio, stops=STOPS)
        if heard is not None:
            place = torch.arange(code_targets.shape[1], device=device)
            code_targets = code_targets.masked_fill((place >= heard[:, :1]) & (place < heard[:, 1:]), IGNORED)
        prompt = nn.utils.rnn.pad_sequence(list(prompts), batch_first=True)  # [B, P, C]
        vectors = torch.cat(
            (
                prompt,
                self.text_embedding(texts) + self.text_pos_embedding(texts.shape[1]),
                self.vectors_of_codes(spoken),
            ),
            dim=1,
        )
        prompt_places = torch.tensor([len(item) for item in prompts]).to(device, non_blocking=True)
        is_read = torch.cat(
            (
                torch.arange(prompt.shape[1], device=device) < prompt_places.unsqueeze(1),
                torch.arange(texts.shape[1], device=device) <= text_lengths.unsqueeze(1),
                torch.ones_like(spoken, dtype=torch.bool),
            ),
            dim=1,
        )
        order = torch.argsort((~is_read).byte(), dim=1, stable=True)  # [B, P + T + 1 + N + STOPS]
        packed = vectors.gather(1, order.unsqueeze(2).expand_as(vectors))
        hidden = self.gpt(packed, Context())
        hidden = torch.zeros_like(hidden).scatter(1, order.unsqueeze(2).expand_as(hidden), hidden)
        hidden = self.final_norm(hidden[:, prompt.shape[1] :])
        return GptOutput(
            text_logits=self.text_head(hidden[:, : texts.shape[1]]),
            text_targets=text_targets,
            code_logits=self.mel_head(hidden[:, texts.shape[1] :]),
            code_targets=code_targets,
        )


def _framed(ids: Tensor, lengths: Tensor, start: int, stop: int, *, stops: int) -> tuple[Tensor, Tensor]:
    """What is read and what is expected of rows of ids.

    Args:
        ids: ``[B, T]``.
        lengths: ``[B]``.
        start, stop: what stands before and behind.
        stops: how many stop tokens are expected behind the ids.

    Returns:
        Inputs and targets, ``[B, T + stops]``: START and the ids, followed by STOP; the ids, followed by STOP.
    """
    place = torch.arange(ids.shape[1] + stops, device=ids.device)
    ends = lengths.unsqueeze(1)
    targets = F.pad(ids, (0, stops), value=stop).masked_fill(place >= ends, stop)
    inputs = F.pad(targets[:, :-1], (1, 0), value=start)
    return inputs, targets.masked_fill(place >= ends + stops, IGNORED)


class Xtts(nn.Module):
    """The language model, the decoder that makes its vectors audible, and what evens out the bands it hears.

    Args:
        gpt: the language model.
        decoder: makes waveforms of its vectors.
        discriminator: judges these waveforms while the decoder is trained; None where it is not.
    """

    mel_stats: Tensor

    def __init__(self, *, gpt: Gpt, decoder: Decoder, discriminator: nn.Module | None = None) -> None:
        super().__init__()
        self.gpt = gpt
        self.hifigan_decoder = decoder.requires_grad_(False)
        self.disc = discriminator
        self.register_buffer("mel_stats", torch.ones(NUM_MELS))
        self.listen: LogMel = conditioning_mel(perceiver=gpt.conditioning_perceiver is not None)

    def prepare_for_inference(self) -> None:
        """Fold weight norms; on a CPU, pack the matrices of a large language model. In place."""
        self.hifigan_decoder.waveform_decoder.prepare_for_inference()
        large = sum(parameter.numel() for parameter in self.gpt.gpt.parameters()) >= WORTH_PACKING
        if large and self.mel_stats.device.type == "cpu" and is_fast_here():
            pack(self.gpt.gpt)

    def forward(
        self,
        text_ids: Tensor,
        text_lengths: Tensor,
        codes: Tensor,
        code_lengths: Tensor,
        waveforms: Sequence[Tensor],
        heard: Tensor | None = None,
    ) -> GptOutput:
        """Expect texts and codes of clips in the voices of recordings; see :meth:`Gpt.forward`.

        Args:
            waveforms: one recording for each clip, ``[T_wav]`` at 22,050 Hz.
        """
        return self.gpt(self.prompts_of(waveforms), text_ids, text_lengths, codes, code_lengths, heard)

    def prompts_of(self, waveforms: Sequence[Tensor]) -> list[Tensor]:
        """Listen to recordings ``[T_wav]`` at 22,050 Hz, those of one length together: prompts ``[P, C]``."""
        prompts: dict[int, Tensor] = {}
        lengths = [len(waveform) for waveform in waveforms]
        for length in dict.fromkeys(lengths):
            places = [place for place, other in enumerate(lengths) if other == length]
            mel = self.listen(torch.stack([waveforms[place] for place in places]), self.mel_stats)
            prompts.update(zip(places, self.gpt.prompt_of(mel), strict=True))
        return [prompts[place] for place in range(len(lengths))]
