"""Processes that read other data than the main one are found out, by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from finetune_tts.data.agreement import require_same_samples
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError

SAMPLES = [Sample(f"text {number}", Path(f"{number}.wav"), "anna", "en", f"set#{number}") for number in range(5)]


def said_of(as_team, *lists):
    """What each process that has one of the lists is told."""
    return [None if said is None else str(said) for said in
            as_team(len(lists), lambda team: require_same_samples(lists[team.rank], team))]  # fmt: skip


def test_the_same_recordings_are_fine_wherever_they_are(as_team):
    elsewhere = [replace(one, audio_file=Path("elsewhere") / one.audio_file) for one in SAMPLES]
    assert said_of(as_team, SAMPLES, elsewhere, SAMPLES) == [None] * 3


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (SAMPLES[:4], "4 and 5, and only process 0 has set#4"),
        (SAMPLES[:2] + SAMPLES[3:], "4 and 5, and only process 0 has set#2"),
        ([*SAMPLES[:2], replace(SAMPLES[2], name="set#x"), *SAMPLES[3:]], "5 and 5, and only process 0 has set#2"),
        ([*SAMPLES, replace(SAMPLES[2], name="set#x")], "6 and 5, and only process 1 has set#x"),
        ([*SAMPLES[:2], replace(SAMPLES[2], text="x"), *SAMPLES[3:]], "is set#2, whose text is x and not text 2"),
        ([*SAMPLES[:3], replace(SAMPLES[3], split="eval"), SAMPLES[4]], "is set#3, whose split is eval and not any"),
        ([SAMPLES[0], *SAMPLES[:0:-1]], "their order differs from set#1 on"),
        ([], "0 and 5"),
    ],
)
def test_the_first_recording_that_differs_is_named_in_every_process(as_team, other, said):
    told = said_of(as_team, SAMPLES, other)

    assert told[0] == told[1]
    assert told[0].startswith("Process 1 on ")
    assert said in told[0]
    assert told[0].endswith("Give all of them the same recordings.")


def test_all_processes_that_differ_are_counted(as_team):
    told = said_of(as_team, SAMPLES, SAMPLES, SAMPLES[:1], SAMPLES[:2])
    assert told[0].startswith("Process 2 on ")
    assert "(nor have 1 more processes)" in told[0]


def test_an_error_of_a_process_is_one_of_the_user(as_team):
    assert all(isinstance(error, UserError) for error in as_team(2, lambda team: require_same_samples(
        SAMPLES[team.rank :], team)))  # fmt: skip
