"""Which sentences the banner shows: the window's own, then the engine's, less those that were read."""

from __future__ import annotations

from app.engine.state import EngineState, SignalState

_QUIET = frozenset({SignalState.NONE, SignalState.OPENING})
"""No source yet, or one being opened: said in the pane and in the strip, and no reason for a banner."""


class Messages:
    """Collects sentences for the banner. No Qt."""

    def __init__(self) -> None:
        self._own: list[str] = []
        self._read: set[str] = set()

    def say(self, text: str) -> None:
        """Add a sentence of the window's own."""
        self._own.append(text)
        self._read.discard(text)

    def forget_own(self) -> None:
        """Drop the window's own sentences, for a new source."""
        self._own.clear()

    def current(self, state: EngineState) -> tuple[str, ...]:
        """Sentences to show, most important first. One that was read comes back when its cause went and returned."""
        engine = [text for text in state.banners if not (state.signal in _QUIET and text == state.sentence)]
        self._read &= set(engine)
        return tuple(text for text in dict.fromkeys([*self._own, *engine]) if text not in self._read)

    def dismiss(self, state: EngineState) -> None:
        """The user has read all that is shown."""
        self._own.clear()
        self._read |= set(self.current(state))
