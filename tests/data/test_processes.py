"""Work in several processes comes out as in one."""

import os
import signal
import subprocess
import sys

import pytest

from finetune_tts.data import processes
from finetune_tts.data.processes import Alone, in_processes, share_of, usable_cpus, workers_for
from finetune_tts.errors import UserError


def square(number):
    return number * number


def process_of(number):
    return os.getpid()


def end_at_seven(number):
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 70])
def test_results_come_in_the_order_of_the_items(workers, count):
    assert list(in_processes(square, range(count), workers)) == [number * number for number in range(count)]


def test_the_work_is_shared_out_only_where_it_is_asked_for():
    assert set(in_processes(process_of, range(70), 1)) == {os.getpid()}
    assert os.getpid() not in set(in_processes(process_of, range(70), 2))


def test_a_process_that_is_killed_is_told():
    with pytest.raises(UserError, match="ended from outside"):
        list(in_processes(end_at_seven, range(40), 2))


def test_there_is_a_cpu():
    assert usable_cpus() >= 1


@pytest.mark.parametrize("size", [1, 2, 3])
def test_shares_are_as_large_as_each_other_and_together_the_whole(size):
    shares = [share_of(range(10), Alone(rank, size)) for rank in range(size)]
    assert sorted(item for share in shares for item in share) == list(range(10))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_team_divides_the_cpus_and_a_few_recordings_need_none(monkeypatch):
    monkeypatch.setattr(processes, "usable_cpus", lambda: 8)
    assert workers_for(1000) == 8
    assert workers_for(1000, Alone(1, 16, 4)) == 2
    assert workers_for(1000, Alone(1, 16, 16)) == 1
    assert workers_for(50) == 0


def test_processes_end_with_the_one_they_work_for():
    program = (
        "import time\n"
        "from finetune_tts.data.processes import in_processes\n"
        "def work(item):\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(100)\n"
        "list(in_processes(work, range(2), 2))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"begun\n"
        process.kill()
        process.communicate(timeout=60)  # ends when no process has the pipe open any more
