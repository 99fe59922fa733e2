"""Where the ultrasound picture is on a scanner's screen, found from one frame or a few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from calibration.foreground import Foreground, find_foreground, loose_foreground
from calibration.levels import grey_of
from calibration.linear_fit import fit_rectangle
from calibration.sector_fit import SectorFitter
from capture.errors import CalibrationError
from capture.geometry import LinearField, Sector, SectorShape

_MIN_AREA_SHARE = 0.02
_TIGHT_SHARE = 0.93
_CLEAR = 0.95
_CLEARLY_BETTER = 0.1
_DOUBTFUL = 0.75
_SOFT_EDGE_PX, _RINGING_PX, _FLANK_PX = 1.5, 14.0, 3.0
_NARROWEST = np.radians(16.0)
_ADVICE = "show a live ultrasound picture on the scanner and find the sector again, or draw it by hand in the profile"


@dataclass(frozen=True)
class SectorFinding:
    """A sector found on a screen.

    Attributes
    ----------
    shape : in screen pixels
    already_tight : the frame is a sector crop, not a whole screen
    confidence : 0..1; below 0.5 a person should look at it
    notes : findings for the user
    """

    shape: SectorShape
    already_tight: bool
    confidence: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    shape: SectorShape  # in working pixels
    agreement: float  # overlap of shape and picture, 0..1
    crispness: float  # drop of picture density across the outline, 0..1
    is_loose: bool = False  # holds islands of a dim picture rather than one body

    @property
    def merit(self) -> float:
        return self.agreement + self.crispness


def detect_sector(frames: Sequence[np.ndarray]) -> SectorFinding:
    """Find the ultrasound picture on a screen.

    Parameters
    ----------
    frames : one or a few pictures of one stream and size, each (H, W) or (H, W, 3) BGR uint8. Several are merged by
        their brightest pixels, which fills shadows and black blood.

    Raises
    ------
    CalibrationError
        When there is no ultrasound picture (black, a "no signal" picture, a desktop), with what to do.
    """
    pixels = _merged(frames)
    readings = find_foreground(pixels)
    _require_picture(pixels, max(readings, key=lambda reading: np.count_nonzero(reading.body)))
    best = _best(readings)
    return _finding(best, readings[0], pixels.shape[:2])


def _best(readings: list[Foreground]) -> _Candidate:
    """The better reading; for islands of a dim picture the hull that holds them all."""
    best = _sharper([_choose(reading) for reading in readings], readings[0].scale)
    if best.agreement >= _CLEAR:
        return best
    loose = _choose(loose_foreground(readings[0]))
    if isinstance(loose.shape, Sector) and loose.agreement > max(best.agreement, 0.85):
        return replace(loose, is_loose=True)
    return best


def _sharper(candidates: list[_Candidate], scale: tuple[float, float]) -> _Candidate:
    """The reading to trust: any difference from the background, unless that shows ringing or noise.

    Compression rings all around a picture, by at most a block; what reaches further on one side is a dark flank of
    the picture itself.
    """
    low, high = candidates[0], candidates[-1]
    if isinstance(low.shape, Sector) and isinstance(high.shape, Sector):
        outward = _outward(low.shape, high.shape)
        ringing = float(np.median(outward))
        if _SOFT_EDGE_PX < ringing / scale[0] < _RINGING_PX:
            flanks = np.where(outward - ringing > _FLANK_PX, outward - ringing, 0.0)
            return replace(high, shape=_widened(high.shape, flanks), agreement=max(low.agreement, high.agreement))
        if outward.max() / scale[0] >= _RINGING_PX and low.agreement > _CLEAR:
            return low
    return high if high.merit > low.merit + _CLEARLY_BETTER else low


def _widened(sector: Sector, flanks: np.ndarray) -> Sector:
    """The sector with its left, right and bottom moved outward by ``flanks`` (3,) pixels, at half its range."""
    middle = (sector.radius_min_px + sector.radius_max_px) / 2
    return replace(
        sector,
        angle_left=sector.angle_left - flanks[0] / middle,
        angle_right=sector.angle_right + flanks[1] / middle,
        radius_max_px=sector.radius_max_px + flanks[2],
    )


def _outward(low: Sector, high: Sector) -> np.ndarray:
    """How far the left, right and bottom of ``low`` lie outside those of ``high``, (3,) working pixels."""
    angles = np.array([high.angle_left, high.angle_right, 0.0])
    middle = (high.radius_min_px + high.radius_max_px) / 2
    radii = np.array([middle, middle, high.radius_max_px])
    radius, angle = low.polar(high.apex_x + radii * np.sin(angles), high.apex_y + radii * np.cos(angles))
    left, right = radius[0] * (angle[0] - low.angle_left), radius[1] * (low.angle_right - angle[1])
    return np.array([left, right, low.radius_max_px - radius[2]])


def _merged(frames: Sequence[np.ndarray]) -> np.ndarray:
    if not frames:
        raise CalibrationError("no frame to find a sector in: wait until the source sends pictures")
    if len({frame.shape for frame in frames}) > 1:
        raise CalibrationError("the frames differ in size: find the sector again once the source's mode is stable")
    merged = frames[0]
    for frame in frames[1:]:
        merged = np.asarray(cv2.max(merged, frame))
    if min(merged.shape[:2]) < 32:
        raise CalibrationError(f"a frame of {merged.shape[1]}x{merged.shape[0]} is too small to hold a sector")
    return merged


def _require_picture(pixels: np.ndarray, evidence: Foreground) -> None:
    """Refuse what is no ultrasound picture at all."""
    area = float(evidence.body.mean())
    if area < _MIN_AREA_SHARE:
        raise CalibrationError(f"the screen is empty or black, no ultrasound picture is on it: {_ADVICE}")
    small = cv2.resize(pixels, evidence.body.shape[::-1], interpolation=cv2.INTER_AREA)
    grey = grey_of(np.asarray(small))
    inside = evidence.body[:, 1:] & (grey[:, 1:] > 24)
    step = cv2.absdiff(grey[:, 1:], grey[:, :-1])[inside]
    if step.size and (float((step == 0).mean()) > 0.6 or float((step <= 1).mean()) > 0.97):
        raise CalibrationError(f"the screen shows flat areas, not an ultrasound picture: {_ADVICE}")
    if evidence.body.all() and float(np.mean(step.astype(np.float64) ** 2)) > 1.6 * float(grey.var()):
        raise CalibrationError(f"the screen shows random noise, not an ultrasound picture: {_ADVICE}")
    if pixels.ndim == 3 and _is_colourful(np.asarray(small)[evidence.body]):
        raise CalibrationError(f"the screen shows a colour picture, not an ultrasound picture: {_ADVICE}")


def _is_colourful(colours: np.ndarray) -> bool:
    """Whether most of (K, 3) colours are far from one common tint."""
    values = colours.astype(np.float32)
    spread = values.max(axis=1) - values.min(axis=1)
    return float((spread > 50).mean()) > 0.35


def _choose(evidence: Foreground) -> _Candidate:
    """Sector, linear field, or at least all of the picture."""
    weight = evidence_weight(evidence)
    if _fills_top(evidence):
        return _candidate(_whole(evidence), evidence)
    rectangle = _candidate(_filled(fit_rectangle(weight) or _bounding_box(evidence.body), evidence), evidence)
    fit = SectorFitter(weight, evidence.body).fit()
    if fit is None or fit.sector.angle_right - fit.sector.angle_left < _NARROWEST:
        return rectangle
    sector = _candidate(fit.sector, evidence)
    # A sector cut on all sides by the frame is no better an explanation than the plain frame.
    return sector if sector.agreement > rectangle.agreement + 0.02 else rectangle


def _filled(rectangle: LinearField, evidence: Foreground) -> LinearField:
    """The whole frame for a rectangle that reaches three of its edges: the fourth is only dark."""
    height, width = evidence.body.shape
    near = 0.02 * max(height, width) + 1
    gaps = rectangle.left, rectangle.top, width - 1 - rectangle.right, height - 1 - rectangle.bottom
    if sum(gap <= near for gap in gaps) < 3:
        return rectangle
    return _whole(evidence)


def _fills_top(evidence: Foreground) -> bool:
    """Whether the picture spans the frame at its top, as only that of a linear probe, or one cut there, does."""
    rows = max(evidence.body.shape[0] // 40, 3)
    return bool(evidence.body[1:rows].mean() > 0.9)


def _whole(evidence: Foreground) -> LinearField:
    height, width = evidence.body.shape
    return LinearField(0.0, 0.0, float(width - 1), float(height - 1))


def _bounding_box(body: np.ndarray) -> LinearField:
    x, y, width, height = cv2.boundingRect(body.astype(np.uint8))
    return LinearField(float(x), float(y), float(x + width - 1), float(y + height - 1))


def evidence_weight(evidence: Foreground) -> np.ndarray:
    """Gain or cost of each working pixel as part of the picture, (h, w) float32; 0 where nothing is known."""
    inside = evidence.density[evidence.body]
    cost = float(np.clip(0.4 * np.median(inside), 0.05, 0.25)) if inside.size else 0.3
    core = cv2.erode(evidence.body.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    filled = np.where(core, np.maximum(evidence.density, 0.8), evidence.density)
    return np.asarray((filled - cost) * evidence.known, dtype=np.float32)


def _candidate(shape: SectorShape, evidence: Foreground) -> _Candidate:
    return _Candidate(shape, _agreement(shape, evidence), _crispness(shape, evidence))


def _crispness(shape: SectorShape, evidence: Foreground) -> float:
    """Mean drop of density within 2 working pixels on either side of the outline; 0 when none of it is on screen."""
    height, width = evidence.body.shape
    inside = shape.mask(height, width).astype(np.uint8)
    unit = np.ones((3, 3), np.uint8)
    shells = (
        cv2.subtract(inside, cv2.erode(inside, unit, iterations=2, borderValue=1)),
        cv2.subtract(cv2.dilate(inside, unit, iterations=2), inside),
    )
    if not shells[1].any():
        return 0.0
    near, far = (float(np.average(evidence.density, weights=shell * evidence.known + 1e-9)) for shell in shells)
    return near - far


def _agreement(shape: SectorShape, evidence: Foreground) -> float:
    """Overlap (intersection over union) of a shape and the body, on the working copy."""
    inside = shape.mask(*evidence.body.shape)
    union = np.count_nonzero(inside | evidence.body)
    return float(np.count_nonzero(inside & evidence.body) / max(int(union), 1))


def _finding(candidate: _Candidate, reading: Foreground, frame_shape: tuple[int, ...]) -> SectorFinding:
    height, width = frame_shape[0], frame_shape[1]
    confidence = round(min(candidate.agreement, 1.0), 3)
    notes: tuple[str, ...] = ()
    shape = _on_screen(candidate.shape, reading.scale)
    if candidate.agreement < _DOUBTFUL:
        everything = _filled(_bounding_box(loose_foreground(reading).body), reading)
        shape = _on_screen(everything, reading.scale)
        confidence = min(confidence, 0.4)
        notes = ("No clear sector outline: the whole picture area is used. Check the crop.",)
    elif candidate.is_loose:
        confidence = min(confidence, 0.6)
        notes = ("The picture is dim and its outline only partly visible: raise the gain and find the sector again.",)
    rect = shape.bounds().clipped(height, width)
    tight = rect.width >= _TIGHT_SHARE * width and rect.height >= _TIGHT_SHARE * height
    return SectorFinding(shape, tight, confidence, notes)


def _on_screen(shape: SectorShape, scale: tuple[float, float]) -> SectorShape:
    """From working to screen pixels; pixel centres stay centres."""
    sx, sy = scale
    if isinstance(shape, LinearField):
        left, top = (shape.left + 0.5) / sx - 0.5, (shape.top + 0.5) / sy - 0.5
        return LinearField(left, top, (shape.right + 0.5) / sx - 0.5, (shape.bottom + 0.5) / sy - 0.5)
    mean = (sx + sy) / 2
    return Sector(
        (shape.apex_x + 0.5) / sx - 0.5,
        (shape.apex_y + 0.5) / sy - 0.5,
        shape.radius_min_px / mean,
        shape.radius_max_px / mean,
        shape.angle_left,
        shape.angle_right,
    )
