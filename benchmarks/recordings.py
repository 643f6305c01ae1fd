"""How well and how fast a data set is made of raw recordings, whose truth is known as they are put together from clips.

    python benchmarks/recordings.py --minutes 10,60 --save

needs flite (a Debian package) and hibari-tts. Each recording is read by one voice with pauses of 0.15 to 2 s, in the
noise of a room, which falls with frequency. Its text has a passage that is not read, three sentences are read twice,
and four are read that the text does not have. Made is a data set with the text and, with ``--whisper MODEL``, one
without.

- *cut words*: cuts that lie within what a voice says, of all cuts;
- *cuts in pauses*: those within a pause, or within 50 ms of its middle;
- *exact*: clips whose text is, word for word, what is said in them;
- *kept*: how much of the speech that the text has is in a clip;
- *altered*: passages that are not in the text, or said twice, of which a clip was made nevertheless.

Time and peak memory are those of a process of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from result import Column, Result, add_save_argument, finish
from scipy.signal import lfilter

from finetune_tts.audio.reading import read_part, resample
from finetune_tts.corpus.clips import Clip, open_corpus
from finetune_tts.hearing.words import edits, words

RATE = 22050
SENTENCES = Path(__file__).parents[1] / "recipes" / "demo" / "base_sentences.txt"
READ, TWICE, EXTRA = "read", "twice", "extra"
_NEAR = 0.05  # seconds from the middle of a pause
_HARDLY = 0.03  # seconds of a sentence that are hardly heard, at its very beginning and end
_ONCE = 1.1
_FADING = 0.02  # seconds within which a sound comes and goes
_NEAR_SHARE = 0.08

Voice = Callable[[str], np.ndarray]


@dataclass(frozen=True)
class Said:
    """A sentence of a recording, in seconds."""

    text: str
    start: float
    end: float
    kind: str


@dataclass(frozen=True)
class Truth:
    """What is said in a recording, and where it is silent but for the noise: ``[P, 2]`` in seconds."""

    said: list[Said]
    pauses: np.ndarray


def hibari() -> Voice:
    """The natural English voice of hibari-tts."""
    from hibari import Hibari

    voice = Hibari()

    def speak(text: str) -> np.ndarray:
        return resample(np.asarray(voice(text, seed=0), np.float32), voice.sample_rate, RATE)

    return speak


def flite() -> Voice:
    """A voice of flite, put together from recorded pieces."""

    def speak(text: str) -> np.ndarray:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", file.name], check=True)
            samples, rate = soundfile.read(file.name, dtype="float32")
        return resample(samples, rate, RATE)

    return speak


def espeak() -> Voice:
    """Another voice of espeak-ng than the one that is aligned with."""
    from finetune_tts.text.espeak import espeak_library

    library = espeak_library()
    voice = library.voice("en-gb-scotland")

    def speak(text: str) -> np.ndarray:
        spoken = library.speak(text, voice)
        samples = np.frombuffer(spoken.sound, np.int16).astype(np.float32) / 32768
        return resample(samples, spoken.sample_rate, RATE)

    return speak


VOICES = {"hibari": hibari, "flite": flite, "espeak": espeak}


def trimmed(samples: np.ndarray) -> np.ndarray:
    """A sentence without silence at its ends."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    return samples[max(0, loud[0] - 200) : loud[-1] + 200]


def put_together(speak: Voice, minutes: float, decibels: float, wav: Path) -> tuple[Truth, str]:
    """Write a recording; gives what is said in it, and the text that comes with it."""
    random = np.random.default_rng(round(10 * minutes))
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    said: list[Said] = []
    text: list[str] = []
    parts: list[np.ndarray] = [np.zeros(RATE, np.float32)]
    length, spare, altered = RATE, len(sentences), set()

    def say(sentence: str, kind: str) -> None:
        nonlocal length
        samples = trimmed(speak(sentence))
        said.append(Said(sentence, length / RATE, (length + len(samples)) / RATE, kind))
        pause = np.zeros(round(random.uniform(0.15, 2.0) * RATE), np.float32)
        parts.extend([samples, pause])
        length += len(samples) + len(pause)

    for number, sentence in enumerate(sentences):
        done = length / RATE / (60 * minutes)
        if done >= 1 or number >= spare - 8:
            break
        say(sentence, READ)
        text.append(sentence)
        if done >= 0.25 and "missing" not in altered:
            altered.add("missing")
            text += sentences[spare - 4 : spare]
        if done >= 0.5 and TWICE not in altered:
            altered.add(TWICE)
            for again in text[-3:]:
                say(again, TWICE)
        if done >= 0.75 and EXTRA not in altered:
            altered.add(EXTRA)
            for other in sentences[spare - 8 : spare - 4]:
                say(other, EXTRA)
    samples = np.concatenate(parts)
    pauses = silent_runs(samples)
    speech = np.mean([np.square(samples[round(s.start * RATE) : round(s.end * RATE)]).mean() for s in said[:50]])
    noise = lfilter([1.0], [1.0, -0.9], random.normal(size=len(samples))).astype(np.float32)
    samples += noise * np.sqrt(speech / 10 ** (decibels / 10) / np.square(noise).mean())
    soundfile.write(wav, np.clip(samples, -1, 1), RATE)
    return Truth(said, pauses), " ".join(text)


def silent_runs(samples: np.ndarray) -> np.ndarray:
    """Where a recording without noise is silent for a tenth of a second at least, ``[P, 2]`` in seconds."""
    size = RATE // 100
    levels = np.square(samples[: len(samples) // size * size]).reshape(-1, size).mean(axis=1)
    silent = levels < 1e-4 * levels[levels > 0].mean()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8))).reshape(-1, 2)
    return edges[edges[:, 1] - edges[:, 0] >= 10] * (size / RATE)


def judged(clips: Sequence[Clip], truth: Truth) -> dict[str, float]:
    """What came of a recording, in numbers."""
    kept = [clip for clip in clips if clip.kept]
    cuts = [moment for clip in kept for moment in (clip.start, clip.end)]
    starts, ends = truth.pauses.T
    inside = [bool(((starts - _FADING <= cut) & (cut <= ends + _FADING)).any()) for cut in cuts]
    near = [bool((np.abs((starts + ends) / 2 - cut) <= _NEAR).any()) for cut in cuts]
    heard = {clip.name: [said for said in truth.said if _overlap(clip, said) > _HARDLY] for clip in kept}
    extra = sum(any(said.kind == EXTRA for said in heard[clip.name]) for clip in kept)
    both = 0  # sentences of which a second reading is heard, other than the rest of one that is cut at a comma
    for text in {said.text for said in truth.said if said.kind == TWICE}:
        shares = [
            _overlap(clip, said) / (said.end - said.start) for clip in kept for said in truth.said if said.text == text
        ]
        both += sum(shares) > _ONCE
    spoken = sum(_overlap(clip, said) for clip in kept for said in heard[clip.name] if said.kind != EXTRA)
    return {
        "clips": len(kept),
        "cut_words": 1000 * sum(not within for within in inside) / max(1, len(cuts)),
        "in_pauses": 100 * sum(map(max, inside, near)) / max(1, len(cuts)),
        "exact": 100 * sum(_is_exact(clip, heard[clip.name]) for clip in kept) / max(1, len(kept)),
        "kept": 100 * spoken / sum(said.end - said.start for said in truth.said if said.kind == READ),
        "altered": extra + both,
    }


def _overlap(clip: Clip, said: Said) -> float:
    return max(0.0, min(clip.end, said.end) - max(clip.start, said.start))


def _is_exact(clip: Clip, heard: Sequence[Said]) -> bool:
    """Whether a clip has the words of its sentences; of one that is cut at a comma, the words up to there."""
    whole, found = words(" ".join(said.text for said in heard)), words(clip.text)
    if all(said.end - said.start - _overlap(clip, said) <= _HARDLY for said in heard):
        return whole == found
    length = heard[-1].end - heard[0].start
    before = max(0.0, clip.start - heard[0].start) / length
    places = [place for place in range(len(whole) - len(found) + 1) if whole[place : place + len(found)] == found]
    # By how much of the letters stand before: a word more or less is 5 to 10 % of a sentence.
    return any(abs(_letters(whole[:place]) / _letters(whole) - before) < _NEAR_SHARE for place in places)


def _letters(of_words: Sequence[str]) -> int:
    return sum(map(len, of_words))


def make(wav: Path, folder: Path, flags: Sequence[str]) -> tuple[float, float]:
    """Make a data set in a process of its own; gives seconds and the most memory of any process in it, in GB."""
    command = [sys.executable, "-m", "finetune_tts", "--make_dataset", str(folder), "--recordings", str(wav), *flags]
    measured = (
        "import resource, subprocess, sys, time; began = time.perf_counter(); "
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", measured, *command], check=True, stdout=subprocess.PIPE, text=True)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak * (1 if sys.platform == "darwin" else 1024) / 1e9


def word_errors(pairs: Sequence[tuple[str, str]]) -> float:
    """Errors of what was heard, by words of what was said: of ``(said, heard)``."""
    return sum(edits(words(said), words(heard)) for said, heard in pairs) / sum(len(words(said)) for said, _ in pairs)


def transcribed(model: str, clips: Sequence[Clip], truth: Truth, wav: Path) -> tuple[float, float]:
    """Word errors of the data set, and of the speech recogniser on the true sentences."""
    from finetune_tts.corpus.transcription import Transcriber

    of_clips = []
    for clip in (clip for clip in clips if clip.kept):
        heard = [said for said in truth.said if _overlap(clip, said) > _HARDLY]
        if all(said.end - said.start - _overlap(clip, said) <= _HARDLY for said in heard):
            of_clips.append((" ".join(said.text for said in heard), clip.text))
    recogniser = Transcriber(model, "en", "cpu")
    own = []
    for said in truth.said:
        part = read_part(wav, said.start - 0.1, said.end + 0.1)
        found = recogniser.words(resample(part.waveform, part.sample_rate, 16000))
        own.append((said.text, "".join(word.text for word in found)))
    return word_errors(of_clips), word_errors(own)


def main() -> int:
    """Put recordings together, make data sets of them, and judge these."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", default="10", help="lengths of the recordings, with commas between them")
    parser.add_argument("--voices", default=",".join(VOICES), help="of these, with commas between them")
    parser.add_argument("--decibels", default="35,20", help="of speech above the noise")
    parser.add_argument("--whisper", metavar="MODEL", help="also without the text, by this model of faster-whisper")
    add_save_argument(parser)
    arguments = parser.parse_args()
    rows, heard_rows = [], []
    for voice in arguments.voices.split(","):
        speak = VOICES[voice]()
        for minutes in map(float, arguments.minutes.split(",")):
            for decibels in map(float, arguments.decibels.split(",")):
                with tempfile.TemporaryDirectory() as folder:
                    wav, text = Path(folder) / "long.wav", Path(folder) / "text.txt"
                    truth, given = put_together(speak, minutes, decibels, wav)
                    text.write_text(given, encoding="utf-8")
                    name = f"{voice}, {minutes:g} minutes, {decibels:g} dB"
                    flags = ["--transcript", str(text), "--language", "en"]
                    seconds, peak = make(wav, Path(folder) / "made", flags)
                    found = judged(open_corpus(Path(folder) / "made")[1], truth)
                    rows.append([name, *found.values(), seconds, peak])
                    print(json.dumps({"of": name, **found, "seconds": seconds, "peak": peak}), flush=True)
                    if arguments.whisper:
                        seconds, peak = make(wav, Path(folder) / "heard", ["--whisper", arguments.whisper])
                        clips = open_corpus(Path(folder) / "heard")[1]
                        found = judged(clips, truth)
                        errors = transcribed(arguments.whisper, clips, truth, wav)
                        heard_rows.append([name, found["clips"], found["cut_words"], *errors, seconds])
                        print(json.dumps({"of": name, "errors": errors, "seconds": seconds}), flush=True)
    of_text = [
        Column(""),
        Column("clips"),
        Column("cut words in 1,000 cuts", ".0f"),
        Column("cuts in pauses", ".1f", "%"),
    ]
    of_text += [Column("exact", ".1f", "%"), Column("kept", ".1f", "%"), Column("altered kept")]
    of_text += [Column("time", ".0f", "s"), Column("most memory", ".2f", "GB")]
    about = "Long recordings with a text that differs from them in three places, made into clips."
    finish(Result("Raw recordings with their text", about, of_text, rows), arguments.save)
    if heard_rows:
        columns = [Column(""), Column("clips"), Column("cut words in 1,000 cuts", ".0f"), Column("word errors", ".3f")]
        columns += [Column("of the recogniser itself", ".3f"), Column("time", ".0f", "s")]
        about = "The same recordings without their text, transcribed by a very small Whisper for English."
        save = f"{arguments.save}_transcribed" if arguments.save else None
        finish(Result("Raw recordings without a text", about, columns, heard_rows), save)
    return 0


if __name__ == "__main__":
    sys.exit(main())
