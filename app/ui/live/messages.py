"""Which sentences the banner shows: the window's own, the recorder's and the engine's, less those that were read."""

from __future__ import annotations

from enum import StrEnum

from app.engine.state import EngineState, SignalState

_QUIET = frozenset({SignalState.NONE, SignalState.OPENING})
"""No source yet, or one being opened: said in the pane and in the strip, and no reason for a banner."""


class Tone(StrEnum):
    """How a sentence is meant: good to know, to be looked after, or lost if nothing is done now."""

    INFO = "info"
    CAUTION = "caution"
    URGENT = "urgent"


class Messages:
    """Collects sentences for the banner. No Qt."""

    def __init__(self) -> None:
        self._own: dict[str, Tone] = {}
        self._standing: dict[str, Tone] = {}
        self._read: set[str] = set()

    def say(self, text: str, tone: Tone = Tone.CAUTION) -> None:
        """Add a sentence of the window's own."""
        self._own[text] = tone
        self._read.discard(text)

    def forget(self, text: str) -> None:
        """Drop one of the window's own sentences."""
        self._own.pop(text, None)

    def forget_own(self) -> None:
        """Drop what was said of the last source, for a new one; what is urgent stays."""
        self._own = {text: tone for text, tone in self._own.items() if tone is Tone.URGENT}

    def stand(self, text: str, tone: Tone) -> None:
        """Show a sentence as long as its cause lasts, in the place of the last such one; empty for none."""
        self._standing = {text: tone} if text else {}

    def tone(self, text: str) -> Tone:
        """How a sentence is meant."""
        return self._own.get(text) or self._standing.get(text) or Tone.CAUTION

    def current(self, state: EngineState) -> tuple[str, ...]:
        """Sentences to show, most important first. One that was read comes back when its cause went and returned."""
        engine = [text for text in state.banners if not (state.signal in _QUIET and text == state.sentence)]
        self._read &= {*engine, *self._standing}
        found = [text for text in dict.fromkeys([*self._own, *self._standing, *engine]) if text not in self._read]
        return tuple(sorted(found, key=lambda text: self.tone(text) is not Tone.URGENT))

    def dismiss(self, state: EngineState) -> None:
        """The user has read all that is shown."""
        self._own.clear()
        self._read |= set(self.current(state))
