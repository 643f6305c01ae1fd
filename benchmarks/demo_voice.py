"""Does the demo's voice improve, and can it be understood?

    python benchmarks/demo_voice.py [--out benchmark_output] [--from_nothing_factor 10]

Runs ``tts-finetune --demo``, speaks 20 held-out sentences with the base and with the tuned voice, and lets a recogniser
(pocketsphinx) write them down, beside flite's own recordings of them. Then trains the same network on the same
recordings from nothing, for ten times the steps, and compares held-out losses. Needs the program flite and the extra
``eval``. Prints one table.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from word_errors import word_error_rate

from finetune_tts.audio.reading import write_waveform
from finetune_tts.catalog.fetch import obtain
from finetune_tts.files import read_text
from finetune_tts.synthesis.loading import load_voice

ROOT = Path(__file__).parents[1]
SENTENCES = ROOT / "recipes" / "demo" / "heldout_sentences.txt"


def finetune(*words: str) -> tuple[Path, float]:
    """Run ``tts-finetune``; return the run folder and the seconds that it took, start and end included."""
    started = time.perf_counter()
    run = subprocess.run([sys.executable, "-m", "finetune_tts", *words], stdout=subprocess.PIPE, text=True, check=True)
    folder = next(line.split(":", 1)[1].strip() for line in run.stdout.splitlines() if line.startswith("run folder:"))
    return Path(folder), time.perf_counter() - started


def held_out_losses(folder: Path) -> list[tuple[int, float]]:
    """Steps and held-out losses of a run."""
    entries = [json.loads(line) for line in read_text(folder / "history.jsonl").splitlines()]
    return [(entry["step"], entry["losses"]["loss"]) for entry in entries if entry["split"] == "eval"]


def spoken(model: Path, folder: Path, sentences: list[str]) -> list[Path]:
    """Speak the sentences into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    voice = load_voice(model)
    paths = []
    for number, sentence in enumerate(sentences, start=1):
        speech = voice.speak(sentence)
        paths.append(folder / f"{number:02d}.wav")
        write_waveform(paths[-1], speech.waveform, speech.sample_rate)
    return paths


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("benchmark_output"))
    parser.add_argument("--from_nothing_factor", type=int, default=10, help="0 leaves the second comparison out")
    arguments = parser.parse_args()
    out: Path = arguments.out
    sentences = read_text(SENTENCES).splitlines()
    corpus = [sys.executable, str(ROOT / "recipes" / "demo" / "make_corpus.py"), "--voice", "rms"]
    corpus += ["--sentences", str(SENTENCES), "--out", str(out / "recordings"), "--prefix", "heldout"]
    subprocess.run(corpus, check=True, stdout=subprocess.DEVNULL)
    recordings = sorted((out / "recordings" / "wavs").glob("*.wav"))

    tuned, seconds = finetune("--demo", "--output_path", str(out))
    base = obtain("tts_models/en/demo/glow-tts").model_file
    rows = [("flite's own recordings", word_error_rate(sentences, recordings))]
    rows.append(("base, before", word_error_rate(sentences, spoken(base, out / "before", sentences))))
    rows.append(("tuned by the demo", word_error_rate(sentences, spoken(tuned, out / "after", sentences))))
    losses = held_out_losses(tuned)
    steps = losses[-1][0]
    print(f"tts-finetune --demo: {steps} steps, {seconds:.0f} s from start to end")
    print(f"{'20 held-out sentences':<28}{'word error rate':>16}")
    for name, rate in rows:
        print(f"{name:<28}{rate:>16.3f}")
    print(f"\n{'held-out loss':<28}{'steps':>8}{'loss':>10}")
    print(f"{'base, before':<28}{0:>8}{losses[0][1]:>10.3f}")
    print(f"{'tuned by the demo':<28}{steps:>8}{min(loss for _, loss in losses):>10.3f}", flush=True)
    if arguments.from_nothing_factor:
        many = steps * arguments.from_nothing_factor
        words = ["--config_path", str(tuned / "config.json"), "--output_path", str(out), "--max_steps", str(many)]
        words += ["--coqpit.lr", "0.001", "--coqpit.lr_scheduler_params", json.dumps({"T_max": many})]
        words += ["--coqpit.epochs", "100000", "--coqpit.run_eval_steps", str(max(steps // 4, 1))]
        fresh, _ = finetune(*words, "--coqpit.run_name", "from-nothing", "--coqpit.test_delay_epochs", "100000")
        best_step, best = min(held_out_losses(fresh), key=lambda pair: pair[1])
        print(f"{f'from nothing, best of {many}':<28}{best_step:>8}{best:>10.3f}")


if __name__ == "__main__":
    main()
