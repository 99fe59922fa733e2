"""A beating heart in the body frame: its parameters, its rhythm, and where its parts lie around the long axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, pi, radians, sin

import numpy as np

from capture.virtual.body import rhythm
from capture.virtual.body.motion import AxisPlaces, HeartMotion
from capture.virtual.body.reproducible import product
from capture.virtual.body.ventricle import VentricleShape, table_index
from capture.virtual.body.wall_motion import WallMotion

ROOT_DEG = 120.0  # azimuth at which the aortic root leaves the base
ROOT_LEAN_DEG = 20.0


@dataclass(frozen=True)
class HeartParameters:
    """Size, place and motion of one heart at end-diastole; lengths in mm.

    Attributes
    ----------
    apex_x, apex_y, apex_z : tip of the left ventricle's cavity in the body frame
    tilt, tilt_y : long axis against the vertical in radians, positive when the base lies to the right, or anterior
    length : cavity from apex to annulus
    radius : largest half width of the cavity
    septum, lateral : wall thickness
    waist : how much wider the cavity is towards the apex, and narrower towards the base, as a share; may be negative
    uneven, uneven_phase : share by which wall thickness varies along the wall, and where
    oval : how much the cavity is narrower from anterior to inferior, 0..1
    atrium_length, atrium_radius : left atrium
    right_width : right ventricle beside the septum
    root_radius : aortic annulus
    bend : sideways bow of the long axis
    ejection_fraction : of the left ventricle with walls that all move normally, 0..1
    shortening : of the long axis in systole, 0..1
    torsion_deg : turn of the apex in systole
    wall_motion : amplitude of each wall
    heart_rate_bpm, breath_period_s, breath_mm : rhythm
    chest_wall_mm : thickness of skin, fat and muscle
    attenuation_db_per_cm_mhz : of the tissue; gain over depth is set for 0.5
    window_quality : 1 open between ribs and lung, 0 nearly closed
    """

    apex_x: float = 4.0
    apex_y: float = 0.0
    apex_z: float = 30.0
    tilt: float = 0.05
    tilt_y: float = 0.0
    length: float = 76.0
    radius: float = 26.0
    septum: float = 9.5
    lateral: float = 9.0
    waist: float = 0.0
    uneven: float = 0.06
    uneven_phase: float = 1.0
    oval: float = 0.04
    atrium_length: float = 42.0
    atrium_radius: float = 23.0
    right_width: float = 30.0
    root_radius: float = 10.5
    bend: float = 3.0
    ejection_fraction: float = 0.58
    shortening: float = 0.16
    torsion_deg: float = 7.0
    wall_motion: WallMotion = field(default_factory=WallMotion)
    heart_rate_bpm: float = 64.0
    breath_period_s: float = 4.6
    breath_mm: float = 1.6
    chest_wall_mm: float = 16.0
    attenuation_db_per_cm_mhz: float = 0.5
    window_quality: float = 0.8

    @classmethod
    def random(cls, seed: int) -> HeartParameters:
        """Parameters of a patient; same seed, same heart."""
        r = np.random.default_rng([seed, 101])
        apex_z = float(r.uniform(22, 32))
        return cls(
            apex_x=float(r.uniform(0, 7)),
            apex_y=float(r.uniform(-4, 4)),
            apex_z=apex_z,
            tilt=float(r.uniform(-0.02, 0.09)),
            tilt_y=float(r.uniform(-0.05, 0.05)),
            length=float(r.uniform(70, 86)),
            radius=float(r.uniform(23, 31)),
            septum=float(r.uniform(8, 11.5)),
            lateral=float(r.uniform(7.5, 11)),
            oval=float(r.uniform(0.0, 0.08)),
            atrium_length=float(r.uniform(36, 48)),
            atrium_radius=float(r.uniform(20, 27)),
            right_width=float(r.uniform(24, 36)),
            root_radius=float(r.uniform(9.5, 11.5)),
            bend=float(r.uniform(0, 5)),
            ejection_fraction=float(r.uniform(0.35, 0.66)),
            shortening=float(r.uniform(0.09, 0.19)),
            torsion_deg=float(r.uniform(4, 11)),
            heart_rate_bpm=float(r.uniform(52, 92)),
            breath_period_s=float(r.uniform(3.6, 6.0)),
            breath_mm=float(r.uniform(0.5, 2.5)),
            chest_wall_mm=0.45 * apex_z + float(r.uniform(1, 5)),
            attenuation_db_per_cm_mhz=float(r.uniform(0.45, 0.58)),
            window_quality=float(r.uniform(0.45, 1.0)),
            waist=float(r.uniform(-0.05, 0.07)),
            uneven=float(r.uniform(0.02, 0.15)),
            uneven_phase=float(r.uniform(0, 2 * pi)),
        )

    @property
    def reach_mm(self) -> float:
        """Range of the left atrium's floor from the apical window."""
        return self.apex_z + self.length + self.atrium_length


@dataclass(frozen=True)
class HeartState:
    """One instant.

    Attributes
    ----------
    ejected : 0 at end-diastole to 1 at end-systole
    opening, aortic_opening : of the mitral (and tricuspid) and of the aortic valve, 0..1
    breath_mm : how far breathing has moved the heart, body frame
    """

    ejected: float
    opening: float
    aortic_opening: float = 0.0
    breath_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Heart:
    """Geometry of one patient's heart and its motion.

    Attributes
    ----------
    parameters : as given
    axes : (3, 3) float32, rows: towards the lateral wall, towards the anterior side, along the long axis to the base
    shape : left ventricle at end-diastole
    root_centre, root_axis : (3,) float32, centre of the aortic annulus, and the way from it into the aorta
    squeeze : how much of the cavity's width a normal wall takes away in systole, from the ejection fraction
    """

    def __init__(self, parameters: HeartParameters) -> None:
        p = self.parameters = parameters
        along = np.array([sin(p.tilt), sin(p.tilt_y), cos(p.tilt) * cos(p.tilt_y)])
        along /= np.linalg.norm(along)
        across = np.array([1.0, 0.0, 0.0]) - along[0] * along
        across /= np.linalg.norm(across)
        self.axes = np.stack([across, np.cross(along, across), along]).astype(np.float32)
        self.apex = np.array([p.apex_x, p.apex_y, p.apex_z], np.float32)
        self.shape = VentricleShape(p)
        self.root_centre, self.root_axis = self._place_root()
        self.squeeze = 0.0
        self._motion = HeartMotion(self)
        self.squeeze = self._solve_squeeze()

    @property
    def period_s(self) -> float:
        """Length of a beat."""
        return 60.0 / self.parameters.heart_rate_bpm

    def state(self, t_s: float) -> HeartState:
        """The heart at ``t_s`` seconds after an R peak."""
        p = self.parameters
        beat = (t_s / self.period_s) % 1.0
        breath = 2 * pi * t_s / p.breath_period_s
        moved = 0.7 * p.breath_mm * sin(breath), 0.5 * p.breath_mm * sin(breath + 0.4), p.breath_mm * sin(breath + 0.8)
        return HeartState(rhythm.ejected(beat), rhythm.mitral_opening(beat), rhythm.aortic_opening(beat), moved)

    def end_systole_s(self) -> float:
        """Time of the smallest volume in the first beat."""
        return rhythm.end_systole_beat() * self.period_s

    def local(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Body places (..., 3) as mm along ``axes`` from the tip of the cavity, each (...) float32."""
        away = product(np.asarray(points, np.float32) - self.apex, self.axes.T)
        return away[..., 0], away[..., 1], away[..., 2]

    def body(self, u: np.ndarray | float, v: np.ndarray | float, w: np.ndarray | float) -> np.ndarray:
        """Inverse of ``local``, (..., 3) float32."""
        return product(np.stack(np.broadcast_arrays(u, v, w), axis=-1), self.axes) + self.apex

    def axis_places(self, points: np.ndarray) -> AxisPlaces:
        """Body places (..., 3) around the bowed long axis."""
        u, v, w = self.local(points)
        s = w * np.float32(1 / self.parameters.length)
        u = u - self.shape.bend(table_index(s))
        rho = np.sqrt(u * u + v * v)
        inverse = 1 / np.maximum(rho, np.float32(1e-6))
        return AxisPlaces(s, rho, u * inverse, v * inverse)

    def body_places(self, places: AxisPlaces) -> np.ndarray:
        """Inverse of ``axis_places``, (..., 3) float32 in mm."""
        u = places.rho * places.cosine + self.shape.bend(table_index(places.s))
        return self.body(u, places.rho * places.sine, places.s * np.float32(self.parameters.length))

    def material_position(self, points: np.ndarray, state: HeartState) -> np.ndarray:
        """End-diastolic place (mm) of the material that is now at ``points`` (..., 3); same shape, float32."""
        return self._motion.material_position(points, state)

    def volume_ml(self, t_s: float) -> float:
        """Volume of the left ventricle by the method of disks."""
        return self._volume_ml(self.state(t_s).ejected, self.squeeze, self.parameters.wall_motion)

    def measured_ejection_fraction(self) -> float:
        """What the wall motion really leaves of the ejection fraction, 0..1."""
        full = self._volume_ml(0.0, 0.0, WallMotion())
        return 1 - self._volume_ml(1.0, self.squeeze, self.parameters.wall_motion) / full

    def _place_root(self) -> tuple[np.ndarray, np.ndarray]:
        """The root leaves the base on the anteroseptal side, overriding the septum a little, and leans that way."""
        p = self.parameters
        across, front, along = self.axes
        away = cos(radians(ROOT_DEG)) * across + sin(radians(ROOT_DEG)) * front
        base = float(self.shape.inner(table_index(np.ones(1)), np.array(cos(radians(ROOT_DEG))), np.array(0.87))[0])
        centre = self.apex + 0.985 * p.length * along + max(base - 0.45 * p.root_radius, p.root_radius + 4.5) * away
        lean = radians(ROOT_LEAN_DEG)
        return centre.astype(np.float32), (cos(lean) * along + sin(lean) * away).astype(np.float32)

    def _volume_ml(self, ejected: float, squeeze: float, wall_motion: WallMotion) -> float:
        p = self.parameters
        s, phi = np.meshgrid((np.arange(200) + 0.5) / 200, np.arange(48) * (2 * pi / 48), indexing="ij")
        index, cosine, sine = table_index(s), np.cos(phi), np.sin(phi)
        strength = wall_motion.at(s, cosine, sine)
        width = self.shape.inner(index, cosine, sine) * self._motion.scale(index, strength, ejected, squeeze)
        return float(pi * (width**2).mean() * p.length * (1 - p.shortening * ejected) / 1000)

    def _solve_squeeze(self) -> float:
        """Squeeze of normal walls that gives the wanted ejection fraction, by bisection."""
        wanted = self._volume_ml(0.0, 0.0, WallMotion()) * (1 - self.parameters.ejection_fraction)
        low, high = 0.0, 0.9
        for _ in range(24):
            middle = (low + high) / 2
            low, high = (middle, high) if self._volume_ml(1.0, middle, WallMotion()) > wanted else (low, middle)
        return (low + high) / 2
