"""The quality clusters' part of an assessment: opened for the exam in use, and never in the way of the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from calibration.cluster_map import ClusterMap
from capture.errors import ModelError, PictureError, SonogaugeError
from models.runtime.contract import FrameStamp, ModelInfo
from models.runtime.providers import ProviderError
from models.runtime.quality_clusters import QualityClusters

_LOG = logging.getLogger(__name__)
_CLOSED = "cannot judge: the models are not open"


class ClusterPart:
    """Quality clusters of one exam at a time. Called from one thread.

    Parameters
    ----------
    open_exam : gives the clusters of an exam; any of its errors but ProviderError is a reason told with every frame
    """

    def __init__(self, open_exam: Callable[[str], QualityClusters]) -> None:
        self._open_exam = open_exam
        self._exam = ""
        self._clusters: QualityClusters | None = None
        self._reason = _CLOSED

    def use(self, exam: str) -> None:
        """Open the clusters of an exam, unless they are open.

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
            self._clusters, self._reason = self._open_exam(exam), ""
        except SonogaugeError as error:
            _LOG.warning("no quality clusters for %s: %s", exam, error)
            self._reason = _sentence(error)
            if isinstance(error, ProviderError):
                raise

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The model in use, if there is one."""
        return () if self._clusters is None else (self._clusters.info,)

    @property
    def map(self) -> ClusterMap | None:
        """The map in use, if there is one."""
        return None if self._clusters is None else self._clusters.map

    @property
    def reason(self) -> str:
        """Why there are none, empty when they are open."""
        return self._reason

    def read(self, grey: np.ndarray, of: FrameStamp | None = None) -> dict[str, Any]:
        """``cluster`` or ``cluster_reason`` of an assessment, for a frame's square (224, 224) uint8; never an error."""
        if self._clusters is None:
            return {"cluster_reason": self._reason}
        try:
            return {"cluster": replace(self._clusters.assess(grey), of=of)}
        except (PictureError, ModelError) as error:
            return {"cluster_reason": _sentence(error)}

    def close(self) -> None:
        """Release the session; twice is fine."""
        if self._clusters is not None:
            self._clusters.close()
        self._clusters, self._exam, self._reason = None, "", _CLOSED


def _sentence(error: Exception) -> str:
    return f"cannot judge: {error}"
