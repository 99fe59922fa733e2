"""A contact sheet of virtual samples: each with its structures outlined, and beside it its true quality."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from models.data.virtual_dataset import VirtualRecord

COUNT = 48
_TILE = 192
_ACROSS = 8
# BGR, told apart by colour-blind eyes too (Okabe and Ito): LV sky blue, MYO orange, LA yellow, AO pink.
# The cavity comes last, since the wall shares its border.
_COLOURS = {2: (0, 159, 230), 3: (66, 228, 240), 4: (167, 121, 204), 1: (233, 180, 86)}


def contact_sheet(records: Sequence[VirtualRecord], across: int = _ACROSS) -> np.ndarray:
    """Tiles in rows of ``across``, (rows x 192, across x 384, 3) BGR uint8; quality runs from dark blue to yellow."""
    tiles = [tile(record) for record in records]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % across)
    return np.vstack([np.hstack(tiles[start : start + across]) for start in range(0, len(tiles), across)])


def tile(record: VirtualRecord) -> np.ndarray:
    """One sample, (192, 384, 3) BGR uint8."""
    picture = cv2.cvtColor(np.array(record.image), cv2.COLOR_GRAY2BGR)
    for value, colour in _COLOURS.items():
        here = (record.labels == value).astype(np.uint8)
        outlines, _ = cv2.findContours(here, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outlines, -1, colour, 2)
    quality = cv2.applyColorMap(np.array(record.quality_byte), cv2.COLORMAP_VIRIDIS)
    quality[~record.inside] = 0
    both = cv2.resize(np.hstack([picture, quality]), (2 * _TILE, _TILE), interpolation=cv2.INTER_AREA)
    text = f"{record.info['index']} {record.view}"
    cv2.putText(both, text, (3, _TILE - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(both)
