from pathlib import Path

from finetune_tts.data.sample import Sample
from finetune_tts.tasks.resynthesis import Resynthesis


def test_recordings_are_named_as_short_as_tells_them_apart():
    samples = [Sample("", Path(f"{name}.wav"), "anna", "", name) for name in ("a#wavs/1", "a#wavs/2", "b#wavs/1")]
    assert Resynthesis(None, samples[:2], None).names == ["wavs/1", "wavs/2"]
    assert Resynthesis(None, samples, None).names == ["a#wavs/1", "a#wavs/2", "b#wavs/1"]
