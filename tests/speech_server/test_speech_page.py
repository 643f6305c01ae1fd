"""The page, used as a person would in a real browser."""

import time

import pytest

from finetune_tts.speech_server.server import SPEECH_PAGE


def see(browser, expression):
    deadline = time.monotonic() + 60
    while not browser.value(f"(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"):
        assert time.monotonic() < deadline, (expression, browser.value("part('alert').textContent"))
        time.sleep(0.02)


@pytest.fixture
def page(browser, serve):
    server = serve()
    browser.open(server.address, width=900, dark=False)
    see(browser, "details !== null && part('speaker').options.length === 2")
    yield browser
    browser.call("Page.navigate", url="about:blank")


def write(page, text):
    page.value("part('text').focus(), part('text').select()")
    page.call("Input.insertText", text=text)


def test_a_text_is_typed_heard_and_downloaded(page):
    assert page.value("document.title") == "tiny: synthesise"
    write(page, "a bad egg")
    assert page.value("part('count').textContent") == "9 of 500 characters"
    page.value("part('speaker').value = 'bob'")
    page.value("part('speak').click()")
    see(page, "document.querySelector('#clips audio')?.duration > 0.1")
    assert page.value("document.querySelector('#clips p').textContent") == "a bad egg"
    assert page.value("document.querySelector('#clips a').download") == "speech.wav"
    assert page.value("document.querySelector('#clips a').href").startswith("blob:")
    write(page, "had a hag")
    page.value("part('speak').click()")
    see(page, "document.querySelectorAll('#clips li').length === 2")
    assert page.complaints == []


def test_what_is_refused_is_told_and_nothing_typed_is_markup(page):
    write(page, "ω")
    page.value("part('speak').click()")
    see(page, "!part('alert').hidden")
    assert "nothing in it that this model can read" in page.value("part('alert').textContent")
    write(page, "<b>a bad egg</b>")
    page.value("part('speak').click()")
    see(page, "document.querySelectorAll('#clips li').length === 1")
    assert page.value("document.querySelector('#clips b')") is None
    assert page.value("part('alert').hidden") is True


def test_what_takes_long_can_be_stopped(page, voice, monkeypatch):
    monkeypatch.setattr(voice, "stream", lambda text, delivery: iter(lambda: time.sleep(0.05) or [], None))
    write(page, "a bad egg")
    page.value("part('speak').click()")
    see(page, "!part('stop').hidden")
    page.value("part('stop').click()")
    see(page, "part('stop').hidden && !part('speak').disabled")
    assert page.value("part('alert').hidden") is True


@pytest.mark.parametrize("word", ["http:", "https:", "eval(", "innerHTML", "insertAdjacentHTML", "document.write"])
def test_the_page_calls_nobody_and_makes_no_markup_of_texts(word):
    assert word not in SPEECH_PAGE.html()
