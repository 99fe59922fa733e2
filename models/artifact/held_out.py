"""Artifacts that nothing is trained on: real frames spoilt as screens, probes and cards spoil them.

Everything is drawn over the frame at its own or a screen's resolution, with the virtual scanner's screen furniture,
and reaches the network by the live program's own crop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from calibration.crop import SectorCrop
from calibration.levels import grey_of
from capture.geometry import Rect, Sector
from capture.virtual.acoustics.scan_conversion import ScanConverter
from capture.virtual.screen.calipers import CaliperOverlay, random_calipers
from capture.virtual.screen.colour_box import ColourFlow, random_colour_box
from capture.virtual.screen.furniture import put_text
from capture.virtual.screen.interlacing import weave
from capture.virtual.screen.looks import LOOKS, full_range_lut
from capture.virtual.screen.phantom import PhantomLevels, phantom_polar
from models.artifact.network import SIZE
from models.artifact.pictures import HEART, SourcePicture
from models.regional.dense.negatives import no_contact as probe_in_the_air

SCREEN_LINES = (288, 384, 480)
"""Heights that lines of one pixel and text are drawn at: two to four pixels wide on a screen of 1080 lines."""
_WORDS = ("LV", "LA", "IVSd", "LVIDd", "A4C", "AP", "TR Vmax", "EF 55 %", "D1", "Sept.")
_JPEG_QUALITY = (2, 7)


@dataclass(frozen=True, eq=False)
class HeldOutFrame:
    """A real frame to spoil.

    Attributes
    ----------
    picture : the frame
    successor : another phase of the same view and patient, of the same size; None where there is none
    random : decides everything
    """

    picture: SourcePicture
    successor: SourcePicture | None
    random: np.random.Generator


def phantom(f: HeldOutFrame) -> np.ndarray:
    """Speckle with round chambers, as of a test phantom, in the frame's own sector."""
    levels = PhantomLevels.random(int(f.random.integers(2**31)))
    height, width = f.picture.image.shape
    converter = ScanConverter(f.picture.sector, levels.ranges, levels.beams, height, width)
    screen = np.zeros_like(f.picture.image)
    screen[converter.box.slices()] = converter.convert(phantom_polar(levels, 0))
    return f.picture.square(screen)


def colour_doppler(f: HeldOutFrame) -> np.ndarray:
    """A colour box: flow in dark blood, and the outline of the box."""
    screen, sector = _on_screen(f)
    box = random_colour_box(f.random, sector)
    grey = grey_of(screen)
    area = Rect(0, 0, grey.shape[1], grey.shape[0])
    look = LOOKS[int(f.random.integers(len(LOOKS)))]
    flow = ColourFlow(box, area, 0.9, full_range_lut(), look, int(f.random.integers(2**31)))
    flow.draw(screen, grey, float(f.random.uniform(0, 0.9)))
    return _squared(screen, sector)


def caliper_text(f: HeldOutFrame) -> np.ndarray:
    """Two to four calipers, their result box, and a few words of annotation over the picture."""
    screen, sector = _on_screen(f)
    look = LOOKS[int(f.random.integers(len(LOOKS)))]
    height, width = screen.shape[:2]
    calipers = random_calipers(f.random, sector, int(f.random.integers(2, 5)))
    CaliperOverlay(calipers, sector, 0.3, look, height, width).draw(screen)
    for caliper in calipers:
        words = " ".join(f.random.choice(_WORDS, 2))
        put_text(screen, words, round(caliper.end[0]), round(caliper.end[1]) - 6, look, look.text)
    return _squared(screen, sector)


def compression_blocks(f: HeldOutFrame) -> np.ndarray:
    """JPEG of such a low quality that its blocks show; the frozen degradations end at quality 10."""
    quality = int(f.random.integers(*_JPEG_QUALITY))
    _, data = cv2.imencode(".jpg", f.picture.image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return f.picture.square(np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)))


def half_frame(f: HeldOutFrame) -> np.ndarray:
    """Half of the sector's box is black: left, right, top or bottom."""
    square, side = f.picture.square().copy(), int(f.random.integers(4))
    rotated = np.rot90(square, side)
    rotated[: SIZE // 2] = 0
    return square


def interlacing(f: HeldOutFrame) -> np.ndarray:
    """Two fields: of another phase where there is one, else with the probe moved between them."""
    newer = f.picture.image
    older = None if f.successor is None or f.successor.image.shape != newer.shape else f.successor.image
    shift = f.random.integers(5, 13) * f.random.choice([-1, 1])
    moved = np.roll(newer if older is None else older, 0 if older is not None else shift, axis=1)
    return f.picture.square(weave(newer, moved))


def no_contact(f: HeldOutFrame) -> np.ndarray:
    """The probe in the air: rings near the skin and noise. Nothing of the frame is left."""
    return np.asarray(cv2.resize(probe_in_the_air(f.random), (SIZE, SIZE), interpolation=cv2.INTER_AREA))


def _on_screen(f: HeldOutFrame) -> tuple[np.ndarray, Sector]:
    """The frame enlarged to a screen's height, (H, W, 3) uint8, and its sector there."""
    height, width = f.picture.image.shape
    scale = int(f.random.choice(SCREEN_LINES)) / height
    size = round(width * scale), round(height * scale)
    screen = cv2.cvtColor(cv2.resize(f.picture.image, size, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
    s = f.picture.sector
    x, y, first, last = (value * scale for value in (s.apex_x, s.apex_y, s.radius_min_px, s.radius_max_px))
    return np.asarray(screen), Sector(x, y, first, last, s.angle_left, s.angle_right)


def _squared(screen: np.ndarray, sector: Sector) -> np.ndarray:
    height, width = screen.shape[:2]
    return SectorCrop(sector, height, width, SIZE).extract(screen)


def successors(pictures: Sequence[SourcePicture]) -> list[SourcePicture | None]:
    """For each picture another phase of its view and patient (CAMUS: ED and ES), None where there is none."""
    by_view: dict[tuple[str, str], list[SourcePicture]] = {}
    for picture in pictures:
        by_view.setdefault(_view(picture), []).append(picture)
    return [next((other for other in by_view[_view(p)] if other.name != p.name), None) for p in pictures]


def _view(picture: SourcePicture) -> tuple[str, str]:
    return picture.group, picture.name.rpartition("_")[0] if picture.organ == HEART else picture.name


Spoiling = Callable[[HeldOutFrame], np.ndarray]
