"""What a run of a model that reads text is made of."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from finetune_tts.assembly.defaults import split_defaults
from finetune_tts.assembly.material import Heard, Material, require_recordings
from finetune_tts.assembly.pretrained import Pretrained, read_pretrained, warn_of_other_audio
from finetune_tts.assembly.run_record import data_facts
from finetune_tts.assembly.sentences import Teller, sample_speaker, speakable, test_sentences_of, told_anew
from finetune_tts.assembly.speaker_vectors import VectorSource, available_encoder
from finetune_tts.assembly.speakers_and_languages import Conditions, conditions_of
from finetune_tts.assembly.vocabulary import merged_tokenizer
from finetune_tts.checkpoints.networks import absent_modules, restore_network
from finetune_tts.checkpoints.report import RestoreReport
from finetune_tts.checkpoints.restoring import RowRule
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.changes import Change, has_field
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.contours import SCALE_FIELDS, Scale
from finetune_tts.data.dataset import SpeechDataset
from finetune_tts.data.gathering import load_samples
from finetune_tts.data.preparing import PreparedData, prepare_data
from finetune_tts.data.sample import Sample
from finetune_tts.data.tokenizing import TokenCache
from finetune_tts.families.adapters import write_merged
from finetune_tts.families.building import build_model, fit_to_weights
from finetune_tts.families.speech import EndedRun
from finetune_tts.runs.creation import RunAsset
from finetune_tts.runs.folder import ZERO_SHOT_NAME
from finetune_tts.runs.record import DataFacts
from finetune_tts.synthesis.available_vocoder import give_available_vocoder
from finetune_tts.synthesis.loading import voices_beside
from finetune_tts.synthesis.voice import Voice
from finetune_tts.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

HEARD_IN_TRAINING = 3
"""Recordings that a model which clones voices listens to for a test sentence."""
OLD_LANGUAGE, OLD_SENTENCE = "en", "Be a voice, not an echo."
"""A sentence of a language that most models of several know."""
CONTOURS_OF_A_CHECK = 40
"""Recordings whose pitch and energy are measured before a run has computed any features."""
MOST_HEARD = 60
"""Recordings whose mean becomes the voice of a run: some minutes."""


class SpeechMaterial(Material):
    """Transcribed recordings, and a model that reads."""

    config: SpeechConfig
    pretrained: Pretrained | None = None
    weights: Mapping[str, Tensor] = {}
    tokenizer: Tokenizer
    original_tokenizer: Tokenizer | None = None
    """Of the weights, where the run's may read more languages."""
    data: PreparedData
    conditions: Conditions
    voice: Voice

    @property
    def base(self) -> Path | None:
        """The weights that the run starts from; None from scratch."""
        return self.pretrained.checkpoint.path if self.pretrained is not None else None

    @property
    def base_config(self) -> SpeechConfig | None:
        """Their config."""
        return self.pretrained.config if self.pretrained is not None else None

    reading = base_config

    @property
    def audio(self) -> AudioConfig | None:
        """The audio settings that they were trained with."""
        return self.pretrained.config.audio if self.pretrained is not None else None

    @property
    def symbols(self) -> tuple[str, ...] | None:
        """Their alphabet."""
        return self.pretrained.symbols if self.pretrained is not None else None

    @property
    def tokens(self) -> TokenCache:
        """The texts of the recordings."""
        return self.data.tokens

    def read_base(self) -> None:
        """Read the pre-trained weights, and make alphabet and config agree with them."""
        require_recordings(self.config, "datasets.0.path")
        request = self.request
        if request.restore_path is not None:
            self.pretrained = read_pretrained(request.restore_path, self.config)
            # A config of your own need not name the files that come with the weights.
            self.family.locate(self.config, self.pretrained.checkpoint.path.parent)
            if not request.dry:  # which a check says itself
                warn_of_other_audio(self.pretrained, self.config)
            fitted = fit_to_weights(self.config, self.pretrained.checkpoint, self.chosen)
            self.weights = fitted.weights
            self.change(fitted.changes)
        self.tokenizer, changes = merged_tokenizer(self.config, self.symbols)
        self.change(changes)

    def early_settings(self) -> list[Change]:
        """What is held out."""
        return split_defaults()

    def prepare(self) -> PreparedData:
        """Read, filter and split the recordings, and compute their features."""
        samples = self.request.samples
        grown = self.family.implementation.grown
        if grown is not None:
            samples = load_samples(self.config.datasets, self.request.formatter) if samples is None else samples
            self.original_tokenizer = self.tokenizer
            self.tokenizer, changes = grown(self.config, self.tokenizer, samples)
            self.change(changes)
        self.data = prepare_data(
            self.config,
            self.tokenizer,
            self.extractor,
            sample_rate=self.config.audio.sample_rate,
            cache_folder=self.cache_folder,
            seed=self.config.training_seed,
            formatter=self.request.formatter,
            team=self.world,
            samples=samples,
            dry=self.request.dry,
            aligned_frames=self.family.aligned_frames(self.config),
            bounds=self.family.bounds(self.config),
            waveforms=self.family.needs_waveforms,
            contours=self.family.contours(self.config),
        )
        self._compute_codes()
        self._measure_contours()
        samples = self.data.split.train + self.data.split.eval
        self.conditions = conditions_of(self.config, samples, self.pretrained, self._vectors())
        return self.data

    def _compute_codes(self) -> None:
        """Compute the codes of the recordings, for a network that reads such."""
        codec, split = self.family.implementation.codec, self.data.split
        if codec is not None:
            self.data.cache.add_codes(codec(self.config, self.device), split.train + split.eval, self.world)

    def _measure_contours(self) -> None:
        """Find out what pitch and energy of these recordings are measured in, unless the user says it."""
        for name, scale in self.data.scales(CONTOURS_OF_A_CHECK if self.request.dry else None).items():
            logger.info("The %s of the recordings: %.4g on average, give or take %.3g.", name, scale.mean, scale.std)
            self.change(
                Change(field, value, "as the recordings are")
                for field, value in zip(SCALE_FIELDS[name], (scale.mean, scale.std), strict=True)
                if field not in self.chosen
            )

    def build(self) -> nn.Module:
        """Build the network for the symbols, speakers and languages of model and recordings."""
        symbols = len(self.tokenizer.vocabulary)
        self.change(Change(field, symbols) for field in self.family.symbol_fields if has_field(self.config, field))
        return self.network_of(self.config)

    def network_of(self, config: SpeechConfig) -> nn.Module:
        """Build it as another config says."""
        symbols, conditions = len(self.tokenizer.vocabulary), self.conditions
        return build_model(config, symbols, conditions.speaker_rows, conditions.language_rows)

    def restore(self, network: nn.Module) -> RestoreReport:
        """Copy the pre-trained weights into the network, and show what became of them."""
        assert self.pretrained is not None
        family, weights = self.family, self.weights
        vocabulary = self.tokenizer.vocabulary
        rules = [
            *(
                RowRule(name, self.pretrained.symbols, vocabulary.symbols)
                for name in (family.embedding_rows.symbols, *family.embedding_rows.heads)
            ),
            *self.conditions.row_rules(self.config.model, self.pretrained),
        ]
        renewed = family.renewed(self.config)
        report = restore_network(
            network,
            weights,
            source=self.pretrained.checkpoint.path,
            row_rules=rules,
            fresh_ok=absent_modules(network, weights, (family.discriminator, *family.only_in_training)),
            renewed=renewed,
            derived=family.derived,
        )
        if renewed:
            logger.info("Begins fresh, as the config asks: %s", ", ".join(renewed))
        logger.info("%s", report.table())
        return report

    def lacks_discriminator(self, network: nn.Module) -> bool:
        """Whether the discriminator begins fresh, as the weights hold none."""
        return bool(absent_modules(network, self.weights, (self.family.discriminator,)))

    def forget_weights(self) -> None:
        """Let go of the file that the network was restored from, which may be as large as the network."""
        self.weights = {}
        if self.pretrained is not None:
            self.pretrained = replace(
                self.pretrained, checkpoint=replace(self.pretrained.checkpoint, model={}, optimizer=None, extra={})
            )

    def forget_texts(self) -> None:
        """Let go of the token ids of all texts."""
        self.data.tokens.forget()

    def hear(self, network: nn.Module, weights: Path | None) -> Heard:
        """Test sentences that the model can synthesise, by who has most of the recordings."""
        conditions, split = self.conditions, self.data.split
        voice = self.voice = Voice(
            network,
            self.config,
            self.tokenizer,
            self.extractor,
            speakers=conditions.speakers,
            d_vectors=conditions.d_vectors,
            languages=conditions.languages,
        )
        if voice.imitator is not None:
            # Few, as they are listened to each time.
            each = recordings_of(split.train).items()
            voice.imitator.recordings = {name: files[:HEARD_IN_TRAINING] for name, files in each}
        if weights is not None:
            give_available_vocoder(voice, weights, self.device)
        speaker = _most_heard(sample.speaker for sample in split.train) if voice.speaker_names else None
        language = _most_heard(sample.language for sample in split.train)
        default = Teller(speaker, language if language in voice.languages else None)
        sentences = test_sentences_of(self.config)
        if self.request.fill_in and "test_sentences" not in self.chosen:
            if not sentences:  # a model that says nothing of the kind is heard with sentences of the recordings
                heard = (split.eval or split.train)[:2]
                sentences = [[sample.text, speaker, None, sample.language] for sample in heard]
                # Whether it forgets what it could speak is heard too.
                if OLD_LANGUAGE in voice.languages and all(s.language != OLD_LANGUAGE for s in split.train):
                    sentences.append([OLD_SENTENCE, speaker, None, OLD_LANGUAGE])
            sentences = [told_anew(sentence, split.train + split.eval, speaker) for sentence in sentences]
        kept = speakable(voice, sentences, default)
        self.change([Change("test_sentences", kept), Change("test_sentences_file", "")])
        return Heard(sample_speaker(voice, default), speaker, default.language)

    def dataset(self, samples: Sequence[Sample], *, training: bool) -> SpeechDataset:
        """The samples as arrays."""
        return SpeechDataset(
            samples,
            self.data.tokens,
            self.data.cache,
            speakers=self.conditions.speakers,
            d_vectors=self.conditions.d_vectors,
            languages=self.conditions.languages,
            noise_seed=self.config.training_seed if training and self.config.use_noise_augment else None,
            # Models that are trained on waveforms compute their own spectrograms, on their device.
            mels=not self.family.needs_waveforms,
            scales=scales_of(self.config, self.family.contours(self.config)),
        )

    def assets(self) -> list[RunAsset]:
        """Speakers, languages, vectors and their encoder, voices, and what the family adds."""
        own = self.family.implementation.assets(self.config, self.base, self.tokenizer)
        return [*self.conditions.assets(self.config), *self._voices(), *own]

    def _voices(self) -> list[RunAsset]:
        """The voices of the recordings as the pre-trained model hears them, for one that listens to recordings.

        They are kept under a second name too: the report compares with what was possible without training.
        """
        listening, imitator = self.family.implementation.listening, self.voice.imitator
        if listening is None or imitator is None:
            return []
        heard = dict(imitator.heard_all(recordings_of(self.data.split.train)))
        voices = {**(voices_beside(self.base, self.config) if self.base is not None else {}), **heard}
        return [
            RunAsset(name, lambda path: listening.write(path, voices)) for name in (listening.file_name, ZERO_SHOT_NAME)
        ]

    def ended(self, folder: Path, best: Path | None) -> None:
        """Do what is left when the run has ended."""
        if self.family.adapters is not None:
            write_merged(best, self.config)
        self.family.implementation.finish(
            EndedRun(
                folder=folder,
                config=self.config,
                best=best,
                build=partial(build_model, self.config, len(self.tokenizer.vocabulary), for_training=False),
                recordings=recordings_of(self.data.split.train),
                load=self.extractor.load,
                device=self.device,
            )
        )

    def facts(self) -> DataFacts:
        """What the run folder is to tell about the recordings."""
        return data_facts(self.config, self.data)

    def _vectors(self) -> VectorSource:
        """Where d-vectors come from, for a model that has them."""
        request = self.request
        folders = [self.base.parent] if self.base is not None else []
        encoder, changes = available_encoder(self.config, request.encoder, folders)
        self.change(changes)
        return VectorSource(
            encoder=encoder,
            cache_folder=self.cache_folder,
            device=self.device,
            files_are_own=not request.fill_in or "d_vector_file" in self.chosen,
            team=self.world,
            dry=request.dry,
        )


def scales_of(config: SpeechConfig, contours: Iterable[str]) -> dict[str, Scale]:
    """What the config says that the contours are measured in; those that it does not know are left out."""
    found = {name: [config[field] for field in SCALE_FIELDS[name]] for name in contours}
    return {name: Scale(*values) for name, values in found.items() if None not in values}


def recordings_of(samples: Sequence[Sample]) -> dict[str, list[Path]]:
    """The recordings of each speaker, at most ``MOST_HEARD`` of them, from all over the data set."""
    found: dict[str, list[Path]] = {}
    for sample in samples:
        found.setdefault(sample.speaker, []).append(sample.audio_file)
    return {name: files[:: -(-len(files) // MOST_HEARD)] for name, files in found.items()}


def _most_heard(names: Iterable[str]) -> str:
    return Counter(names).most_common(1)[0][0]
