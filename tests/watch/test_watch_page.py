"""The live page of a run in a real browser."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finetune_tts.watch.server import WATCH_PAGE

PATIENCE = 60.0


class Viewer:
    """Somebody who looks at the page."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def open(self, address: str) -> None:
        self.browser.open(address, width=1200, dark=False)
        self.see("run !== null")
        self.browser.value("window.isTheSame = true")

    def see(self, expression: str) -> None:
        """Wait until an expression is true in the page, which asks for what is new at once."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.browser.value("typeof askAgain === 'function' && askAgain()")
            if self.browser.value(f"(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"):
                return
        raise AssertionError(f"never seen: {expression}; the page says: {self.text('body')!r}")

    def text(self, selector: str) -> str:
        return str(self.browser.value(f"document.querySelector({selector!r}).innerText"))

    def texts(self, selector: str) -> list[str]:
        return list(self.browser.value(f"[...document.querySelectorAll({selector!r})].map((one) => one.innerText)"))

    def choose(self, id: str, value: str) -> None:
        self.browser.value(
            f"part({id!r}).value = {value!r}; for (const kind of ['input', 'change'])"
            f" part({id!r}).dispatchEvent(new Event(kind, {{ bubbles: true }}))"
        )


@pytest.fixture
def viewer(browser: Any) -> Iterator[Viewer]:
    yield Viewer(browser)
    browser.call("Page.navigate", url="about:blank")


LINE = "charts.get('loss').picture.querySelector('.line.train').getAttribute('d')"


def test_curves_appear_and_grow_without_a_reload(viewer, run, serve):
    for step in range(100, 600, 100):
        run.add(step, loss=5 - step / 200)
    run.add(500, "eval", 2.75)
    viewer.open(serve(run.path).address)
    assert viewer.browser.value("location.search") == ""  # the key is not left in the address
    assert viewer.texts("figcaption b") == ["loss", "loss_mle", "learning rate", "steps per second"]
    assert viewer.text("#title") == "my-voice"
    assert viewer.text("#state") == "Running"
    assert viewer.text("#step") == "500 of 1,000 · epoch 5"
    assert viewer.text("#left") == "4 min"
    assert viewer.text("#best") == "2.75 at step 500, the last evaluation"
    assert viewer.texts(".reading")[0] == "step 500: training 2.5, held-out 2.75"
    before = viewer.browser.value(LINE)
    assert before.count("L") == 4
    viewer.choose("smoothing", "0")
    assert viewer.browser.value(LINE) != before
    viewer.choose("span", "0.5")
    assert viewer.browser.value(LINE).count("L") == 2
    run.add(600, loss=1.75)
    viewer.see("charts.get('loss').reading.textContent.startsWith('step 600: training 1.75')")
    run.log("WARNING", "<i>careful</i>")
    run.log("INFO", "The run has ended after step 600")
    viewer.see("run.state.word === 'ended'")
    assert viewer.text("#warnings") == "2026-11-28 21:10:07<i>careful</i>"
    assert viewer.text("#left") == "–"
    assert viewer.browser.value("part('alert').hidden")
    assert viewer.browser.value("[part('smoothing').value, part('span').value, window.isTheSame]") == ["0", "0.5", True]
    assert viewer.browser.complaints == []


def test_where_the_pointer_is_the_values_are_told(viewer, run, serve):
    for step in (100, 200, 300):
        run.add(step, loss=step)
    viewer.open(serve(run.path).address)
    x, y = viewer.browser.value(
        "(() => { const box = charts.get('loss').picture.getBoundingClientRect();"
        " return [box.x + box.width * 0.55, box.y + box.height / 2] })()"
    )
    viewer.browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    viewer.see("charts.get('loss').reading.textContent === 'step 200: training 200'")
    viewer.browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    viewer.see("charts.get('loss').reading.textContent === 'step 300: training 300'")


@pytest.mark.parametrize("loss", [0.0, 0.001, -3.0, 1e-30, 1e29])
def test_a_loss_that_stays_the_same_is_a_line_in_the_middle(viewer, run, serve, loss):
    for step in range(100, 2000, 100):
        run.add(step, loss=loss)
    viewer.open(serve(run.path).address)
    heights = viewer.browser.value(f"{LINE}.slice(1).split('L').map((point) => Number(point.split(' ')[1]))")
    assert all(100 < height < 130 for height in heights)
    assert 1 < viewer.browser.value("charts.get('loss').picture.querySelectorAll('.grid').length") < 8
    assert viewer.browser.value("part('alert').hidden")


def test_a_sample_plays_and_newer_ones_wait_until_it_has_ended(viewer, run, serve):
    run.add(100)
    viewer.open(serve(run.path).address)
    assert viewer.text("#no-samples") == "No test sentence has been synthesised yet."
    run.speak(100)
    viewer.see("document.querySelectorAll('#samples audio').length === 2")
    assert "<b>Yes</b>" in viewer.text("#samples")  # a text is no markup
    viewer.browser.value("document.querySelector('#samples').scrollIntoView()")
    viewer.see("[...document.querySelectorAll('#samples img')].every((image) => image.naturalWidth > 0)")
    viewer.browser.value(
        "window.first = document.querySelector('#samples audio');"
        " first.loop = true; first.playbackRate = 0.1; first.play()"
    )
    viewer.see("!first.paused && first.currentTime > 0 && first.duration === 1")
    run.speak(200)
    viewer.see("run.samples[0].step === 200")
    assert viewer.browser.value("document.querySelector('#samples audio') === first && !first.paused")
    viewer.browser.value("first.pause()")
    viewer.see("document.querySelector('#samples span').textContent === 'step 200'")
    viewer.browser.value("document.querySelector('input[value=sentence]').click()")
    assert viewer.texts("#samples span") == ["step 200", "step 100"]
    assert viewer.texts("#samples p") == ["Be a voice, not an echo."] * 2
    viewer.browser.value("window.first = document.querySelector('#samples audio'); first.loop = true; first.play()")
    viewer.see("first.currentTime > 0")
    run.speak(300)
    viewer.see("document.querySelectorAll('#samples audio').length === 3")
    assert viewer.browser.value("first.isConnected && !first.paused")  # another one comes before it
    assert viewer.browser.complaints == []


def test_a_step_that_was_chosen_stays_chosen(viewer, run, serve):
    for step in (100, 200):
        run.speak(step)
    viewer.open(serve(run.path).address)
    viewer.choose("which-step", "100")
    assert viewer.texts("#samples span") == ["step 100", "step 100"]
    run.speak(300)
    viewer.see("run.samples.length === 3")
    assert viewer.texts("#samples span") == ["step 100", "step 100"]


def test_a_long_run_is_drawn_of_few_points(viewer, run, serve):
    line = '{{"step": {0}, "epoch": 0, "split": "train", "losses": {{"loss": {1}}}, "seconds": {0}}}\n'
    with open(run.path / "history.jsonl", "w") as file:
        file.writelines(line.format(step, 1 + step % 7) for step in range(20_000))
    viewer.open(serve(run.path).address)
    assert 250 < viewer.browser.value(LINE).count("L") < 512
    assert viewer.texts(".reading")[0].startswith("step 19,9")


def test_the_end_of_the_server_is_told(viewer, run, serve):
    run.add(100)
    server = serve(run.path)
    viewer.open(server.address)
    viewer.browser.value("window.fetch = () => Promise.reject(new TypeError('no connection'))")
    viewer.see("!part('alert').hidden")
    assert "tts-finetune --watch" in viewer.text("#alert")
    assert viewer.text("#step") == "100 of 1,000 · epoch 1"


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_any_window_and_asks_no_other_server(browser, run, serve, width, dark):
    run.add(100)
    run.speak(100)
    run.write_config(run_name="a" * 150, test_sentences=[])
    (run.path / f"checkpoint_{'1' * 12}.pth").touch()
    server = serve(run.path)
    browser.open(server.address, width=width, dark=dark)
    Viewer(browser).see("run !== null")
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")
    own = f"http://127.0.0.1:{server.server_port}/"
    assert browser.requests
    assert all(address.startswith((own, "data:")) for address in browser.requests)
    assert browser.complaints == []
    browser.call("Page.navigate", url="about:blank")


@pytest.mark.parametrize("word", ["innerHTML", "insertAdjacentHTML", "eval(", "http:", "https:", "localStorage"])
def test_the_page_makes_no_markup_of_texts_and_calls_no_address(word):
    page = WATCH_PAGE.html().replace("http://www.w3.org/2000/svg", "")
    assert word not in page


def test_every_file_of_the_page_is_in_it():
    assert {path.name for path in WATCH_PAGE.folder.iterdir()} == {"page.html", "page.css", *WATCH_PAGE.scripts}
    assert Path(WATCH_PAGE.folder).is_dir()


def test_what_is_heard_has_a_chart_of_its_own(viewer, run, serve):
    for step in range(100, 600, 100):
        run.add(step, loss=5 - step / 200)
        run.hear(step, 8 - step / 100, seconds=step / 2 + 10)
    viewer.open(serve(run.path).address)
    distortion = "mel-cepstral distortion (dB)"
    assert distortion in viewer.texts("figcaption b")
    reading = viewer.browser.value(f"charts.get({distortion!r}).reading.textContent")
    assert reading == "step 500: heard in its samples 3"
    line = f"charts.get({distortion!r}).picture.querySelector('.line.heard')"
    assert viewer.browser.value(f"{line}.getAttribute('d')").count("L") == 4
    assert viewer.browser.value(f"getComputedStyle({line}).stroke") not in ("none", "")
    assert viewer.text("#step") == "500 of 1,000 · epoch 5"
    assert viewer.browser.complaints == []
