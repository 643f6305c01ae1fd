"""Train the base model of the demo, tts_models/en/demo/glow-tts, on speech by flite's voice slt.

    python recipes/demo/make_corpus.py --voice slt --sentences recipes/demo/base_sentences.txt --out corpus/slt
    python recipes/demo/make_corpus.py --voice slt --sentences recipes/demo/base_verses.txt --out corpus/slt_verses \
        --prefix verse
    python recipes/demo/train_base.py
    python recipes/demo/export_base.py output/demo-base-<date>-<hash>

flite is a program of most Linux distributions. The corpus is made in minutes: 2,861 clips, 194 minutes. Training takes
two to three hours on two cores, at 1.1 to 1.6 s a step. export_base.py makes the model that the package brings with it.
"""

from finetune_tts.cli.finetune import main
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.characters import CharactersConfig
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.text.characters import BLANK, BOS, EOS, IPA_PHONEMES, PAD, PUNCTUATIONS

# 48 of 2,861 clips are held out; 2,813 in batches of 16 are 176 steps an epoch, and 40 epochs 7,040 steps.
EPOCHS = 40
STEPS = 176 * EPOCHS


def make_config() -> GlowTTSConfig:
    """Return what differs from the defaults: half the channels of a Glow-TTS, for 5 million parameters."""
    return GlowTTSConfig(
        run_name="demo-base",
        run_description="The bundled demo base: flite slt",
        datasets=[
            DatasetConfig(formatter="ljspeech", path="corpus/slt", meta_file_train="metadata.csv"),
            DatasetConfig(formatter="ljspeech", path="corpus/slt_verses", meta_file_train="metadata.csv"),
        ],
        # flite speaks at 16 kHz; Griffin-Lim is understood best without sharpened amplitudes.
        audio=AudioConfig(sample_rate=16000, mel_fmax=8000.0, power=1.2),
        use_phonemes=True,
        phonemizer="espeak",
        phoneme_language="en-us",
        text_cleaner="phoneme_cleaners",
        # The default alphabet, written out: a model that is given away depends on no default.
        characters=CharactersConfig(
            characters_class="TTS.tts.utils.text.characters.IPAPhonemes",
            pad=PAD,
            eos=EOS,
            bos=BOS,
            blank=BLANK,
            characters=IPA_PHONEMES,
            punctuations=PUNCTUATIONS,
            is_unique=False,
        ),
        num_chars=132,
        hidden_channels_enc=128,
        hidden_channels_dp=128,
        hidden_channels_dec=128,
        encoder_params={
            "kernel_size": 3,
            "dropout_p": 0.1,
            "num_layers": 4,
            "num_heads": 2,
            "hidden_channels_ffn": 384,
            "input_length": None,
        },
        num_flow_blocks_dec=8,
        # Three layers of width 3, dilated by 1, 2 and 4, see 15 frames as four of width 5 see 17: at half the work.
        kernel_size_dec=3,
        dilation_rate=2,
        num_block_layers=3,
        batch_size=16,
        epochs=EPOCHS,
        eval_split_size=48 / 2861,
        optimizer="AdamW",
        optimizer_params={"betas": [0.9, 0.98], "weight_decay": 1e-6},
        # 400 steps up from 0.00004 to 0.001, then along a cosine down to 2 % of it.
        lr=1e-3,
        lr_scheduler="OneCycleLR",
        lr_scheduler_params={
            "max_lr": 1e-3,
            "total_steps": STEPS,
            "pct_start": 400 / STEPS,
            "div_factor": 25,
            "final_div_factor": 2,
            "cycle_momentum": False,
        },
        scheduler_after_epoch=False,
        test_sentences=[
            "The morning train was late again.",
            "Please leave the parcel at the front door.",
            "We walked along the river until it grew dark.",
        ],
    )


if __name__ == "__main__":
    raise SystemExit(main(config=make_config()))
