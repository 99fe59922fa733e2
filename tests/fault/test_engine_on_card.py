"""Unplugged, stalled, cable out, other resolution: the engine on OpenCV's real V4L2 back-end."""

from __future__ import annotations

import json
from typing import Any

from engine_on_card import picture
from fake_v4l2 import FakeCard


def test_scores_hide_within_a_second_and_return_within_two(fake_card: FakeCard):
    fake_card.show(picture())
    done = fake_card.run("tests/support/engine_on_card.py", timeout_s=90)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    for fault, signal in (("unplugged", "lost"), ("stalled", "stalled"), ("cable", "no_signal")):
        assert found[fault]["signal"] == signal
        assert found[fault]["sentence"]
        assert found[fault]["hidden_s"] < 1.0, found
        assert found[fault]["back_s"] < 2.0, found
    assert found["size"]["size"] == [576, 720]
    assert found["size"]["took_s"] < 2.0
    summary = found["summary"]
    assert summary["frames_captured"] == summary["frames_assessed"] + sum(summary["drops"].values())
    assert found["handles"] == 0
