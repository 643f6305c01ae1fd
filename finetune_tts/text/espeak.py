"""The espeak-ng library inside this process: loading it, its voices, text to phonemes.

The phonemes are those that the espeak-ng program prints, and so those that 🐸TTS's models were trained on. The
library's own ``espeak_TextToPhonemes`` differs from it: it stops before the sentence melody is laid out, and that is
where a clause of weak words gets its stress ("and" alone: program ``ˈænd``, function ``ænd``). So the text is spoken
with a phoneme callback, and speaking is broken off before more than a few milliseconds of sound are made.

The library keeps one voice and one translation state per process, so every call goes through one lock. The lock is
held over a fork, so that a loader's worker never starts with the library in the middle of a sentence.
"""

import atexit
import ctypes
import ctypes.util
import glob
import logging
import os
import re
import shutil
import sys
import tempfile
import threading
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

LIBRARY_VARIABLE = "TTS_ESPEAK_LIBRARY"

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 0x01
_END_PAUSE = 0x1000
_PHONEMES_IPA = 0x02
_POSITION_CHARACTER = 1
# espeak-ng copies the data folder's name into a field of 160 bytes and ignores a longer one.
_LONGEST_DATA_PATH = 150
_SYSTEM_PATTERNS = (
    "/usr/local/lib/libespeak-ng.so.1",
    "/usr/lib/*-linux-*/libespeak-ng.so.1",
    "/usr/lib64/libespeak-ng.so.1",
    "/usr/lib/libespeak-ng.so.1",
    "/opt/homebrew/lib/libespeak-ng*.dylib",
    "/usr/local/lib/libespeak-ng*.dylib",
    "C:/Program Files/eSpeak NG/libespeak-ng.dll",
)

# Words without a sign that espeak-ng could end a clause at, and not longer than what it reads at a time.
_one_clause = re.compile(r"[^\W_]+(?:[ '-][^\W_]+)*")
_LONGEST_SURE_CLAUSE = 200

_PhonemeCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)

_lock = threading.Lock()


class _Voice(ctypes.Structure):
    """``espeak_VOICE`` of speak_lib.h."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.POINTER(ctypes.c_char)),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h."""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    ]


_END_OF_EVENTS, _WORD = 0, 1
_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class SpokenText:
    """Text as espeak-ng speaks it.

    Attributes:
        sound: 16-bit samples, one after the other, in the byte order of this machine.
        sample_rate: in Hz.
        words: ``(place, seconds)``: which character a word begins at, and when it is heard. Words that espeak-ng runs
            together have one place.
    """

    sound: bytes
    sample_rate: int
    words: list[tuple[int, float]]


class EspeakLibrary:
    """One loaded espeak-ng library with its data. Made by :func:`espeak_library`, once per process and file."""

    def __init__(self, file: str, data: str | None) -> None:
        """Load and initialise the library.

        Args:
            file: the shared library, a path or a name that the loader of the system finds.
            data: folder ``espeak-ng-data``; ``None`` for the place that is built into the library.

        Raises:
            UserError: the file is no espeak-ng library, or its data is missing.
        """
        try:
            self._library = ctypes.CDLL(file)
            self._declare()
        except (OSError, AttributeError) as error:
            raise UserError(
                f"{file}: not a usable espeak-ng library ({error}). "
                f"Unset {LIBRARY_VARIABLE} to use the one that comes with this package."
            ) from error
        place = _short_path(data).encode() if data else None
        rate = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, place, _INITIALIZE_DONT_EXIT)
        if rate <= 0:
            raise UserError(
                f"{file}: espeak-ng does not find its data ({data or 'the place built into it'}). "
                "Install espeakng-loader again, or set ESPEAK_DATA_PATH for a library of your own."
            )
        found = ctypes.c_char_p()
        self.version: str = self._library.espeak_Info(ctypes.byref(found)).decode().split()[0]
        self._voices = self._read_voices()
        self._current = ""
        self._rate: int = rate
        self._heard: list[str] = []
        self._sound: bytearray | None = None  # where what is made is to be kept
        self._words: list[tuple[int, float]] = []
        self._break_off = False
        self._listen()
        logger.debug("espeak-ng %s from %s", self.version, file)

    def _declare(self) -> None:
        library = self._library
        library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        library.espeak_Info.argtypes = [ctypes.POINTER(ctypes.c_char_p)]
        library.espeak_Info.restype = ctypes.c_char_p
        library.espeak_ListVoices.argtypes = [ctypes.POINTER(_Voice)]
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        library.espeak_SetPhonemeTrace.argtypes = [ctypes.c_int, ctypes.c_void_p]
        library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]

    def _listen(self) -> None:
        """Have the library hand over the phonemes of each clause that it speaks."""

        def hear(phonemes: bytes) -> int:
            self._heard.append((phonemes or b"").decode("utf-8", "ignore"))
            return 0

        def speak(sound: "ctypes._Pointer[ctypes.c_short]", samples: int, events: "ctypes._Pointer[_Event]") -> int:
            if self._sound is not None:
                place = 0
                while events and events[place].kind != _END_OF_EVENTS:
                    event = events[place]
                    if event.kind == _WORD:
                        self._words.append((event.text_position - 1, event.audio_position / 1000))
                    place += 1
                if sound and samples > 0:
                    self._sound += ctypes.string_at(sound, 2 * samples)
            return int(self._break_off)

        # Kept, because the library calls them as long as it lives.
        self._callbacks = (_PhonemeCallback(hear), _SynthCallback(speak))
        self._library.espeak_SetPhonemeCallback(self._callbacks[0])
        self._library.espeak_SetSynthCallback(self._callbacks[1])
        # IPA can only be asked for together with a C stream that gets the phonemes too.
        c_library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
        c_library.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        c_library.fopen.restype = ctypes.c_void_p
        self._library.espeak_SetPhonemeTrace(_PHONEMES_IPA, c_library.fopen(os.devnull.encode(), b"w"))

    def _read_voices(self) -> dict[str, str]:
        """Map every language code, in lower case, to the identifier of its best voice."""
        main: dict[str, str] = {}
        other: dict[str, tuple[int, str]] = {}
        listing = self._library.espeak_ListVoices(None)
        index = 0
        while listing[index]:
            voice = listing[index].contents
            index += 1
            identifier = voice.identifier.decode()
            if identifier.startswith(("mb/", "mb\\")):  # needs the MBROLA program
                continue
            for position, (priority, language) in enumerate(_languages(voice.languages)):
                if position == 0:
                    main.setdefault(language, identifier)
                elif language not in other or priority < other[language][0]:
                    other[language] = (priority, identifier)
        return {language: identifier for language, (_, identifier) in other.items()} | main

    @property
    def languages(self) -> tuple[str, ...]:
        """The language codes that this library speaks, sorted."""
        return tuple(sorted(self._voices))

    def voice(self, language: str) -> str:
        """Find the voice of a language code, see :func:`voice_code`.

        Raises:
            UserError: espeak-ng has no such language; the nearest ones are named.
        """
        code = voice_code(language)
        if code in self._voices:
            return self._voices[code]
        near = get_close_matches(code, self._voices, n=5, cutoff=0.5) or get_close_matches(
            code.split("-")[0], self._voices, n=5, cutoff=0.3
        )
        hint = f"Did you mean {', '.join(near)}?" if near else f"It has: {', '.join(self.languages)}."
        raise UserError(f"phoneme_language {language!r}: espeak-ng {self.version} has no such language. {hint}")

    def clauses(self, text: str, voice: str) -> list[str]:
        """Turn text into IPA, one string per clause that espeak-ng finds.

        Args:
            text: any text without NUL characters and lone surrogates.
            voice: an identifier that :meth:`voice` gave.
        """
        with _lock:
            self._choose(voice)
            if len(text) <= _LONGEST_SURE_CLAUSE and _one_clause.fullmatch(text):
                return self._spoken(text, break_off=True)
            plain = self._plain(text)
            parts = _cut(text, [end for _, end in plain])
            if all([clause for clause, _ in self._plain(part)] == [plain[i][0]] for i, part in enumerate(parts)):
                return [clause for part in parts for clause in self._spoken(part, break_off=True)]
            # Nobody but espeak-ng knows where it ends a clause here, so it has to speak it all: right, but slower.
            return self._spoken(text, break_off=False)

    def parts(self, text: str, voice: str) -> list[tuple[str, str]]:
        """Turn text into IPA without the stress that comes from melody, and tell which part of it each clause is of.

        Arguments are those of :meth:`clauses`.
        """
        with _lock:
            self._choose(voice)
            plain = self._plain(text)
            return list(zip([clause for clause, _ in plain], _cut(text, [end for _, end in plain]), strict=True))

    def speak(self, text: str, voice: str) -> SpokenText:
        """Speak a text; arguments as for :meth:`clauses`."""
        with _lock:
            self._choose(voice)
            self._sound, self._words = bytearray(), []
            try:
                self._spoken(text, break_off=False)
                return SpokenText(bytes(self._sound), self._rate, self._words)
            finally:
                self._sound = None

    def _choose(self, voice: str) -> None:
        if voice == self._current:
            return
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            self._current = ""
            raise UserError(f"espeak-ng {self.version} cannot load its voice {voice!r}. Install it again.")
        self._current = voice

    def _spoken(self, text: str, break_off: bool) -> list[str]:
        """Have text spoken and hear its phonemes; ``break_off`` after the first clause, before its sound is made."""
        raw = text.encode() + b"\0"
        self._break_off = break_off
        self._heard.clear()
        self._library.espeak_Synth(raw, len(raw), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8 | _END_PAUSE, None, None)
        return list(self._heard)

    def _plain(self, text: str) -> list[tuple[str, int]]:
        """List clauses without the stress that comes from melody, each with the byte where reading stopped."""
        buffer = ctypes.create_string_buffer(text.encode())
        start = ctypes.addressof(buffer)
        rest = ctypes.c_void_p(start)
        found = []
        while rest.value:
            clause = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, _PHONEMES_IPA)
            end = rest.value - start if rest.value else len(buffer) - 1
            found.append(((clause or b"").decode("utf-8", "ignore"), end))
        return found


def voice_code(language: str) -> str:
    """The code of a language as espeak-ng spells it: ``en`` is ``en-us`` and ``zh-cn`` is ``cmn``, as in 🐸TTS."""
    code = language.strip().lower().replace("_", "-")
    return {"en": "en-us", "zh-cn": "cmn"}.get(code, code)


def espeak_library(library: str | None = None) -> EspeakLibrary:
    """Load espeak-ng, once per process.

    Args:
        library: ``None`` for what the environment variable ``TTS_ESPEAK_LIBRARY`` names, or, without it, the library
            of the package ``espeakng-loader``; ``"bundled"`` for that one always; ``"system"`` for the system's;
            else the path of a shared library.

    Raises:
        UserError: there is no such library, or it cannot be used.
    """
    choice = library or os.environ.get(LIBRARY_VARIABLE) or "bundled"
    with _loading:
        return _load(choice)


def bundled_data() -> Path:
    """The folder of data that comes with the package ``espeakng-loader``: dictionaries and voices of all languages."""
    import espeakng_loader

    return Path(espeakng_loader.get_data_path())


_loading = threading.Lock()


@cache
def _load(choice: str) -> EspeakLibrary:
    _hold_lock_over_fork()
    if choice == "bundled":
        import espeakng_loader

        return EspeakLibrary(espeakng_loader.get_library_path(), str(bundled_data()))
    if choice == "system":
        return EspeakLibrary(_system_file(), None)
    if not Path(choice).is_file():
        raise UserError(
            f"{LIBRARY_VARIABLE}={choice}: no such file. Give the path of libespeak-ng, 'system', or leave it out."
        )
    return EspeakLibrary(str(Path(choice).resolve()), None)


def _system_file() -> str:
    # By path where possible: the loader would answer a bare name with a library of that name that is already loaded.
    for pattern in _SYSTEM_PATTERNS:
        for file in sorted(glob.glob(pattern)):
            return file
    found = ctypes.util.find_library("espeak-ng")
    if found is None:
        raise UserError(
            f"{LIBRARY_VARIABLE}=system: the system has no espeak-ng library. "
            "Install it (Debian: apt-get install libespeak-ng1), or leave the variable out."
        )
    return found


@cache
def _hold_lock_over_fork() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def _short_path(data: str) -> str:
    """Give the data folder a name that is short enough for espeak-ng, by a link where it is too long."""
    if len(data.encode()) <= _LONGEST_DATA_PATH:
        return data
    folder = tempfile.mkdtemp(prefix="espeak-")
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    link = os.path.join(folder, "espeak-ng-data")
    try:
        os.symlink(data, link, target_is_directory=True)
    except OSError:  # a system that does not let this user make links
        shutil.copytree(data, link)
    return link


def _cut(text: str, ends: list[int]) -> list[str]:
    """Cut text at the bytes where espeak-ng stopped reading; it may have read the first letter of the next clause."""
    raw = text.encode()
    parts = []
    start = 0
    for end in ends[:-1]:
        part = raw[start:end].decode("utf-8", "ignore")
        if part and unicodedata.category(part[-1])[0] in "LMN":
            part = part[:-1]
        parts.append(part)
        start += len(part.encode())
    return [*parts, raw[start:].decode("utf-8", "ignore")]


def _languages(packed: "ctypes._Pointer[ctypes.c_char]") -> list[tuple[int, str]]:
    """Read ``espeak_VOICE.languages``: a priority byte and a name for each language, the main one first."""
    found = []
    position = 0
    while packed[position] != b"\0":
        priority = packed[position][0]
        end = position + 1
        while packed[end] != b"\0":
            end += 1
        found.append(
            (priority, b"".join(packed[i] for i in range(position + 1, end)).decode("ascii", "ignore").lower())
        )
        position = end + 1
    return found
