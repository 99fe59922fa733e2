"""Where a probe can stand on the chest: three acoustic windows, and the skin through them."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from capture.errors import CaptureError
from capture.virtual.body.reproducible import product


def azimuth(degrees: float) -> np.ndarray:
    """Unit vector across the standard apical beam at a left-ventricular azimuth, (3,) float32: 0 anterolateral, 60
    anterior, 120 anteroseptal, 180 inferoseptal, 240 inferior, 300 inferolateral."""
    return np.array([cos(radians(degrees)), sin(radians(degrees)), 0.0], np.float32)


# Ribs lie one above the other along the body's length, which is oblique to the heart's axis.
HEADWARD = (0.80 * azimuth(60) + np.array([0, 0, 0.6])).astype(np.float32)
RIB_SPACING_MM = 31.0


@dataclass(frozen=True, eq=False)
class Window:
    """A place on the skin and the standard directions of a probe there; unit vectors (3,) float64 in the body frame.

    Attributes
    ----------
    origin : place on the skin, mm
    lateral, elevation, axial : right of the picture, out of the picture, into the body at no rotation; right-handed
    ribs : whether it lies between ribs
    """

    origin: np.ndarray
    lateral: np.ndarray
    elevation: np.ndarray
    axial: np.ndarray
    ribs: bool


def _window(origin: np.ndarray, lateral: np.ndarray, axial: np.ndarray, ribs: bool) -> Window:
    origin, lateral, axial = (np.asarray(v, np.float64) for v in (origin, lateral, axial))
    axial = axial / np.linalg.norm(axial)
    lateral = lateral - (lateral @ axial) * axial
    lateral = lateral / np.linalg.norm(lateral)
    elevation = np.cross(axial, lateral)
    return Window(origin, lateral, elevation, axial, ribs)


_Z = np.array([0.0, 0.0, 1.0], np.float32)
_MIDDLE = np.array([6.0, 0.0, 82.0], np.float32)  # centre of an average left ventricle, towards its base

# Distances are those of an average chest; a patient's heart lies nearer or farther.
WINDOWS: dict[str, Window] = {
    "apical": _window(np.zeros(3, np.float32), azimuth(0), _Z, True),
    "parasternal": _window(_MIDDLE + 80 * azimuth(120) + 2 * _Z, _Z, -azimuth(120), True),
    "subcostal": _window(_MIDDLE + 112 * azimuth(212) - 6 * _Z, -_Z, -azimuth(212) + 0.12 * _Z, False),
}


def window(name: str) -> Window:
    """The window of that name.

    Raises
    ------
    CaptureError
        There is no such window.
    """
    if name not in WINDOWS:
        raise CaptureError(f"The virtual probe has no window {name!r}. Choose one of {', '.join(WINDOWS)}.")
    return WINDOWS[name]


_NORMALS = np.stack([w.axial for w in WINDOWS.values()], axis=1)  # (3, windows)
_OFFSETS = np.array([product(w.origin, w.axial) for w in WINDOWS.values()], np.float32)


def skin_depth(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth in mm below the nearest skin of body places (..., 3), and which window's skin that is (index).

    The skin is flat around each window, so that the body is what lies below all three planes.
    """
    depths = product(points, _NORMALS) - _OFFSETS  # (..., 3) -> (..., windows)
    which = (depths[..., 1] < depths[..., 0]).astype(np.uint8)
    depth = np.minimum(depths[..., 0], depths[..., 1])
    which[depths[..., 2] < depth] = 2
    return np.minimum(depth, depths[..., 2]), which
