"""What outlines a frame, and how often the view is looked at.

The segmentation network outlines all three apical views; the dense network tells the view, now and then once that has
settled. It does both in one pass, with outlines that are a little less exact: in the few frames of a settled stream in
which the view is looked at, so that none of them takes the time of both networks, or in all where its maps score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.runtime.contract import STRUCTURE_VALUES
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
    logits : (C, 256, 256) float32: background, LV, MYO, LA, and the aorta in a long-axis view alone
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
    one_pass : take the outlines from the dense network as well; reads it in each frame
    """

    def __init__(
        self,
        segmentation: ModelSession,
        dense: DenseModel,
        *,
        per_frame: bool,
        every_frame: bool,
        one_pass: bool = False,
    ) -> None:
        self.segmentation, self.dense = segmentation, dense
        self._views, self._every_frame, self._one_pass = ViewTracker(per_frame), every_frame or one_pass, one_pass
        self._foreshortening = 0.0

    def forget(self) -> None:
        """Another stream begins."""
        self._views.forget()
        self._foreshortening = 0.0

    def close(self) -> None:
        """Release both; twice is fine."""
        self.segmentation.close()
        self.dense.close()

    def outline(self, grey: np.ndarray, t_ns: int, fixed_view: str | None = None) -> Outlined:
        """Read a model square (256, 256) uint8 of a stream at its time.

        Parameters
        ----------
        fixed_view : the view as the user or the source says, None to go by what the network sees

        Raises
        ------
        ModelError
            When a model fails or gives values that are not finite.
        """
        one_pass = self._one_pass or (self._views.is_settled and not self._every_frame)
        reading, view_p = self._look(grey, t_ns)
        logits = reading.logits if reading is not None and one_pass else self.segment(grey)
        if (fixed_view or likeliest_view(view_p)) != "ALAX":
            logits = logits[: STRUCTURE_VALUES["AO"]]
        return Outlined(logits, view_p, self._foreshortening, reading)

    def segment(self, grey: np.ndarray) -> np.ndarray:
        """Logits (5, 256, 256) of the segmentation network."""
        return np.asarray(self.segmentation.run(batch_of(grey))[0][0])

    def _look(self, grey: np.ndarray, t_ns: int) -> tuple[DenseReading | None, np.ndarray]:
        known = self._views.current
        due = self._every_frame or known is None or self._views.is_due(t_ns)
        if not due and known is not None:
            return None, known
        reading = self.dense.read(grey)
        self._foreshortening = reading.foreshortening
        return reading, self._views.update(reading.view_p, t_ns)


def likeliest_view(view_p: np.ndarray) -> str:
    """Name among ``VIEW_CHANNELS``."""
    return VIEW_CHANNELS[int(np.argmax(view_p))]
