"""The road from the command line to the network is short enough to be read."""

import traceback
from pathlib import Path

import finetune_tts
from finetune_tts.cli import finetune
from finetune_tts.families.glow_tts.network import GlowTTS

MOST_FRAMES = 10


def test_from_the_program_to_the_forward_pass_are_few_calls(release, recordings, monkeypatch, workplace):
    package = str(Path(finetune_tts.__file__).parent)
    forward, found = GlowTTS.forward, []

    def watched(self, *args, **kwargs):
        if self.training:
            found.append([frame.name for frame in traceback.extract_stack() if frame.filename.startswith(package)])
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(GlowTTS, "forward", watched)
    words = ["--restore_path", str(release), "--dataset_path", str(recordings), "--max_steps", "1", "--no_report"]
    assert finetune.main([*words, "--no_check"]) == 0
    (frames,) = found
    assert frames[0] == "main"
    assert len([*frames, "forward"]) <= MOST_FRAMES, frames
