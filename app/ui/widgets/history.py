"""What the last minute looked like, as a ring of small columns. No Qt: plain arrays, tested alone."""

from __future__ import annotations

import numpy as np

from app.overlay.palettes import label_of_rank
from models.runtime.contract import REGION_NAMES, Assessment

SPAN_S, COLUMNS_PER_S = 60, 5
COLUMNS = SPAN_S * COLUMNS_PER_S
HELD_COLUMNS = 2
"""A value stands for this many columns more when the next frame comes late; a longer pause is left blank."""

ROWS = ("cluster", "level", *REGION_NAMES)
BLANK, UNJUDGED = 7, 6
"""Codes beside the labels 0..5: nothing came in, and a frame that could not be judged."""


class History:
    """One column of codes per fifth of a second, the newest last.

    Rows are ``ROWS``: the cluster's colour label, the level, and the label of each region.
    """

    def __init__(self) -> None:
        self._ring = np.full((len(ROWS), COLUMNS), BLANK, np.uint8)
        self._column: int | None = None

    def clear(self) -> None:
        """Forget everything."""
        self._ring[:] = BLANK
        self._column = None

    def note(self, t_mono_ns: int, judged: Assessment | None) -> bool:
        """Take what is shown of a frame, None when it cannot be judged; whether a new column has begun.

        The last frame of a column counts. A clock that goes back begins a new history.
        """
        column = t_mono_ns * COLUMNS_PER_S // 1_000_000_000
        before = self._column
        if before is not None and column < before:
            self.clear()
            before = None
        if before is not None and column > before:
            self._advance(before, column)
        self._column = column
        self._ring[:, column % COLUMNS] = codes_of(judged)
        return column != before

    def _advance(self, before: int, column: int) -> None:
        between = np.arange(max(before + 1, column - COLUMNS), column) % COLUMNS
        held = column - before - 1 <= HELD_COLUMNS
        self._ring[:, between] = self._ring[:, [before % COLUMNS]] if held else BLANK

    def columns(self) -> np.ndarray:
        """Codes, (len(ROWS), COLUMNS) uint8, oldest first: 0..5 labels, ``UNJUDGED``, ``BLANK``."""
        return self._ring if self._column is None else np.roll(self._ring, -(self._column % COLUMNS) - 1, axis=1)


def codes_of(judged: Assessment | None) -> np.ndarray:
    """One column, (len(ROWS),) uint8."""
    codes = np.full(len(ROWS), UNJUDGED, np.uint8)
    if judged is None:
        return codes
    if judged.cluster is not None:
        codes[0] = label_of_rank(judged.cluster.rank, len(judged.cluster.names))
        codes[1] = judged.cluster.level
    for region in judged.regions:
        if region.label is not None:
            codes[ROWS.index(region.name)] = region.label
    return codes
