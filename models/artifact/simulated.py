"""Artifacts that the encoder learns from: each makes one out of a known picture on the network's own grid.

They are to be many and unlike each other, not real: what counts is that known frames lie apart from all of them.
``kinds.py`` says which are for training; what is held out for testing is made in ``held_out.py`` by other means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from capture.virtual.screen.strip_tape import mmode_tape, spectral_tape


@dataclass(frozen=True, eq=False)
class Canvas:
    """A known picture to spoil, another one to take parts of, and the random numbers.

    Attributes
    ----------
    image, donor : (S, S) uint8
    inside : (S, S) bool, the sector of ``image``
    random : decides everything
    """

    image: np.ndarray
    donor: np.ndarray
    inside: np.ndarray
    random: np.random.Generator

    @property
    def size(self) -> int:
        """Side of the square."""
        return len(self.image)

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly."""
        return float(self.random.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both possible."""
        return int(self.random.integers(low, high + 1))

    def masked(self, picture: np.ndarray) -> np.ndarray:
        """Any real (S, S) as uint8, black outside the sector."""
        return np.asarray(np.where(self.inside, np.clip(picture, 0, 255), 0), np.uint8)

    def noise(self, sigma: float) -> np.ndarray:
        """Smooth noise of spread 1, (S, S) float32."""
        field = self.random.standard_normal(self.image.shape, dtype=np.float32)
        field = np.asarray(cv2.GaussianBlur(field, (0, 0), sigma)) if sigma else field
        return np.asarray(field / (field.std() + 1e-6))


class Fan:
    """Rows of a sector (S, S) bool stretched to one width, so that beams stand upright; and back."""

    def __init__(self, inside: np.ndarray) -> None:
        self.inside = inside
        size = len(inside)
        columns = np.arange(size, dtype=np.float32)
        lit = inside.any(axis=1)
        first = np.where(lit, inside.argmax(axis=1), 0).astype(np.float32)[:, None]
        last = np.where(lit, size - 1 - inside[:, ::-1].argmax(axis=1), size - 1).astype(np.float32)[:, None]
        self._rows = np.repeat(columns[:, None], size, axis=1)
        self._to = np.asarray(first + columns * (last - first) / (size - 1), np.float32)
        self._back = np.asarray((columns - first) * (size - 1) / np.maximum(last - first, 1), np.float32)

    def straight(self, picture: np.ndarray) -> np.ndarray:
        """(S, S) -> (S, S), every beam a column."""
        return np.asarray(cv2.remap(picture, self._to, self._rows, cv2.INTER_LINEAR))

    def bent(self, beams: np.ndarray) -> np.ndarray:
        """(S, S) -> (S, S), back into the sector."""
        return np.asarray(cv2.remap(beams, self._back, self._rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def strip(c: Canvas) -> np.ndarray:
    """An M-mode or spectral strip over part of the picture, or all of it."""
    make = mmode_tape if c.random.random() < 0.5 else spectral_tape
    tape = make(c.random, 160, 480, 4)
    height = c.size if c.random.random() < 0.3 else c.whole(c.size // 4, c.size // 2)
    cut = c.whole(0, 200)
    part = cv2.resize(tape[:, cut : cut + 240], (c.size, height), interpolation=cv2.INTER_LINEAR)
    picture, top = c.image.copy(), c.size - height
    picture[top:] = part
    return picture if c.random.random() < 0.5 else c.masked(picture)


def mirrored_half(c: Canvas) -> np.ndarray:
    """One half of the fan shown again, mirrored, in the place of the other."""
    fan = Fan(c.inside)
    beams = fan.straight(c.image)
    axis = c.whole(0, 1)
    beams = beams if axis else beams.T
    half = c.size // 2
    beams = np.hstack([beams[:, :half], beams[:, half - 1 :: -1]])
    beams = beams[:, ::-1] if c.random.random() < 0.5 else beams
    return c.masked(fan.bent(np.ascontiguousarray(beams if axis else beams.T)))


def swapped_parts(c: Canvas) -> np.ndarray:
    """Left and right, or near and far, changed for each other without mirroring."""
    fan = Fan(c.inside)
    axes = [(1,), (0,), (0, 1)][c.whole(0, 2)]
    shifts = tuple(c.whole(c.size // 3, 2 * c.size // 3) for _ in axes)
    return c.masked(fan.bent(np.roll(fan.straight(c.image), shifts, axes)))


def shuffled_beams(c: Canvas) -> np.ndarray:
    """Groups of beams, or of ranges, in random order."""
    fan = Fan(c.inside)
    beams = fan.straight(c.image)
    axis = int(c.random.random() < 0.7)
    groups = np.array_split(np.arange(c.size), c.whole(5, 60))
    order = c.random.permutation(len(groups))
    return c.masked(fan.bent(np.take(beams, np.concatenate([groups[g] for g in order]), axis=axis)))


def turned(c: Canvas) -> np.ndarray:
    """The content by a quarter or half turn, or with near and far reversed; the sector stays."""
    fan = Fan(c.inside)
    beams = fan.straight(c.image)
    choices: tuple[np.ndarray, ...] = (beams[::-1], np.rot90(beams), np.rot90(beams, 2), np.rot90(beams, 3))
    return c.masked(fan.bent(np.ascontiguousarray(choices[c.whole(0, 3)])))


def foreign_parts(c: Canvas) -> np.ndarray:
    """Polygons filled with parts of another picture, or of this one from elsewhere."""
    picture = c.image.copy()
    for _ in range(c.whole(2, 7)):
        mask = _polygon(c)
        other = c.donor if c.random.random() < 0.5 else c.image
        moved = np.roll(np.rot90(other, c.whole(0, 3)), (c.whole(0, c.size), c.whole(0, c.size)), (0, 1))
        gain = c.between(0.7, 1.6)
        picture = np.where(mask, np.clip(gain * moved, 0, 255).astype(np.uint8), picture)
    return c.masked(picture)


def flat_parts(c: Canvas) -> np.ndarray:
    """Polygons of one grey or of noise; at times only where the picture is darker, or brighter, than a level."""
    picture = c.image.astype(np.float32)
    for _ in range(c.whole(1, 6)):
        mask, level, side = _polygon(c), c.between(30, 120), c.random.random()
        if side < 0.35:
            mask &= (picture < level) if side < 0.2 else (picture > level)
        texture = c.noise(c.between(0, 10)) * c.between(0, 70)
        picture = np.where(mask, c.between(0, 255) + texture * (c.random.random() < 0.6), picture)
    return c.masked(picture)


def thin_lines(c: Canvas) -> np.ndarray:
    """Straight, broken and curved lines and polygon outlines, bright or black."""
    picture = c.image.copy()
    for _ in range(c.whole(3, 14)):
        grey, width = int(c.random.choice([0, 255, c.whole(120, 255)])), c.whole(1, 2)
        if c.random.random() < 0.4:
            points = c.random.integers(0, c.size, (c.whole(3, 6), 1, 2)).astype(np.int32)
            cv2.polylines(picture, [points], bool(c.whole(0, 1)), grey, width)
        else:
            centre, axes = c.random.integers(0, c.size, 2).tolist(), c.random.integers(4, c.size // 2, 2).tolist()
            start, span = c.whole(0, 360), c.whole(20, 360)
            cv2.ellipse(picture, centre, axes, c.whole(0, 180), start, start + span, grey, width)
    return _shining_through(c, picture)


def specks(c: Canvas) -> np.ndarray:
    """Many tiny bright or black marks: dots, rings and filled squares, scattered or in a row."""
    picture = c.image.copy()
    for _ in range(c.whole(3, 12)):
        place, step = c.random.integers(0, c.size, 2), c.random.integers(-9, 10, 2)
        grey, radius, form = int(c.random.choice([0, 255, 200])), c.whole(1, 3), c.whole(0, 2)
        for number in range(c.whole(2, 16)):
            x, y = (place + number * step).tolist()
            if form == 2:
                cv2.rectangle(picture, (x - radius, y - radius), (x + radius, y + radius), grey, -1)
            else:
                cv2.circle(picture, (x, y), radius, grey, -1 if form else 1)
    return _shining_through(c, picture)


def _shining_through(c: Canvas, drawn: np.ndarray) -> np.ndarray:
    """What was drawn, at times faint: a screen's thin lines lose contrast on the way to the network."""
    share = c.between(0.4, 1.0)
    return c.masked(share * drawn + (1 - share) * c.image + 0.5)


def bands(c: Canvas) -> np.ndarray:
    """Bands across the picture that are black, bright, noisy or much dimmer or brighter than the rest."""
    picture = c.image.astype(np.float32)
    y, x = np.mgrid[0 : c.size, 0 : c.size].astype(np.float32)
    for _ in range(c.whole(1, 5)):
        angle = c.between(0, np.pi) if c.random.random() < 0.5 else float(c.random.choice([0, np.pi / 2]))
        across = x * np.cos(angle) + y * np.sin(angle)
        start, width = c.between(0, c.size), c.between(0.02, 0.3) * c.size
        there = (across > start) & (across < start + width)
        fill = (np.zeros_like(picture), c.between(150, 255) + 0 * picture, 128 + 60 * c.noise(1.0), c.image * 0.15)
        picture = np.where(there, fill[c.whole(0, 3)], picture)
    return c.masked(picture)


def warped(c: Canvas) -> np.ndarray:
    """Bent out of any anatomy by a strong smooth warp, or swirled."""
    y, x = np.mgrid[0 : c.size, 0 : c.size].astype(np.float32)
    if c.random.random() < 0.5:
        dx, dy = (c.between(9, 24) * c.noise(c.between(7, 16)) for _ in range(2))
    else:
        centre_x, centre_y = c.between(0.3, 0.7) * c.size, c.between(0.3, 0.7) * c.size
        radius = np.hypot(x - centre_x, y - centre_y)
        turn = c.between(1.5, 4) * np.exp(-radius / (c.between(0.2, 0.5) * c.size)) * c.random.choice([-1, 1])
        dx = (x - centre_x) * (np.cos(turn) - 1) - (y - centre_y) * np.sin(turn)
        dy = (x - centre_x) * np.sin(turn) + (y - centre_y) * (np.cos(turn) - 1)
    maps = (x + dx).astype(np.float32), (y + dy).astype(np.float32)
    return c.masked(cv2.remap(c.image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))


def inverted(c: Canvas) -> np.ndarray:
    """Black for white, at times beyond some level alone."""
    level = c.whole(60, 160) if c.random.random() < 0.4 else 0
    return c.masked(np.where(c.image >= level, 255 - c.image.astype(int) + level, c.image))


def few_greys(c: Canvas) -> np.ndarray:
    """Two to four grey levels, or almost all of the picture black or white."""
    if c.random.random() < 0.5:
        step = 255 / c.whole(1, 3)
        return c.masked(np.rint(c.image / step) * step)
    return c.masked((c.image.astype(np.float32) - c.between(0, 120)) * c.between(4, 12))


def enlarged(c: Canvas) -> np.ndarray:
    """A small part of the picture over the whole sector."""
    side = c.whole(c.size // 7, c.size // 3)
    top, left = c.whole(c.size // 5, c.size - side - 20), c.whole(30, c.size - side - 30)
    part = c.image[top : top + side, left : left + side]
    return c.masked(cv2.resize(part, (c.size, c.size), interpolation=cv2.INTER_CUBIC))


def tiles(c: Canvas) -> np.ndarray:
    """Square tiles of the picture in random order."""
    side = c.size // c.whole(3, 9)
    count = c.size // side
    picture = c.image.copy()
    for place, source in enumerate(c.random.permutation(count * count)):
        (row, column), (from_row, from_column) = divmod(place, count), divmod(int(source), count)
        piece = c.image[from_row * side : (from_row + 1) * side, from_column * side : (from_column + 1) * side]
        picture[row * side : (row + 1) * side, column * side : (column + 1) * side] = piece
    return c.masked(picture)


def pixelated(c: Canvas) -> np.ndarray:
    """Means of large cells, over the picture or part of it."""
    cells = c.whole(12, 40), c.whole(12, 40)
    small = cv2.resize(c.image, cells, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (c.size, c.size), interpolation=cv2.INTER_NEAREST)
    return c.masked(large if c.random.random() < 0.6 else np.where(_polygon(c), large, c.image))


def torn_rows(c: Canvas) -> np.ndarray:
    """Runs of lines displaced sideways, as by a bad cable."""
    picture, row, reach = c.image.copy(), 0, c.between(4, 40)
    while row < c.size:
        run = c.whole(2, 24)
        picture[row : row + run] = np.roll(picture[row : row + run], round(c.between(-reach, reach)), axis=1)
        row += run
    return picture if c.random.random() < 0.5 else c.masked(picture)


def interference(c: Canvas) -> np.ndarray:
    """Bright beams or ranges, or a regular ripple over the picture, as from another device."""
    fan = Fan(c.inside)
    if c.random.random() < 0.5:
        lines = (c.random.random(c.size) < c.between(0.03, 0.2)).astype(np.float32)
        pattern = c.between(60, 200) * np.tile(lines, (c.size, 1)) * (0.6 + 0.4 * np.abs(c.noise(0.5)))
    else:
        wave = np.sin(2 * np.pi * np.arange(c.size) / c.between(4, 24) + c.between(0, 6))
        pattern = c.between(25, 90) * np.tile(wave, (c.size, 1))
    pattern = np.asarray(pattern if c.random.random() < 0.6 else pattern.T, np.float32)
    return c.masked(c.image + fan.bent(np.ascontiguousarray(pattern)))


def scrambled(c: Canvas) -> np.ndarray:
    """The same amounts of every frequency at random places: the texture without the anatomy."""
    spectrum = np.fft.rfft2(c.image.astype(np.float32))
    phase = np.exp(2j * np.pi * c.random.random(spectrum.shape))
    field = np.fft.irfft2(np.abs(spectrum) * phase, c.image.shape)
    shown = c.image[c.inside]
    field = (field - field.mean()) / (field.std() + 1e-6)
    return c.masked(shown.mean() + c.between(0.6, 1.2) * shown.std() * field)


def double_exposure(c: Canvas) -> np.ndarray:
    """Two pictures at once; the other may be another patient's or this one, displaced and turned."""
    other = c.donor if c.random.random() < 0.5 else np.rot90(c.image, c.whole(1, 3))
    share = c.between(0.35, 0.65)
    moved = np.roll(other, (c.whole(-50, 50), c.whole(-50, 50)), (0, 1))
    mixed = np.maximum(c.image, moved) if c.random.random() < 0.4 else share * c.image + (1 - share) * moved
    return c.masked(mixed)


def noise_alone(c: Canvas) -> np.ndarray:
    """Noise over everything, or in place of the picture."""
    texture = c.between(50, 110) * c.noise(c.between(0, 2.5))
    kept = c.between(0, 0.5) if c.random.random() < 0.6 else 1.0
    return c.masked(kept * c.image + c.between(0, 60) + (texture if kept < 1 else np.abs(texture)))


def blurred_away(c: Canvas) -> np.ndarray:
    """So blurred, by a disc or along one direction, that nothing is left to see."""
    if c.random.random() < 0.5:
        return c.masked(cv2.GaussianBlur(c.image, (0, 0), c.between(7, 20)))
    length = c.whole(30, 90)
    kernel = (length, 1) if c.random.random() < 0.5 else (1, length)
    return c.masked(cv2.blur(c.image, kernel))


def plain_screen(c: Canvas) -> np.ndarray:
    """A screen without picture and text: one grey, a ramp, or boxes of greys; in the sector or over all."""
    screen = np.full(c.image.shape, c.whole(0, 200), np.uint8)
    if c.random.random() < 0.4:
        ramp = np.linspace(c.whole(0, 120), c.whole(60, 255), c.size).astype(np.uint8)
        screen = np.rot90(np.tile(ramp, (c.size, 1)), c.whole(0, 3)).copy()
    for _ in range(c.whole(0, 6)):
        corner, other = (c.random.integers(0, c.size, 2).tolist() for _ in range(2))
        cv2.rectangle(screen, corner, other, c.whole(0, 255), int(c.random.choice([-1, 1, 2])))
    noisy = screen + c.between(0, 12) * c.noise(0.0)
    return c.masked(noisy) if c.random.random() < 0.6 else np.asarray(np.clip(noisy, 0, 255), np.uint8)


def _polygon(c: Canvas) -> np.ndarray:
    """A random polygon, (S, S) bool."""
    centre, reach = c.random.uniform(0.15, 0.85, 2) * c.size, c.between(0.06, 0.3) * c.size
    angles = np.sort(c.random.uniform(0, 2 * np.pi, c.whole(3, 8)))
    radii = reach * c.random.uniform(0.5, 1.3, len(angles))
    corners = centre + radii[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    mask = cv2.fillPoly(np.zeros(c.image.shape, np.uint8), [np.rint(corners).astype(np.int32)], 1)
    return np.asarray(mask > 0)


Simulation = Callable[[Canvas], np.ndarray]
