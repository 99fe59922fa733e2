"""What happens to echoes on their way through the abdomen: attenuation, enhancement by urine, bowel gas, clutter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.virtual.abdomen.anatomy import URINE_DB, Bladder
from capture.virtual.abdomen.parameters import AbdomenParameters
from capture.virtual.probe.settings import ProbeSettings

# Time gain compensates for tissue that urine is not: two ways through it, 3.5 MHz, partly compressed.
_ENHANCEMENT_DB_PER_MM, _ENHANCEMENT_LIMIT_DB = 0.18, 13.0
# Fat beyond what the gain is set for: attenuation both ways, and the focus that it blurs.
_USUAL_WALL_MM, _FAT_LOSS_DB_PER_MM = 18.0, 0.70
_DEPTH_LOSS_DB_PER_MM = 0.07
# Refraction at the sides of the bladder bends sound away from what lies behind them.
_EDGE_LOSS_DB, _EDGE_RAD = 8.0, 0.022
_GAS_LOSS_DB = 34.0
_GAS_ECHO_DB = 19.0


@dataclass(frozen=True)
class Window:
    """Maps on polar places of one shape (R, B), all in dB.

    Attributes
    ----------
    gain_db : on echoes of tissue
    gas_shadow_db : the part of it that gas takes away, positive
    gas_echo_db : echo of the gas surface itself, very low elsewhere
    clutter_db : reverberation and haze that lie over whatever is there
    """

    gain_db: np.ndarray
    gas_shadow_db: np.ndarray
    gas_echo_db: np.ndarray
    clutter_db: np.ndarray


def window(
    p: AbdomenParameters, bladder: Bladder, radius: np.ndarray, angle: np.ndarray, probe: ProbeSettings
) -> Window:
    """Maps for ranges ``radius`` (R, 1) in mm and beams ``angle`` (1, B) in radians."""
    depth = np.asarray(radius - probe.face_mm)
    distance = bladder.distance_mm(radius * np.sin(angle), radius * np.cos(angle))
    step = float(radius[1, 0] - radius[0, 0])
    path = np.cumsum(distance < 0, axis=0) * step
    enhancement = _ENHANCEMENT_LIMIT_DB * np.tanh(path * _ENHANCEMENT_DB_PER_MM / _ENHANCEMENT_LIMIT_DB)
    fat = np.maximum(p.habitus_mm - _USUAL_WALL_MM, 0.0) * np.minimum(depth / p.habitus_mm, 1.0)
    loss = _FAT_LOSS_DB_PER_MM * fat + _DEPTH_LOSS_DB_PER_MM * np.maximum(depth - 60.0, 0.0)
    loss = loss + _edge_shadows(bladder, radius, angle)
    share, surface = gas_cover(p, angle, probe.half_angle)
    below = depth - surface
    shadow = _GAS_LOSS_DB * share * _step(below / 0.8)
    echo = _GAS_ECHO_DB + 20 * np.log10(np.maximum(share, 1e-3)) - (below / 0.9) ** 2 * 4
    clutter = _clutter(p, depth, angle, distance, share, below)
    return Window(
        np.asarray(enhancement - loss - shadow, np.float32),
        np.asarray(shadow, np.float32),
        np.asarray(np.maximum(echo, URINE_DB), np.float32),
        clutter,
    )


def _edge_shadows(bladder: Bladder, radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Loss behind the two places where a beam only grazes the bladder, in dB."""
    x, z = bladder.outline_mm()
    at, reach = np.arctan2(x, z), np.hypot(x, z)
    loss = np.zeros(np.broadcast_shapes(radius.shape, angle.shape))
    for side in (int(np.argmin(at)), int(np.argmax(at))):
        across = np.exp(-(((angle - at[side]) / _EDGE_RAD) ** 2))
        loss += _EDGE_LOSS_DB * across * _step((radius - reach[side] - 4.0) / 5.0)
    return loss


def gas_cover(p: AbdomenParameters, angle: np.ndarray, half_angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Share of each beam that gas blocks, 0..1, and depth of the gas surface in mm; shape of ``angle``.

    Gas comes in from one side: with more of it every beam is blocked at least as much.
    """
    r = np.random.default_rng([p.seed, 205])
    side = float(r.choice([-1.0, 1.0]))
    reached = (1.12 - 1.42 * p.gas) * half_angle
    ragged = sum(r.uniform(0.01, 0.035) * np.sin(r.uniform(15, 60) * angle + r.uniform(0, 6.28)) for _ in range(3))
    share = _step((side * angle - reached + ragged) / 0.06)
    loops = np.abs(np.sin(angle * r.uniform(7, 11) + r.uniform(0, 3)))
    return share, p.habitus_mm + 3.0 + r.uniform(3, 7) * (1 - loops)


def _clutter(
    p: AbdomenParameters,
    depth: np.ndarray,
    angle: np.ndarray,
    distance: np.ndarray,
    share: np.ndarray,
    below: np.ndarray,
) -> np.ndarray:
    """Sum of all clutter: haze, repeats of the wall, side lobes of the back wall, and the dirt below gas."""
    r = np.random.default_rng([p.seed, 206])
    under = np.maximum(depth - p.habitus_mm, 0.0)
    # The wall comes again in the same thickness, with its layers as stripes.
    stripes = 2.5 * np.cos(2 * np.pi * under / (p.habitus_mm * r.uniform(0.22, 0.34)))
    repeats = p.reverberation_db - under * (14.0 / p.habitus_mm) + stripes - 30.0 * (depth < p.habitus_mm - 1)
    slice_lobe = -20.0 + 1.6 * np.clip(distance, -20, 0) + 6.0 * (depth > p.habitus_mm + 30) - 60.0 * (distance > 0)
    echoes = 3.5 * np.cos(2 * np.pi * below / r.uniform(7, 12)) * np.exp(-np.maximum(below, 0) / 25)
    rays = sum(r.uniform(0.8, 2.2) * np.sin(r.uniform(25, 130) * angle + r.uniform(0, 6.28)) for _ in range(4))
    dirt = -4.0 - 0.24 * np.maximum(below, 0) + rays + echoes + 20 * np.log10(np.maximum(share, 1e-3))
    dirt = dirt - 60.0 * (below < 0)
    levels = np.broadcast_arrays(np.asarray(p.haze_db), repeats, slice_lobe, dirt)
    return np.asarray(10 * np.log10(sum(10 ** (level / 10) for level in levels)), dtype=np.float32)


def noise_db(p: AbdomenParameters, radius: np.ndarray, probe: ProbeSettings) -> np.ndarray:
    """Level of electronic noise after time gain compensation, shape of ``radius``."""
    fraction = np.clip((radius - probe.face_mm) / probe.depth_mm, 0, 1)
    return np.asarray(p.noise_db - 22.0 * (1 - fraction), dtype=np.float32)


def _step(value: np.ndarray) -> np.ndarray:
    """Smooth step from 0 to 1 around 0."""
    return np.asarray(0.5 + 0.5 * np.tanh(value))
