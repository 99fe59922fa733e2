"""What stands around a sector on a scanner screen: bars, text columns, ruler, grey bar, markers.

Every function draws into ``screen`` (H, W, 3) BGR uint8 in place. Sizes follow the screen height, 1080 being 1.
"""

from __future__ import annotations

import cv2
import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual.looks import Colour, ConsoleLook


def text_size(look: ConsoleLook, height: int) -> float:
    """Hershey scale that gives about 18 px capitals on a 1080 screen."""
    factor = 1.25 if look.font == cv2.FONT_HERSHEY_PLAIN else 0.62
    return factor * height / 1080 * (1.25 if height < 600 else 1.0)


def put_text(
    screen: np.ndarray, text: str, x: int, y: int, look: ConsoleLook, colour: Colour, scale: float = 1.0
) -> None:
    """One line of text, (x, y) the left end of its base line."""
    size = text_size(look, screen.shape[0]) * scale
    cv2.putText(screen, text, (x, y), look.font, size, colour, 1, cv2.LINE_AA)


def draw_bars(screen: np.ndarray, look: ConsoleLook, patient: str) -> None:
    """Header with logo, name and brand; footer with soft keys."""
    height, width = screen.shape[:2]
    top, bottom = round(look.header_fraction * height), round(look.footer_fraction * height)
    screen[:top] = look.header
    screen[height - bottom :] = look.header
    base = max(round(top * 0.68), round(0.028 * height))
    _logo(screen, (round(0.02 * width), base - round(0.008 * height)), round(0.011 * height), look.accent)
    put_text(screen, f"{look.brand}  {patient}", round(0.035 * width), base, look, look.text)
    put_text(screen, "Adult Echo   TIs 0.8  MI 1.2", round(0.42 * width), base, look, look.text, 0.85)
    for index, key in enumerate(("Freeze", "Annotate", "Measure", "Store", "Next") if bottom else ()):
        put_text(screen, key, round((0.05 + 0.19 * index) * width), height - round(bottom * 0.35), look, look.text)


def draw_columns(
    screen: np.ndarray, look: ConsoleLook, lines: tuple[str, ...], keep_clear: np.ndarray, rng: np.random.Generator
) -> None:
    """Settings as text columns; a line that would touch ``keep_clear`` (H, W) bool is left out."""
    height, width = screen.shape[:2]
    pitch = round(height * rng.uniform(0.024, 0.032))
    sides = {"left": (0.02,), "right": (0.89,), "both": (0.02, 0.89)}[look.text_side]
    first = round(height * (look.header_fraction + 0.07))
    for column, x_fraction in enumerate(sides):
        for row, line in enumerate(lines[column::2] if len(sides) == 2 else lines):
            x, y = round(x_fraction * width), first + row * pitch
            if not keep_clear[max(0, y - pitch) : y + 6, max(0, x - 4) : x + pitch * 6].any():
                put_text(screen, line, x, y, look, look.text, 0.85)


def draw_ruler(screen: np.ndarray, look: ConsoleLook, sector: Sector, depth_mm: float) -> None:
    """Depth ticks every centimetre, longer and numbered every five."""
    pixels_per_mm = (sector.radius_max_px - sector.radius_min_px) / depth_mm
    for centimetre in range(int(depth_mm / 10) + 1):
        radius = sector.radius_min_px + 10 * centimetre * pixels_per_mm
        major = centimetre % 5 == 0
        length = max(3, round(screen.shape[0] * (0.012 if major else 0.006)))
        if look.ruler == "column":
            _column_tick(screen, look, sector, radius, length, centimetre if major else None)
        elif look.ruler == "edge":
            _edge_tick(screen, look, sector, radius, length)


def _column_tick(
    screen: np.ndarray, look: ConsoleLook, sector: Sector, radius: float, length: int, number: int | None
) -> None:
    right = sector.bounds()
    x = min(right.x + right.width + round(0.012 * screen.shape[1]), screen.shape[1] - 3 * length)
    y = round(sector.apex_y + radius)
    cv2.line(screen, (x, y), (x + length, y), look.text, 1)
    if number is not None:
        put_text(screen, str(number), x + length + 4, y + round(0.005 * screen.shape[0]), look, look.text, 0.8)


def _edge_tick(screen: np.ndarray, look: ConsoleLook, sector: Sector, radius: float, length: int) -> None:
    sine, cosine = np.sin(sector.angle_right), np.cos(sector.angle_right)
    along = np.array([sector.apex_x + radius * sine, sector.apex_y + radius * cosine])
    across = np.array([cosine, -sine])
    start, end = along + 4 * across, along + (4 + length) * across
    cv2.line(screen, _point(start), _point(end), look.text, 1, cv2.LINE_AA)


def draw_grey_bar(screen: np.ndarray, look: ConsoleLook) -> None:
    """Grey scale bar, white at the top."""
    if look.grey_bar_side == "none":
        return
    height, width = screen.shape[:2]
    rows, columns = round(0.24 * height), max(6, round(0.010 * width))
    x = round(0.012 * width) if look.grey_bar_side == "left" else round(0.975 * width)
    y = round((0.42 if look.grey_bar_side == "left" else 0.13) * height)
    ramp = np.linspace(255, 0, rows).astype(np.uint8)
    screen[y : y + rows, x : x + columns] = ramp[:, None, None]
    cv2.rectangle(screen, (x - 1, y - 1), (x + columns, y + rows), look.text, 1)


def draw_markers(screen: np.ndarray, look: ConsoleLook, sector: Sector, focus_fraction: float) -> None:
    """Orientation marker beside the apex and the focus sign beside the ruler."""
    height = screen.shape[0]
    size = max(4, round(0.008 * height))
    x = round(sector.apex_x + sector.radius_min_px * np.sin(sector.angle_left)) - 3 * size
    y = round(sector.apex_y + sector.radius_min_px) - size // 2
    if look.marker == "dot":
        cv2.circle(screen, (x, y), size, look.accent, -1, cv2.LINE_AA)
    elif look.marker == "letter":
        cv2.circle(screen, (x, y), size, look.accent, 1, cv2.LINE_AA)
        put_text(screen, "V", x - size // 2, y + size // 2, look, look.accent, 0.7)
    elif look.marker == "triangle":
        _triangle(screen, x, y, size, look.accent)
    _focus(screen, look, sector, focus_fraction, size)


def _focus(screen: np.ndarray, look: ConsoleLook, sector: Sector, fraction: float, size: int) -> None:
    right = sector.bounds()
    x = min(right.x + right.width + round(0.006 * screen.shape[1]), screen.shape[1] - size - 1)
    y = round(sector.apex_y + sector.radius_min_px + fraction * (sector.radius_max_px - sector.radius_min_px))
    if look.focus == "triangles":
        _triangle(screen, x, y, size // 2 + 1, look.accent)
    elif look.focus == "bar":
        cv2.line(screen, (x, y - 2 * size), (x, y + 2 * size), look.accent, 2)


def draw_clock(screen: np.ndarray, look: ConsoleLook, box: Rect, second_of_day: int) -> None:
    """Time of day in ``box``."""
    hours, rest = divmod(second_of_day % 86400, 3600)
    text = f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    put_text(screen, text, box.x + 2, box.y + box.height - max(3, box.height // 4), look, look.text)


def _logo(screen: np.ndarray, centre: tuple[int, int], size: int, colour: Colour) -> None:
    cv2.ellipse(screen, centre, (size, size), 0, 200, 520, colour, 2, cv2.LINE_AA)
    cv2.line(screen, (centre[0] - size, centre[1]), (centre[0] + size, centre[1]), colour, 1, cv2.LINE_AA)


def _triangle(screen: np.ndarray, x: int, y: int, size: int, colour: Colour) -> None:
    corners = np.array([[x - size, y], [x + size, y - size], [x + size, y + size]], dtype=np.int32)
    cv2.fillPoly(screen, [corners], colour, cv2.LINE_AA)


def _point(position: np.ndarray) -> tuple[int, int]:
    return round(float(position[0])), round(float(position[1]))
