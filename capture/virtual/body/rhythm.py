"""The curves of one heart beat: ejection and filling, the mitral and the aortic valve."""

from __future__ import annotations

import numpy as np

# Share of the systolic volume change along one beat that starts at the R peak: ejection, filling, atrial kick.
_BEAT = np.array([0.0, 0.05, 0.12, 0.22, 0.30, 0.36, 0.41, 0.46, 0.52, 0.58, 0.70, 0.84, 0.92, 1.0])
_EJECTED = np.array([0.0, 0.03, 0.30, 0.78, 0.95, 1.0, 0.99, 0.88, 0.55, 0.34, 0.27, 0.24, 0.07, 0.0])
_OPENING_BEAT = np.array([0.0, 0.02, 0.43, 0.50, 0.56, 0.68, 0.82, 0.88, 0.95, 1.0])
_OPENING = np.array([0.1, 0.0, 0.0, 1.0, 0.8, 0.35, 0.4, 0.75, 0.3, 0.1])
_AORTIC_BEAT = np.array([0.0, 0.06, 0.10, 0.30, 0.37, 0.40, 1.0])
_AORTIC = np.array([0.0, 0.0, 1.0, 0.9, 0.6, 0.0, 0.0])
GRID = np.arange(256) / 256


def _periodic(beat: np.ndarray, values: np.ndarray, smooth: float) -> np.ndarray:
    """Curve over one beat on ``GRID``, rounded by a Gaussian of ``smooth`` beats, from 0 to 1."""
    curve = np.interp(GRID, beat, values)
    distance = np.minimum(GRID, 1 - GRID)
    kernel = np.exp(-0.5 * (distance / smooth) ** 2)
    round_curve = np.fft.irfft(np.fft.rfft(curve) * np.fft.rfft(kernel / kernel.sum()), len(GRID))
    return np.asarray((round_curve - round_curve.min()) / (round_curve.max() - round_curve.min()))


EJECTED_CURVE = _periodic(_BEAT, _EJECTED, 0.02)
_OPENING_CURVE = _periodic(_OPENING_BEAT, _OPENING, 0.012)
_AORTIC_CURVE = _periodic(_AORTIC_BEAT, _AORTIC, 0.010)


def ejected(beat: float) -> float:
    """0 at end-diastole to 1 at end-systole; ``beat`` 0..1 after the R peak."""
    return float(np.interp(beat, GRID, EJECTED_CURVE, period=1.0))


def mitral_opening(beat: float) -> float:
    """0 closed to 1 wide open."""
    return float(np.interp(beat, GRID, _OPENING_CURVE, period=1.0))


def aortic_opening(beat: float) -> float:
    """0 closed to 1 wide open."""
    return float(np.interp(beat, GRID, _AORTIC_CURVE, period=1.0))


def end_systole_beat() -> float:
    """When the ventricle is smallest, as a share of the beat."""
    return float(np.argmax(EJECTED_CURVE)) / len(GRID)
