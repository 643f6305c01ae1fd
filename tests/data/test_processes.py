"""Work in several processes comes out as in one."""

import os
import signal

import pytest

from finetune_tts.data.processes import in_processes, usable_processors
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


def test_there_is_a_processor():
    assert usable_processors() >= 1
