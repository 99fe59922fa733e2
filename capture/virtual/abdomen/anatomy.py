"""The lower abdomen as the probe meets it: layers of the wall, bladder, the organ behind it, bowel and its gas.

Places are in mm in the image plane, the probe's centre of curvature at (0, 0), z away from it. Levels are mean echoes
in dB against pelvic tissue; textures come on top of them. The numbers are engineering choices after textbook pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.virtual.abdomen.parameters import AbdomenParameters

URINE_DB = -60.0
WALL_MM = 3.5
_SPECULAR_DB = 17.0
_PHI = np.linspace(-np.pi, np.pi, 361)


@dataclass(frozen=True)
class Bladder:
    """Outline of the inner bladder wall, and the organ behind it.

    Attributes
    ----------
    centre : (x, z)
    half : half width and half height
    back_mm : z of the deepest point of the outline
    radius_mm : distance of the outline from the centre at angles -pi..pi, (361,), angle 0 to the right, pi/2 deep
    organ_centre, organ_half, organ_turn : ellipse of the uterus or prostate, turn in radians
    """

    centre: tuple[float, float]
    half: tuple[float, float]
    back_mm: float
    radius_mm: np.ndarray
    organ_centre: tuple[float, float]
    organ_half: tuple[float, float]
    organ_turn: float

    @classmethod
    def of(cls, p: AbdomenParameters, face_mm: float) -> Bladder:
        """Bladder of ``filling_ml`` under an abdominal wall of ``habitus_mm``; an emptier one is flatter."""
        r = np.random.default_rng([p.seed, 203])
        full = float(np.clip(p.filling_ml / 300, 0.2, 1.4))
        wide, high = r.uniform(1.16, 1.28), r.uniform(0.84, 0.94) * (0.62 + 0.38 * min(full, 1.0))
        # Volume of an ellipsoid with axes wide, high and 1 times the size: 0.52 times their product.
        size = (p.filling_ml * 1000 / (0.5236 * wide * high)) ** (1 / 3)
        half = (float(size * wide / 2), float(size * high / 2))
        centre = (p.offset_mm, face_mm + p.habitus_mm + 4.0 + half[1])
        radius = _outline(r, half, p)
        back = centre[1] + float((radius * np.sin(_PHI)).max())
        organ = (27.0, 17.0) if p.organ == "prostate" else (float(r.uniform(40, 52)), float(r.uniform(19, 25)))
        lift = 0.80 if p.organ == "prostate" else 0.85
        organ_centre = (p.offset_mm + float(r.uniform(-7, 7)), back + lift * organ[1] + WALL_MM)
        return cls(centre, half, back, radius, organ_centre, organ, float(r.uniform(-0.22, 0.22)))

    def distance_mm(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """How far outside the outline, negative inside, along the ray from the centre; any one shape."""
        dx, dz = x - self.centre[0], z - self.centre[1]
        reach = np.interp(np.arctan2(dz, dx), _PHI, self.radius_mm)
        return np.asarray(np.hypot(dx, dz) - reach, dtype=np.float32)

    def outline_mm(self, count: int = 180, outward_mm: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Points x, z on the outline, or beside it by ``outward_mm``, (count,) each."""
        phi = np.linspace(-np.pi, np.pi, count, endpoint=False)
        reach = np.interp(phi, _PHI, self.radius_mm) + outward_mm
        return self.centre[0] + reach * np.cos(phi), self.centre[1] + reach * np.sin(phi)

    def specular(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Share 0..1 of a mirror's echo that the outline sends back to the probe at its nearest point."""
        dx, dz = x - self.centre[0], z - self.centre[1]
        nx, nz = dx / self.half[0] ** 2, dz / self.half[1] ** 2
        along = np.abs(nx * x + nz * z) / np.maximum(np.hypot(nx, nz) * np.hypot(x, z), 1e-6)
        return np.asarray(along**4, dtype=np.float32)

    def organ_position(self, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Along and across the organ behind, 1 at the ends of its axes."""
        dx, dz = x - self.organ_centre[0], z - self.organ_centre[1]
        cosine, sine = np.cos(self.organ_turn), np.sin(self.organ_turn)
        return (cosine * dx + sine * dz) / self.organ_half[0], (cosine * dz - sine * dx) / self.organ_half[1]


def _outline(r: np.random.Generator, half: tuple[float, float], p: AbdomenParameters) -> np.ndarray:
    """Rounded box across the body, a leaning drop along it, with a few low harmonics; pushed in by the organ behind."""
    power = r.uniform(2.2, 2.7) if p.plane == "transverse" else r.uniform(2.0, 2.2)
    radius = (np.abs(np.cos(_PHI) / half[0]) ** power + np.abs(np.sin(_PHI) / half[1]) ** power) ** (-1 / power)
    for order, most in ((1, 0.03), (2, 0.05), (3, 0.06), (4, 0.03), (5, 0.02), (7, 0.012)):
        radius = radius * (1 + r.uniform(-most, most) * np.cos(order * _PHI + r.uniform(0, 6.28)))
    if p.plane == "sagittal":
        lean = float(r.choice([-1.0, 1.0]))
        radius = radius * (1 + 0.10 * np.cos(3 * (_PHI - np.pi / 2)) + lean * 0.12 * np.cos(_PHI) * np.sin(_PHI))
    push, width = (0.16, 0.55) if p.organ == "uterus" else (0.12, 0.35)
    return np.asarray(radius - push * half[1] * np.exp(-(((_PHI - np.pi / 2) / width) ** 2)))


def structure_db(
    p: AbdomenParameters, bladder: Bladder, radius: np.ndarray, angle: np.ndarray, face_mm: float
) -> np.ndarray:
    """Mean echo of what lies at each place, before attenuation and shadows; float32.

    Parameters
    ----------
    radius, angle : polar places of one broadcast shape, mm and radians
    """
    x, z = radius * np.sin(angle), radius * np.cos(angle)
    depth = radius - face_mm
    level = np.where(depth < p.habitus_mm, abdominal_wall_db(p, depth, angle), -2.0)
    level = _behind(level, p, bladder, x, z)
    distance = bladder.distance_mm(x, z)
    near = np.exp(-(((distance - WALL_MM - 2) / 3.0) ** 2))
    level = level + 4.0 * near * (depth > p.habitus_mm)
    mirror = bladder.specular(x, z)
    wall = -3.0 + _SPECULAR_DB * mirror * np.exp(-(((distance - 0.7) / 0.9) ** 2)) + 5.0 * mirror * (distance > 2.6)
    level = np.where((distance >= 0) & (distance < WALL_MM), wall, level)
    return np.asarray(np.where(distance < 0, URINE_DB, level), dtype=np.float32)


def wall_echo_db(bladder: Bladder, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Strongest mean echo of the bladder wall near points on its outline, before attenuation and shadows."""
    return np.asarray(-3.0 + _SPECULAR_DB * bladder.specular(x, z))


def abdominal_wall_db(p: AbdomenParameters, depth: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Skin, fat, rectus muscle between its two fasciae, fat and peritoneum."""
    r = np.random.default_rng([p.seed, 204])
    wave = 1 + sum(r.uniform(0.01, 0.035) * np.sin(r.uniform(2, 9) * angle + r.uniform(0, 6.28)) for _ in range(4))
    d = depth / (p.habitus_mm * wave)
    fascia, back = r.uniform(0.40, 0.52), r.uniform(0.70, 0.80)
    level = np.where(d < fascia, -7.0, np.where(d < back, -11.0, -6.0))
    level = np.where(depth < 1.8, 9.0, np.where(depth < 3.0, 1.0, level))
    for centre, height in (
        (0.5 * fascia, 9.0),
        (fascia, 20.0),
        (0.5 * (fascia + back), 8.0),
        (back, 19.0),
        (0.97, 18.0),
    ):
        level = level + height * np.exp(-(((d - centre) * p.habitus_mm / 0.7) ** 2))
    return np.asarray(level)


def _behind(level: np.ndarray, p: AbdomenParameters, bladder: Bladder, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The uterus with its bright stripe, or the prostate, in ``level``."""
    along, across = bladder.organ_position(x, z)
    rho = np.hypot(along, across)
    body, capsule = (-7.0, 6.0) if p.organ == "uterus" else (-9.0, 8.0)
    edge = capsule * np.exp(-(((rho - 1.0) / 0.06) ** 2))
    level = np.where(rho < 1.0, body, level) + edge
    if p.organ == "uterus":
        level = level + 10.0 * np.exp(-((across / 0.13) ** 2)) * (np.abs(along) < 0.72)
    return np.asarray(level)
