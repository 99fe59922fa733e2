"""Parameters of random screens: the plain ones of sector detection, and busy ones with all that may lie on top."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual.screen.calipers import random_calipers
from capture.virtual.screen.colour_box import random_colour_box
from capture.virtual.screen.looks import LOOKS, ConsoleLook
from capture.virtual.screen.modes import boxed, with_strip
from capture.virtual.screen.parameters import ScreenParameters
from capture.virtual.screen.patient_text import PatientText
from capture.virtual.screen.strip import MMODE, SPECTRAL

SCREEN_SIZES = ((1920, 1080), (1280, 720), (1024, 768), (640, 480))
_LARGER = {(1024, 768): (1366, 768), (640, 480): (854, 480), (1920, 1080): (1920, 1200), (1280, 720): (1280, 960)}


def random_parameters(seed: int) -> ScreenParameters:
    """Random size, look, sector (50-95 degrees, phased or curvilinear), range and ECG; same seed, same screen."""
    rng = np.random.default_rng([seed, 11])
    width, height = SCREEN_SIZES[int(rng.integers(len(SCREEN_SIZES)))]
    look = LOOKS[int(rng.integers(len(LOOKS)))]
    sector = _random_sector(rng, width, height, look)
    return ScreenParameters(
        width,
        height,
        sector,
        depth_mm=float(rng.uniform(100, 220)),
        look=look,
        limited_range=bool(rng.random() < 0.4),
        heart_rate_bpm=float(rng.uniform(50, 110)),
        ecg_box=_random_ecg_box(rng, width, height, sector),
        seed=seed,
    )


def random_busy_parameters(seed: int) -> ScreenParameters:
    """The screen of ``random_parameters(seed)`` with patient text and, by chance, each of the other additions.

    A third of the screens carries calipers, colour or a strip each; a quarter is frozen, interlaced or has black bars.
    """
    rng = np.random.default_rng([seed, 12])
    side = str(rng.choice(["left", "right"]))
    p = random_parameters(seed)
    p = replace(p, patient=PatientText.random(seed), marker_side=side, marker_at_corner=True)
    kind = str(rng.choice(["2d", "colour", "strip"]))
    if kind == "strip":
        p = with_strip(p, str(rng.choice([SPECTRAL, MMODE])))
    elif kind == "colour":
        p = replace(p, colour_box=random_colour_box(rng, p.sector))
    if rng.random() < 1 / 3:
        p = replace(p, calipers=random_calipers(rng, p.sector, int(rng.integers(1, 4))))
    if rng.random() < 0.25:
        p = replace(p, frozen_from_s=0.0)
    p = replace(p, interlaced=bool(rng.random() < 0.25))
    return boxed(p, *_LARGER[p.width, p.height]) if rng.random() < 0.25 else p


def _random_sector(rng: np.random.Generator, width: int, height: int, look: ConsoleLook) -> Sector:
    half = np.radians(rng.uniform(50, 95)) / 2
    tilt = np.radians(rng.uniform(-4, 4)) if rng.random() < 0.2 else 0.0
    inner = float(rng.choice([0.0, rng.uniform(0.01, 0.06), rng.uniform(0.2, 0.45)], p=[0.45, 0.35, 0.2]))
    top = height * (look.header_fraction + rng.uniform(0.02, 0.08))
    room = height * (1 - look.footer_fraction - rng.uniform(0.01, 0.14)) - top
    radius = room / (1 - inner * np.cos(half))
    radius = min(radius, 0.46 * width / np.sin(half + abs(tilt)))
    slack = width / 2 - radius * np.sin(half + abs(tilt)) - 4
    apex_x = width / 2 + rng.uniform(-1, 1) * min(slack, 0.12 * width)
    apex_y = top - radius * inner * np.cos(half)
    return Sector(
        float(apex_x), float(apex_y), float(radius * inner), float(radius), float(tilt - half), float(tilt + half)
    )


def _random_ecg_box(rng: np.random.Generator, width: int, height: int, sector: Sector) -> Rect | None:
    """Below the sector, or crossing its bottom, or none."""
    if rng.random() < 0.2:
        return None
    rows = round(height * rng.uniform(0.05, 0.09))
    bottom = sector.apex_y + sector.radius_max_px
    wish = bottom - rows * rng.uniform(0.0, 1.0) if rng.random() < 0.5 else height - rows * 1.2
    columns = round(width * rng.uniform(0.45, 0.8))
    return Rect((width - columns) // 2, int(min(wish, height - rows - 2)), columns, rows)
