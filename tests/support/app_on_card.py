"""The whole program on a capture card, played in a process that has the stand-in card loaded.

``python app_on_card.py PICTURES.npy WEIGHTS SCENE...`` plays the scenes one after another, each with an engine of its
own from ``app.bootstrap``, and prints one JSON object with what was seen and after how many seconds.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fake_v4l2 import DEVICE, FakeCard, no_signal_picture
from mocks import wait_until

from app import bootstrap
from app.engine.pipeline import Engine
from app.engine.presentation import present
from capture.discovery import open_source
from capture.frame import Frame
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import Assessment

LIMIT_S = 30.0
DARK = 0.4
Scene = Callable[["Stage"], dict[str, object]]


class Stage:
    """The program and the card, and what a user would see."""

    def __init__(self, card: FakeCard, pictures: np.ndarray, options: bootstrap.ModelOptions) -> None:
        self.card, self.pictures = card, pictures
        self.engine: Engine = bootstrap.make_engine(open_source(f"v4l2:{DEVICE}"), options)

    def shows(self) -> bool:
        """Whether scores are shown."""
        state = self.engine.state.get()
        shown = present(self.engine.shown(), self.engine.shown_frame(), state.signal, state.sentence)
        return shown.show_scores

    def hides(self) -> bool:
        return not self.shows()

    def seen(self) -> dict[str, object]:
        """Signal, sentence and reason that stand on the screen now."""
        state, shown = self.engine.state.get(), self.engine.shown()
        reason = shown.assessment.reason if shown else ""
        return {"signal": str(state.signal), "sentence": state.sentence, "reason": reason, "banners": state.banners}

    def play(self, fault: Callable[[], None], repair: Callable[[], None], lasts_s: float = 1.0) -> dict[str, object]:
        """A fault for a while, and its end."""
        wait_until(self.shows, LIMIT_S)
        fault()
        hidden_s = wait_until(self.hides, LIMIT_S)
        threading.Event().wait(lasts_s)
        stayed_hidden, seen = self.hides(), self.seen()
        repair()
        return {**seen, "hidden_s": hidden_s, "stayed": stayed_hidden, "back_s": wait_until(self.shows, LIMIT_S)}

    def show(self) -> None:
        self.card.show(self.pictures)


def unplugged(stage: Stage) -> dict[str, object]:
    return stage.play(stage.card.unplug, stage.card.plug)


def stalled(stage: Stage) -> dict[str, object]:
    return stage.play(stage.card.stall, stage.card.resume)


def cable_out(stage: Stage) -> dict[str, object]:
    return stage.play(stage.card.show_no_signal, stage.show)


def cable_out_at_another_size(stage: Stage) -> dict[str, object]:
    return stage.play(lambda: stage.card.show(no_signal_picture(720, 576)), stage.show)


def black(stage: Stage) -> dict[str, object]:
    return stage.play(lambda: stage.card.show(np.zeros_like(stage.pictures[0])), stage.show)


def busy_at_first(stage: Stage) -> dict[str, object]:
    """Busy before the program starts: see ``prepare``."""
    wait_until(lambda: "in use" in stage.engine.state.get().sentence, LIMIT_S)
    seen = stage.seen()
    stage.card.resume()
    return {**seen, "back_s": wait_until(stage.shows, LIMIT_S)}


def other_size(stage: Stage) -> dict[str, object]:
    """The input changes from 640x480 to its lower right part, 600x460, and the card must be set up anew."""
    wait_until(stage.shows, LIMIT_S)
    stage.card.resize_fails = True
    stage.card.show(np.ascontiguousarray(stage.pictures[:, 20:, 40:]))

    def is_there() -> bool:
        shown = stage.engine.shown()
        return shown is not None and (shown.frame.width, shown.frame.height) == (600, 460) and stage.shows()

    took_s = wait_until(is_there, LIMIT_S)
    assessment = stage.engine.shown().assessment  # type: ignore[union-attr]
    inside = all(
        (points >= -1).all() and (points[:, 0] <= 600).all() and (points[:, 1] <= 460).all()
        for outlines in assessment.contours.values()
        for points in outlines
    )
    return {"took_s": took_s, "size": assessment.frame_size, "inside": inside}


def nan_in_dark_pictures(stage: Stage) -> dict[str, object]:
    """The stand-in model gives NaN for pictures that are much darker than those at first."""
    dark = (stage.pictures * DARK).astype(np.uint8)
    return stage.play(lambda: stage.card.show(dark), stage.show)


def damaged_model(stage: Stage) -> dict[str, object]:
    """The weights are damaged before the program starts: the picture goes on."""
    wait_until(lambda: stage.engine.results.generation > 5, LIMIT_S)
    before = stage.engine.frames.generation
    wait_until(lambda: stage.engine.frames.generation > before + 10, LIMIT_S)
    return {**stage.seen(), "shows": stage.shows(), "picture": stage.engine.shown_frame() is not None}


class _RaisesOnce(RegionalAssessor):
    left = 1

    def assess(self, frame: Frame) -> Assessment:
        if frame.index > 20 and _RaisesOnce.left:
            _RaisesOnce.left -= 1
            raise ZeroDivisionError("made up by a test")
        return super().assess(frame)


def worker_raises(stage: Stage) -> dict[str, object]:
    """See ``prepare``: one frame raises what nobody expects."""
    wait_until(lambda: not _RaisesOnce.left, LIMIT_S)
    back_s = wait_until(lambda: stage.shows() and _restarts(stage) == 1, LIMIT_S)
    return {"back_s": back_s, "restarts": _restarts(stage)}


def _restarts(stage: Stage) -> int:
    return sum(worker.restarts for worker in stage.engine.state.get().workers if worker.name == "assess")


SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        unplugged,
        stalled,
        cable_out,
        cable_out_at_another_size,
        black,
        busy_at_first,
        other_size,
        nan_in_dark_pictures,
        damaged_model,
        worker_raises,
    )
}


def prepare(name: str, card: FakeCard, pictures: np.ndarray) -> None:
    """What is so before the program starts."""
    card.resume()
    card.resize_fails = False
    card.show(pictures)
    if name == "busy_at_first":
        card.busy()
    if name == "worker_raises":
        bootstrap.RegionalAssessor = _RaisesOnce  # type: ignore[misc]


def main(arguments: list[str]) -> None:
    """Play the scenes that are named."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    pictures, options = np.load(arguments[0]), bootstrap.ModelOptions(weights=Path(arguments[1]), provider="cpu")
    card = FakeCard.attach()
    found: dict[str, Any] = {}
    for name in arguments[2:]:
        prepare(name, card, pictures)
        stage = Stage(card, pictures, options)
        begin = time.monotonic()
        with stage.engine:
            found[name] = SCENES[name](stage)
        summary = stage.engine.summary()
        found[name] |= {
            "seconds": time.monotonic() - begin,
            "lost_count": summary["frames_captured"] - summary["frames_assessed"] - sum(summary["drops"].values()),
            "handles": card.handles,
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
