"""Phonemes from espeak-ng in this process: right, in any order, for any text, in threads and worker processes."""

import multiprocessing
import pickle
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from finetune_tts.errors import UserError
from finetune_tts.text import espeak
from finetune_tts.text.phonemizer import EspeakPhonemizer, MultiPhonemizer

TEXTS = {
    "en-us": ("Hello world, and you?", "həlˈoʊ wˈɜːld, ænd juː?"),
    "es": ("¿Qué tal, niño?", "¿kˈe tˈal, nˈiɲo?"),
    "de": ("Guten Tag!", "ɡˈuːtən tˈɑːk!"),
    "fr-fr": ("Bonjour le monde.", "bɔ̃ʒˈuʁ lə- mˈɔ̃d."),
}


@pytest.mark.parametrize("language", ["es", "de", "fr-fr"])
def test_phonemes_of_languages(language: str) -> None:
    text, phonemes = TEXTS[language]
    assert EspeakPhonemizer(language).phonemize(text) == phonemes


def test_a_clause_of_weak_words_gets_its_stress_as_from_the_program() -> None:
    assert EspeakPhonemizer("en-us").phonemize("and, for this is he.") == "ˈænd, fɔːɹ ðɪs ɪz hˈiː."


def test_clauses_inside_a_piece_are_all_there() -> None:
    assert EspeakPhonemizer("en-us").phonemize("one – two (three) – four") == "wˈʌntˈuː θɹˈiːfˈɔːɹ"


def test_punctuation_and_the_spaces_around_it_stay() -> None:
    assert EspeakPhonemizer("en-us").phonemize('"Hi" ; «you» ...') == '"hˈaɪ" ; «jˈuː» ...'
    assert EspeakPhonemizer("en-us").phonemize("¡Hello") == "¡həlˈoʊ"


def test_language_switches_leave_no_flags() -> None:
    phonemes = EspeakPhonemizer("fr-fr").phonemize("le football du week-end")
    assert "(" not in phonemes
    assert "fˈʊtbɔːl" in phonemes


def test_result_depends_on_the_text_alone() -> None:
    phonemizers = {language: EspeakPhonemizer(language) for language in TEXTS}
    first = {language: phonemizers[language].phonemize(text) for language, (text, _) in TEXTS.items()}
    for language in [*reversed(TEXTS), *TEXTS, "en-us", "en-us"]:
        assert phonemizers[language].phonemize(TEXTS[language][0]) == first[language]


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [("", ""), (" \n\t ", ""), ("...", "..."), (" ?! ", "?!"), ("\0", ""), ("a\0", "ˈeɪ"), ("\ud800b", "bˈiː")],
)
def test_text_without_words(text: str, phonemes: str) -> None:
    assert EspeakPhonemizer("en-us").phonemize(text) == phonemes


@pytest.mark.parametrize("pattern", ["word ", ".", " ", "x", "1", "😀", "你", "\u0301", "(a) "])
def test_text_of_any_length(pattern: str) -> None:
    length = 100_000 if pattern in ("word ", ".", " ") else 5_000
    assert isinstance(EspeakPhonemizer("en-us").phonemize((pattern * length)[:length]), str)


def test_long_text_without_punctuation_keeps_its_words_apart() -> None:
    assert EspeakPhonemizer("en-us").phonemize("word " * 1000).split() == ["wˈɜːd"] * 1000


@pytest.mark.parametrize("language", ["en-us", "vi", "vi-vn-x-south", "my", "am", "ar", "bn", "gu", "ru"])
def test_signs_that_end_the_espeak_program_are_survived(language: str) -> None:
    phonemizer = EspeakPhonemizer(language)
    for text in (
        "\u24dc",
        "\u24c2\u2168",
        "\u2139\u0280",
        "`",
        "]-c",
        "{-B",
        "}-B",
        "\u28ff\u28fe",
        "\u0960\u0ae0",
        "😀 🐸 ☃ → ™ °",
    ):
        phonemizer.phonemize(text)


@pytest.mark.parametrize(("code", "same"), [("en", "en-us"), ("EN_US", "en-us"), ("zh-cn", "cmn"), ("fr", "fr-fr")])
def test_codes_that_mean_the_same(code: str, same: str) -> None:
    library = espeak.espeak_library()
    assert library.voice(code) == library.voice(same)


def test_unknown_language_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"phoneme_language 'en-uss'.*Did you mean en-us"):
        EspeakPhonemizer("en-uss")
    with pytest.raises(UserError, match=r"phoneme_language '' *: .*It has: af, am"):
        EspeakPhonemizer("")


def test_threads_share_the_library() -> None:
    phonemizers = {language: EspeakPhonemizer(language) for language in TEXTS}
    jobs = [language for language in TEXTS for _ in range(100)]
    expected = {language: phonemizers[language].phonemize(TEXTS[language][0]) for language in TEXTS}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda language: phonemizers[language].phonemize(TEXTS[language][0]), jobs))
    assert found == [expected[language] for language in jobs]


@pytest.mark.parametrize("method", sorted({"fork", "spawn"} & set(multiprocessing.get_all_start_methods())))
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_worker_processes(method: str) -> None:
    phonemizer = EspeakPhonemizer("en-us")
    expected = phonemizer.phonemize("Hello world.")
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(phonemizer.phonemize, ["Hello world."] * 8) == [expected] * 8


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_in_the_middle_of_a_sentence_of_another_thread() -> None:
    phonemizer = EspeakPhonemizer("en-us")
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            phonemizer.phonemize("The quick brown fox jumps over the lazy dog.")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(10):
            process = multiprocessing.get_context("fork").Process(target=phonemizer.phonemize, args=("Hello.",))
            process.start()
            process.join(timeout=20)
            assert process.exitcode == 0
    finally:
        stop.set()
        thread.join()


def test_phonemizer_can_be_pickled() -> None:
    again = pickle.loads(pickle.dumps(EspeakPhonemizer("de")))
    assert again.phonemize("Guten Tag!") == TEXTS["de"][1]


def test_library_of_the_persons_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(espeak.LIBRARY_VARIABLE, str(tmp_path / "none.so"))
    with pytest.raises(UserError, match="TTS_ESPEAK_LIBRARY=.*none.so: no such file"):
        EspeakPhonemizer("en-us")
    other = tmp_path / "other.so"
    other.write_bytes(b"not a library")
    monkeypatch.setenv(espeak.LIBRARY_VARIABLE, str(other))
    with pytest.raises(UserError, match="not a usable espeak-ng library"):
        EspeakPhonemizer("en-us")
    assert EspeakPhonemizer("en-us", library="bundled").phonemize("Hi.") == "hˈaɪ."


def test_system_without_espeak_says_how_to_get_it() -> None:
    # A process of its own: a library that is loaded stays as it is.
    program = (
        "import ctypes.util, glob\n"
        "glob.glob, ctypes.util.find_library = lambda pattern: [], lambda name: None\n"
        "from finetune_tts.text.phonemizer import EspeakPhonemizer\n"
        "EspeakPhonemizer('en-us', library='system')\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "apt-get install libespeak-ng1" in run.stderr


def test_data_under_a_path_that_is_too_long_for_espeak(tmp_path: Path) -> None:
    # A process of its own: a library that is loaded stays as it is.
    import espeakng_loader

    deep = tmp_path / ("deep" * 40) / "espeak-ng-data"
    deep.parent.mkdir()
    shutil.copytree(espeakng_loader.get_data_path(), deep)
    program = (
        "import sys, espeakng_loader; espeakng_loader.get_data_path = lambda: sys.argv[1]\n"
        "from finetune_tts.text.phonemizer import EspeakPhonemizer\n"
        "print(ascii(EspeakPhonemizer('en-us').phonemize('Hi.')))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(deep)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ascii("hˈaɪ.")


def test_multilingual_model_takes_the_phonemizer_of_the_language() -> None:
    phonemizer = MultiPhonemizer({"en-us": EspeakPhonemizer("en-us"), "de": EspeakPhonemizer("de")})
    assert phonemizer.phonemize(TEXTS["de"][0], "de") == TEXTS["de"][1]
    for language in (None, "fr"):
        with pytest.raises(UserError, match="phonemes for en-us, de"):
            phonemizer.phonemize("text", language)


def test_a_thousand_sentences_take_less_than_fifty_processes() -> None:
    phonemizer = EspeakPhonemizer("en-us")
    phonemizer.phonemize("warm")
    started = time.process_time()
    for number in range(1000):
        phonemizer.phonemize(f"The quick brown fox number {number} jumps over the lazy dog.")
    assert time.process_time() - started < 3
