"""A model that draws spectrograms and its vocoder, as a pair of files for sherpa-onnx.

sherpa-onnx writes a mark between all phonemes. It is given one that is no symbol of the model, so that the network of
the file can take it away, and puts blanks, bos and eos where the model has them. What the first file draws is what the
second one takes: the normalisation of the one is undone and that of the other done in between.
"""

from inspect import signature

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.audio.levels import Line
from finetune_tts.errors import UserError
from finetune_tts.sharing.licence import Terms
from finetune_tts.sharing.onnx import export_vocoder, export_voice, require_exporter
from finetune_tts.sharing.onnx_precision import add_metadata
from finetune_tts.sharing.readers import Symbol, cleaner_remark, espeak_language, require_one_condition, symbols_of
from finetune_tts.sharing.sherpa_folder import (
    FOLDER_NAME,
    MODEL_NAME,
    VOCODER_NAME,
    copy_data,
    require_writable,
    write_tokens,
)
from finetune_tts.sharing.sherpa_names import ACOUSTIC_MODEL, ENDS, VOCODER
from finetune_tts.sharing.source import Shared, Source
from finetune_tts.synthesis.vocoder import FEWEST_FRAMES, Vocoder
from finetune_tts.synthesis.voice import Voice
from finetune_tts.text.tokenizer import Tokenizer


class _Reading(nn.Module):
    """Makes the tokens of the model of those that sherpa-onnx writes; ``T'`` of the one are ``T`` of the other."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        vocabulary = tokenizer.vocabulary

        def of(symbol: str | None, used: bool) -> list[int]:
            return [vocabulary.id(symbol)] if used and symbol else []

        ends = bool(tokenizer.use_eos_bos and vocabulary.bos and vocabulary.eos)
        self.symbols = len(vocabulary)
        self.blank = of(vocabulary.blank, tokenizer.add_blank)
        self.bos, self.eos = of(vocabulary.bos, ends), of(vocabulary.eos, ends)
        self.silence = [vocabulary.id(" ") if " " in vocabulary else vocabulary.pad_id]

    def forward(self, given: Tensor) -> Tensor:  # [1, T'] → [1, T]
        ids = given[0][given[0] < self.symbols]

        def fixed(tokens: list[int]) -> Tensor:
            return torch.tensor(tokens, dtype=torch.long)

        ids = torch.cat([ids, fixed(self.silence)[ids.shape[0] :]])  # no network reads nothing
        if self.blank:
            blanks = torch.full_like(ids, self.blank[0])
            ids = torch.cat([fixed(self.blank), torch.stack([ids, blanks], dim=1).reshape(-1)])
        return torch.cat([fixed(self.bos), ids, fixed(self.eos)]).unsqueeze(0)


class _Drawing(nn.Module):
    """Makes a spectrogram for the vocoder of one of the model."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        super().__init__()
        self.bounds = [(line.lowest, line.highest) for line in lines]
        self.factors = [torch.as_tensor(line.factor, dtype=torch.float32) for line in lines]
        self.offsets = [torch.as_tensor(line.offset, dtype=torch.float32) for line in lines]

    def forward(self, mel: Tensor) -> Tensor:  # [1, n_mels, T]
        for (lowest, highest), factor, offset in zip(self.bounds, self.factors, self.offsets, strict=True):
            mel = factor * mel.clamp(lowest, highest) + offset
        return mel


class _Cut(nn.Module):
    """A generator whose waveform has as many samples as its spectrogram has frames of them, as it is spoken here."""

    def __init__(self, vocoder: Vocoder) -> None:
        super().__init__()
        self.network = vocoder.network
        self.hop_length = vocoder.extractor.hop_length
        frames = 2 * FEWEST_FRAMES
        with torch.no_grad():
            made = self._made(torch.zeros(1, vocoder.config.audio.num_mels, frames)).numel()
        self.first = max(0, (made - frames * self.hop_length) // 2)
        self.lacking = max(0, frames * self.hop_length - (made - self.first))

    def inference(self, mel: Tensor) -> Tensor:
        """The waveform ``[1, 1, T_wav]`` of a spectrogram ``[1, M, T]``."""
        frames = torch.ones_like(mel[0, 0], dtype=torch.long).sum()
        ends = mel[:, :, -1:].expand(-1, -1, FEWEST_FRAMES)
        made = self._made(torch.cat([mel, ends], dim=2)[:, :, : frames.clamp(min=FEWEST_FRAMES)])
        made = F.pad(made[:, :, self.first :], (0, self.lacking))
        return made[:, :, : frames * self.hop_length]

    def _made(self, mel: Tensor) -> Tensor:
        made: Tensor = self.network.inference(mel)  # type: ignore[operator]  # of a generator
        return made.reshape(1, 1, -1)


def write_pair(source: Source, voice: Voice) -> Shared:
    """Write the folder of a model that draws spectrograms, and compare what its networks say with what torch says.

    Args:
        source: what is exported.
        voice: the same, loaded.

    Raises:
        UserError: sherpa-onnx cannot speak the model or its vocoder, there is none, packages are missing, or a file
            says something else.
    """
    require_exporter(voice.config.model, "sherpa")
    language = espeak_language("sherpa", voice.tokenizer)
    if language is None:
        raise UserError(
            "--export sherpa: the model reads characters. To a model that draws spectrograms sherpa-onnx gives "
            "phonemes of espeak-ng, or words of a list, and nothing else. --export onnx writes the network alone."
        )
    fixed = require_one_condition("sherpa", voice)
    require_writable(voice.tokenizer)
    vocoder, terms = source.vocoder_of(voice)
    require_exporter(vocoder.config.model, "onnx")
    if len(signature(vocoder.network.inference).parameters) > 1:  # type: ignore[arg-type]  # of a generator
        raise UserError(
            f"--export sherpa: a vocoder of {vocoder.config.model} takes noise beside the spectrogram, and sherpa-onnx "
            "gives it none: choose another. --export onnx writes both, with an input for the noise."
        )
    lines = _lines(voice, vocoder)
    folder = source.folder / FOLDER_NAME
    folder.mkdir(exist_ok=True)
    drawing = export_voice(
        voice,
        folder / MODEL_NAME,
        "sherpa",
        fixed=fixed,
        reading=_Reading(voice.tokenizer),
        drawing=_Drawing(lines),
    )
    add_metadata(drawing.path, {**_metadata(voice, language, vocoder), **source.terms.metadata()})
    cut = Vocoder(_Cut(vocoder), vocoder.config, vocoder.extractor)
    generating = export_vocoder(cut, folder / VOCODER_NAME)
    add_metadata(generating.path, {**_vocoder_metadata(vocoder), **terms.metadata()})
    tokens = write_tokens(folder, _tokens(voice.tokenizer))
    noise, duration = drawing.scales
    return Shared(
        (drawing.path, generating.path, tokens),
        (
            f"wrote: {copy_data(folder)}",
            f"largest difference from torch: {max(drawing.difference, generating.difference):.1e}",
            *cleaner_remark("sherpa-onnx", voice.config.text_cleaner),
            f"noise scale {noise:g}, duration factor {duration:g}",
            *_vocoder_remarks(terms),
            "how it is spoken with: docs/sharing.md",
        ),
    )


def _lines(voice: Voice, vocoder: Vocoder) -> tuple[Line, ...]:
    lines = vocoder.pair_with(voice.extractor).lines()
    if lines is None:
        raise UserError(
            "--export sherpa: this vocoder has other frames or another kind of spectrogram than the model, and between "
            "the two sherpa-onnx does nothing. Choose one with the model's sample_rate, hop_length and "
            "do_amp_to_db_mel, or fine-tune it on the model's spectrograms: docs/vocoders.md."
        )
    return lines


def _metadata(voice: Voice, language: str, vocoder: Vocoder) -> dict[str, str]:
    """What sherpa-onnx reads of the first file; numbers as texts."""
    speakers = voice.speakers
    return {
        "model_type": ACOUSTIC_MODEL,
        "version": "1",
        "language": language,
        "voice": language,
        "has_espeak": "1",
        "jieba": "0",
        "sample_rate": str(vocoder.sample_rate),
        "n_speakers": str(speakers.rows if speakers is not None and speakers.rows > 1 else 1),
        "use_eos_bos": "0",
        "pad_id": str(len(voice.tokenizer.vocabulary)),
    }


def _vocoder_metadata(vocoder: Vocoder) -> dict[str, str]:
    """What sherpa-onnx reads of the second file."""
    return {
        "model_type": VOCODER,
        "version": "1",
        "sample_rate": str(vocoder.sample_rate),
        "n_mels": str(vocoder.config.audio.num_mels),
    }


def _tokens(tokenizer: Tokenizer) -> list[Symbol]:
    symbols = symbols_of(tokenizer)
    there = {symbol.text for symbol in symbols}
    return symbols + [Symbol(mark, len(tokenizer.vocabulary)) for mark in ENDS if mark not in there]


def _vocoder_remarks(terms: Terms) -> tuple[str, ...]:
    return tuple(f"of the vocoder: {remark}" for remark in terms.remarks()[:1])
