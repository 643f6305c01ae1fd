import numpy as np
import pytest
import soundfile

from finetune_tts.audio.reading import probe
from finetune_tts.data import probing
from finetune_tts.data.content import Digests, file_key
from finetune_tts.data.probing import probe_samples
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError


def samples_of(paths):
    return [Sample("Yes", path, "anna", "", f"#{path.stem}") for path in paths]


def test_tells_the_length_of_every_recording(tmp_path, write_wav):
    files = [write_wav(tmp_path / "a.wav", seconds=0.5), write_wav(tmp_path / "b.flac", seconds=0.25, rate=16000)]
    infos = probe_samples(samples_of(files))
    assert [infos[file].duration for file in files] == [0.5, 0.25]


def test_noise_is_audio(tmp_path):
    file = tmp_path / "noise.wav"
    soundfile.write(file, np.random.default_rng(0).uniform(-1, 1, 8000), 8000)
    assert probe_samples(samples_of([file]))[file].duration == 1.0


def test_all_unreadable_files_are_named_up_to_ten(tmp_path, write_wav, write_text):
    good = write_wav(tmp_path / "good.wav")
    empty = [write_text(tmp_path / f"empty{number:02d}.wav", "") for number in range(11)]
    broken = write_text(tmp_path / "text.wav", "this is no audio")
    with pytest.raises(UserError) as caught:
        probe_samples(samples_of([good, *empty, broken]))
    message = str(caught.value)
    assert message.startswith("12 recordings cannot be used")
    assert message.count("0 bytes") == 10
    assert message.endswith("and 2 more")
    with pytest.raises(UserError, match="text.wav: not audio"):
        probe_samples(samples_of([good, broken]))


def test_the_header_of_a_file_is_read_once(tmp_path, write_wav, monkeypatch):
    files = [write_wav(tmp_path / f"{name}.wav", seconds=0.5) for name in "ab"]
    before = probe_samples(samples_of(files), digests=Digests(tmp_path / "cache"))
    opened = []
    monkeypatch.setattr(probing, "probe", lambda file: opened.append(file) or probe(file))
    assert probe_samples(samples_of(files), digests=Digests(tmp_path / "cache")) == before
    assert not opened
    write_wav(files[1], seconds=0.75)
    after = probe_samples(samples_of(files), digests=Digests(tmp_path / "cache"))
    assert opened == [files[1]]
    assert after[files[1]].duration == 0.75


@pytest.mark.parametrize(
    "value", ['"8000"', "[8000, 1]", "[0, 1, 5]", "[8000, 1, -5]", "[8000, 1, 0.5]", "[true, 1, 9]", "{}", "null"]
)
def test_a_header_that_nobody_has_written_so_is_read_again(tmp_path, write_wav, value):
    file = write_wav(tmp_path / "a.wav", seconds=0.5)
    (tmp_path / "headers.jsonl").write_text(f'["{file_key(file)}", {value}]\n')
    assert probe_samples(samples_of([file]), digests=Digests(tmp_path))[file].duration == 0.5


def test_a_file_that_became_unreadable_is_named_although_its_header_was_kept(tmp_path, write_wav):
    file = write_wav(tmp_path / "a.wav")
    probe_samples(samples_of([file]), digests=Digests(tmp_path))
    file.write_bytes(b"")
    with pytest.raises(UserError, match="0 bytes"):
        probe_samples(samples_of([file]), digests=Digests(tmp_path))
    file.unlink()
    with pytest.raises(UserError, match=r"a\.wav"):
        probe_samples(samples_of([file]), digests=Digests(tmp_path))
