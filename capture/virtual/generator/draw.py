"""Domain randomisation: what one labelled sample is of, drawn from a seed and the sample's number alone.

Neighbouring samples share a scanner (its beams and pulse) and a patient, since both take time to set up; everything
else is drawn for each sample anew. Ranges are those of real apical recordings, widened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import pi
from types import MappingProxyType
from typing import Any

import numpy as np

from capture.errors import CaptureError
from capture.virtual.acoustics.receive_chain import SLIDERS
from capture.virtual.body.heart import HeartParameters
from capture.virtual.body.patient import PATIENTS, named_patient
from capture.virtual.body.wall_motion import WallMotion
from capture.virtual.probe.pose import VIEWS, ProbePose

SCANNER_SAMPLES, PATIENT_SAMPLES = 16, 4
APICAL = ("A4C", "A2C", "ALAX")
# Views and how often each is drawn.
VIEW_SHARES: Mapping[str, float] = MappingProxyType(
    {
        "A4C": 0.38,
        "A2C": 0.25,
        "ALAX": 0.22,
        "A5C": 0.04,
        "PLAX": 0.03,
        "PSAX_BASE": 0.02,
        "PSAX_MID": 0.02,
        "PSAX_APEX": 0.01,
        "SUBCOSTAL": 0.03,
    }
)
_HALF_BEAMS = (42, 48, 54, 62, 72)
_PULSE_SAMPLES = (1.6, 2.0, 2.4, 2.8)


@dataclass(frozen=True)
class ScannerDraw:
    """What samples of one scanner share.

    Attributes
    ----------
    half_beams : beams on either side of the middle one; few are a coarse lateral resolution
    pulse_samples : full width at half maximum of the pulse in samples of range
    """

    half_beams: int
    pulse_samples: float


@dataclass(frozen=True)
class PatientDraw:
    """A heart and the seed of its textures; ``trait`` is a name of ``patient.PATIENTS`` or ``any``."""

    seed: int
    trait: str
    heart: HeartParameters


@dataclass(frozen=True)
class SampleDraw:
    """One sample.

    Attributes
    ----------
    index : of the sample in its data set
    rng_seed : seeds what is random in the signals
    scanner, patient : shared with neighbouring samples
    view : one of ``pose.VIEWS``, where the probe should stand
    pose_error : how far it stands from there; ``ProbePose`` of differences, but for its pressure, which is meant as is
    beat : share of the heart's beat, 0 at the R peak
    half_angle_deg : half of the sector's opening
    first_mm, depth_share : range of the first sample; depth against the one that shows the whole heart
    frequency_mhz, focus_mm : of the transmitted pulse
    wall_seed, wall_shift_mm, wall_delay_ns, wall_blocks : of the chest wall; ribs and lung in it or not
    attenuation_db_cm_mhz : of the tissue, of which time gain makes up ``compensated_db_cm_mhz``
    sliders_db, lateral_db : time gain's and lateral gain's sliders
    edge_loss_db, patch_db : weakening towards the edge beams, spread of slow changes of the transmission
    near_clutter_db, near_clutter_mm, haze_db, haze_spread_db, haze_grain_mm, noise_db : against the septum's echo;
        noise at full depth
    ringing_db, ringing_mm : how much reverberation rises and falls along range close to the probe, and how often
    averaged : share of clutter and noise that compounding leaves without speckle
    dynamic_range_db, median_grey, gain_error_db : of the display; the gain against the one that gives the median
    kept_speckle, smooth_px : share of speckle that the image filter leaves, and its blur
    grey_map, filter_seed : whether a grey map raises contrast, and which
    """

    index: int
    rng_seed: int
    scanner: ScannerDraw
    patient: PatientDraw
    view: str
    pose_error: ProbePose
    beat: float
    half_angle_deg: float
    first_mm: float
    depth_share: float
    frequency_mhz: float
    focus_mm: float
    wall_seed: int
    wall_shift_mm: float
    wall_delay_ns: float
    wall_blocks: bool
    attenuation_db_cm_mhz: float
    compensated_db_cm_mhz: float
    sliders_db: tuple[float, ...]
    lateral_db: tuple[float, ...]
    edge_loss_db: float
    patch_db: float
    near_clutter_db: float
    near_clutter_mm: float
    ringing_db: float
    ringing_mm: float
    haze_db: float
    haze_spread_db: float
    haze_grain_mm: float
    noise_db: float
    averaged: float
    dynamic_range_db: float
    median_grey: float
    gain_error_db: float
    kept_speckle: float
    smooth_px: float
    grey_map: bool
    filter_seed: int


def draw_sample(
    seed: int, index: int, shares: Mapping[str, float] = VIEW_SHARES, patient: PatientDraw | None = None
) -> SampleDraw:
    """Sample ``index`` of the data set ``seed``; same arguments, same sample.

    Parameters
    ----------
    shares : how often each view is drawn, any positive weights
    patient : None for the first draw of ``draw_patient``

    Raises
    ------
    CaptureError
        For a view that does not exist, or no view at all.
    """
    unknown = [view for view in shares if view not in VIEWS]
    if unknown or not shares or min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise CaptureError(f"Samples cannot be drawn of views {dict(shares)}. Choose of {', '.join(VIEWS)}.")
    r = np.random.default_rng([seed, 201, index])
    patient = patient or draw_patient(seed, index // PATIENT_SAMPLES)
    weights = np.array(list(shares.values()), float)
    view = str(r.choice(list(shares), p=weights / weights.sum()))
    return SampleDraw(
        index=index,
        rng_seed=int(r.integers(1 << 31)),
        scanner=_draw_scanner(seed, index // SCANNER_SAMPLES),
        patient=patient,
        view=view,
        pose_error=_pose_error(r),
        beat=float(r.choice([r.uniform(0, 1), r.normal(0, 0.03) % 1, r.normal(0.36, 0.04)])),
        **_signals(r, patient.heart.window_quality),
        **_display(r),
    )


def draw_patient(seed: int, number: int, attempt: int = 0) -> PatientDraw:
    """Patient ``number`` of the data set ``seed``: one with named traits, or more often any heart.

    ``attempt`` counts the draws, for a heart that some standard view cannot reach.
    """
    r = np.random.default_rng([seed, 202, number, attempt])
    patient_seed = int(r.integers(1 << 31))
    trait = str(r.choice(PATIENTS)) if r.random() < 0.4 else "any"
    if trait != "any":
        heart, thicker = named_patient(trait, patient_seed).heart, float(r.uniform(0.95, 1.3))
        if trait != "hypertrophic":
            heart = replace(heart, septum=thicker * heart.septum, lateral=thicker * heart.lateral)
        return PatientDraw(patient_seed, trait, heart)
    return PatientDraw(patient_seed, trait, _any_heart(r, HeartParameters.random(patient_seed)))


def _any_heart(r: np.random.Generator, usual: HeartParameters) -> HeartParameters:
    """Wider than usual: small to dilated, thin to thick, leaning, near or far from the probe."""
    apex_z = float(r.uniform(16, 40))
    septum = float(r.uniform(8, 15))
    return replace(
        usual,
        apex_x=float(np.clip(r.normal(-4, 5), -12, 10)),
        apex_y=float(r.normal(0, 3)),
        apex_z=apex_z,
        tilt=float(np.clip(r.normal(0.06, 0.08), -0.08, 0.2)),
        tilt_y=float(r.normal(0, 0.05)),
        length=float(r.uniform(64, 98)),
        radius=float(r.uniform(23, 38)),
        septum=septum,
        lateral=float(septum * r.uniform(0.75, 1.15)),
        waist=float(r.uniform(-0.10, 0.12)),
        uneven=float(r.uniform(0.02, 0.13)),
        uneven_phase=float(r.uniform(0, 2 * pi)),
        oval=float(r.uniform(0, 0.14)),
        atrium_length=float(r.uniform(22, 48)),
        atrium_radius=float(r.uniform(13, 23)),
        right_width=float(r.uniform(18, 42)),
        bend=float(r.uniform(-2, 6)),
        ejection_fraction=float(r.uniform(0.18, 0.7)),
        shortening=float(r.uniform(0.05, 0.2)),
        wall_motion=_wall_motion(r),
        chest_wall_mm=0.45 * apex_z + float(r.uniform(1, 5)),
        window_quality=float(r.uniform(0.2, 1.0)),
    )


def _wall_motion(r: np.random.Generator) -> WallMotion:
    """Normal in two of three patients, else some walls move less."""
    table = np.ones((3, 6))
    if r.random() < 0.33:
        table -= r.uniform(0, 1, (3, 6)) * (r.random((1, 6)) < 0.35)
    return WallMotion(tuple(tuple(float(value) for value in row) for row in table))


def _draw_scanner(seed: int, number: int) -> ScannerDraw:
    r = np.random.default_rng([seed, 203, number])
    return ScannerDraw(int(r.choice(_HALF_BEAMS)), float(r.choice(_PULSE_SAMPLES)))


def _pose_error(r: np.random.Generator) -> ProbePose:
    """Most stand well; every fourth sample is of a novice."""
    size = 2.2 if r.random() < 0.25 else 1.0
    slide = np.clip(r.normal(0, 3.0 * size, 2), -15, 15)
    turn = np.clip(r.normal(0, size, 3) * (6.0, 7.0, 3.0), -30, 30)
    pressure = 0.4 + 0.2 * r.normal() if r.random() < 0.85 else r.uniform(0, 0.3)
    x, y, rotation, rock, tilt = (float(value) for value in (*slide, *turn))
    return ProbePose("apical", x, y, rotation, rock, tilt, float(np.clip(pressure, 0, 1)))


def _signals(r: np.random.Generator, window_quality: float) -> dict[str, Any]:
    worse = 1 - window_quality
    return {
        "half_angle_deg": float(r.choice([r.uniform(32.5, 47.5), np.clip(r.normal(37.4, 1.2), 32.5, 47.5)])),
        "first_mm": float(r.uniform(0.8, 5)),
        "depth_share": float(r.uniform(0.86, 1.12)),
        "frequency_mhz": float(r.uniform(1.7, 3.4)),
        "focus_mm": float(r.uniform(50, 110)),
        "wall_seed": int(r.integers(1 << 31)),
        "wall_shift_mm": float(r.normal(0, 4)),
        "wall_delay_ns": float(min(70.0, r.gamma(2.2, 7.0 + 10.0 * worse))),
        "wall_blocks": bool(r.random() < 0.4 + 0.5 * worse),
        "attenuation_db_cm_mhz": float(r.uniform(0.44, 0.58)),
        "compensated_db_cm_mhz": float(r.uniform(0.47, 0.53)),
        "sliders_db": tuple(float(v) for v in r.normal(0, 1.5, SLIDERS) + np.linspace(0, r.uniform(-4, 6), SLIDERS)),
        "lateral_db": tuple(float(v) for v in r.normal(0, 0.8, 5)),
        "edge_loss_db": float(r.uniform(0, 8)),
        "patch_db": float(r.uniform(0.5, 4.5)),
        "near_clutter_db": float(r.uniform(-8, 6)),
        "near_clutter_mm": float(r.uniform(6, 22)),
        "ringing_db": float(r.uniform(0, 8)),
        "ringing_mm": float(r.uniform(3, 8)),
        "haze_db": float(r.uniform(-23, -10) + 4 * worse),
        "haze_spread_db": float(r.uniform(1, 5)),
        "haze_grain_mm": float(r.uniform(6, 22)),
        "noise_db": float(r.uniform(-32, -14) + 4 * worse),
        "averaged": float(r.uniform(0.0, 0.5)),
    }


def _display(r: np.random.Generator) -> dict[str, Any]:
    wrong = r.normal(0, 9) if r.random() < 0.15 else 0.0
    return {
        "dynamic_range_db": float(r.uniform(38, 56)),
        "median_grey": float(np.clip(r.normal(82, 22), 30, 135)),
        "kept_speckle": float(r.uniform(0.65, 1.0)),
        "smooth_px": float(r.uniform(0.3, 0.8)),
        "grey_map": bool(r.random() < 0.4),
        "gain_error_db": float(wrong),
        "filter_seed": int(r.integers(1 << 31)),
    }
