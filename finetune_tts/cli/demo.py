"""``tts-finetune --demo``: the whole road on what the package brings with it, offline, in minutes on a CPU."""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.assembly.overriding import apply
from finetune_tts.cli.check import run_check, say_quick_check
from finetune_tts.cli.program import is_main_process, say
from finetune_tts.cli.reporting import report_if_stopped, report_of_run
from finetune_tts.cli.request import request_of
from finetune_tts.cli.speak import command_line
from finetune_tts.errors import UserError

if TYPE_CHECKING:
    from finetune_tts.families.overrides import Override
    from finetune_tts.synthesis.voice import Voice

MODEL_NAME = "tts_models/en/demo/glow-tts"
RECORDINGS = Path(__file__).parents[1] / "assets" / "demo" / "recordings"
OUTPUT = "demo_output"
STEPS = 240
LEARNING_RATE = 5e-4

#: none of them is among the recordings.
SENTENCES = (
    "The last train leaves a quarter before midnight.",
    "Would you rather have soup or a salad?",
    "Please tell me when you are ready to leave.",
)


def demo_config(overrides: "list[Override]") -> "tuple[Any, Path]":
    """Return the config of the demo, and the weights of its base."""
    from finetune_tts.assembly.pretrained import config_to_tune
    from finetune_tts.catalog.fetch import obtain
    from finetune_tts.config.dataset import DatasetConfig

    files = obtain(MODEL_NAME)
    config: Any = config_to_tune(files.model_file, files.config_file)
    config.datasets = [DatasetConfig(formatter="ljspeech", path=str(RECORDINGS), meta_file_train="metadata.csv")]
    config.output_path = OUTPUT
    config.run_name = "demo"
    config.test_sentences = list(SENTENCES)
    config.lr = LEARNING_RATE
    config.lr_scheduler, config.lr_scheduler_params = "CosineAnnealingLR", {"T_max": STEPS}
    config.scheduler_after_epoch = False
    config.batch_size = 16
    config.epochs = 1000  # STEPS ends it
    config.eval_split_size = 0.1
    config.run_eval_steps = STEPS // 4
    config.print_step = 20
    config.save_checkpoints = False
    apply(config, overrides)
    return config, files.model_file


def run_demo(arguments: argparse.Namespace, overrides: "list[Override]") -> None:
    """Fine-tune the bundled base on the bundled recordings; synthesise before and after; say where to listen."""
    from finetune_tts.assembly.assembly import assemble
    from finetune_tts.synthesis.loading import load_voice
    from finetune_tts.training.run import fit

    config, weights = demo_config(overrides)
    request = request_of(arguments, overrides, config, restore_path=weights)
    # The schedule is the demo's own choice, and is used as it is.
    chosen = request.chosen | {"lr", "lr_scheduler"}
    request = replace(
        request, chosen=chosen, limits=replace(request.limits, max_steps=request.limits.max_steps or STEPS)
    )
    if arguments.check or arguments.check_json or arguments.write_filtered:
        run_check(request, arguments)
        return
    assembly = assemble(request)
    if not arguments.no_check:
        say_quick_check(assembly)
    with report_if_stopped(arguments, assembly.job.device):
        result = fit(replace(assembly.job, start_with_eval=True))
    if not is_main_process():
        return
    listen = result.folder / "listen"
    device = assembly.job.device
    speak_all(load_voice(weights, device=device), listen, "before")
    speak_all(load_voice(result.best_model or result.folder, device=device), listen, "after")
    example = assembly.samples[0].audio_file
    shutil.copyfile(example, listen / f"recording{example.suffix}")
    say(f"run folder:  {result.folder}")
    say(f"listen:      {listen}  (before_*.wav, after_*.wav, and one of the recordings)")
    say(f"loss curve:  {result.curve}")
    report_of_run(arguments, result.folder, device)
    command = command_line(result.best_model or result.folder, "Now it is my turn to speak.")
    say(f"next:        {command}")
    say("your voice:  tts-finetune --model_name NAME --dataset_path RECORDINGS  (names: tts-finetune --list_models)")


def speak_all(voice: "Voice", folder: Path, prefix: str) -> list[Path]:
    """Synthesise the sentences of the demo into ``folder``; what cannot be synthesised is said and skipped."""
    from finetune_tts.audio.reading import write_waveform

    folder.mkdir(exist_ok=True)
    paths = []
    for number, sentence in enumerate(SENTENCES, start=1):
        try:
            speech = voice.speak(sentence)
        except UserError as error:
            say(f"{prefix}_{number}.wav is not written: {error}", aside=True)
            continue
        paths.append(folder / f"{prefix}_{number}.wav")
        write_waveform(paths[-1], speech.waveform, speech.sample_rate)
    return paths
