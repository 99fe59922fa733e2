"""Which core a thread of the live program stays on."""

from __future__ import annotations

import threading

import pytest

from models.runtime import cores
from models.runtime.beside import Beside
from models.runtime.cores import Core, stay_on, staying_on


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[int]]]:
    """What the system is asked for: thread and cores."""
    asked: list[tuple[int, list[int]]] = []
    monkeypatch.setattr(cores, "_ALLOWED", [3, 5])
    monkeypatch.setattr(
        cores.os,
        "sched_setaffinity",
        lambda _, chosen: asked.append((threading.get_ident(), list(chosen))),
        raising=False,
    )
    return asked


def test_each_use_has_one_of_two_cores(told: list[tuple[int, list[int]]]):
    here = threading.get_ident()
    stay_on(Core.ASSESSMENT)
    with staying_on(Core.OTHERS):
        pass
    assert told == [(here, [3]), (here, [5]), (here, [3, 5])]


def test_the_second_thread_of_an_assessor_stays_on_its_own(told: list[tuple[int, list[int]]]):
    beside = Beside(Core.OTHERS)
    assert beside.start(threading.get_ident).result(5).found == told[0][0] != threading.get_ident()
    beside.close()
    assert [chosen for _, chosen in told] == [[5]]


@pytest.mark.parametrize("allowed", [[], [0], [0, 1, 2, 3]])
def test_other_machines_are_left_alone(
    told: list[tuple[int, list[int]]], monkeypatch: pytest.MonkeyPatch, allowed: list[int]
):
    monkeypatch.setattr(cores, "_ALLOWED", allowed)
    stay_on(Core.ASSESSMENT)
    assert told == []


def test_a_system_that_refuses_does_no_harm(told: list[tuple[int, list[int]]], monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError("not allowed")

    monkeypatch.setattr(cores.os, "sched_setaffinity", refuse, raising=False)
    stay_on(Core.ASSESSMENT)
