"""What is written is read again, without what was left out."""

from dataclasses import replace
from pathlib import Path

import pytest

from finetune_tts.check.filtered import require_apart, write_filtered
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


def test_an_earlier_result_is_written_over_with_all_that_belongs_to_it(recorded, tmp_path):
    samples = recorded(4)
    held_out = [*samples[:3], replace(samples[3], split="eval")]
    write_filtered(tmp_path / "filtered", held_out, [])
    assert (tmp_path / "filtered" / "metadata_eval.csv").exists()
    (tmp_path / "filtered" / "metadata.csv").unlink()  # an earlier call that was ended half-way
    write_filtered(tmp_path / "filtered", samples, [])
    assert len(reloaded(tmp_path / "filtered")) == 4
    assert not (tmp_path / "filtered" / "metadata_eval.csv").exists()


@pytest.mark.parametrize("name", ["metadata.csv", "metadata_eval.csv", "left_out.csv"])
@pytest.mark.parametrize(
    "content", ["a|Text.\n", "audio_file|text|speaker_name|language\na.wav|Text.|x|y\n", "", "\ufeffü" * 300]
)
def test_metadata_of_another_origin_is_never_written_over(recorded, tmp_path, name, content):
    (tmp_path / "other").mkdir()
    path = tmp_path / "other" / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=f"{name} there was not written by an earlier --write_filtered"):
        write_filtered(tmp_path / "other", recorded(2), [])
    assert path.read_text(encoding="utf-8") == content
    assert list((tmp_path / "other").iterdir()) == [path]


def test_the_folder_of_a_data_set_is_no_place_for_what_is_left_of_it(recorded, tmp_path):
    write_filtered(tmp_path / "first", recorded(3), [])
    (tmp_path / "link").symlink_to(tmp_path / "first")
    for dataset in (
        DatasetConfig(path=str(tmp_path / "first")),
        DatasetConfig(path=str(tmp_path / "wavs"), meta_file_train=str(tmp_path / "first" / "metadata.csv")),
        DatasetConfig(path=str(tmp_path / "wavs"), meta_file_val="../first/metadata_eval.csv"),
    ):
        for folder in (tmp_path / "first", tmp_path / "link"):
            with pytest.raises(UserError, match="the data set that is read is there"):
                require_apart(folder, [dataset])
        require_apart(tmp_path / "second", [dataset])


@pytest.mark.parametrize("name", ["a|b.wav", "a\nb.wav", "a\udce9.wav", "a\r.wav"])
def test_a_name_that_cannot_stand_in_metadata_is_refused(recorded, tmp_path, name):
    (sample, other) = recorded(2)
    renamed = replace(sample, audio_file=sample.audio_file.rename(sample.audio_file.with_name(name)))
    with pytest.raises(UserError, match="cannot stand in metadata"):
        write_filtered(tmp_path / "filtered", [renamed, other], [])
    assert not (tmp_path / "filtered").exists()
    # Where it is left out anyway, its name is written out.
    assert write_filtered(tmp_path / "filtered", [renamed, other], [finding(renamed)]).left_out == 1
    assert len(reloaded(tmp_path / "filtered")) == 1


def test_a_folder_that_cannot_be_written_is_named(recorded, tmp_path):
    Path(tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file"):
        write_filtered(tmp_path / "file", recorded(2), [])
