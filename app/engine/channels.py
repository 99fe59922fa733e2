"""The three ways in which work passes between threads: newest wins, bounded queue, shared state.

All of them close with a reason that wakes every waiter, wait on a condition (never by polling), and count what was
lost. ``on_put`` listeners run in the putting thread after the lock is released, so they may look at the channel.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from capture.errors import SonogaugeError

T = TypeVar("T")
Listener = Callable[[], None]


class ChannelClosed(SonogaugeError):
    """The channel was closed; ``reason`` says why."""

    def __init__(self, channel: str, reason: str) -> None:
        super().__init__(f"channel {channel!r} is closed: {reason}")
        self.reason = reason


class _Channel:
    """Name, condition and closing reason, shared by the three kinds."""

    def __init__(self, name: str, on_put: Listener | None) -> None:
        self.name = name
        self.on_put = on_put
        self._changed = threading.Condition(threading.Lock())
        self._reason: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the channel was closed."""
        return self._reason is not None

    def close(self, reason: str) -> None:
        """Close for good and wake all waiters; the first reason stays."""
        with self._changed:
            if self._reason is None:
                self._reason = reason
            self._changed.notify_all()

    def _check_open(self) -> None:
        if self._reason is not None:
            raise ChannelClosed(self.name, self._reason)

    def _tell(self) -> None:
        listener = self.on_put
        if listener is not None:
            listener()


class Latest(_Channel, Generic[T]):
    """One cell: the newest item wins, reading does not take, several may read.

    Each reader sees each item at most once; what was replaced before it looked counts as its drop.
    """

    def __init__(self, name: str, on_put: Listener | None = None) -> None:
        super().__init__(name, on_put)
        self._item: T | None = None
        self._generation = 0
        self._put_ns = 0
        self._readers: dict[str, LatestReader[T]] = {}

    @property
    def generation(self) -> int:
        """How many items were put."""
        return self._generation

    def put(self, item: T) -> int:
        """Replace the item, wake the readers, return the new generation.

        Raises
        ------
        ChannelClosed
            The channel is closed; the item was not put and counts nowhere.
        """
        with self._changed:
            self._check_open()
            self._item = item
            self._put_ns = time.monotonic_ns()
            self._generation += 1
            generation = self._generation
            self._changed.notify_all()
        self._tell()
        return generation

    def newest(self) -> T | None:
        """The newest item, seen or not, also after closing; None before the first."""
        return self._item

    def reader(self, name: str) -> LatestReader[T]:
        """Register a reader; it is offered what is put from now on.

        Raises
        ------
        ValueError
            A reader of this name exists.
        """
        with self._changed:
            if name in self._readers:
                raise ValueError(f"channel {self.name!r} already has a reader {name!r}: choose another name")
            self._readers[name] = LatestReader(self, name)
            return self._readers[name]

    def drops(self) -> dict[str, int]:
        """Drops by reader name."""
        with self._changed:
            readers = list(self._readers.values())
        return {reader.name: reader.drops for reader in readers}

    def _forget(self, reader: LatestReader[T]) -> None:
        with self._changed:
            self._readers.pop(reader.name, None)


class LatestReader(Generic[T]):
    """One reader's place in a ``Latest``; used by one thread.

    Attributes
    ----------
    delay_ns : how long the item that ``next`` gave last had been there
    """

    def __init__(self, channel: Latest[T], name: str) -> None:
        self.name = name
        self._channel = channel
        self._first = channel._generation
        self._cursor = channel._generation
        self._taken = 0
        self.delay_ns = 0

    @property
    def cursor(self) -> int:
        """Generation of the item that ``next`` gave last."""
        return self._cursor

    @property
    def counts(self) -> tuple[int, int, int]:
        """(offered, taken, drops), of one moment; after closing offered = taken + drops exactly."""
        channel = self._channel
        with channel._changed:
            offered = channel._generation - self._first
            waiting = channel._generation > self._cursor and not channel.is_closed
            return offered, self._taken, offered - self._taken - int(waiting)

    @property
    def taken(self) -> int:
        """Items given by ``next``."""
        return self._taken

    @property
    def drops(self) -> int:
        """Items replaced before this reader looked, and those left out; at closing the unread one too."""
        return self.counts[2]

    def next(self, timeout_s: float | None = None) -> T | None:
        """Newest unseen item, or None when none came within ``timeout_s`` seconds (None: wait for ever).

        Raises
        ------
        ChannelClosed
            The channel is closed; an unread item was dropped.
        """
        channel = self._channel
        with channel._changed:
            channel._changed.wait_for(self._is_due, timeout_s)
            channel._check_open()
            if channel._generation == self._cursor:
                return None
            self._cursor = channel._generation
            self._taken += 1
            self.delay_ns = time.monotonic_ns() - channel._put_ns
            return channel._item

    def leave_out(self) -> None:
        """The item that ``next`` gave last is not used: it counts as a drop."""
        self._taken -= 1

    def detach(self) -> None:
        """Leave the channel: its drops are no longer listed."""
        self._channel._forget(self)

    def _is_due(self) -> bool:
        return self._channel._reason is not None or self._channel._generation > self._cursor


class Queue(_Channel, Generic[T]):
    """Bounded, in order, for one consumer.

    When it is full the *newest* item is refused and counted: what was accepted stays whole and in order, so that a
    recording has one gap instead of holes all over. After closing the consumer still gets what was accepted.
    """

    def __init__(self, name: str, capacity: int, on_put: Listener | None = None) -> None:
        if capacity < 1:
            raise ValueError(f"queue {name!r} needs room for at least one item, got {capacity}")
        super().__init__(name, on_put)
        self.capacity = capacity
        self._items: deque[T] = deque()
        self._drops = 0
        self._accepted = 0

    @property
    def drops(self) -> int:
        """Items refused because the queue was full."""
        return self._drops

    @property
    def accepted(self) -> int:
        """Items that went in."""
        return self._accepted

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> bool:
        """Append without waiting; False when full (counted).

        Raises
        ------
        ChannelClosed
            The queue is closed.
        """
        with self._changed:
            self._check_open()
            if len(self._items) >= self.capacity:
                self._drops += 1
                return False
            self._items.append(item)
            self._accepted += 1
            self._changed.notify()
        self._tell()
        return True

    def get(self, timeout_s: float | None = None) -> T | None:
        """Oldest item, or None when none came within ``timeout_s`` seconds (None: wait for ever).

        Raises
        ------
        ChannelClosed
            Closed, and everything accepted was given.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._reason is not None, timeout_s)
            if self._items:
                return self._items.popleft()
            self._check_open()
            return None


class Snapshot(_Channel, Generic[T]):
    """The current value of an immutable state; versions count its changes."""

    def __init__(self, name: str, value: T, on_put: Listener | None = None) -> None:
        super().__init__(name, on_put)
        self._value = value
        self._version = 0

    @property
    def version(self) -> int:
        """How often the value was set."""
        return self._version

    def get(self) -> T:
        """The current value, also after closing."""
        return self._value

    def set(self, value: T) -> None:
        """Replace the value and wake the waiters.

        Raises
        ------
        ChannelClosed
            The snapshot is closed.
        """
        with self._changed:
            self._check_open()
            self._value = value
            self._version += 1
            self._changed.notify_all()
        self._tell()

    def wait_newer(self, version: int, timeout_s: float | None = None) -> tuple[int, T]:
        """Version and value, as soon as the version is past ``version`` or the time is over.

        Raises
        ------
        ChannelClosed
            The snapshot is closed and there is nothing newer.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._reason is not None, timeout_s)
            if self._version <= version:
                self._check_open()
            return self._version, self._value
