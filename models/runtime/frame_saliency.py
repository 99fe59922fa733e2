"""What drives the score of one assessed frame, over the pixels of its own sector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from calibration.crop import SectorCrop
from capture.errors import PictureError
from capture.frame import Frame
from capture.geometry import Rect, SectorShape
from models.runtime.contract import Assessment, FrameStamp
from models.runtime.picture_check import refuse_one_colour
from models.runtime.picture_statistics import of_known_size
from models.runtime.saliency import saliency
from models.runtime.score import PictureScore, open_score
from models.runtime.session import ModelSession


@dataclass(frozen=True, eq=False)
class SaliencyMap:
    """Where a frame loses points of its 0-100 score.

    Attributes
    ----------
    points : (H, W) float32 over ``crop``, points of score that the look of each place costs; negative where it holds
        the score up, 0 outside the sector
    crop, sector : part of the screen that they span, and the sector in it, screen pixels
    source_id, of : the frame that it was made of
    """

    points: np.ndarray
    crop: Rect
    sector: SectorShape
    source_id: str
    of: FrameStamp

    def lies_on(self, assessment: Assessment) -> bool:
        """Whether another frame's picture is in the same place of the same source."""
        return self.source_id == assessment.source_id and self.sector == assessment.sector


class FrameSaliency:
    """Makes the maps of frames, one at a time. Called from one thread.

    Parameters
    ----------
    score : the model that is asked; closed with this object
    """

    def __init__(self, score: PictureScore) -> None:
        self._score = score

    def map_of(self, frame: Frame, assessment: Assessment) -> SaliencyMap:
        """The map of a frame by its own assessment.

        Raises
        ------
        PictureError
            When no sector is known, or the picture is of one colour.
        ModelError
            When the model fails or gives values that are not finite.
        """
        crop = crop_of(assessment)
        picture = of_known_size(crop.crop(frame.pixels, assessment.levels))
        refuse_one_colour(picture)
        return SaliencyMap(
            saliency(self._score.scores, picture),
            crop.rect,
            crop.sector,
            frame.source_id,
            FrameStamp(frame.index, frame.t_mono_ns),
        )

    def close(self) -> None:
        """Release the session; twice is fine."""
        self._score.close()


def open_saliency(open_model: Callable[[str], ModelSession]) -> FrameSaliency:
    """Maps by the released score; ``open_model`` gives the session of a model by name.

    Raises
    ------
    ModelError
        When a file is missing, changed or breaks its contract; names it.
    """
    return FrameSaliency(open_score(open_model))


def crop_of(assessment: Assessment) -> SectorCrop:
    """The crop that the score saw, made again from what the assessment tells of it.

    Raises
    ------
    PictureError
        When it knows no sector.
    """
    if assessment.sector is None:
        raise PictureError("no sector is known in this picture: wait until it was found, or draw it in the profile")
    return SectorCrop(assessment.sector, *assessment.frame_size)
