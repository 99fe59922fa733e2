"""Workers end in one place; the supervisor restarts within limits."""

from __future__ import annotations

import threading

import pytest
from mocks import ManualClock, wait_until

from app.engine.channels import ChannelClosed
from app.engine.worker import Supervisor, Worker, WorkerState


def failing(worker: Worker) -> None:
    worker.beat()
    raise RuntimeError("no luck")


def end_of(worker: Worker) -> None:
    assert worker.join(5)


def test_a_worker_runs_until_it_is_asked_to_stop():
    states: list[WorkerState] = []

    def body(worker: Worker) -> None:
        worker.beat()
        worker.wait(10)

    worker = Worker("w", body)
    worker._on_change = lambda: states.append(worker.state)
    assert worker.state is WorkerState.STOPPED
    worker.start()
    wait_until(lambda: worker.state is WorkerState.RUNNING)
    assert any(thread.name == "sonogauge-w" for thread in threading.enumerate())
    worker.request_stop()
    end_of(worker)
    assert states == [WorkerState.STARTING, WorkerState.RUNNING, WorkerState.STOPPED]
    worker.start()
    assert not worker.is_alive


def test_a_closed_channel_is_an_ordinary_end():
    def body(worker: Worker) -> None:
        raise ChannelClosed("frames", "the engine was stopped")

    worker = Worker("w", body)
    worker.start()
    end_of(worker)
    assert worker.status.state is WorkerState.STOPPED
    assert worker.status.reason == "the engine was stopped"


@pytest.mark.parametrize("spacing_s", [0.0, 11.9])
def test_five_restarts_in_a_minute_and_then_degraded(spacing_s: float):
    clock = ManualClock()
    supervisor = Supervisor(clock=clock)
    worker = Worker("w", failing, clock=clock)
    supervisor.add(worker)
    worker.start()
    for _ in range(8):
        end_of(worker)
        supervisor.check()
        clock.pass_time(spacing_s)
    assert worker.restarts == 5
    assert worker.state is WorkerState.DEGRADED
    assert "no luck" in worker.status.reason


def test_slow_failures_are_restarted_for_ever():
    clock = ManualClock()
    supervisor = Supervisor(clock=clock)
    worker = Worker("w", failing, clock=clock)
    supervisor.add(worker)
    worker.start()
    for _ in range(20):
        end_of(worker)
        supervisor.check()
        clock.pass_time(12.1)
    assert worker.restarts == 20


def test_a_worker_that_hangs_is_flagged_and_recovers():
    clock = ManualClock()
    go_on = threading.Event()

    def body(worker: Worker) -> None:
        worker.beat()
        go_on.wait(10)
        worker.beat()
        worker.wait(10)

    supervisor = Supervisor(clock=clock)
    worker = Worker("w", body, clock=clock, stuck_after_s=5)
    supervisor.add(worker)
    worker.start()
    wait_until(lambda: worker.state is WorkerState.RUNNING)
    clock.pass_time(4)
    supervisor.check()
    assert worker.state is WorkerState.RUNNING
    clock.pass_time(2)
    supervisor.check()
    assert worker.state is WorkerState.DEGRADED
    assert "no sign of life for 6 s" in supervisor.statuses()[0].reason
    go_on.set()
    wait_until(lambda: worker.state is WorkerState.RUNNING)
    worker.request_stop()
    end_of(worker)


def test_a_worker_that_loads_models_does_not_hang():
    clock = ManualClock()
    supervisor = Supervisor(clock=clock)
    worker = Worker("w", lambda w: w.wait(10) and None, clock=clock, stuck_after_s=1)
    supervisor.add(worker)
    worker.start()
    clock.pass_time(30)
    supervisor.check()
    assert worker.state is WorkerState.STARTING
    worker.request_stop()
    end_of(worker)
    supervisor.remove(worker)
    assert supervisor.statuses() == ()
