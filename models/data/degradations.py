"""Image degradations of known severity, frozen: every figure that says "severity" means these.

Each works on an 8-bit sector image before it is resized, in one region (its mask dilated by 6 % of the image height,
edges feathered by the same) or in the whole sector. Level t runs from 0 (untouched) to 1; severity order is t.
The reserved kinds are for testing alone, never for training or tuning.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from capture.geometry import Sector
from models.data.polar import PolarGrid

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
DILATION_SHARE = 0.06
SPECKLE_AXIAL_SHARE = 0.0045  # axial speckle sigma as a share of the image height (2.0-2.5 px half-width in 370 px)


class Degrader:
    """Degrades one image in any region, kind and level.

    Parameters
    ----------
    image : (H, W) uint8 sector image, black outside the sector
    sector : where the beams run in it
    """

    def __init__(self, image: np.ndarray, sector: Sector) -> None:
        self.image = image
        self.sector = sector
        self.height, self.width = image.shape
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        self.depth = sector.depth_fraction(x, y).astype(np.float32)
        self.inside = sector.mask(self.height, self.width)
        self._polar: PolarGrid | None = None

    @property
    def polar(self) -> PolarGrid:
        """Beam-space resampling of this image, made when first needed."""
        if self._polar is None:
            self._polar = PolarGrid(self.sector, self.height, self.width)
        return self._polar

    def weight(self, region: np.ndarray | None) -> np.ndarray:
        """Where a degradation acts: (H, W) float32 in 0..1; None means the whole sector."""
        if region is None:
            return self.inside.astype(np.float32)
        return np.asarray(feathered(region, self.height) * self.inside, np.float32)

    def apply(self, kind: str, level: float, region: np.ndarray | None, seed: int) -> np.ndarray:
        """The degraded image, (H, W) uint8.

        Parameters
        ----------
        kind : one of ``KINDS``, ``EXTRA_KINDS`` or ``GHOST_KINDS``
        level : t in 0..1; 0 gives the image back
        region : (H, W) bool mask of the region, None for the whole sector
        seed : of the random fields; one seed gives one image
        """
        if level <= 0:
            return self.image.copy()
        return self.blend(self.full(kind, level, seed), self.weight(region))

    def full(self, kind: str, level: float, seed: int) -> np.ndarray:
        """The degradation over the whole image, (H, W) float32 grey levels, not clipped."""
        return _EVERY[kind](self, self.image.astype(np.float32), level, np.random.default_rng(seed))

    def blend(self, degraded: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Degraded pixels by weight over the image; clipped, rounded, black outside the sector's own pixels."""
        mixed = self.image + weight * (degraded - self.image)
        return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)


def feathered(region: np.ndarray, height: int, feather: float = 1.0) -> np.ndarray:
    """Mask dilated by 6 % of ``height`` with an edge of the same width, (H, W) float32.

    ``feather`` scales the width of the edge (1 is the frozen definition; training varies it).
    """
    radius = max(round(DILATION_SHARE * height), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    grown = cv2.dilate(region.astype(np.uint8), kernel).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), 0.5 * radius * feather))


def _shadow(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    return np.asarray(np.maximum(image - 40 * t * (1 + d.depth), 0))


def _haze(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    noise = random.standard_normal((d.height, d.width), dtype=np.float32)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.06 * d.height), np.float32)
    clouds = np.clip(1 + 0.35 * smooth / (smooth.std() + 1e-6), 0, 2)  # level 1, so that the haze has level 110 t
    haze = 110 * t * clouds * (1 - 0.5 * d.depth)
    return np.asarray(0.5 * image + 0.5 * np.maximum(image, haze))


def _noise(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    noise = random.standard_normal((d.height, d.width), dtype=np.float32)
    band = np.asarray(cv2.GaussianBlur(noise, (0, 0), max(SPECKLE_AXIAL_SHARE * d.height, 0.3)))
    return np.asarray(image + 28 * t * d.depth * band / band.std())


def _defocus(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    beams = d.polar.to_polar(image)  # (ranges, beams)
    sigma = 0.035 * t * beams.shape[1]
    blurred = cv2.GaussianBlur(beams, (0, 0), sigmaX=sigma, sigmaY=0.01)
    axial = max(SPECKLE_AXIAL_SHARE * beams.shape[0], 0.5)
    speckle = cv2.GaussianBlur(
        random.standard_normal(beams.shape, dtype=np.float32), (0, 0), sigmaX=sigma, sigmaY=axial
    )
    lost = np.sqrt(max(float(beams.var()) - float(blurred.var()), 0.0)) / (float(blurred.mean()) + 1e-6)
    speckled = blurred * (1 + min(lost, 0.6) * speckle / (speckle.std() + 1e-6))
    return d.polar.to_image(speckled)


def _gain_low(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    return np.maximum(image - 90 * t, 0)


def _gain_high(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    return np.minimum(image + 110 * t, 255)


def _compression(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    _, data = cv2.imencode(".jpg", image.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, round(60 - 50 * t)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)


def _low_resolution(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    factor = 1 + 3 * t
    size = max(round(d.width / factor), 1), max(round(d.height / factor), 1)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.clip(cv2.resize(small, (d.width, d.height), interpolation=cv2.INTER_CUBIC), 0, 255)


def _clutter(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    grain = max(SPECKLE_AXIAL_SHARE * d.height, 0.6)
    pair = [
        cv2.GaussianBlur(random.standard_normal(image.shape, dtype=np.float32), (0, 0), 2 * grain, sigmaY=grain)
        for _ in range(2)
    ]
    speckle = np.hypot(*pair)  # Rayleigh
    noise = random.standard_normal(image.shape, dtype=np.float32)
    cloud = cv2.GaussianBlur(noise, (0, 0), random.uniform(0.05, 0.12) * d.height)
    level = 45 * t * np.clip(1 + 0.5 * cloud / (cloud.std() + 1e-6), 0, 2)
    return np.asarray(image + level * speckle / speckle.mean())


def _weak_window(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    anchors = random.random(6)
    loss = np.interp(d.polar.beam_position(), np.linspace(0, 1, len(anchors)), 0.6 + 0.4 * anchors)
    return np.asarray(image * (1 - t * loss), np.float32)


def _side_lobes(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    beams = d.polar.to_polar(image)
    ghost = np.zeros_like(beams)
    for side in (-1, 1):
        shift = round(float(random.uniform(0.08, 0.3)) * beams.shape[1])
        wide = np.pad(beams, ((0, 0), (shift, shift)), "reflect")
        start = shift + side * shift
        ghost += np.float32(random.uniform(0.15, 0.5)) * wide[:, start : start + beams.shape[1]]
    return np.asarray(np.minimum(image + t * d.polar.to_image(ghost), 255), np.float32)


def _patches(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    noise = random.standard_normal((d.height, d.width), dtype=np.float32)
    across, along = random.uniform(0.01, 0.04, 2) * d.height
    cloud = cv2.GaussianBlur(noise, (0, 0), sigmaX=float(across), sigmaY=float(along))
    lost = 1 / (1 + np.exp(-4 * (cloud / (cloud.std() + 1e-6) - random.uniform(-0.5, 0.5))))
    return np.asarray(image * (1 - t * lost), np.float32)


def _reverberation(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    beams = d.polar.to_polar(image)
    near = round(0.15 * beams.shape[0])
    echoed = beams.copy()
    for times, share in ((2, 0.6), (3, 0.4), (4, 0.25)):
        start = (times - 1) * near
        echoed[start : start + near] += share * t * beams[:near]
    return np.asarray(np.minimum(d.polar.to_image(echoed), 255))


def _dropout(d: Degrader, image: np.ndarray, t: float, random: np.random.Generator) -> np.ndarray:
    beam_count = 128
    kept = np.ones(beam_count, np.float32)
    beam = 0
    while beam < beam_count:
        run = int(random.integers(2, 9))
        if random.random() < 0.5 * t:
            kept[beam : beam + run] = 0
        beam += run
    position = d.polar.beam_position() * (beam_count - 1)  # (H, W)
    return np.asarray(image * np.interp(position, np.arange(beam_count), kept), np.float32)


_Degradation = Callable[[Degrader, np.ndarray, float, np.random.Generator], np.ndarray]

TRAINING_KINDS: dict[str, _Degradation] = {
    "shadow": _shadow,
    "haze": _haze,
    "noise": _noise,
    "defocus": _defocus,
    "gain_low": _gain_low,
    "gain_high": _gain_high,
    "compression": _compression,
    "low_resolution": _low_resolution,
}
EXTRA_KINDS: dict[str, _Degradation] = {"clutter": _clutter, "weak_window": _weak_window}  # for training, in no figure
# Two more, for the dense network: ghosts beside bright walls, and echoes lost in patches.
GHOST_KINDS: dict[str, _Degradation] = {"side_lobes": _side_lobes, "patches": _patches}
RESERVED_KINDS: dict[str, _Degradation] = {"reverberation": _reverberation, "dropout": _dropout}
KINDS: dict[str, _Degradation] = TRAINING_KINDS | RESERVED_KINDS  # the frozen ones
_EVERY = KINDS | EXTRA_KINDS | GHOST_KINDS
