"""The page of a run, as text and in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest

from finetune_tts.audio.pictures import alignment_picture
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.hearing.comparison import analyse
from finetune_tts.hearing.held_out_sentences import Sentence
from finetune_tts.hearing.listener import Utterance
from finetune_tts.hearing.spoken import Spoken
from finetune_tts.report.evidence import Alignments, Evidence, Row, Witness
from finetune_tts.report.forgetting import OldVoice, Remembered
from finetune_tts.report.page import page
from finetune_tts.report.weight_change import PartChange, WeightChange
from finetune_tts.runs.history import HistoryEntry
from finetune_tts.runs.record import BaseModel, Choice, DataFacts, RunRecord

RATE = 16000
HOSTILE = "</script><script>document.title='caught'</script><img src=x onerror=alert(1)>\"'&"


def utterance(number, values=None):
    time = np.arange(RATE) / RATE
    wav = (0.3 * np.sin(2 * np.pi * (150 + 30 * number) * time)).astype(np.float32)
    sound = Spoken(wav, RATE, np.eye(40, 30))
    return Utterance(sound, analyse(wav, RATE).mel_power, values or {}, HOSTILE, HOSTILE)


def evidence(word=HOSTILE, folder=Path("run")):
    """A page with something of everything, into which ``word`` has got wherever people's words get in."""
    witnesses = [
        Witness("recording", "Recording", "held out"),
        Witness("base", "Base", word, Path("base.pth")),
        Witness("best", "Fine-tuned, best", "step 200", Path("best.pth")),
        Witness("last", "Fine-tuned, last", "step 400", Path("last.pth")),
    ]
    values = {"mcd": 7.0, "f0": 220.0, "duration": 1.1, "wer": 0.5, "f0_correlation": 0.4, "vuv": 0.2}
    rows = []
    for number in range(4):
        told = {
            "recording": utterance(0, {"wer": 0.1}),
            "base": utterance(1, {name: value + number for name, value in values.items()}),
            "best": utterance(2, {name: 0.7 * value + number for name, value in values.items()}),
            "last": Utterance(None, note=word),
        }
        if number == 3:
            del told["recording"]
        rows.append(Row(Sentence(f"{word} {number}", word, "", word if "recording" in told else ""), told))
    held_out = [3.0, 2.0, 1.0, 1.4, 1.6]
    history = [HistoryEntry(100 * n, n, "eval", {"loss": loss}, seconds=60.0 * n) for n, loss in enumerate(held_out)]
    history += [
        HistoryEntry(100 * n + 1, n, "train", {"loss": 3.0 / (n + 1), "grad_norm": 5.0}, 1e-4) for n in range(5)
    ]
    config = GlowTTSConfig()
    config.run_name, config.test_sentences = word, [word]
    record = RunRecord(
        started="2026-11-25T02:00:00+00:00", device=word, versions={word: word},
        data=DataFacts((word,), 90, 10, 12.5, (word, "b"), (word,), ((word, 3),), word),
        base=BaseModel(word, word, word, word), speaker=word,
        changes=((word, word, [word]), ("lr", 1e-3, 1e-4)), chosen=("lr",),
        filled_in=(Choice(word, word, word),),
    )  # fmt: skip
    pictures = (alignment_picture(np.eye(40, 30)),) * 3
    alignments = [Alignments(f"{name}{word}", pictures) for name in ("Start", "Middle", "End")]
    history.sort(key=lambda entry: entry.step)
    history += [HistoryEntry(100 * n, n, "heard", {"mcd": 8.0 - n, "wer": 0.5 / (n + 1)}) for n in range(5)]
    changed = WeightChange(PartChange("all", 30, 0.02), (PartChange(word, 10, 0.0), PartChange("decoder", 20, 0.5)), 3)
    remembered = [
        Remembered(OldVoice("speaker", word, Sentence(word, word)), utterance(1), utterance(2), {"mcd": 3.0}),
        Remembered(OldVoice("language", word, Sentence(word)), utterance(1), Utterance(None, note=word), {}),
    ]
    return Evidence(folder, config, record, history, witnesses, rows, alignments, word, word, [word], [word],
                    changed, 4.5, remembered)  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(evidence()), encoding="utf-8")
    return path


def test_nothing_that_people_write_becomes_markup(written):
    text = written.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "onerror=alert(1)&gt;" in text
    tags = set(re.findall(r"<([a-z0-9]+)", text))
    assert tags <= {
        "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "article", "figure",
        "figcaption", "div", "p", "span", "b", "small", "h1", "h2", "h3", "ul", "li", "img", "audio", "table", "thead",
        "tbody", "tr", "th", "td", "abbr", "details", "summary", "dl", "dt", "dd", "pre", "code", "svg", "path", "line",
        "text", "circle",
    }  # fmt: skip


def test_no_address_is_in_it(written):
    text = written.read_text(encoding="utf-8")
    kinds = set(re.findall(r'src="([a-z]+:[a-z]+/[a-z]+)', text))
    assert kinds == {"data:image/png", "data:audio/mpeg"}
    text = re.sub(r"data:[a-z]+/[a-z]+;base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.findall(r"(?i)https?:|ftp:|//[a-z]|url\(|@import|<link|<iframe|<script|href=", text)
    assert "default-src &#x27;none&#x27;" in text


def test_what_is_told_is_what_was_measured(written):
    text = written.read_text(encoding="utf-8")
    assert "went from 8.5 to 6.4 dB" in text
    assert "4 of 4" in text
    assert "overfits from here" in text
    assert "at step 200" in text
    assert "What the numbers mean" in text
    assert "are 2 % away from the base&#x27;s. It says the same sentences 4.50 dB apart" in text
    assert "3 tensors are new" in text
    assert "3.00 dB between both" in text


def test_a_page_of_next_to_nothing_is_whole():
    empty = Evidence(Path("run"), GlowTTSConfig(), None, [], [], [])
    text = page(empty)
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert "Numbers" not in text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_a_browser_shows_it_without_a_complaint(browser, written, width, dark, tmp_path):
    browser.open(written, width=width, dark=dark)
    sounds = browser.value(
        """Promise.all([...document.querySelectorAll('audio')].map(player => new Promise(resolve => {
            if (player.readyState > 0) return resolve(player.duration);
            player.addEventListener('loadedmetadata', () => resolve(player.duration));
            player.addEventListener('error', () => resolve(-1));
            player.load();
        })))"""
    )
    assert browser.complaints == []
    assert [address for address in browser.requests if not address.startswith(("data:", written.as_uri()))] == []
    assert browser.value("document.title") != "caught"
    assert len(sounds) == 14
    assert min(sounds) > 0.9
    # Readable: nothing wider than the window, no letters too small, ink that stands out from the page.
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("[...document.images].every(image => image.naturalWidth > 0 && image.width > 100)")
    sizes = "[...document.querySelectorAll('body *')].map(one => parseFloat(getComputedStyle(one).fontSize))"
    assert browser.value(f"Math.min(...{sizes})") >= 10.5
    page_is, ink_is = (brightness(browser.value(f"getComputedStyle(document.body).{of}")) for of in
                       ("backgroundColor", "color"))  # fmt: skip
    assert (page_is < 60 and ink_is > 200) if dark else (page_is > 240 and ink_is < 60)
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_the_sound_is_heard_when_it_is_played(browser, written):
    browser.open(written, width=1400, dark=False)
    moved = browser.value(
        """(async () => {
            const player = document.querySelector('audio');
            player.muted = true;
            await player.play();
            await new Promise(resolve => setTimeout(resolve, 500));
            return player.currentTime;
        })()"""
    )
    assert moved > 0.05
    assert browser.complaints == []


def brightness(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def test_what_was_heard_during_the_run_is_drawn_and_told():
    heard = [
        HistoryEntry(100 * n, n, "heard", {"mcd": max(5.0, 9.0 - n), "f0": 90.0, "wer": 0.3}) for n in range(1, 13)
    ]
    text = page(Evidence(Path("run"), GlowTTSConfig(), None, heard, [], [], advice=["Take this one."]))
    assert "Mel-cepstral distortion (dB)" in text
    assert "Word error rate (%)" in text
    assert "Speaker similarity" not in text
    assert "Take this one." in text


def test_weights_that_are_those_of_the_base_are_told_to_be():
    same = WeightChange(PartChange("all", 30, 0.0), (PartChange("decoder", 30, 0.0),), 0)
    text = page(Evidence(Path("run"), GlowTTSConfig(), None, [], [], [], changed=same))
    assert "Nothing has changed: the weights of the best model are those of the base." in text
