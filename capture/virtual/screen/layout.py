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
    reach = probe.face_mm + probe.depth_mm
    first = probe.face_mm * np.cos(probe.half_angle)
    pixels_per_mm = min((bottom - top) / (reach - first), 0.47 * width / (reach * np.sin(probe.half_angle)))
    sector = Sector(
        apex_x=round(0.49 * width),
        apex_y=float(top - first * pixels_per_mm),
        radius_min_px=float(probe.face_mm * pixels_per_mm),
        radius_max_px=float(reach * pixels_per_mm),
        angle_left=-probe.half_angle,
        angle_right=probe.half_angle,
    )
    rows = round(0.07 * height)
    box = Rect(round(0.16 * width), round(bottom + 0.012 * height), round(0.66 * width), rows)
    return ScreenParameters(width, height, sector, probe.depth_mm, look, limited_range, rate_bpm, box, seed)
