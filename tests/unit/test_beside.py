"""The second thread of an assessor: its order, its times, its errors and its end."""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from capture.errors import ModelError
from models.runtime.beside import Beside
from models.runtime.cores import LOW_PRIORITY


def test_work_runs_beside_the_caller_in_the_order_given():
    beside, order, go = Beside(), [], threading.Event()

    def work(name: str) -> str:
        assert threading.current_thread() is not threading.main_thread()
        go.wait(5)
        order.append(name)
        return name

    started = [beside.start(lambda name=name: work(name)) for name in ("first", "second")]
    assert not any(one.done() for one in started), "the caller goes on at once"
    go.set()
    assert [one.result(5).found for one in started] == order == ["first", "second"]
    beside.close()


def test_times_and_errors_are_those_of_the_work():
    def fails() -> None:
        raise ModelError("not finite")

    beside = Beside()
    slow, broken, after = beside.start(lambda: time.sleep(0.05)), beside.start(fails), beside.start(lambda: 7)
    assert 45 < slow.result(5).ms < 1000
    with pytest.raises(ModelError, match="not finite"):
        broken.result(5)
    assert after.result(5).found == 7, "an error ends nothing but its own work"
    beside.close()


def test_closing_waits_and_may_be_repeated():
    beside, done = Beside(), []
    beside.start(lambda: (time.sleep(0.05), done.append(True)))
    beside.close()
    beside.close()
    assert done == [True]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority of their own on Linux alone")
def test_what_may_be_late_gives_way_and_nothing_else_does():
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = priority()
    for gives_way, wanted in ((True, max(before, LOW_PRIORITY)), (False, before)):
        beside = Beside(gives_way=gives_way)
        assert beside.start(priority).result(5).found == wanted
        beside.close()
    assert priority() == before
