"""What is written is read again, without what was left out."""

from dataclasses import replace
from pathlib import Path

import pytest

from finetune_tts.check.filtered import write_filtered
from finetune_tts.check.finding import about
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.gathering import load_samples
from finetune_tts.errors import UserError


def finding(*samples, spoils=True, id="noisy"):
    clips = [(1.0, sample, "SNR 3 dB") for sample in samples]
    return about(id, clips, title="{count} noisy", advice="", otherwise="none", spoils=spoils)


def reloaded(folder, **fields):
    return load_samples([DatasetConfig(formatter="auto", path=str(folder), **fields)])


def test_the_metadata_loads_again_without_the_bad_clips(recorded, tmp_path):
    samples = recorded(anna=3, bert=2)
    written = write_filtered(tmp_path / "filtered", samples, [finding(samples[1]), finding(samples[0], spoils=False)])
    assert (written.kept, written.left_out) == (4, 1)
    kept = [sample for sample in samples if sample is not samples[1]]
    found = reloaded(tmp_path / "filtered")
    assert [(s.text, s.speaker, s.language, s.audio_file) for s in found] == [
        (s.text, s.speaker, s.language, s.audio_file) for s in kept
    ]


def test_what_was_left_out_is_listed_with_all_reasons(recorded, tmp_path):
    samples = recorded(3)
    gone = replace(samples[0], audio_file=tmp_path / "gone.wav", name="gone")
    findings = [finding(samples[1]), finding(samples[1], id="clipped"), finding(gone, id="absent")]
    assert write_filtered(tmp_path / "filtered", samples, findings).left_out == 2
    header, first, second = (tmp_path / "filtered" / "left_out.csv").read_text().splitlines()
    assert header == "name|audio_file|text|reason"
    assert first.split("|")[0] == samples[1].name
    assert first.endswith("noisy: SNR 3 dB; clipped: SNR 3 dB")
    assert second.startswith(f"gone|{tmp_path / 'gone.wav'}||absent")


@pytest.mark.parametrize(
    "text", ["He said “no”.", '"All of it."', 'A "part" of it.', "Ünïcödé, ça va?", "two\nlines", "tab\tulator"]
)
def test_texts_survive(recorded, tmp_path, text):
    (sample, other) = recorded(2)
    write_filtered(tmp_path / "filtered", [replace(sample, text=text), other], [])
    assert reloaded(tmp_path / "filtered")[0].text == " ".join(text.split())


def test_held_out_clips_stay_held_out(recorded, tmp_path):
    samples = recorded(4)
    samples[3] = replace(samples[3], split="eval")
    write_filtered(tmp_path / "filtered", samples, [])
    found = reloaded(tmp_path / "filtered", meta_file_train="metadata.csv", meta_file_val="metadata_eval.csv")
    assert [sample.split for sample in found] == ["train"] * 3 + ["eval"]


def test_nothing_left_is_an_error(recorded, tmp_path):
    samples = recorded(2)
    with pytest.raises(UserError, match="none of the 2 clips"):
        write_filtered(tmp_path / "filtered", samples, [finding(*samples)])
    assert not (tmp_path / "filtered").exists()


def test_a_folder_that_cannot_be_written_is_named(recorded, tmp_path):
    Path(tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file"):
        write_filtered(tmp_path / "file", recorded(2), [])
