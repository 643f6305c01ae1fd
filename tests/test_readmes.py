"""The Chinese README tells what the English one tells: the same commands, numbers, links and sections."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))


def commands(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith("    ")]
    return [re.sub(r"\s+# .*", "", line) for line in lines]


def table_cells(text: str) -> list[list[str]]:
    """The numbers of each row of a table."""
    return [re.findall(r"-?\d[\d.,]*\d", row) for row in text.splitlines() if row.startswith("| ")]


@pytest.mark.parametrize(
    "found",
    [
        commands,
        table_cells,
        lambda text: re.findall(r"`[^`\n]+`", text),
        lambda text: [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("README")],
        lambda text: re.findall(r"^#+ ", text, re.MULTILINE),
        lambda text: re.findall(r"\*\*\d\.", text),
    ],
    ids=["commands", "tables", "names", "links", "sections", "steps"],
)
def test_both_readmes_have_the_same(found):
    assert sorted(map(str, found(CHINESE))) == sorted(map(str, found(ENGLISH)))


@pytest.mark.parametrize("name", ["Glow-TTS", "Tacotron 2", "VITS", "HiFi-GAN", "WaveRNN", "UnivNet", "MMS", "ONNX"])
def test_both_readmes_name_the_same_models(name):
    assert name in ENGLISH
    assert name in CHINESE


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["English", "Chinese"])
def test_what_a_readme_links_to_is_there(text):
    linked = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert [link for link in linked if not (ROOT / link).exists()] == []
