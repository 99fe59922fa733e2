"""What stands between a heart and its picture in one patient: attenuation, shadows, clutter, haze and noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.virtual.probe.settings import ProbeSettings


@dataclass(frozen=True)
class Degradations:
    """Levels in dB against the septum's mean echo, before automatic gain.

    Attributes
    ----------
    seed : places of shadows and patches
    edge_loss_db : weakening towards the edge beams
    depth_loss_db : what time gain compensation leaves uncompensated at full depth; negative where it does too much
    shadow_db : depth of the strongest shadow; 0 for none
    shadow_angle, shadow_width : its place among the beams, radians
    near_clutter_db : reverberation at the probe's face, falling with range over ``near_clutter_mm``
    haze_db : clutter over the whole picture, what fills the cavities
    noise_db : electronic noise at full depth, and 25 dB lower at the probe
    patch_db : spread of the slow gain variation of the chest wall
    ringing_db : how much reverberation rises and falls along range close to the probe
    """

    seed: int = 1
    edge_loss_db: float = 4.0
    depth_loss_db: float = 2.0
    shadow_db: float = 0.0
    shadow_angle: float = 0.5
    shadow_width: float = 0.08
    near_clutter_db: float = 2.0
    near_clutter_mm: float = 14.0
    haze_db: float = -19.0
    noise_db: float = -19.0
    patch_db: float = 2.0
    ringing_db: float = 2.5

    @classmethod
    def random(cls, seed: int) -> Degradations:
        """Those of a patient; same seed, same values."""
        r = np.random.default_rng([seed, 104])
        return cls(
            seed,
            edge_loss_db=float(r.uniform(2, 7)),
            depth_loss_db=float(r.uniform(-6, 4)),
            shadow_db=float(r.choice([0.0, r.uniform(6, 18)])),
            shadow_angle=float(r.choice([-1, 1]) * r.uniform(0.25, 0.65)),
            shadow_width=float(r.uniform(0.05, 0.12)),
            near_clutter_db=float(r.uniform(-2, 5)),
            near_clutter_mm=float(r.uniform(9, 18)),
            haze_db=float(r.uniform(-22, -13)),
            noise_db=float(r.uniform(-24, -15)),
            patch_db=float(r.uniform(1, 3)),
            ringing_db=float(r.uniform(1, 7)),
        )

    def gain_db(self, probe: ProbeSettings) -> np.ndarray:
        """Gain on the echoes, (ranges, beams) float32."""
        rng = np.random.default_rng([self.seed, 105])
        depth = (probe.range_mm() / probe.depth_mm)[:, None]
        angle = probe.angle_rad()[None, :]
        slow = _smooth(rng, probe, 30, 18) * self.patch_db + _smooth(rng, probe, 200, 7) * 0.6 * self.patch_db
        edges = -self.edge_loss_db * np.abs(angle / probe.half_angle) ** 3
        loss = self.shadow_loss_db(probe) + self.depth_loss_db * depth
        return np.asarray(slow + edges - loss, dtype=np.float32)

    def shadow_loss_db(self, probe: ProbeSettings) -> np.ndarray:
        """What the given shadow takes, beside those of ribs and lung; (ranges, beams) float32, 0 or more."""
        depth = (probe.range_mm() / probe.depth_mm)[:, None]
        angle = probe.angle_rad()[None, :]
        shadow = self.shadow_db * np.exp(-0.5 * ((angle - self.shadow_angle) / self.shadow_width) ** 2)
        # A shadow begins below what throws it.
        return np.asarray(shadow / (1 + np.exp(-(depth - 0.16) * 40)), dtype=np.float32)

    def clutter_db(self, probe: ProbeSettings) -> np.ndarray:
        """Level of clutter and haze, (ranges, beams) float32."""
        rng = np.random.default_rng([self.seed, 106])
        ranges = probe.range_mm()[:, None]
        near = self.near_clutter_db - ranges / self.near_clutter_mm * 8.7
        near = near + self.ringing_db * np.cos(ranges * (2 * np.pi / rng.uniform(4, 7))) * np.exp(-ranges / 12)
        haze = self.haze_db + 2.0 * _smooth(rng, probe, 50, 24) - 3.0 * (ranges / probe.depth_mm)
        return np.asarray(10 * np.log10(10 ** (near / 10) + 10 ** (haze / 10)), dtype=np.float32)

    def noise_level_db(self, probe: ProbeSettings) -> np.ndarray:
        """Level of electronic noise after time gain compensation, (ranges,) float32."""
        fraction = probe.range_mm() / probe.depth_mm
        return np.asarray(self.noise_db - 25 * (1 - fraction), dtype=np.float32)


def _smooth(rng: np.random.Generator, probe: ProbeSettings, sigma_ranges: float, sigma_beams: float) -> np.ndarray:
    """Gaussian field of unit variance, smooth over the given numbers of samples."""
    noise = rng.standard_normal((probe.ranges, probe.beams)).astype(np.float32)
    field = cv2.GaussianBlur(noise, (0, 0), sigmaX=sigma_beams, sigmaY=sigma_ranges)
    return np.asarray((field - field.mean()) / field.std())
