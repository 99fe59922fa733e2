"""A less urgent network's part of an assessment: opened for the exam in use, and never in the way of the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from capture.errors import ModelError, PictureError, SonogaugeError
from models.runtime.contract import FrameStamp, ModelInfo
from models.runtime.manifest import UnlistedModelError
from models.runtime.providers import ProviderError

_LOG = logging.getLogger(__name__)
_CLOSED = "the models are not open"


class SideModel(Protocol):
    """What a network must offer to be a part; the rest is known to its reader."""

    @property
    def info(self) -> ModelInfo:
        """What the HUD and the records show."""
        ...

    def close(self) -> None:
        """Release the session; twice is fine."""
        ...


Model = TypeVar("Model", bound=SideModel)


class SidePicture(NamedTuple):
    """A frame's crop (H, W) uint8 at its own resolution, and what makes its square (224, 224) uint8."""

    whole: np.ndarray
    square: Callable[[], np.ndarray]


class SidePart(Generic[Model]):
    """A network of one exam at a time. Called from one thread at a time.

    Parameters
    ----------
    field : of the assessment that it fills; ``<field>_reason`` says why that is empty
    stage : its name among the times
    refusal : first words of each reason
    open_exam : gives the network of an exam; any of its errors but ProviderError is a reason told with every frame
    read : the field's value for a frame's picture, and the frame it is of
    """

    def __init__(
        self,
        field: str,
        stage: str,
        refusal: str,
        open_exam: Callable[[str], Model],
        read: Callable[[Model, SidePicture, FrameStamp], object],
    ) -> None:
        self.field, self.stage = field, stage
        self.model: Model | None = None
        self._refusal, self._open_exam, self._read = refusal, open_exam, read
        self._exam, self._why = "", _CLOSED

    def use(self, exam: str) -> None:
        """Open the network of an exam, unless it is open.

        Raises
        ------
        ProviderError
            When the provider asked for by name is not granted.
        """
        if exam == self._exam:
            return
        self.close()
        self._exam = exam
        try:
            self.model, self._why = self._open_exam(exam), ""
        except SonogaugeError as error:
            level = logging.INFO if isinstance(error, UnlistedModelError) else logging.WARNING
            _LOG.log(level, "no %s for %s: %s", self.stage, exam, error)
            self._why = str(error)
            if isinstance(error, ProviderError):
                raise

    @property
    def is_open(self) -> bool:
        """Whether there is a network to ask."""
        return self.model is not None

    @property
    def nothing(self) -> dict[str, Any]:
        """The field's reason for a frame that is not read: why there is no network, empty when there is one."""
        return self._because(self._why)

    def read(self, picture: SidePicture, of: FrameStamp) -> dict[str, Any]:
        """The field, or its reason, for a frame's picture; never an error."""
        if self.model is None:
            return self.nothing
        try:
            return {self.field: self._read(self.model, picture, of), **self._because("")}
        except (PictureError, ModelError) as error:
            return self._because(str(error))

    def close(self) -> None:
        """Release the session; twice is fine."""
        if self.model is not None:
            self.model.close()
        self.model, self._exam, self._why = None, "", _CLOSED

    def _because(self, why: str) -> dict[str, Any]:
        return {f"{self.field}_reason": f"{self._refusal}: {why}" if why else ""}
