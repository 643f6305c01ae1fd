"""The page of a review, used as a person would in a real browser."""

import html
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetune_tts.corpus.clips import Clip, Corpus, open_corpus
from finetune_tts.corpus.review import Review, reviewing
from finetune_tts.corpus.review_page import PAGE, REVIEW_PAGE, write_review_page
from finetune_tts.corpus.review_server import ReviewServer

PATIENCE = 60.0
CODES = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
SHIFT = 8
READY = "document.getElementById('status').textContent === 'Saved' && wave !== null"


class Person:
    """Somebody who looks at the page, and has a keyboard and a mouse."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def open(self, page: Path | str, ready: str = READY) -> None:
        self.browser.open(page, width=1200, dark=False)
        self.see(ready)

    def reload(self) -> None:
        self.browser.value("window.old = true")
        self.browser.call("Page.reload")
        self.see(f"window.old === undefined && document.readyState === 'complete' && {READY}")

    def see(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.browser.value(f"(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"):
                return
            time.sleep(0.01)
        raise AssertionError(f"never seen: {expression}; the page says: {self.text('#alert')!r}")

    def text(self, selector: str) -> str:
        return str(self.browser.value(f"document.querySelector({json.dumps(selector)}).innerText"))

    def press(self, *keys: str, modifiers: int = 0) -> None:
        for key in keys:
            text = "\r" if key == "Enter" else key if len(key) == 1 else ""
            code = CODES.get(key, ord(key.upper()[0]))
            known = {"key": key, "modifiers": modifiers, "windowsVirtualKeyCode": code}
            self.browser.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **known)
            self.browser.call("Input.dispatchKeyEvent", type="keyUp", **known)

    def write(self, text: str) -> None:
        """Put ``text`` in the place of what stands in the field that has the focus."""
        self.browser.value("document.activeElement.select()")
        self.browser.call("Input.insertText", text=text)

    def mouse(self, kind: str, x: float, y: float) -> None:
        pressed = {"button": "left", "buttons": 1, "clickCount": 1} if kind != "mouseReleased" else {"button": "left"}
        self.browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **pressed)

    def place(self, selector: str) -> tuple[float, float]:
        """The middle of something."""
        box = self.browser.value(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2] })()"
        )
        return float(box[0]), float(box[1])

    def click(self, selector: str) -> None:
        x, y = self.place(selector)
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)


@pytest.fixture
def person(browser: Any) -> Iterator[Person]:
    yield Person(browser)
    browser.call("Page.navigate", url="about:blank")


def table(review: Review) -> dict[str, Clip]:
    return {clip.name: clip for clip in open_corpus(review.corpus.folder)[1]}


def test_what_is_corrected_dropped_and_cut_is_there_after_a_reload(person: Person, server: ReviewServer) -> None:
    person.open(server.address)
    assert person.browser.value("location.search") == ""  # the key is not left in the address
    assert person.text("#counts") == "0.1 min kept · 3 of 4 clips · 2 doubtful"
    person.press("ArrowDown")
    assert person.text("#name") == "clip_3"  # the least confident but for clip_1, which is dropped
    person.press("e")
    person.write("Well said.")
    person.press("Enter")  # and on to the next
    assert person.text("#name") == "clip_2"
    person.see("clips.get('clip_3').text === 'Well said.'")
    person.press("d")
    person.see("!clips.get('clip_2').kept")
    person.press("ArrowDown")
    person.see(f"{READY} && wave.name === 'clip_0'")
    person.press("l", "l")
    person.press("k", modifiers=SHIFT)
    person.see("clips.get('clip_0').end === 2.09")
    person.see(READY)
    person.reload()
    found = table(server.review)
    assert found["clip_3"].text == "Well said."
    assert (found["clip_2"].kept, found["clip_0"].end) == (False, 2.09)
    assert person.browser.value("['clip_3', 'clip_2', 'clip_0'].map((name) => clips.get(name).text)") == [
        "Well said.",
        "The third, größer.",
        "The first of all.",
    ]
    assert person.text("#counts") == "0.1 min kept · 2 of 4 clips · 0 doubtful"
    for _ in range(3):  # the cuts, that it was dropped, and the text
        number = person.browser.value("data.undoable.number")
        person.press("z")
        person.see(f"data.undoable?.number !== {number} && {READY}")
    undone = table(server.review)
    assert (undone["clip_3"].text, undone["clip_2"].kept, undone["clip_0"].end) == ("Wel said.", True, 2.0)
    assert person.browser.complaints == []


def test_a_cut_is_dragged_and_played(person: Person, server: ReviewServer) -> None:
    person.open(server.address)
    person.click("#row-2")
    person.see(f"{READY} && wave.name === 'clip_2'")
    x, y = person.place("#from")
    # 4 s are drawn, of which the clip begins after the first.
    width = person.browser.value("canvas.clientWidth")
    person.mouse("mousePressed", x, y)
    for part in (0.02, 0.05, 0.1):
        person.mouse("mouseMoved", x + part * width, y)
    assert table(server.review)["clip_2"].start == 6.0  # while it is held, nothing is written
    person.mouse("mouseReleased", x + 0.1 * width, y)
    person.see(f"clips.get('clip_2').start !== 6 && {READY}")
    assert table(server.review)["clip_2"].start == pytest.approx(6.4, abs=0.02)
    person.see("Math.abs(audio.duration - 1.6) < 0.02")
    person.press("Tab")
    person.press("ArrowLeft")  # with the focus on an edge, it moves that
    person.see("clips.get('clip_2').end !== 8")
    assert table(server.review)["clip_2"].end == pytest.approx(7.99)
    person.see(READY)
    person.click("#detail h2")
    person.press(" ")
    person.see("audio.currentTime > 0 && audio.duration > 1")
    person.see("audio.ended || audio.currentTime > 0.1")
    person.browser.value("audio.pause()")
    person.press("l", "l", " ")  # what is played is what the cut gives, although it was moved a moment ago
    person.see("clips.get('clip_2').end > 8 && audio.currentTime > 0")
    person.see("Math.abs(audio.duration - clips.get('clip_2').end + clips.get('clip_2').start) < 0.01")
    assert person.browser.complaints == []


def test_without_the_recording_text_and_keeping_still_work(person: Person, server: ReviewServer) -> None:
    server.review.clip("clip_1").source.unlink()
    person.open(server.address)
    person.see("!part('obstacle').hidden")
    assert "the recording is gone" in person.text("#obstacle")
    assert person.browser.value("[...document.querySelectorAll('[data-edge]')].every((button) => button.disabled)")
    person.press("l", "d")
    person.see("clips.get('clip_1').kept")
    assert table(server.review)["clip_1"].end == 5.0


def test_what_was_typed_a_moment_before_the_page_is_left_is_saved(person: Person, server: ReviewServer) -> None:
    person.open(server.address)
    person.press("e")
    person.write("In the last moment.")
    person.reload()
    assert table(server.review)["clip_1"].text == "In the last moment."
    person.see("clips.get('clip_1').text === 'In the last moment.'")


@pytest.mark.parametrize(("choice", "text"), [("#mine", "Mine."), ("#theirs", "Theirs.")])
def test_what_two_windows_write_at_once_is_for_you_to_choose(
    person: Person, server: ReviewServer, choice: str, text: str
) -> None:
    person.open(server.address)
    person.press("e")
    person.browser.call("Input.insertText", text=".")
    server.review.edit("clip_1", {"text": "Dropped by the maker."}, {"text": "Theirs."})  # in another window
    person.write("Mine.")
    person.see("!part('alert').hidden && !part('mine').hidden")
    assert "Theirs." in person.text("#message")
    assert person.browser.value("text.value") == "Mine."
    assert table(server.review)["clip_1"].text == "Theirs."
    person.click(choice)
    person.see(f"clips.get('clip_1').text === '{text}' && text.value === '{text}' && part('alert').hidden")
    person.see(READY)
    assert table(server.review)["clip_1"].text == text


def test_what_another_window_does_is_seen(person: Person, server: ReviewServer) -> None:
    person.open(server.address)
    server.review.edit("clip_0", {"text": "The first of all."}, {"text": "Another one."})
    person.browser.value("document.dispatchEvent(new Event('visibilitychange')) && 0")  # without waiting for its turn
    person.see("document.getElementById('rows').innerText.includes('Another one.')")


def test_when_the_server_has_ended_nothing_that_was_typed_is_lost(person: Person, server: ReviewServer) -> None:
    person.open(server.address)
    server.review.close()  # it takes no edit any more
    person.press("e")
    person.write("Not saved.")
    person.press("Enter")
    person.see("!part('alert').hidden")
    assert "The review has ended" in person.text("#message")
    person.see("part('status').textContent === 'Not saved yet'")
    person.press("ArrowUp", "ArrowUp")
    assert person.browser.value("[selected, text.value]") == ["clip_1", "Not saved."]


def test_what_is_typed_without_a_connection_is_saved_when_it_is_back(person: Person, server: ReviewServer) -> None:
    person.open(server.address)
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    person.browser.call("Network.emulateNetworkConditions", offline=True, **conditions)
    person.press("e")
    person.write("Saved in the end.")
    person.press("Escape")
    person.see("part('status').textContent === 'Not connected'")
    assert "The server has ended" in person.text("#message")
    person.browser.call("Network.emulateNetworkConditions", offline=False, **conditions)
    person.browser.value("document.dispatchEvent(new Event('visibilitychange')) && 0")
    person.see(f"clips.get('clip_1').text === 'Saved in the end.' && part('alert').hidden && {READY}")
    assert table(server.review)["clip_1"].text == "Saved in the end."


@pytest.fixture
def other_site(server: ReviewServer) -> Iterator[str]:
    """A page of another program on this machine, which tries to write."""
    edit = json.dumps({"clip": "clip_1", "seen": {"kept": False}, "wanted": {"kept": True}})
    target = f"http://127.0.0.1:{server.server_port}"
    page = f"""<!doctype html><link rel="icon" href="data:,"><title>other</title>
    <form id="form" method="post" enctype="text/plain" action="{target}/edit" target="frame">
    <input name="{html.escape(edit[:-1])}, &quot;x" value="&quot;: 1}}"></form>
    <iframe name="frame"></iframe>
    <script>
    const tries = [];
    for (const kind of ["text/plain", "application/json"]) for (const mode of ["no-cors", "cors"]) {{
      const headers = {{"Content-Type": kind}};
      tries.push(fetch("{target}/edit", {{method: "POST", mode, credentials: "include", headers, body: {edit!r}}}));
    }}
    tries.push(fetch("{target}/clips", {{credentials: "include"}}).then((answer) => answer.json()));
    form.submit();
    let outcome;
    Promise.allSettled(tries).then((all) => {{ outcome = all.map((one) => one.value?.type ?? one.status) }});
    </script>"""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}/"
        other.shutdown()
        thread.join()


def test_a_page_of_another_origin_neither_writes_nor_reads(
    person: Person, server: ReviewServer, other_site: str
) -> None:
    person.open(server.address)  # so that the browser has the cookie
    person.open(other_site, "outcome !== undefined")
    # What is sent without a look at the answer is opaque, or blocked; nothing else gets through.
    assert set(person.browser.value("outcome")) <= {"opaque", "rejected"}
    assert person.browser.value("outcome.at(-1)") == "rejected"
    assert table(server.review)["clip_1"].kept is False
    person.open(f"http://127.0.0.1:{server.server_port}/")  # and the review goes on
    assert server.review.edits == 0


HOSTILE = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"


def rewritten(folder: Path, change: Callable[[Clip], Clip]) -> tuple[Corpus, list[Clip]]:
    corpus, clips = open_corpus(folder)
    corpus.save(map(change, clips))
    return open_corpus(folder)


def test_texts_and_names_are_never_markup(person: Person, data_set: Path) -> None:
    corpus, clips = rewritten(data_set, lambda clip: replace(clip, text=HOSTILE, reason=HOSTILE))
    person.open(write_review_page(corpus, clips), "selected !== null")
    person.press("ArrowDown")
    assert person.browser.value("text.value") == HOSTILE
    assert person.text("#reason") == HOSTILE
    assert person.text("#row-0 .said") == HOSTILE
    assert person.browser.value("document.title") == "my-voice: review"
    assert person.browser.value("document.images.length") == 0
    assert "{{" not in (data_set / PAGE).read_text(encoding="utf-8")


def test_a_copy_opens_from_disk_to_listen_and_changes_nothing(person: Person, data_set: Path) -> None:
    before = (data_set / "sources.csv").read_bytes()
    person.open(write_review_page(*open_corpus(data_set)), "wave !== null")
    assert "tts-finetune --review my-voice" in person.text("#copy")
    assert person.browser.value("wave.peaks.length") == 50
    assert person.browser.value("text.readOnly")
    shown = "[...document.querySelectorAll('button')].filter((one) => one.offsetParent).map((one) => one.innerText)"
    assert person.browser.value(shown) == ["Keys", "Play", "Previous", "Next"]
    person.press("d", "l", "z", "Enter", "ArrowDown")
    person.press(" ")
    person.see("Math.abs(audio.duration - 2) < 0.01 && audio.currentTime > 0")
    person.click("input[value=dropped]")
    assert person.browser.value("shown") == ["clip_1"]
    person.click("input[value=doubtful]")
    assert person.browser.value("shown") == ["clip_3", "clip_2"]
    person.browser.value("part('order').value = 'place'; part('order').dispatchEvent(new Event('change'))")
    assert person.browser.value("shown") == ["clip_2", "clip_3"]
    assert {address.split(":")[0] for address in person.browser.requests} <= {"file", "data"}
    assert person.browser.complaints == []
    assert (data_set / "sources.csv").read_bytes() == before


def test_a_copy_is_written_again_without_reading_the_sounds_again(data_set: Path) -> None:
    corpus, clips = open_corpus(data_set)
    first = write_review_page(corpus, clips).read_text(encoding="utf-8")
    for clip in clips:
        corpus.sound_file(clip.name).unlink()
    assert write_review_page(corpus, clips).read_text(encoding="utf-8") == first
    (data_set / PAGE).write_text('<script type="application/json" id="data">[1]</script>', encoding="utf-8")
    assert '"clip_0":""' in write_review_page(corpus, clips).read_text(encoding="utf-8")


def test_five_thousand_clips_stay_fluent(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    clips = [
        Clip(f"clip_{number:05}", tmp_path / "gone.wav", number, number + 1.0, f"Sentence {number}.", number / 5000)
        for number in range(5000)
    ]
    Corpus(folder).save(clips)
    with reviewing(folder) as review, ReviewServer(review) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        person.open(server.address)
        rows = "document.querySelectorAll('.row').length"
        assert person.browser.value(rows) < 60
        person.press("ArrowDown")
        person.browser.value("list.scrollTop = 2500 * 56")
        person.see("document.getElementById('row-2500')")
        assert person.browser.value(rows) < 60
        person.click("#row-2501")
        assert person.text("#name") == "clip_02501"
        person.press("d")
        person.see("!clips.get('clip_02501').kept")
        person.press("/")
        person.write("sentence 4321")
        assert person.browser.value("shown") == ["clip_04321"]
        assert table(review)["clip_02501"].kept is False
        server.shutdown()
        thread.join()


def test_everything_that_can_be_used_has_a_name_and_is_reached_by_the_keyboard(
    person: Person, server: ReviewServer
) -> None:
    person.open(server.address)
    roles = {"button", "slider", "textbox", "searchbox", "combobox", "radio", "checkbox", "listbox", "option"}
    nodes = person.browser.call("Accessibility.getFullAXTree")["nodes"]
    used = [node for node in nodes if not node["ignored"] and node["role"]["value"] in roles]
    assert roles <= {node["role"]["value"] for node in used}
    assert [node for node in used if not node.get("name", {}).get("value")] == []
    reached = set()
    for _ in range(40):
        person.press("Tab")
        reached.add(person.browser.value("document.activeElement.id || document.activeElement.ariaLabel"))
    wanted = {
        "keys",
        "order",
        "find",
        "list",
        "from",
        "to",
        "play",
        "text",
        "right",
        "keep",
        "auto",
        "previous",
        "next",
    }
    assert wanted - {"right"} <= reached  # which a clip that is dropped does not have
    assert {"Start 50 ms earlier", "End 10 ms later"} <= reached
    person.click("#detail h2")
    person.press("?")
    assert "play or pause" in person.text("#help")


@pytest.mark.parametrize("word", ["http:", "https:", "eval(", "innerHTML", "insertAdjacentHTML", "document.write"])
def test_the_page_calls_nobody_and_makes_no_markup_of_texts(word: str) -> None:
    assert word not in REVIEW_PAGE.html()
