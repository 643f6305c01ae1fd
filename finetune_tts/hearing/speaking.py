"""What synthesises the sentences of a report: a voice, as ``tts`` has it, or a vocoder that makes recordings again."""

from pathlib import Path

import torch

from finetune_tts.config.commented_json import read_object
from finetune_tts.errors import UserError
from finetune_tts.families.loading import vocoder_name
from finetune_tts.hearing.held_out_sentences import Sentence
from finetune_tts.hearing.spoken import Speaker, Spoken
from finetune_tts.synthesis.available_vocoder import give_available_vocoder
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.loading import find_config, load_voice
from finetune_tts.synthesis.vocoder import Vocoder, load_vocoder
from finetune_tts.synthesis.voice import Voice

LONGEST_SECONDS = 10.0
"""Of a recording that is made again: some vocoders take minutes for a long one."""


class VoiceSpeaker:
    """A text-to-speech model; one that does not know a speaker or language takes the first that it knows."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    @property
    def speakers(self) -> tuple[str, ...]:
        """Whom it knows by name; empty for a model of one voice."""
        return self._voice.speaker_names

    @property
    def languages(self) -> tuple[str, ...]:
        """Which languages it can be told to speak; empty for a model of one."""
        return self._voice.languages

    def speak(self, sentence: Sentence) -> Spoken:
        """Synthesise (see :class:`Speaker`)."""
        speaker, spoken_as = _known(sentence.speaker, self._voice.speaker_names)
        language, _ = _known(sentence.language, self._voice.languages)
        if not sentence.text:
            raise UserError("the recording has no text to speak.")
        speech = self._voice.speak(sentence.text, Delivery(speaker=speaker, language=language))
        notes = [f"as {spoken_as}"] if spoken_as else []
        vocabulary = self._voice.tokenizer.vocabulary
        if missing := "".join(symbol for symbol in speech.missing if not vocabulary.ignores(symbol)):
            notes.append(f"without the characters {missing}")
        return Spoken(speech.waveform, speech.sample_rate, speech.alignment, ", ".join(notes))


class VocoderSpeaker:
    """A vocoder: makes a recording again from its spectrogram."""

    def __init__(self, vocoder: Vocoder) -> None:
        self._vocoder = vocoder

    def speak(self, sentence: Sentence) -> Spoken:
        """Make the recording of the sentence again (see :class:`Speaker`); of a long one the beginning."""
        if not sentence.recording:
            raise UserError("a vocoder reads no text; it needs a recording.")
        extractor = self._vocoder.extractor
        recorded = extractor.load(sentence.recording)[: int(LONGEST_SECONDS * extractor.sample_rate)]
        return Spoken(self._vocoder.vocode(extractor.mel(recorded), pair=False), extractor.sample_rate)


def load_speaker(model_path: Path, *, device: torch.device | str, voices: Path | None = None) -> Speaker:
    """Load the model of a checkpoint, or a vocoder, whose config stands beside it.

    Args:
        model_path: the checkpoint.
        device: where it is to speak.
        voices: a file of voices in the place of those beside a model that clones voices, where there is one.

    Raises:
        UserError: a file is missing, damaged, or cannot be used for synthesis here.
    """
    if vocoder_name(read_object(find_config(model_path))) is not None:
        return VocoderSpeaker(load_vocoder(model_path, device=device))
    voice = load_voice(model_path, device=device)
    if voices is not None and voices.is_file() and voice.imitator is not None:
        voice.imitator.read(voices)
    give_available_vocoder(voice, model_path, device)
    return VoiceSpeaker(voice)


def _known(wanted: str, names: tuple[str, ...]) -> tuple[str | None, str]:
    """The name to use of those that a model knows, and what it is if it is not the one that is wanted."""
    if not names:
        return None, ""
    if wanted in names:
        return wanted, ""
    return names[0], names[0]
