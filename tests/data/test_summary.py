import json

import pytest

from finetune_tts.check.finding import Severity, about, fine, worst
from finetune_tts.check.measuring import Measured, measure_samples
from finetune_tts.check.summary import summarise
from finetune_tts.check.transcript_checks import coverage
from finetune_tts.check.transcripts import read_transcripts
from finetune_tts.data.tokenizing import TokenCache
from finetune_tts.errors import counted


def test_a_data_set_is_put_into_numbers(recorded, write_wav, tokenizer, tmp_path):
    samples = recorded(anna=3, bert=2)
    write_wav(samples[4].audio_file, seconds=3.5, rate=16000)
    measured = measure_samples(samples, tmp_path / "cache")
    found = summarise(
        samples, measured, coverage(read_transcripts(samples, TokenCache(tokenizer)), tokenizer.vocabulary)
    )
    assert (found.clips, found.measured) == (5, 5)
    assert found.speakers == {"anna": 3, "bert": 2}
    assert found.sample_rates == {8000: 4, 16000: 1}
    assert found.channels == {1: 5}
    assert [(bar.start, bar.end, bar.clips) for bar in found.lengths if bar.clips] == [(0, 1, 4), (3, 5, 1)]
    assert found.minutes * 60 == pytest.approx(0.1 + 0.15 + 0.2 + 0.25 + 3.5)
    assert found.symbols_heard["T"] == 5
    assert "a" in found.symbols_unheard
    assert json.loads(json.dumps(found.to_dict()))["lengths"][-1]["end"] is None


def test_a_data_set_of_which_nothing_could_be_read_has_numbers_too(recorded):
    found = summarise(recorded(2), Measured({}, {}), None)
    assert (found.clips, found.measured, found.minutes, found.loudness, found.snr) == (2, 0, 0, None, None)


def test_findings_have_the_worst_first_and_are_plain_values(recorded):
    samples = recorded(3)
    clips = [(float(place), sample, f"note {place}") for place, sample in enumerate(samples)]
    finding = about("noisy", clips, title="{count} noisy", advice="Do.", otherwise="none")
    assert [clip.note for clip in finding.clips] == ["note 2", "note 1", "note 0"]
    assert (finding.title, finding.count, finding.severity) == ("3 clips noisy", 3, Severity.ADVISES)
    plain = json.loads(json.dumps(finding.to_dict()))
    assert plain["severity"] == "advises"
    assert plain["clips"][0] == {"name": samples[2].name, "file": str(samples[2].audio_file), "note": "note 2"}
    assert about("noisy", [], title="", advice="", otherwise="none") == fine("noisy", "none")


def test_the_worst_severity_counts(recorded):
    stops = about("x", [(1.0, recorded(1)[0], "")], title="", advice="", otherwise="", severity=Severity.STOPS)
    assert worst([]) is Severity.FINE
    assert worst([fine("a", "")]) is Severity.FINE
    assert worst([fine("a", ""), stops, fine("b", "")]) is Severity.STOPS


def test_numbers_are_counted_as_a_person_does():
    assert (counted(1), counted(1300), counted(2, "tensor")) == ("1 clip", "1,300 clips", "2 tensors")
