"""Rebuild ``simus_reference.npz`` with SIMUS (PyMUST, LGPL; needed here alone, never by a test or by the program).

About five minutes on one core::

    pip install --no-deps --target build/pymust pymust && pip install matplotlib
    PYTHONPATH=tests/support:build/pymust python -m build_simus_reference

Each line is its own transmit, focused at one range. Channels are demodulated, delayed to each range of the line
(exact distances) and kept only as the coherence factor (Rigby 1999: |sum of channels| / sum of |channel|) and the
envelope of the sum, so that the file stays small.
"""

from __future__ import annotations

import numpy as np
import pymust
import simus_reference as reference
from scipy.signal import hilbert


def main() -> None:
    """Simulate the lines of the clean phantom and of the one behind a screen, add noise, and write the maps."""
    delays_ns = {"clean": np.zeros(reference.ELEMENTS), "screen": reference.screen_delay_ns()}
    channels = {kind: _all_lines(kind, delay * 1e-9) for kind, delay in delays_ns.items()}
    channels["noise"] = _with_noise(channels["clean"])
    stored = {}
    for kind, lines in channels.items():
        total = np.abs(lines.sum(axis=2))
        stored[f"{kind}_sum"] = (total / total.max()).astype(np.float16)
        stored[f"{kind}_coherence"] = (total / np.abs(lines).sum(axis=2)).astype(np.float16)
        print(f"{kind}: mean coherence {stored[f'{kind}_coherence'].astype(np.float32).mean():.3f}")
    np.savez_compressed(reference.REFERENCE, **stored)


def _all_lines(kind: str, screen_s: np.ndarray) -> np.ndarray:
    """Delayed channels of every line, (RANGES, LINES, ELEMENTS) complex64, of equal power at every range."""
    lines = []
    for number, sine in enumerate(reference.line_sine()):
        lines.append(_line(float(sine), screen_s))
        print(f"{kind}: line {number + 1} of {reference.LINES}", end="\r", flush=True)
    channels = np.stack(lines, axis=1)
    return (channels / np.sqrt((np.abs(channels) ** 2).mean(axis=(1, 2), keepdims=True))).astype(np.complex64)


def _line(sine: float, screen_s: np.ndarray) -> np.ndarray:
    """Channels of one transmit, delayed to the ranges of its line, (RANGES, ELEMENTS) complex128."""
    focus_s = _distance_mm(np.array([reference.FOCUS_MM]), sine)[0] / reference.SPEED_MM_PER_US * 1e-6
    transmit_s = focus_s.max() - focus_s + screen_s
    start_s = transmit_s.min()
    echoes, rate = _echoes(transmit_s - start_s)
    ranges = reference.range_mm()
    # When the focused wave passes a range: that of the focus, moved along the line.
    arrival_s = focus_s.max() - start_s + (ranges - reference.FOCUS_MM) / reference.SPEED_MM_PER_US * 1e-6
    back_s = _distance_mm(ranges, sine) / reference.SPEED_MM_PER_US * 1e-6
    when_s = arrival_s[:, None] + back_s
    frequency = reference.FREQUENCY_MHZ * 1e6
    baseband = np.exp(2j * np.pi * frequency * (when_s - 2 * ranges[:, None] / reference.SPEED_MM_PER_US * 1e-6))
    at_s = np.arange(echoes.shape[0]) / rate
    carrier = np.exp(-2j * np.pi * frequency * at_s)[:, None]
    slow = hilbert(echoes, axis=0) * carrier
    read_s = when_s - screen_s  # an echo that the screen held up once more is read where it was before it
    columns = [np.interp(read_s[:, i], at_s, slow[:, i]) for i in range(reference.ELEMENTS)]
    shift = np.exp(2j * np.pi * frequency * (read_s - when_s))
    return np.stack(columns, axis=1) * baseband * shift


def _echoes(transmit_s: np.ndarray) -> tuple[np.ndarray, float]:
    """SIMUS: radio-frequency echoes (samples, ELEMENTS) and the rate of samples in Hz."""
    param = pymust.utils.Param()
    param.fc, param.bandwidth = reference.FREQUENCY_MHZ * 1e6, reference.BANDWIDTH_PERCENT
    param.pitch, param.width, param.Nelements = reference.PITCH_MM * 1e-3, reference.WIDTH_MM * 1e-3, reference.ELEMENTS
    param.radius, param.height, param.c = np.inf, np.inf, reference.SPEED_MM_PER_US * 1e3
    param.fs, param.TXnow = 4 * param.fc, reference.PERIODS
    medium = reference.scatterers()
    x = medium.range_mm * medium.sine * 1e-3
    z = medium.range_mm * np.sqrt(1 - medium.sine**2) * 1e-3
    echoes = pymust.simus(x, z, medium.amplitude, transmit_s[None, :], param)[0]
    return np.asarray(echoes, dtype=float), float(param.fs)


def _distance_mm(ranges: np.ndarray, sine: float) -> np.ndarray:
    """From each element to points on a line, (ranges, ELEMENTS)."""
    x = reference.element_mm()
    return np.sqrt(ranges[:, None] ** 2 + x**2 - 2 * ranges[:, None] * x * sine)


def _with_noise(channels: np.ndarray) -> np.ndarray:
    """The same channels with white noise whose level grows with range."""
    rng = np.random.default_rng(303)
    parts = rng.standard_normal((2, *channels.shape)) * np.sqrt(0.5)
    return channels + reference.noise_level()[:, None, None] * (parts[0] + 1j * parts[1])


if __name__ == "__main__":
    main()
