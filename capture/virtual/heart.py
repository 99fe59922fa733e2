"""A beating heart in the apical four-chamber plane: its shape at end-diastole and the motion that deforms it.

The plane has x to the right of the image and z away from the probe, in mm, with the sector's apex at (0, 0). Material
is named by its place at end-diastole; motion is given backwards: which material is here now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Share of the systolic volume change along one beat that starts at the R peak: ejection, filling, atrial kick.
_BEAT = np.array([0.0, 0.05, 0.12, 0.22, 0.30, 0.36, 0.41, 0.46, 0.52, 0.58, 0.70, 0.84, 0.92, 1.0])
_EJECTED = np.array([0.0, 0.03, 0.30, 0.78, 0.95, 1.0, 0.99, 0.88, 0.55, 0.34, 0.27, 0.24, 0.07, 0.0])
_OPENING_BEAT = np.array([0.0, 0.02, 0.43, 0.50, 0.56, 0.68, 0.82, 0.88, 0.95, 1.0])
_OPENING = np.array([0.1, 0.0, 0.0, 1.0, 0.8, 0.35, 0.4, 0.75, 0.3, 0.1])
_GRID = np.arange(256) / 256


def _periodic(beat: np.ndarray, values: np.ndarray, smooth: float) -> np.ndarray:
    """Curve over one beat on ``_GRID``, rounded by a Gaussian of ``smooth`` beats."""
    curve = np.interp(_GRID, beat, values)
    distance = np.minimum(_GRID, 1 - _GRID)
    kernel = np.exp(-0.5 * (distance / smooth) ** 2)
    return np.asarray(np.fft.irfft(np.fft.rfft(curve) * np.fft.rfft(kernel / kernel.sum()), len(_GRID)))


def _unit_range(curve: np.ndarray) -> np.ndarray:
    return np.asarray((curve - curve.min()) / (curve.max() - curve.min()))


_EJECTED_CURVE = _unit_range(_periodic(_BEAT, _EJECTED, 0.02))
_OPENING_CURVE = _unit_range(_periodic(_OPENING_BEAT, _OPENING, 0.012))


def _bullet(s: np.ndarray) -> np.ndarray:
    """Width profile of a ventricle from tip (0) to annulus (1), at most about 0.9."""
    inside = np.clip(s, 0, 1)
    return np.asarray((1 - (1 - inside) ** 2.3) ** 0.55 * (1 - 0.20 * inside**4))


def _side(s: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """The free wall bulges a little more than the septum."""
    inside = np.clip(s, 0, 1)
    return np.where(lateral, 1.0 + 0.2 * inside * (1 - inside), 0.94)


@dataclass(frozen=True)
class HeartParameters:
    """Size, place and motion of one heart at end-diastole; lengths in mm.

    Attributes
    ----------
    apex_x, apex_z : tip of the left ventricle's cavity
    tilt : long axis against the vertical in radians, positive when the base lies to the right
    length : cavity from apex to annulus
    radius : largest half width of the cavity
    septum, lateral : wall thickness
    atrium_length, atrium_radius : left atrium
    right_width : right ventricle beside the septum
    bend : sideways bow of the long axis
    ejection_fraction : of the left ventricle, 0..1
    shortening : of the long axis in systole, 0..1
    heart_rate_bpm, breath_period_s, breath_mm : rhythm
    """

    apex_x: float = 4.0
    apex_z: float = 30.0
    tilt: float = 0.05
    length: float = 76.0
    radius: float = 26.0
    septum: float = 9.5
    lateral: float = 9.0
    atrium_length: float = 42.0
    atrium_radius: float = 23.0
    right_width: float = 30.0
    bend: float = 3.0
    ejection_fraction: float = 0.58
    shortening: float = 0.16
    heart_rate_bpm: float = 64.0
    breath_period_s: float = 4.6
    breath_mm: float = 1.6

    @classmethod
    def random(cls, seed: int) -> HeartParameters:
        """Parameters of a patient; same seed, same heart."""
        r = np.random.default_rng([seed, 101])
        return cls(
            apex_x=float(r.uniform(0, 7)),
            apex_z=float(r.uniform(22, 32)),
            tilt=float(r.uniform(-0.02, 0.09)),
            length=float(r.uniform(70, 86)),
            radius=float(r.uniform(23, 31)),
            septum=float(r.uniform(8, 11.5)),
            lateral=float(r.uniform(7.5, 11)),
            atrium_length=float(r.uniform(36, 48)),
            atrium_radius=float(r.uniform(20, 27)),
            right_width=float(r.uniform(24, 36)),
            bend=float(r.uniform(0, 5)),
            ejection_fraction=float(r.uniform(0.35, 0.66)),
            shortening=float(r.uniform(0.09, 0.19)),
            heart_rate_bpm=float(r.uniform(52, 92)),
            breath_period_s=float(r.uniform(3.6, 6.0)),
            breath_mm=float(r.uniform(0.5, 2.5)),
        )

    @property
    def reach_mm(self) -> float:
        """Range of the left atrium's floor."""
        return self.apex_z + self.length + self.atrium_length


@dataclass(frozen=True)
class HeartState:
    """One instant: ``ejected`` 0 at end-diastole to 1 at end-systole, ``opening`` of the mitral valve, breathing."""

    ejected: float
    opening: float
    breath_x: float
    breath_z: float


class Heart:
    """Geometry of one patient's heart and its motion."""

    def __init__(self, parameters: HeartParameters) -> None:
        self.parameters = parameters
        cosine, sine = np.cos(parameters.tilt), np.sin(parameters.tilt)
        self._along = np.array([sine, cosine])
        self._across = np.array([cosine, -sine])
        self._squeeze = self._solve_squeeze()

    @property
    def period_s(self) -> float:
        """Length of a beat."""
        return 60.0 / self.parameters.heart_rate_bpm

    def state(self, t_s: float) -> HeartState:
        """The heart at ``t_s`` seconds after an R peak."""
        p = self.parameters
        beat = (t_s / self.period_s) % 1.0
        breath = 2 * np.pi * t_s / p.breath_period_s
        return HeartState(
            float(np.interp(beat, _GRID, _EJECTED_CURVE, period=1.0)),
            float(np.interp(beat, _GRID, _OPENING_CURVE, period=1.0)),
            float(0.7 * p.breath_mm * np.sin(breath)),
            float(p.breath_mm * np.sin(breath + 0.8)),
        )

    def end_systole_s(self) -> float:
        """Time of the smallest volume in the first beat."""
        return float(np.argmax(_EJECTED_CURVE)) / len(_GRID) * self.period_s

    def volume_ml(self, t_s: float) -> float:
        """Volume of the left ventricle by the method of disks, breathing left out."""
        return self._volume_ml(self.state(t_s).ejected, self._squeeze)

    def cavity_half_width(self, s: np.ndarray, lateral: np.ndarray) -> np.ndarray:
        """Half width of the cavity at end-diastole in mm.

        Parameters
        ----------
        s : place along the long axis, 0 apex, 1 annulus, more in the atrium
        lateral : True on the lateral side; same shape
        """
        return np.asarray(self.parameters.radius * _bullet(s) * _side(s, lateral))

    def outer_half_width(self, s: np.ndarray, lateral: np.ndarray) -> np.ndarray:
        """Half width of the ventricle with its wall at end-diastole in mm; 0 beyond the apex cap."""
        p = self.parameters
        wall = np.where(lateral, p.lateral, p.septum)
        cap_mm = 0.95 * p.lateral
        from_tip = np.clip((s * p.length + cap_mm) / (p.length + cap_mm), 0, 1)
        thickness = wall * (1 - (1 - from_tip) ** 5) ** 0.6 * (1.02 - 0.16 * from_tip**4)
        return np.asarray(p.radius * _bullet(from_tip) * _side(from_tip, lateral) + thickness)

    def axis_position(self, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place along the axis in units of its length, and signed distance from it in mm (positive: lateral)."""
        p = self.parameters
        dx, dz = x - p.apex_x, z - p.apex_z
        s = (dx * self._along[0] + dz * self._along[1]) / p.length
        rho = dx * self._across[0] + dz * self._across[1]
        return s, rho - p.bend * np.sin(np.pi * np.clip(s, 0, 1))

    def plane_position(self, s: np.ndarray, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inverse of ``axis_position``: x and z in mm."""
        p = self.parameters
        rho = rho + p.bend * np.sin(np.pi * np.clip(s, 0, 1))
        x = p.apex_x + s * p.length * self._along[0] + rho * self._across[0]
        z = p.apex_z + s * p.length * self._along[1] + rho * self._across[1]
        return x, z

    def material_position(self, x: np.ndarray, z: np.ndarray, state: HeartState) -> tuple[np.ndarray, np.ndarray]:
        """End-diastolic place (mm) of the material that is now at (x, z); same shapes.

        The wall keeps its volume: what the cavity loses in width the wall gains in thickness.
        """
        # The chest wall does not follow breathing and heart: motion sets in below the first centimetres.
        deep = np.clip((z - 12.0) / 18.0, 0, 1)
        s, rho = self.axis_position(x - state.breath_x * deep, z - state.breath_z * deep)
        lateral = rho > 0
        s0 = s + (self._unshortened(s, state) - s) * self._axial_weight(s, np.abs(rho), lateral)
        rho0 = self._unsqueezed(s0, np.abs(rho), lateral, state)
        return self.plane_position(s0, np.where(lateral, rho0, -rho0))

    def current_position(self, s0: float, rho0: float, state: HeartState) -> np.ndarray:
        """Where material of the cavity's border or beyond it, (s0, rho0) at end-diastole, is now; (x, z) in mm."""
        place = np.array([s0])
        inner = float(self.cavity_half_width(place, np.array([rho0 > 0]))[0])
        moved = inner * (1 - float(self._scale(place, state.ejected, self._squeeze)[0]))
        x, z = self.plane_position(np.array([self.shortened(s0, state)]), np.array([rho0 - np.sign(rho0) * moved]))
        return np.array([x[0] + state.breath_x, z[0] + state.breath_z])

    def shortened(self, s0: float, state: HeartState) -> float:
        """Place along the axis now of material at ``s0``; the atrial floor stays while the annulus moves."""
        epsilon = self.parameters.shortening * state.ejected
        reach = self._reach()
        if s0 <= 1:
            return s0 * (1 - epsilon) if s0 > 0 else s0
        return s0 - epsilon * (1 - (s0 - 1) / reach) if s0 < 1 + reach else s0

    def _reach(self) -> float:
        return self.parameters.atrium_length * 1.15 / self.parameters.length

    def _unshortened(self, s: np.ndarray, state: HeartState) -> np.ndarray:
        epsilon, reach = self.parameters.shortening * state.ejected, self._reach()
        ventricle = s / (1 - epsilon)
        atrium = 1 + (s - (1 - epsilon)) * reach / (reach + epsilon)
        return np.where(s < 0, s, np.where(s < 1 - epsilon, ventricle, np.minimum(np.maximum(atrium, s), s + epsilon)))

    def _axial_weight(self, s: np.ndarray, rho: np.ndarray, lateral: np.ndarray) -> np.ndarray:
        """1 in the heart, fading beyond the lateral wall and beyond the right ventricle."""
        p = self.parameters
        edge = np.where(lateral, p.radius + p.lateral + 2, p.radius + p.septum + p.right_width * np.clip(s, 0.3, 1) + 2)
        return np.asarray(np.exp(-np.maximum(rho - edge, 0) / 13.0))

    def _scale(self, s0: np.ndarray, ejected: float, squeeze: float) -> np.ndarray:
        """Factor on the cavity's width: full squeeze in the body, less at the annulus, none in the atrium's depth."""
        profile = np.interp(s0, [-0.12, 0.0, 0.75, 1.0, 1.25], [0.0, 1.0, 1.0, 0.55, 0.0])
        return np.asarray(1 - squeeze * ejected * profile)

    def _unsqueezed(self, s0: np.ndarray, rho: np.ndarray, lateral: np.ndarray, state: HeartState) -> np.ndarray:
        p = self.parameters
        scale = self._scale(s0, state.ejected, self._squeeze)
        inner0 = self.cavity_half_width(s0, lateral)
        outer0 = np.maximum(self.outer_half_width(s0, lateral), inner0)
        keep = np.where((s0 > 0) & (s0 < 1.15), 1 - p.shortening * state.ejected, 1.0)
        inner = inner0 * scale
        outer = np.sqrt(inner**2 + (outer0**2 - inner0**2) / keep)
        in_wall = np.sqrt(np.maximum(inner0**2 + (rho**2 - inner**2) * keep, 0))
        beyond = rho - outer
        # The right ventricle narrows as well; everything fades into still tissue outside.
        right = (
            0.2
            * state.ejected
            * np.clip(beyond, 0, p.right_width)
            * np.exp(-np.maximum(beyond - p.right_width, 0) / 12)
        )
        right = right * np.interp(s0, [0.0, 0.3, 0.9, 1.2], [0, 1, 1, 0]) * ~lateral
        outside = rho + (outer0 - outer) * np.exp(-np.maximum(beyond, 0) / 14.0) + right
        return np.asarray(np.where(rho <= inner, rho / scale, np.where(rho <= outer, in_wall, outside)))

    def _volume_ml(self, ejected: float, squeeze: float) -> float:
        p = self.parameters
        s = (np.arange(200) + 0.5) / 200
        yes = np.ones(200, dtype=bool)
        diameter = self.cavity_half_width(s, yes) + self.cavity_half_width(s, ~yes)
        disks = np.pi / 4 * (diameter * self._scale(s, ejected, squeeze)) ** 2
        return float(disks.mean() * p.length * (1 - p.shortening * ejected) / 1000)

    def _solve_squeeze(self) -> float:
        """Squeeze that gives the wanted ejection fraction, by bisection."""
        wanted = self._volume_ml(0.0, 0.0) * (1 - self.parameters.ejection_fraction)
        low, high = 0.0, 0.9
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self._volume_ml(1.0, middle) > wanted else (low, middle)
        return (low + high) / 2
