"""Who is scanned in the abdomen scene, and how well: one bladder, its surroundings and what disturbs its picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from capture.virtual.probe.settings import ProbeSettings

QUALITIES = ("A-", "A", "A+")
HABITUS_MM = {"slim": 13.0, "average": 22.0, "large": 38.0}
ORGANS, PLANES = ("uterus", "prostate"), ("transverse", "sagittal")

# Ranges of each cause by wanted class; what is drawn is checked against the truth before it is used.
_RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "A+": {
        "wall": (12, 27),
        "fill": (220, 430),
        "gas": (0, 0.14),
        "gain": (-2, 2),
        "haze": (-38, -29),
        "noise": (-34, -26),
    },
    "A": {
        "wall": (15, 36),
        "fill": (120, 400),
        "gas": (0.1, 0.5),
        "gain": (-6, 5),
        "haze": (-27, -18),
        "noise": (-26, -15),
    },
    "A-": {
        "wall": (20, 48),
        "fill": (40, 260),
        "gas": (0.4, 0.9),
        "gain": (-9, 9),
        "haze": (-20, -8),
        "noise": (-18, -6),
    },
}


@dataclass(frozen=True)
class AbdomenParameters:
    """One examination. Levels are in dB against the mean echo of pelvic tissue.

    Attributes
    ----------
    seed : shapes, textures and places
    organ : behind the bladder, ``uterus`` or ``prostate``
    plane : of the picture, ``transverse`` or ``sagittal``
    filling_ml : urine in the bladder
    habitus_mm : thickness of the abdominal wall, skin to peritoneum; see ``HABITUS_MM``
    gas : bowel gas in front of the bladder, 0 none to 1 over most of it
    gain_db : receive gain against a well-set one
    haze_db : diffuse clutter that fills the bladder
    noise_db : electronic noise at full depth, 22 dB lower at the probe
    reverberation_db : repeats of the abdominal wall in the near part of the bladder, at the peritoneum
    offset_mm : bladder's centre beside the probe's axis, to the right
    breath_mm, hand_mm : amplitudes of breathing along the beam and of the hand across it
    breath_period_s : of one breath
    """

    seed: int = 1
    organ: str = "uterus"
    plane: str = "transverse"
    filling_ml: float = 300.0
    habitus_mm: float = HABITUS_MM["average"]
    gas: float = 0.05
    gain_db: float = 0.0
    haze_db: float = -32.0
    noise_db: float = -28.0
    reverberation_db: float = -13.0
    offset_mm: float = 0.0
    breath_mm: float = 1.6
    hand_mm: float = 1.2
    breath_period_s: float = 4.2

    @classmethod
    def random(cls, seed: int, quality: str, attempt: int = 0) -> AbdomenParameters:
        """An examination meant to give a picture of class ``quality``; same arguments, same values."""
        r, span = np.random.default_rng([seed, 201, attempt]), _RANGES[quality]
        return cls(
            seed,
            organ=str(r.choice(ORGANS)),
            plane=str(r.choice(PLANES)),
            filling_ml=float(r.uniform(*span["fill"])),
            habitus_mm=float(r.uniform(*span["wall"])),
            gas=float(r.uniform(*span["gas"])),
            gain_db=float(r.uniform(*span["gain"])),
            haze_db=float(r.uniform(*span["haze"])),
            noise_db=float(r.uniform(*span["noise"])),
            reverberation_db=float(r.uniform(-20, -9)),
            offset_mm=float(r.uniform(-9, 9)),
            breath_mm=float(r.uniform(0.8, 2.2)),
            hand_mm=float(r.uniform(0.5, 1.8)),
            breath_period_s=float(r.uniform(3.4, 5.2)),
        )

    def with_habitus(self, habitus: str) -> AbdomenParameters:
        """The same examination of a ``slim``, ``average`` or ``large`` person."""
        return replace(self, habitus_mm=HABITUS_MM[habitus])


def curved_probe(seed: int, reach_mm: float) -> ProbeSettings:
    """A curvilinear probe: radius 40-60 mm, opening 55-75 degrees, and a depth of 80-180 mm that holds ``reach_mm``."""
    r = np.random.default_rng([seed, 202])
    face = float(r.uniform(40, 60))
    depth = float(np.clip(reach_mm * r.uniform(1.0, 1.1), 80, 180))
    return ProbeSettings(
        depth_mm=depth,
        face_mm=face,
        half_angle=float(np.radians(r.uniform(55, 75) / 2)),
        frequency_mhz=3.5,
        axial_mm=float(r.uniform(0.7, 0.95)),
        lateral_rad=float(r.uniform(1.9, 2.5) / (face + 0.55 * depth)),
        focus_mm=face + 0.55 * depth,
        dynamic_range_db=float(r.uniform(58, 66)),
        median_grey=float(r.uniform(98, 118)),
    )
