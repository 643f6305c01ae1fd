"""A voice: a network with its config, its vocabulary and its speakers, ready to synthesise.

The same class speaks for ``tts``, for the samples of a run in training and for the demo, so that what is heard in
training is what is heard afterwards.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from finetune_tts.audio.griffin_lim import waveform_from_linear, waveform_from_mel
from finetune_tts.audio.reading import resample
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.base import Config
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.speakers import LanguageNames, SpeakerNames
from finetune_tts.errors import UserError
from finetune_tts.families.divergence import require_finite
from finetune_tts.families.registry import family_of
from finetune_tts.families.speaking import answer_of, makes_spectrograms, network_style
from finetune_tts.families.speech import Request, Spectrogram, StyleContext, Waveform
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.imitation import Imitator
from finetune_tts.synthesis.interruption import speaking, speaking_in_parts
from finetune_tts.synthesis.vocoder import Vocoder
from finetune_tts.text.tokenizer import Encoded, Tokenizer

_PAUSE = 0.25  # seconds of silence between the sentences of a longer text
_PLAIN = Delivery()


@dataclass(frozen=True)
class Speech:
    """Something spoken.

    Attributes:
        waveform: ``[T_wav]`` float32.
        sample_rate: in Hz.
        mel: ``[T_mel, n_mels]`` of the last sentence.
        alignment: ``[T_mel, T_text]`` of the last sentence; None where the network has none.
        missing: characters of the text that the vocabulary lacks, each once; they were not spoken.
        spectrogram: ``[T_mel, n_mels]`` of all sentences, one after the other.
    """

    waveform: np.ndarray
    sample_rate: int
    mel: np.ndarray
    alignment: np.ndarray | None
    missing: str
    spectrogram: np.ndarray

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.waveform) / self.sample_rate


class Voice:
    """Synthesises text.

    Args:
        network: on the device that it is to use; may be in training, which is interrupted while it synthesises.
        config: the model's.
        tokenizer: the model's.
        extractor: of the model's audio settings.
        speakers: of a model with a speaker embedding.
        d_vectors: of a model with d-vectors.
        languages: of a model with a language embedding.
        voices: of a model that listens to recordings itself: whom it knows by name.

    Attributes:
        imitator: speaks like recordings, for a model that listens to them itself; None for another.
        vocoder: generates the waveform, paired with this model's spectrograms; None is Griffin-Lim.
    """

    def __init__(
        self,
        network: nn.Module,
        config: Config,
        tokenizer: Tokenizer,
        extractor: SpectrogramExtractor,
        *,
        speakers: SpeakerNames | None = None,
        d_vectors: DVectors | None = None,
        languages: LanguageNames | None = None,
        voices: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = network
        self.config = config
        self.tokenizer = tokenizer
        self.extractor = extractor
        self.speakers = speakers
        self.d_vectors = d_vectors
        self.language_rows = languages
        self.vocoder: Vocoder | None = None
        listening = family_of(config.model).implementation.listening
        self.imitator = None if listening is None else Imitator(network, config, extractor, listening, voices or {})

    @property
    def needs_vocoder(self) -> bool:
        """Whether it makes spectrograms, and something else has to generate the waveform."""
        return makes_spectrograms(self.config)

    @property
    def sample_rate(self) -> int:
        """Of its waveforms, in Hz."""
        return (
            self.vocoder.sample_rate
            if self.vocoder is not None
            else family_of(self.config.model).output_rate(self.config)
        )

    @property
    def speaker_names(self) -> tuple[str, ...]:
        """Who can speak; empty for a model of one voice."""
        if self.imitator is not None:
            return self.imitator.names
        if self.d_vectors is not None:
            return self.d_vectors.names().names
        return self.speakers.names if self.speakers is not None else ()

    @property
    def takes_d_vectors(self) -> bool:
        """Whether it knows speakers by vectors of an encoder, and so can imitate a recording."""
        return bool(getattr(self.config, "use_d_vector_file", False))

    @property
    def takes_styles(self) -> bool:
        """Whether it can imitate a recording, by style tokens."""
        return bool(getattr(self.config, "use_gst", False))

    @property
    def languages(self) -> tuple[str, ...]:
        """Which languages it can be told to speak; empty for a model of one language."""
        if self.language_rows is not None:
            return self.language_rows.names
        return self.tokenizer.languages

    def require_speakable(self, text: str, delivery: Delivery = _PLAIN) -> None:
        """Find out without the network whether :meth:`speak` can synthesise a text.

        Raises:
            UserError: as :meth:`speak` does.
        """
        self._require_known(delivery)
        self._encode(text, [text], delivery.language)

    def require_delivery(self, delivery: Delivery) -> None:
        """Find out whether it can synthesise in this way, whatever the text.

        Raises:
            UserError: as :meth:`speak` does.
        """
        self._require_known(delivery)
        if self.imitator is not None and delivery.voice is None:
            self.imitator.known(delivery.speaker)

    def _require_known(self, delivery: Delivery) -> None:
        self._speaker(delivery.speaker, delivery.d_vector)
        self._language(delivery.language)
        self._style(delivery.style)

    def require_d_vectors(self) -> None:
        """Find out whether it can imitate a recording.

        Raises:
            UserError: it cannot.
        """
        if not self.takes_d_vectors:
            raise UserError(
                "--speaker_wav: this model does not know its speakers by d-vectors, so it cannot imitate a "
                "recording. Leave the flag out."
            )

    def speak(self, text: str, delivery: Delivery = _PLAIN, *, split: bool = True) -> Speech:
        """Synthesise a text, sentence by sentence.

        Args:
            text: any text; a long one is cut into sentences.
            delivery: how.
            split: false synthesises the text at once.

        Raises:
            UserError: nothing in the text can be synthesised, there is no such speaker or language, or the model has
                diverged.
        """
        sentences = self.tokenizer.split(text, delivery.language) if split else [text]
        encoded = self._encode(text, sentences, delivery.language)
        parts: list[np.ndarray] = []
        mels: list[np.ndarray] = []
        common = self._request(delivery)
        with speaking(self.network, delivery.seed):
            for request in self._requests(encoded, common):
                answer = self.answer(request)
                mel, waveform = self._heard(answer)
                mels.append(mel)
                parts += [self._pause, waveform]
        if not any(map(len, parts[1::2])):
            raise UserError(f"--text {text[:60]!r}: the model makes no sound of so short a text. Give it more to say.")
        missing = "".join(dict.fromkeys(symbol for sentence in encoded for symbol in sentence.missing))
        spoken, spectrogram = np.concatenate(parts[1:]), np.concatenate(mels)
        return Speech(spoken, self.sample_rate, mel, answer.alignment, missing, spectrogram)

    def stream(self, text: str, delivery: Delivery = _PLAIN) -> Iterator[np.ndarray]:
        """Speak a text and hand over each part ``[T_wav]`` as soon as it is made.

        A model that makes everything at once hands over sentences; one that does not, parts of them. Whoever stops
        taking parts stops the synthesis. The arguments are those of :meth:`speak`, and so are the errors; those of the
        arguments are raised before the first part is asked for.
        """
        encoded = self._encode(text, self.tokenizer.split(text, delivery.language), delivery.language)
        requests = self._requests(encoded, self._request(delivery))
        return speaking_in_parts(self.network, delivery.seed, self._all_parts(requests))

    def _all_parts(self, requests: Iterator[Request]) -> Iterator[np.ndarray]:
        for number, request in enumerate(requests):
            if number:
                yield self._pause
            for part in self._parts(request):
                require_finite(part, self.network, "The model")
                yield part

    @property
    def _pause(self) -> np.ndarray:
        return np.zeros(int(_PAUSE * self.sample_rate), dtype=np.float32)

    def answer(self, request: Request) -> Spectrogram | Waveform:
        """Let the network answer.

        Raises:
            UserError: this architecture cannot synthesise here.
        """
        return answer_of(self.network, self.config, request)

    def _parts(self, request: Request) -> Iterator[np.ndarray]:
        stream = family_of(self.config.model).implementation.stream
        if stream is not None:
            yield from stream(self.network, self.config, request)
        else:
            yield self._heard(self.answer(request))[1]

    def _request(self, delivery: Delivery) -> Request:
        """What all sentences of a text have in common."""
        speaker_id, speaker_vector = self._speaker(delivery.speaker, delivery.d_vector)
        voice = delivery.voice
        if self.imitator is not None and voice is None:
            voice = self.imitator.known(delivery.speaker)
        return Request(
            token_ids=torch.empty(1, 0, dtype=torch.long, device=self._device),
            speaker_id=speaker_id,
            d_vector=speaker_vector,
            language_id=self._language(delivery.language),
            noise_scale=delivery.noise_scale,
            length_scale=delivery.length_scale,
            style=self._style(delivery.style),
            voice=voice,
        )

    def _requests(self, encoded: list[Encoded], common: Request) -> Iterator[Request]:
        """One for each sentence that has something in it to speak."""
        for sentence in filter(_has_symbols, encoded):
            yield replace(common, token_ids=torch.tensor([sentence.ids], device=self._device))

    def require_converting(self) -> None:
        """Find out whether it can say a recording in another voice.

        Raises:
            UserError: it cannot.
        """
        require = family_of(self.config.model).implementation.require_converting
        if require is None:
            raise UserError(f"--reference_wav: a model of {self.config.model} cannot convert voices.")
        require(self.network, self.config)

    def convert(
        self,
        waveform: np.ndarray,
        *,
        speaker: str | None = None,
        d_vector: np.ndarray | None = None,
        source_speaker: str | None = None,
        source_vector: np.ndarray | None = None,
    ) -> Speech:
        """Say a recording in another voice.

        Args:
            waveform: ``[T_wav]`` at the model's rate.
            speaker, d_vector: whose voice it becomes, as for :meth:`speak`.
            source_speaker, source_vector: whose voice it is, likewise.

        Raises:
            UserError: the model cannot convert, there is no such speaker, or the recording is too short.
        """
        self.require_converting()
        convert = family_of(self.config.model).implementation.convert
        assert convert is not None
        target, source = self._speaker(speaker, d_vector), self._speaker(source_speaker, source_vector)
        with speaking(self.network):
            converted = convert(self.network, self.config, waveform, source=source, target=target)
        require_finite(converted, self.network, "The model")
        mel = self.extractor.mel(converted).T
        return Speech(converted, self.sample_rate, mel, np.zeros((len(mel), 0), np.float32), "", mel)

    def _style(self, style: Any | None) -> Any | None:
        """How it is to sound, as the network takes it."""
        return network_style(StyleContext(self.config, self.extractor, self.tokenizer, self.network), style)

    def _heard(self, answer: Spectrogram | Waveform) -> tuple[np.ndarray, np.ndarray]:
        """The mel spectrogram ``[T_mel, n_mels]`` and the waveform ``[T_wav]`` of an answer.

        Raises:
            UserError: the model or the vocoder has diverged.
        """
        if isinstance(answer, Waveform):
            require_finite(answer.waveform, self.network, "The model")
            if not len(answer.waveform):
                return np.zeros((0, self.config.audio.num_mels), dtype=np.float32), answer.waveform
            shown = resample(answer.waveform, self.sample_rate, self.extractor.sample_rate)
            return self.extractor.mel(shown).T, answer.waveform
        require_finite(answer.mel, self.network, "The model")
        if answer.linear is not None:
            require_finite(answer.linear, self.network, "The model")
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is told below
            waveform = self._waveform(answer)
        require_finite(waveform, self.network, "The model")
        return answer.mel, waveform

    def _waveform(self, answer: Spectrogram) -> np.ndarray:
        """Make a waveform ``[T_wav]`` of a spectrogram; for Griffin-Lim of the linear one, where there is one."""
        if self.vocoder is not None:
            return self.vocoder.vocode(answer.mel.T)
        if answer.linear is not None:
            return waveform_from_linear(self.extractor, answer.linear.T, device=str(self._device))
        return waveform_from_mel(self.extractor, answer.mel.T, device=str(self._device))

    def _encode(self, text: str, sentences: list[str], language: str | None) -> list[Encoded]:
        """The sentences of ``text`` as ids; at least one has something in it to speak."""
        # A model of one language was trained on texts whose language was not named, and is spoken to likewise.
        named = language if self.tokenizer.languages else None
        encoded = [self.tokenizer.encode(sentence, named) for sentence in sentences]
        if not any(map(_has_symbols, encoded)):
            raise UserError(f"--text {text[:60]!r}: there is nothing in it that this model can read.")
        return encoded

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    def _speaker(
        self, name: str | None, d_vector: np.ndarray | None = None
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Return the speaker's row ``[1]`` or vector ``[1, D]``, as the model wants it."""
        if self.imitator is not None:
            return None, None
        if d_vector is not None:
            return None, self._given_vector(d_vector)
        names = self.speaker_names
        if not names and self.takes_d_vectors:
            raise UserError(
                "This model knows its speakers by d-vectors, and the file of them is not there. "
                "Give a recording of the speaker with --speaker_wav."
            )
        if not names:
            if name:
                raise UserError(f"--speaker_idx {name}: this model has one voice; leave the flag out.")
            return None, None
        if name is None:
            if len(names) > 1:
                raise UserError(
                    f"This model has {len(names)} speakers: choose one with --speaker_idx ({_some(names)})."
                )
            name = names[0]
        if self.d_vectors is not None:
            return None, torch.from_numpy(self.d_vectors.of_speaker(name)).to(self._device).unsqueeze(0)
        assert self.speakers is not None
        return torch.tensor([self.speakers.id(name)], device=self._device), None

    def _given_vector(self, d_vector: np.ndarray) -> torch.Tensor:
        self.require_d_vectors()
        size = getattr(self.config, "d_vector_dim", 0)
        if d_vector.shape != (size,):
            raise UserError(
                f"The speaker encoder gives vectors of {d_vector.size} numbers, the model takes {size}: "
                "use the encoder that the model was trained with."
            )
        return torch.from_numpy(np.asarray(d_vector, dtype=np.float32)).to(self._device).unsqueeze(0)

    def _language(self, name: str | None) -> torch.Tensor | None:
        """Return the language's row ``[1]``, for a model that has such rows."""
        if self.language_rows is None:
            return None
        names = self.language_rows.names
        if name is None and len(names) > 1:
            raise UserError(f"This model has {len(names)} languages: choose one with --language_idx ({_some(names)}).")
        return torch.tensor([self.language_rows.id(name or names[0])], device=self._device)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")


def _has_symbols(encoded: Encoded) -> bool:
    """Whether a sentence has more to speak than spaces and punctuation."""
    spoken = {symbol for symbol in encoded.spelled if symbol not in encoded.missing}
    return any(unicodedata.category(symbol)[0] not in "ZPC" for symbol in spoken)
