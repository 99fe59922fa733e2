"""Which network outlines a frame, and how often the view is looked at.

The segmentation network outlines two- and four-chamber views; the dense network tells the view, now and then once that
has settled, and outlines long-axis views with their aorta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.runtime.dense import VIEW_CHANNELS, DenseReading
from models.runtime.dense_model import DenseModel
from models.runtime.session import ModelSession, batch_of
from models.runtime.view_tracker import ViewTracker

SEGMENTATION = "segmentation"


@dataclass(frozen=True, eq=False)
class Outlined:
    """What the networks say of one frame.

    Attributes
    ----------
    logits : (C, 256, 256) float32, four classes, or five in a long-axis view
    view_p : (4,) float32 in the order of ``VIEW_CHANNELS``, averaged over the stream
    foreshortening : 0..1, of the last frame that the dense network read
    reading : of the dense network, None when it was left out in this frame
    """

    logits: np.ndarray
    view_p: np.ndarray
    foreshortening: float
    reading: DenseReading | None


class Outliner:
    """The segmentation and the dense network of one stream. Called from one thread.

    Parameters
    ----------
    segmentation, dense : closed with this object
    per_frame : pictures have nothing to do with each other
    every_frame : read the dense network in each frame, for its maps
    """

    def __init__(self, segmentation: ModelSession, dense: DenseModel, *, per_frame: bool, every_frame: bool) -> None:
        self.segmentation, self.dense = segmentation, dense
        self._views, self._every_frame = ViewTracker(per_frame), every_frame
        self._foreshortening = 0.0

    def forget(self) -> None:
        """Another stream begins."""
        self._views.forget()
        self._foreshortening = 0.0

    def close(self) -> None:
        """Release both; twice is fine."""
        self.segmentation.close()
        self.dense.close()

    def outline(self, grey: np.ndarray, t_ns: int) -> Outlined:
        """Read a model square (256, 256) uint8 of a stream at its time.

        Raises
        ------
        ModelError
            When a model fails or gives values that are not finite.
        """
        reading, view_p = self._look(grey, t_ns)
        if reading is not None and is_long_axis(view_p):
            return Outlined(reading.logits, view_p, self._foreshortening, reading)
        return Outlined(self.segment(grey), view_p, self._foreshortening, reading)

    def segment(self, grey: np.ndarray) -> np.ndarray:
        """Logits (4, 256, 256) of the segmentation network."""
        return np.asarray(self.segmentation.run(batch_of(grey))[0][0])

    def _look(self, grey: np.ndarray, t_ns: int) -> tuple[DenseReading | None, np.ndarray]:
        known = self._views.current
        due = self._every_frame or known is None or self._views.is_due(t_ns) or is_long_axis(known)
        if not due and known is not None:
            return None, known
        reading = self.dense.read(grey)
        self._foreshortening = reading.foreshortening
        return reading, self._views.update(reading.view_p, t_ns)


def is_long_axis(view_p: np.ndarray) -> bool:
    """Whether the long axis is the likeliest view."""
    return VIEW_CHANNELS[int(np.argmax(view_p))] == "ALAX"
