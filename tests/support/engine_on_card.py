"""The engine on a capture card through OpenCV's real V4L2 code, played in a process that has the stand-in loaded.

Prints one JSON object: for each fault how long scores stayed visible and how long they took to come back, in seconds.
"""

from __future__ import annotations

import json
import time

import numpy as np
from fake_v4l2 import DEVICE, FakeCard
from mocks import MockAssessor, wait_until

from app.engine.pipeline import Engine
from app.engine.presentation import present
from capture.frame import Frame
from capture.v4l2 import V4L2Source


def picture(height: int = 480, width: int = 640) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=np.uint8)


def no_signal(frame: Frame) -> str:
    """Enough to tell the stand-in's blue picture from noise; the real check has tests of its own."""
    return "no signal: check the cable" if frame.pixels[..., 2].mean() < 50 else ""


class Stage:
    """The engine, the card, and how long things take."""

    def __init__(self, card: FakeCard) -> None:
        self.card = card
        self.assessor = MockAssessor()
        self.engine = Engine(V4L2Source(DEVICE), lambda: self.assessor, signal_check=no_signal)

    def shows(self) -> bool:
        state = self.engine.state.get()
        shown = present(self.engine.shown(), self.engine.shown_frame(), state.signal, state.sentence)
        return shown.show_scores

    def play(self, fault: str, repair: str) -> dict[str, object]:
        getattr(self.card, fault)()
        hidden_s = wait_until(lambda: not self.shows(), 15)
        time.sleep(1.0)
        state = self.engine.state.get()
        self.card.show(picture()) if repair == "show" else getattr(self.card, repair)()
        back_s = wait_until(self.shows, 15)
        return {"hidden_s": hidden_s, "back_s": back_s, "signal": str(state.signal), "sentence": state.sentence}

    def change_size(self) -> dict[str, object]:
        before = self.assessor.forgotten
        self.card.show(picture(576, 720))
        took_s = wait_until(lambda: self.assessor.forgotten > before and self.shows(), 15)
        frame = self.engine.shown_frame()
        assert frame is not None
        return {"took_s": took_s, "size": [frame.height, frame.width]}


def main() -> None:
    card = FakeCard.attach()
    stage = Stage(card)
    found: dict[str, object] = {}
    with stage.engine:
        wait_until(stage.shows, 20)
        found["unplugged"] = stage.play("unplug", "plug")
        found["stalled"] = stage.play("stall", "resume")
        found["cable"] = stage.play("show_no_signal", "show")
        found["size"] = stage.change_size()
    print(json.dumps(found | {"summary": stage.engine.summary(), "handles": card.handles}))


if __name__ == "__main__":
    main()
