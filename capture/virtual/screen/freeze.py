"""What a scanner shows when its picture is frozen: a sign, and a bar that says where in the cine loop it stands."""

from __future__ import annotations

import cv2
import numpy as np

from capture.geometry import Rect
from capture.virtual.screen.furniture import put_text
from capture.virtual.screen.looks import ConsoleLook
from capture.virtual.screen.truth import FREEZE, TextBox


def cine_rect(look: ConsoleLook, height: int, width: int) -> Rect:
    """Where the cine bar stands: at the bottom, above the footer."""
    rows = max(5, round(0.010 * height))
    y = height - round(look.footer_fraction * height) - round(0.012 * height) - rows
    return Rect(round(0.36 * width), y, round(0.28 * width), rows)


def draw_freeze(screen: np.ndarray, look: ConsoleLook, frame: int, frames: int) -> list[TextBox]:
    """Draw sign and cine bar into ``screen`` (H, W, 3) BGR uint8; frame ``frame`` of a loop of ``frames`` is shown."""
    height, width = screen.shape[:2]
    bar = cine_rect(look, height, width)
    right, bottom = bar.x + bar.width - 1, bar.y + bar.height - 1
    cv2.rectangle(screen, (bar.x, bar.y), (right, bottom), look.text, 1)
    reached = bar.x + 1 + round((bar.width - 3) * frame / max(frames, 1))
    cv2.rectangle(screen, (bar.x + 1, bar.y + 1), (reached, bottom - 1), look.accent, -1)
    count = f"{frame}/{frames}"
    base = bottom + max(1, round(0.003 * height))
    sign = put_text(screen, "FREEZE", bar.x - round(0.075 * width), base, look, look.accent)
    number = put_text(screen, count, right + round(0.012 * width), base, look, look.text)
    return [TextBox(FREEZE, "FREEZE", sign), TextBox(FREEZE, count, number)]
