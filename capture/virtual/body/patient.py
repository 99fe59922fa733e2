"""Named patients of the virtual scanner: what makes a heart or a chest easy or hard to image, over a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from capture.errors import CaptureError
from capture.virtual.acoustics.degradations import Degradations
from capture.virtual.body.heart import HeartParameters
from capture.virtual.body.wall_motion import WallMotion


@dataclass(frozen=True)
class Patient:
    """A heart, and what stands between it and its picture."""

    heart: HeartParameters
    degradations: Degradations


def random_patient(seed: int) -> Patient:
    """Any patient; same seed, same patient. A poor window lies over poor signals."""
    heart = HeartParameters.random(seed)
    window = Degradations.random(seed)
    worse = 1 - heart.window_quality
    return Patient(heart, replace(window, haze_db=window.haze_db + 3 * worse, patch_db=window.patch_db + worse))


def named_patient(name: str | None, seed: int) -> Patient:
    """The patient ``seed`` with the traits of a name, None for any patient.

    Raises
    ------
    CaptureError
        There is no such name.
    """
    patient = random_patient(seed)
    if name is None:
        return patient
    if name not in _TRAITS:
        raise CaptureError(f"There is no virtual patient {name!r}. Choose one of {', '.join(PATIENTS)}.")
    return _TRAITS[name](patient)


def _easy(patient: Patient) -> Patient:
    heart = replace(
        patient.heart,
        apex_z=22.0,
        chest_wall_mm=12.0,
        attenuation_db_per_cm_mhz=0.45,
        window_quality=1.0,
        ejection_fraction=0.62,
        shortening=0.17,
    )
    clear = replace(patient.degradations, edge_loss_db=2.0, depth_loss_db=-1.0, shadow_db=0.0, patch_db=1.0)
    return Patient(heart, replace(clear, near_clutter_db=-2.0, haze_db=-20.5, noise_db=-25.0))


def _average(patient: Patient) -> Patient:
    heart = replace(patient.heart, apex_z=28.0, chest_wall_mm=16.0, window_quality=0.75, ejection_fraction=0.58)
    window = replace(patient.degradations, shadow_db=0.0, haze_db=-17.5, noise_db=-20.0, patch_db=2.0)
    return Patient(heart, replace(window, near_clutter_db=1.0, edge_loss_db=4.0, depth_loss_db=2.0))


def _difficult(patient: Patient) -> Patient:
    heart = replace(
        patient.heart,
        apex_x=7.0,
        apex_z=40.0,
        chest_wall_mm=26.0,
        attenuation_db_per_cm_mhz=0.62,
        window_quality=0.25,
        ejection_fraction=0.5,
    )
    window = replace(patient.degradations, edge_loss_db=8.0, depth_loss_db=3.0, near_clutter_db=5.0, patch_db=3.5)
    return Patient(heart, replace(window, near_clutter_mm=20.0, haze_db=-11.5, noise_db=-14.0))


def _dilated(patient: Patient) -> Patient:
    heart = replace(
        patient.heart,
        length=max(patient.heart.length, 92.0),
        radius=36.0,
        septum=7.5,
        lateral=7.0,
        atrium_radius=28.0,
        ejection_fraction=0.24,
        shortening=0.06,
        torsion_deg=2.0,
        heart_rate_bpm=86.0,
    )
    return Patient(heart, patient.degradations)


def _hypertrophic(patient: Patient) -> Patient:
    heart = replace(
        patient.heart, radius=22.0, septum=18.0, lateral=13.0, ejection_fraction=0.68, shortening=0.12, torsion_deg=11.0
    )
    return Patient(heart, patient.degradations)


def _infarct(patient: Patient) -> Patient:
    """Anterior infarction: apex and anterior walls hardly move."""
    motion = WallMotion.of(
        apical_anterior=0.0, apical_anteroseptal=0.05, apical_inferoseptal=0.2, apical_anterolateral=0.25,
        apical_inferior=0.4, mid_anterior=0.1, mid_anteroseptal=0.15, mid_inferoseptal=0.5, basal_anterior=0.6,
    )  # fmt: skip
    heart = replace(patient.heart, wall_motion=motion, ejection_fraction=0.55, radius=max(patient.heart.radius, 28.0))
    return Patient(heart, patient.degradations)


_TRAITS: dict[str, Callable[[Patient], Patient]] = {
    "easy": _easy,
    "average": _average,
    "difficult": _difficult,
    "dilated": _dilated,
    "hypertrophic": _hypertrophic,
    "infarct": _infarct,
}
PATIENTS = tuple(_TRAITS)
