"""The model card says what is known, says that the rest is not, and nothing that belongs to nobody else."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from finetune_tts.cli import finetune
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import any_config_from_dict
from finetune_tts.families.reading import locate, tokenizer_of
from finetune_tts.sharing.card import CardFacts, card
from finetune_tts.sharing.licence import Terms

TINY = Path(__file__).parents[1] / "families" / "tiny"


def head_of(text):
    assert text.startswith("---\n")
    return text.split("---\n")[1].splitlines()


def facts(**changes):
    return CardFacts(**{
        "title": "my-voice", "architecture": "vits", "is_vocoder": False, "languages": ["en-us", "pt"],
        "repository": "ana/my-voice", "terms": Terms(True, "tts_models/en/ljspeech/vits", "apache 2.0"), "version": "9",
        **changes,
    })  # fmt: skip


@pytest.fixture
def written(make_run):
    def write(*flags, **fields):
        run = make_run(**fields)
        assert finetune.main(["--export", "card", str(run), *flags]) == 0
        return (run / "hub" / "README.md").read_text(encoding="utf-8")

    return write


def test_a_run_is_told_of_with_its_terms_and_nothing_of_its_recordings(written):
    text = written("--hub_name", "ana/voice", "--data_licence", "CC0, recorded by Ana", licence="CC BY-NC-ND 4.0")
    assert "- en" in head_of(text)
    assert "license: cc-by-nc-nd-4.0" in head_of(text)
    assert "pipeline_tag: text-to-speech" in head_of(text)
    assert "1.5 minutes of recordings, of 2 speakers: 7 clips to train on and 2 held out. Languages: en." in text
    assert "**Restricted: non-commercial use only, changed versions may not be passed on.**" in text
    assert "- Recordings: CC0, recorded by Ana." in text
    assert "hf download ana/voice --local-dir voice" in text
    assert '--speaker_idx "ana"' in text
    assert "[a bad egg.](samples/sample_1.wav)" in text
    for private in ("secret", "clip1", "/home/someone"):
        assert private not in text


def test_what_is_not_known_is_said_to_be_not_known():
    text = card(facts(terms=Terms(), languages=[], repository=""))
    assert head_of(text)[:2] == ["license: other", 'license_name: "not-known"']
    for line in ("its licence is not known", "their licence was not stated", "None were measured", "Not known."):
        assert line in text
    assert "hf download USER/NAME" in text


@pytest.mark.parametrize(
    ("terms", "lines"),
    [
        (Terms(licence="apache 2.0"), ["license: apache-2.0"]),
        (Terms(licence="CC-BY-SA 4.0"), ["license: cc-by-sa-4.0"]),
        (Terms(licence="CPML"), ["license: other", "license_name: coqui-public-model-license"]),
        (Terms(licence="custom - x\n---\nevil: 1"), ["license: other", r'license_name: "custom - x\n---\nevil: 1"']),
        (Terms(False, data_licence="MIT"), ["license: mit"]),
        (Terms(True, "tts_models/multilingual/multi-dataset/xtts_v2", "CPML"), ['base_model: "coqui/XTTS-v2"']),
    ],
)
def test_the_hub_is_told_the_licence_and_the_base_in_its_own_words(terms, lines):
    head = card(facts(terms=terms)).splitlines()
    assert [line for line in lines if line not in head] == []


def test_texts_of_strangers_stay_on_their_line():
    text = card(facts(title="a\n# b [c](d) | <script>", terms=Terms(data_licence="x\n\n## Licence\n- free")))
    assert r"# a \# b \[c\](d) \| \<script\>" in text
    assert r"- Recordings: x \#\# Licence - free." in text


def test_metrics_stand_beside_those_of_the_base():
    text = card(facts(metrics={"word error rate (lower is better)": ("20.0 %", "5.0 %")}, sentences=6))
    assert "| word error rate (lower is better) | 20.0 % | 5.0 % |" in text
    assert "Over 6 sentences that were held out" in text


def test_a_vocoder_is_used_with_a_model():
    assert "tts --model_path MODEL --vocoder_path voice" in card(facts(is_vocoder=True))


@pytest.mark.parametrize("name", ["hifigan", "xtts"])
def test_a_model_that_is_no_run_gets_a_card_that_says_what_is_not_known(name, tmp_path, small_widths):
    release = tmp_path / "release"
    release.mkdir()
    values = json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))
    config = any_config_from_dict(values, quiet=True)
    locate(config, TINY / name)
    for file in (TINY / name).glob("*"):
        shutil.copy(file, release)
    symbols = len(tokenizer_of(config).vocabulary) if name == "xtts" else 0
    network = build_model(config, symbols, for_training=False)
    torch.save({"model": network.state_dict()}, release / "model_file.pth")
    (release / "config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    assert finetune.main(["--export", "card", str(release)]) == 0
    text = (release / "hub" / "README.md").read_text(encoding="utf-8")
    assert "## Training data\n\nNot known." in text
    assert (release / "hub" / "model.safetensors").is_file()
