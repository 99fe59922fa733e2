"""Invented scanner looks: colours and places of the things that stand around a sector. No real maker's design."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Colour = tuple[int, int, int]  # BGR


@dataclass(frozen=True)
class ConsoleLook:
    """How a scanner's screen looks.

    Attributes
    ----------
    brand : invented name beside the logo
    background, header, text, accent, ecg : colours, BGR
    header_fraction, footer_fraction : bar heights as fractions of the screen height; 0 when there is none
    text_side : column of settings, ``left``, ``right`` or ``both``
    ruler : ``column`` (upright beside the sector), ``edge`` (ticks along the right edge beam) or ``none``
    grey_bar_side : ``left``, ``right`` or ``none``
    marker : orientation marker near the apex, ``dot``, ``letter``, ``triangle`` or ``none``
    focus : focus markers, ``triangles`` beside the ruler, ``bar`` or ``none``
    font : an OpenCV Hershey font
    """

    brand: str
    background: Colour
    header: Colour
    text: Colour
    accent: Colour
    ecg: Colour
    header_fraction: float = 0.05
    footer_fraction: float = 0.0
    text_side: str = "left"
    ruler: str = "column"
    grey_bar_side: str = "right"
    marker: str = "dot"
    focus: str = "triangles"
    font: int = cv2.FONT_HERSHEY_SIMPLEX


LOOKS: tuple[ConsoleLook, ...] = (
    ConsoleLook("KESTRIX E", (10, 9, 8), (46, 40, 36), (225, 222, 218), (60, 190, 250), (80, 220, 110)),
    ConsoleLook(
        "OMBREL vu",
        (0, 0, 0),
        (0, 0, 0),
        (200, 215, 170),
        (220, 200, 40),
        (70, 230, 230),
        header_fraction=0.08,
        text_side="right",
        ruler="edge",
        grey_bar_side="left",
        marker="letter",
        focus="bar",
        font=cv2.FONT_HERSHEY_DUPLEX,
    ),
    ConsoleLook(
        "TAVIAN 7",
        (26, 20, 14),
        (92, 58, 30),
        (240, 240, 240),
        (90, 240, 240),
        (90, 250, 160),
        header_fraction=0.04,
        footer_fraction=0.045,
        text_side="both",
        marker="triangle",
        font=cv2.FONT_HERSHEY_PLAIN,
    ),
    ConsoleLook(
        "Solmira",
        (0, 0, 0),
        (70, 70, 70),
        (150, 150, 150),
        (90, 160, 60),
        (160, 120, 250),
        header_fraction=0.03,
        ruler="none",
        grey_bar_side="none",
        marker="dot",
        focus="none",
    ),
    ConsoleLook(
        "QUENBY Cardio",
        (18, 18, 18),
        (18, 18, 18),
        (190, 235, 250),
        (40, 130, 250),
        (250, 240, 120),
        header_fraction=0.0,
        footer_fraction=0.06,
        text_side="right",
        ruler="column",
        grey_bar_side="right",
        marker="letter",
        focus="bar",
    ),
)


def limited_range_lut() -> np.ndarray:
    """Table that squeezes full-range levels 0..255 into the 16..235 of limited-range video, (256,) uint8."""
    levels: np.ndarray = np.rint(16 + np.arange(256) * (219 / 255)).astype(np.uint8)
    return levels


def full_range_lut() -> np.ndarray:
    """The identity table, (256,) uint8."""
    return np.arange(256, dtype=np.uint8)
