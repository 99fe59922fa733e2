"""Where the virtual scanner puts its picture and its ECG on a screen of any size."""

from __future__ import annotations

import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual.probe.settings import ProbeSettings
from capture.virtual.screen.looks import ConsoleLook
from capture.virtual.screen.parameters import ScreenParameters


def scanner_screen(
    probe: ProbeSettings, width: int, height: int, look: ConsoleLook, limited_range: bool, rate_bpm: float, seed: int
) -> ScreenParameters:
    """Screen with the sector between header and ECG, as large as fits."""
    top = height * (look.header_fraction + 0.025)
    bottom = height * (0.905 - look.footer_fraction)
    sector = fitted_sector(probe, round(0.49 * width), (top, bottom), 0.47 * width)
    rows = round(0.07 * height)
    box = Rect(round(0.16 * width), round(bottom + 0.012 * height), round(0.66 * width), rows)
    return ScreenParameters(width, height, sector, probe.depth_mm, look, limited_range, rate_bpm, box, seed)


def fitted_sector(probe: ProbeSettings, apex_x: int, rows: tuple[float, float], half_width: float) -> Sector:
    """The largest upright sector of a probe between two rows and within ``half_width`` of ``apex_x``; all in pixels."""
    top, bottom = rows
    reach, first = probe.face_mm + probe.depth_mm, probe.face_mm * np.cos(probe.half_angle)
    pixels_per_mm = min((bottom - top) / (reach - first), half_width / (reach * np.sin(probe.half_angle)))
    return Sector(
        apex_x=apex_x,
        apex_y=float(top - first * pixels_per_mm),
        radius_min_px=float(probe.face_mm * pixels_per_mm),
        radius_max_px=float(reach * pixels_per_mm),
        angle_left=-probe.half_angle,
        angle_right=probe.half_angle,
    )
