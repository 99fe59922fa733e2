"""Nothing is lost uncounted, nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.channels import ChannelClosed, Latest, Queue, Snapshot


def drain(take: Callable[[float], int | None], seen: list[int]) -> None:
    try:
        while True:
            item = take(5.0)
            if item is not None:
                seen.append(item)
    except ChannelClosed:
        return


def test_newest_wins_and_reading_does_not_take():
    cell: Latest[int] = Latest("cell")
    first, second = cell.reader("first"), cell.reader("second")
    for value in (1, 2, 3):
        cell.put(value)
    assert (first.next(0), second.next(0), cell.newest()) == (3, 3, 3)
    assert first.next(0) is None
    assert first.counts == (3, 1, 2)


def test_the_unread_item_is_a_drop_only_once_the_channel_is_closed():
    cell: Latest[int] = Latest("cell")
    reader = cell.reader("a")
    cell.put(1)
    assert reader.drops == 0
    cell.close("over")
    assert reader.counts == (1, 0, 1)
    with pytest.raises(ChannelClosed, match="over"):
        reader.next(0)
    with pytest.raises(ChannelClosed):
        cell.put(2)
    assert cell.generation == 1
    assert cell.newest() == 1


def test_a_reader_that_comes_late_answers_for_nothing_before():
    cell: Latest[int] = Latest("cell")
    cell.put(1)
    reader = cell.reader("late")
    assert reader.next(0) is None
    cell.put(2)
    assert reader.next(0) == 2
    assert reader.counts == (1, 1, 0)


def test_reader_names_are_unique_until_detached():
    cell: Latest[int] = Latest("cell")
    reader = cell.reader("a")
    with pytest.raises(ValueError, match="'a'"):
        cell.reader("a")
    reader.detach()
    assert cell.drops() == {}
    cell.reader("a")


@given(st.lists(st.sampled_from(["put", "a", "b"]), max_size=60))
def test_every_item_is_taken_or_dropped_by_every_reader(steps: list[str]):
    cell: Latest[int] = Latest("cell")
    readers = {"a": cell.reader("a"), "b": cell.reader("b")}
    puts = 0
    for step in steps:
        if step == "put":
            puts += 1
            cell.put(puts)
        else:
            readers[step].next(0)
    cell.close("end")
    for reader in readers.values():
        assert reader.counts == (puts, reader.taken, puts - reader.taken)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 400), st.integers(1, 3))
def test_accounts_hold_under_threads(puts: int, readers: int):
    cell: Latest[int] = Latest("cell")
    places = [cell.reader(str(i)) for i in range(readers)]
    seen: list[list[int]] = [[] for _ in places]
    threads = [threading.Thread(target=drain, args=(p.next, s)) for p, s in zip(places, seen, strict=True)]
    for thread in threads:
        thread.start()
    for value in range(puts):
        cell.put(value)
    cell.close("end")
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    for place, items in zip(places, seen, strict=True):
        assert place.counts == (puts, len(items), puts - len(items))
        assert items == sorted(set(items))


def test_a_put_wakes_a_waiting_reader_at_once():
    cell: Latest[float] = Latest("cell")
    reader = cell.reader("a")
    delays: list[float] = []

    def wait() -> None:
        for _ in range(20):
            put_s = reader.next(5)
            assert put_s is not None
            delays.append(time.monotonic() - put_s)

    thread = threading.Thread(target=wait)
    thread.start()
    while thread.is_alive():
        cell.put(time.monotonic())
        thread.join(0.005)
    assert sorted(delays)[10] < 0.02


@pytest.mark.parametrize("kind", ["latest", "queue", "snapshot"])
def test_closing_wakes_waiters_with_the_reason(kind: str):
    latest: Latest[int] = Latest("c")
    queue: Queue[int] = Queue("c", 1)
    snapshot: Snapshot[int] = Snapshot("c", 0)
    reader = latest.reader("r")
    waits = {"latest": reader.next, "queue": queue.get, "snapshot": lambda: snapshot.wait_newer(0)}
    channel = {"latest": latest, "queue": queue, "snapshot": snapshot}[kind]
    reasons: list[str] = []

    def wait() -> None:
        try:
            waits[kind]()
        except ChannelClosed as end:
            reasons.append(end.reason)

    thread = threading.Thread(target=wait)
    thread.start()
    channel.close("cable cut")  # type: ignore[attr-defined]
    channel.close("later")  # type: ignore[attr-defined]
    thread.join(5)
    assert reasons == ["cable cut"]


def test_listeners_may_look_at_the_channel():
    seen: list[int | None] = []
    cell: Latest[int] = Latest("cell")
    cell.on_put = lambda: seen.append(cell.newest())
    cell.put(7)
    queue: Queue[int] = Queue("q", 2, on_put=lambda: seen.append(len(queue)))
    queue.put(1)
    state: Snapshot[int] = Snapshot("s", 0, on_put=lambda: seen.append(state.get()))
    state.set(9)
    assert seen == [7, 1, 9]


@given(st.lists(st.booleans(), max_size=80), st.integers(1, 5))
def test_a_queue_keeps_order_and_counts_what_it_refuses(steps: list[bool], capacity: int):
    queue: Queue[int] = Queue("q", capacity)
    accepted: list[int] = []
    taken: list[int] = []
    for value, is_put in enumerate(steps):
        if is_put and queue.put(value):
            accepted.append(value)
        if not is_put and (item := queue.get(0)) is not None:
            taken.append(item)
    queue.close("end")
    drain(queue.get, taken)
    assert taken == accepted
    assert (queue.accepted, queue.accepted + queue.drops) == (len(accepted), sum(steps))


def test_a_queue_without_room_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Queue("q", 0)


def test_a_snapshot_tells_its_version():
    state: Snapshot[str] = Snapshot("s", "a")
    state.set("b")
    assert state.wait_newer(0, 0) == (1, "b")
    assert state.wait_newer(1, 0) == (1, "b")
    state.close("end")
    assert state.wait_newer(0) == (1, "b")
    assert state.get() == "b"
