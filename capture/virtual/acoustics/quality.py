"""True image quality at each sample of a simulated frame, and which cause lowered it by how much.

The formulas are engineering choices that follow physics; they are not fitted to people's ratings.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.virtual.acoustics.channels import ChannelEcho

# How far apart powers are averaged, in samples.
POWER_SIGMA = 2.5
# Leakage is tissue too, though in the wrong place: it hides less than noise of the same power does.
_LEAKAGE_WEIGHT = 0.35
_FLOOR = np.float32(1e-12)
CAUSES = ("shadow", "attenuation", "clutter", "noise", "defocus", "gain")


@dataclass(frozen=True)
class Display:
    """What of the beams' levels can be seen: 0 dB after ``gain_db`` is white, ``dynamic_range_db`` below is black."""

    gain_db: float = 0.0
    dynamic_range_db: float = 50.0


@dataclass(frozen=True)
class TrueQuality:
    """Truth of a frame, all (ranges, beams) float32.

    Attributes
    ----------
    quality : 0..1
    contrast_db : signal to clutter, noise and leakage (SCNR)
    gcnr : 0..1, generalised contrast to noise of the tissue here against an empty cavity in its place
    severity : by cause in ``CAUSES``, 0 (none) to 1
    """

    quality: np.ndarray
    contrast_db: np.ndarray
    gcnr: np.ndarray
    severity: dict[str, np.ndarray]

    def rating(self) -> np.ndarray:
        """Quality on the raters' scale from 1 (not visible) to 5 (excellent): 1 + 4 q."""
        return 1 + 4 * self.quality


def true_quality(echo: ChannelEcho, display: Display, lost_db: np.ndarray | float = 0.0) -> TrueQuality:
    """Quality from what the beams are made of.

    With Es the power of tissue in its place, El of leakage, Pn of noise, Pc of clutter (Es and El averaged with a
    Gaussian of 2.5 samples), St the Strehl ratio, L(x) = 1 / (1 + exp(-x)), ``seen`` the level of Es and ``all`` the
    level of everything, both in dB above black, and DR the dynamic range:

    ``SCNR = 10 log10(Es / (Pn + Pc + 0.35 El))``
    ``q = L((SCNR - 8) / 5) L((seen - 12) / 4) L((DR + 6 - all) / 3) (0.25 + 0.75 sqrt(St))^1.4``

    Each factor falls or stays when noise, clutter or leakage rise, and when less passes the chest wall as long as the
    picture is not overexposed.

    Parameters
    ----------
    echo : a simulated frame
    display : gain and dynamic range
    lost_db : attenuation that time gain has not made up for, any shape that fits (ranges, beams); it must be in the
        scatterers' level already and serves the severity of its cause alone
    """
    structure, leakage = _mean_power(echo.ideal), _mean_power(echo.leakage)
    hidden = echo.noise_power + echo.clutter_power + np.float32(_LEAKAGE_WEIGHT) * leakage
    contrast_db = decibels(structure) - decibels(hidden)
    shown = _shown(structure, structure + leakage + echo.noise_power + echo.clutter_power, display)
    sharp = (0.25 + 0.75 * np.sqrt(echo.strehl)) ** 1.4
    return TrueQuality(
        quality=np.asarray(logistic((contrast_db - 8) / 5) * shown * sharp, dtype=np.float32),
        contrast_db=contrast_db,
        gcnr=speckle_gcnr(1 + structure / np.maximum(hidden, _FLOOR)),
        severity=_severities(echo, structure, 1 - shown, lost_db),
    )


def speckle_gcnr(power_ratio: np.ndarray | float) -> np.ndarray:
    """Generalised contrast to noise ratio (1 - overlap) of fully developed speckle of two mean powers.

    Intensities are exponentially distributed; for their ratio rho the overlap of the densities has a closed form:
    ``gCNR = rho^(-1 / (rho - 1)) - rho^(-rho / (rho - 1))``.

    Parameters
    ----------
    power_ratio : mean power of one over the other, positive; which is the brighter does not matter

    Returns
    -------
    float32, 0..1; 0 for equal powers
    """
    ratio = np.asarray(power_ratio, dtype=np.float32)
    ratio = np.maximum(np.maximum(ratio, 1 / np.maximum(ratio, _FLOOR)), np.float32(1 + 1e-4))
    exponent = np.log(ratio) / (ratio - 1)
    return np.asarray(np.exp(-exponent) - np.exp(-ratio * exponent), dtype=np.float32)


def speckle_cnr(power_ratio: np.ndarray | float) -> np.ndarray:
    """Contrast to noise ratio |m1 - m2| / sqrt(s1^2 + s2^2) of the envelopes of two such speckles, float32.

    A Rayleigh envelope has a mean of 1.913 times its standard deviation.
    """
    root = np.sqrt(np.asarray(power_ratio, dtype=np.float32))
    return np.asarray(np.sqrt(np.pi / (4 - np.pi)) * np.abs(root - 1) / np.sqrt(root**2 + 1), dtype=np.float32)


def decibels(power: np.ndarray) -> np.ndarray:
    """Power in dB, float32; nothing is below -120."""
    return np.asarray(cv2.log(np.maximum(power, _FLOOR))) * np.float32(10 / np.log(10))


def logistic(value: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-value)), float32."""
    return np.asarray(1 / (1 + cv2.exp(np.clip(-value, -60, 60).astype(np.float32))))


def _shown(structure: np.ndarray, everything: np.ndarray, display: Display) -> np.ndarray:
    """How well the grey scale shows the structure: neither black nor white, 0..1."""
    black_db = -display.gain_db - display.dynamic_range_db
    above_black = logistic((decibels(structure) - black_db - 12) / 4)
    below_white = logistic((display.dynamic_range_db + 6 - (decibels(everything) - black_db)) / 3)
    return np.asarray(above_black * below_white)


def _severities(
    echo: ChannelEcho, structure: np.ndarray, unseen: np.ndarray, lost_db: np.ndarray | float
) -> dict[str, np.ndarray]:
    """Share that each cause takes: of amplitude (shadow, attenuation), power (clutter, noise) or the beam's peak."""
    lost = 1 - 10 ** (-np.maximum(np.asarray(lost_db, np.float32), 0) / 20)
    severity = {
        "shadow": np.clip(1 - echo.transmission, 0, 1),
        "attenuation": np.broadcast_to(lost, structure.shape),
        "clutter": echo.clutter_power / (structure + echo.clutter_power + _FLOOR),
        "noise": echo.noise_power / (structure + echo.noise_power + _FLOOR),
        "defocus": 1 - np.sqrt(echo.strehl),
        "gain": unseen,
    }
    return {name: np.asarray(severity[name], dtype=np.float32) for name in CAUSES}


def _mean_power(field: np.ndarray) -> np.ndarray:
    power = field.real**2 + field.imag**2
    return np.asarray(cv2.GaussianBlur(power, (0, 0), POWER_SIGMA))
