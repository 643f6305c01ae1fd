"""Train VITS on several languages of M-AILABS, with a vector learned for each speaker and each language.

    python recipes/multilingual/vits_tts/train_vits_tts.py
    python recipes/multilingual/vits_tts/train_vits_tts.py --restore_path P --coqpit.run_name x --coqpit.lr 0.00001

The data sets are four languages of M-AILABS (https://www.caito.de/2019/01/03/the-m-ailabs-speech-dataset), unpacked to
recipes/multilingual/mailabs, a folder for each; --coqpit.datasets.0.path and its like point elsewhere. Every speaker
can speak every language afterwards: tts --model_path RUN --speaker_idx NAME --language_idx de_DE --text "Guten Tag."
"""

from pathlib import Path

from finetune_tts.cli.finetune import main
from finetune_tts.config.characters import CharactersConfig
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.vits.config import VitsArgs, VitsAudioConfig, VitsConfig

LANGUAGES = ("de_DE", "es_ES", "fr_FR", "it_IT")


def make_config() -> VitsConfig:
    """Return what differs from the defaults of VITS."""
    root = Path(__file__).resolve().parents[1] / "mailabs"
    return VitsConfig(
        run_name="vits_multilingual",
        datasets=[
            DatasetConfig(formatter="mailabs", dataset_name=language, path=str(root / language), language=language)
            for language in LANGUAGES
        ],
        model_args=VitsArgs(use_speaker_embedding=True, use_language_embedding=True, use_sdp=False),
        # The recordings have 16 kHz.
        audio=VitsAudioConfig(sample_rate=16000),
        # There are more hours of some speakers and languages than of others; all are heard equally often.
        use_speaker_weighted_sampler=True,
        use_language_weighted_sampler=True,
        text_cleaner="multilingual_cleaners",
        characters=CharactersConfig(
            characters_class="TTS.tts.models.vits.VitsCharacters",
            pad="<PAD>",
            blank="<BLNK>",
            characters="abcdefghijklmnopqrstuvwxyzßàáâäçèéêëìíîïñòóôöùúûüÿœ",
            punctuations="!¡'(),-.:;¿? ",
        ),
        test_sentences=[],
        # Clips longer than 16 s take more memory than they teach.
        max_audio_len=16 * 16000,
        num_loader_workers=4,
        num_eval_loader_workers=2,
        precompute_num_workers=4,
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
