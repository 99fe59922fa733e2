"""What stands around a sector on a scanner screen: bars, text columns, ruler, grey bar, markers.

Every function draws into ``screen`` (H, W, 3) BGR uint8 in place. Sizes follow the screen height, 1080 being 1.
Those that write text return where it stands, as ``TextBox``.
"""

from __future__ import annotations

import cv2
import numpy as np

from capture.geometry import Rect, Sector
from capture.virtual.screen.looks import Colour, ConsoleLook
from capture.virtual.screen.patient_text import PatientText
from capture.virtual.screen.truth import DATE, PATIENT, RULER, SETTINGS, RulerTick, TextBox

ANONYMOUS = "SIM-0001 ANONYMOUS"


def text_size(look: ConsoleLook, height: int) -> float:
    """Hershey scale that gives about 18 px capitals on a 1080 screen."""
    factor = 1.25 if look.font == cv2.FONT_HERSHEY_PLAIN else 0.62
    return factor * height / 1080 * (1.25 if height < 600 else 1.0)


def put_text(
    screen: np.ndarray, text: str, x: int, y: int, look: ConsoleLook, colour: Colour, scale: float = 1.0
) -> Rect:
    """One line of text, (x, y) the left end of its base line; returns the rectangle of the pixels it changes."""
    size = text_size(look, screen.shape[0]) * scale
    cv2.putText(screen, text, (x, y), look.font, size, colour, 1, cv2.LINE_AA)
    return text_rect(screen, text, x, y, look, scale)


def text_rect(screen: np.ndarray, text: str, x: int, y: int, look: ConsoleLook, scale: float = 1.0) -> Rect:
    """Where ``put_text`` draws, clipped to the screen."""
    size = text_size(look, screen.shape[0]) * scale
    (width, height), baseline = cv2.getTextSize(text, look.font, size, 1)
    # Strokes are smoothed over a pixel, and glyphs such as brackets and commas reach below the base line.
    return Rect(x - 2, y - height - 2, width + 4, height + baseline + 4).clipped(*screen.shape[:2])


def draw_bars(screen: np.ndarray, look: ConsoleLook, patient: PatientText | None, exam: str) -> list[TextBox]:
    """Header with logo, name and brand; footer with soft keys."""
    height, width = screen.shape[:2]
    top, bottom = round(look.header_fraction * height), round(look.footer_fraction * height)
    screen[:top] = look.header
    screen[height - bottom :] = look.header
    base = max(round(top * 0.68), round(0.028 * height))
    _logo(screen, (round(0.02 * width), base - round(0.008 * height)), round(0.011 * height), look.accent)
    boxes = _brand_and_name(screen, look, base, patient.name if patient else ANONYMOUS)
    indices = f"{exam}   TIs 0.8  MI 1.2"
    rect = put_text(screen, indices, round(0.42 * width), base, look, look.text, 0.85)
    boxes.append(TextBox(SETTINGS, indices, rect))
    for index, key in enumerate(("Freeze", "Annotate", "Measure", "Store", "Next") if bottom else ()):
        x, y = round((0.05 + 0.19 * index) * width), height - round(bottom * 0.35)
        boxes.append(TextBox(SETTINGS, key, put_text(screen, key, x, y, look, look.text)))
    return boxes + (_patient_fields(screen, look, base, rect.x + rect.width, patient) if patient else [])


def _brand_and_name(screen: np.ndarray, look: ConsoleLook, base: int, name: str) -> list[TextBox]:
    x, before = round(0.035 * screen.shape[1]), f"{look.brand}  "
    whole = put_text(screen, before + name, x, base, look, look.text)
    brand = text_rect(screen, before, x, base, look)
    # Words end with a fraction of a pixel: the name may begin in the last columns of the brand's blanks.
    start = brand.x + brand.width - 6
    rest = Rect(start, whole.y, whole.x + whole.width - start, whole.height)
    return [TextBox(SETTINGS, look.brand, brand), TextBox(PATIENT, name, rest)]


def _patient_fields(
    screen: np.ndarray, look: ConsoleLook, base: int, after: int, patient: PatientText
) -> list[TextBox]:
    """Number and birth in the header, date and institution in a line below it; where it is tight no institution."""
    height, width = screen.shape[:2]
    line = round(height * max(look.header_fraction + 0.035, 0.05))
    number = f"{patient.identifier}  {patient.birth}"
    in_header = text_rect(screen, number, after + round(0.01 * width), base, look, 0.8)
    fields = [(DATE, patient.exam_date, round(0.88 * width), line)]
    if in_header.x + in_header.width < 0.83 * width:  # the clock follows
        fields.append((PATIENT, number, after + round(0.01 * width), base))
        fields.append((PATIENT, patient.institution, round(0.02 * width), line))
    else:
        fields.append((PATIENT, number, round(0.02 * width), line))
    return [TextBox(kind, text, put_text(screen, text, x, y, look, look.text, 0.8)) for kind, text, x, y in fields]


def draw_columns(
    screen: np.ndarray, look: ConsoleLook, lines: tuple[str, ...], keep_clear: np.ndarray, rng: np.random.Generator
) -> list[TextBox]:
    """Settings as text columns; a line that would touch ``keep_clear`` (H, W) bool is left out."""
    height, width = screen.shape[:2]
    pitch = round(height * rng.uniform(0.024, 0.032))
    sides = {"left": (0.02,), "right": (0.89,), "both": (0.02, 0.89)}[look.text_side]
    first = round(height * (look.header_fraction + 0.07))
    boxes = []
    for column, x_fraction in enumerate(sides):
        for row, line in enumerate(lines[column::2] if len(sides) == 2 else lines):
            x, y = round(x_fraction * width), first + row * pitch
            if not keep_clear[max(0, y - pitch) : y + 6, max(0, x - 4) : x + pitch * 6].any():
                boxes.append(TextBox(SETTINGS, line, put_text(screen, line, x, y, look, look.text, 0.85)))
    return boxes


def draw_ruler(
    screen: np.ndarray, look: ConsoleLook, sector: Sector, depth_mm: float
) -> tuple[list[RulerTick], list[TextBox]]:
    """Depth ticks every centimetre, longer and numbered every five; those that lie on the screen are returned."""
    pixels_per_mm = (sector.radius_max_px - sector.radius_min_px) / depth_mm
    ticks: list[RulerTick] = []
    boxes: list[TextBox] = []
    for centimetre in range(int(depth_mm / 10) + 1 if look.ruler != "none" else 0):
        radius = sector.radius_min_px + 10 * centimetre * pixels_per_mm
        major = centimetre % 5 == 0
        length = max(3, round(screen.shape[0] * (0.012 if major else 0.006)))
        place = _column_tick if look.ruler == "column" else _edge_tick
        start, end = place(screen, sector, radius, length)
        tick = RulerTick(10.0 * centimetre, start, end, centimetre if major and look.ruler == "column" else None)
        boxes += _draw_tick(screen, look, tick)
        if all(0 <= x < screen.shape[1] and 0 <= y < screen.shape[0] for x, y in (start, end)):
            ticks.append(tick)
    return ticks, boxes


def _draw_tick(screen: np.ndarray, look: ConsoleLook, tick: RulerTick) -> list[TextBox]:
    cv2.line(screen, tick.start, tick.end, look.text, 1, cv2.LINE_8 if look.ruler == "column" else cv2.LINE_AA)
    if tick.number_cm is None:
        return []
    text, (x, y) = str(tick.number_cm), tick.end
    rect = put_text(screen, text, x + 4, y + round(0.005 * screen.shape[0]), look, look.text, 0.8)
    return [TextBox(RULER, text, rect)] if rect.width and rect.height else []


_Place = tuple[int, int]


def _column_tick(screen: np.ndarray, sector: Sector, radius: float, length: int) -> tuple[_Place, _Place]:
    right = sector.bounds()
    x = min(right.x + right.width + round(0.012 * screen.shape[1]), screen.shape[1] - 3 * length)
    y = round(sector.apex_y + radius)
    return (x, y), (x + length, y)


def _edge_tick(screen: np.ndarray, sector: Sector, radius: float, length: int) -> tuple[_Place, _Place]:
    sine, cosine = np.sin(sector.angle_right), np.cos(sector.angle_right)
    along = np.array([sector.apex_x + radius * sine, sector.apex_y + radius * cosine])
    across = np.array([cosine, -sine])
    return _point(along + 4 * across), _point(along + (4 + length) * across)


def draw_grey_bar(screen: np.ndarray, look: ConsoleLook) -> Rect | None:
    """Grey scale bar, white at the top; its rectangle with the frame, None when the look has none."""
    if look.grey_bar_side == "none":
        return None
    height, width = screen.shape[:2]
    rows, columns = round(0.24 * height), max(6, round(0.010 * width))
    x = round(0.012 * width) if look.grey_bar_side == "left" else round(0.975 * width)
    y = round((0.42 if look.grey_bar_side == "left" else 0.13) * height)
    ramp = np.linspace(255, 0, rows).astype(np.uint8)
    screen[y : y + rows, x : x + columns] = ramp[:, None, None]
    cv2.rectangle(screen, (x - 1, y - 1), (x + columns, y + rows), look.text, 1)
    return Rect(x - 1, y - 1, columns + 2, rows + 2)


def draw_markers(
    screen: np.ndarray,
    look: ConsoleLook,
    sector: Sector,
    focus_fraction: float,
    side: str = "left",
    at_corner: bool = False,
) -> None:
    """Orientation marker on ``side`` (``left`` or ``right``) of the picture, and the focus sign beside the ruler.

    The marker is level with the middle of the probe's face, or with its corner, where a curved face does not hide it.
    """
    height = screen.shape[0]
    size = max(4, round(0.008 * height))
    angle, away = (sector.angle_left, -3) if side == "left" else (sector.angle_right, 3)
    x = round(sector.apex_x + sector.radius_min_px * np.sin(angle)) + away * size
    y = round(sector.apex_y + sector.radius_min_px * (np.cos(angle) if at_corner else 1.0)) - size // 2
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


def draw_clock(screen: np.ndarray, look: ConsoleLook, box: Rect, second_of_day: int) -> Rect:
    """Time of day in ``box``; the rectangle of its text."""
    hours, rest = divmod(second_of_day % 86400, 3600)
    text = f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    return put_text(screen, text, box.x + 2, box.y + box.height - max(3, box.height // 4), look, look.text)


def _logo(screen: np.ndarray, centre: tuple[int, int], size: int, colour: Colour) -> None:
    cv2.ellipse(screen, centre, (size, size), 0, 200, 520, colour, 2, cv2.LINE_AA)
    cv2.line(screen, (centre[0] - size, centre[1]), (centre[0] + size, centre[1]), colour, 1, cv2.LINE_AA)


def _triangle(screen: np.ndarray, x: int, y: int, size: int, colour: Colour) -> None:
    corners = np.array([[x - size, y], [x + size, y - size], [x + size, y + size]], dtype=np.int32)
    cv2.fillPoly(screen, [corners], colour, cv2.LINE_AA)


def _point(position: np.ndarray) -> tuple[int, int]:
    return round(float(position[0])), round(float(position[1]))
