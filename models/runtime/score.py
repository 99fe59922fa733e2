"""The 0-100 score of a picture, live: the released network of ``models/score`` and its calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from capture.errors import ModelError
from models.runtime.contract import ModelInfo
from models.runtime.manifest import Correction
from models.runtime.picture_check import refuse_odd_crop, refuse_one_colour
from models.runtime.picture_statistics import FEATURES, picture_statistics
from models.runtime.session import ModelSession, made_of

MODEL = "score"
_INPUT, _OUTPUT = "statistics", "severity"


class PictureScore:
    """Scores pictures as a whole. Called from one thread.

    Parameters
    ----------
    session : of the model; closed with this object

    Raises
    ------
    ModelError
        When the model or its calibration does not keep the contract.
    """

    def __init__(self, session: ModelSession) -> None:
        self._session = session
        self._correction = _checked(session)

    @property
    def info(self) -> ModelInfo:
        """What the HUD and the records show."""
        return self._session.info

    def score(self, crop: np.ndarray) -> float:
        """How good a picture looks, 0 (as bad as the worst known) to 100 (nothing degrades it).

        Parameters
        ----------
        crop : (H, W) uint8, the tight crop of the sector at its own resolution, 0 outside the sector

        Raises
        ------
        PictureError
            For another type or shape, fewer than 8 pixels along a side, and a picture of one colour.
        ModelError
            When the model fails or gives values that are not finite.
        """
        refuse_odd_crop(crop)
        refuse_one_colour(crop)
        return float(self.scores([crop])[0])

    def scores(self, crops: Iterable[np.ndarray]) -> np.ndarray:
        """Scores of several crops (H, W) uint8 in one run, for ``models.runtime.saliency``; (N,) float64.

        Raises
        ------
        ModelError
            As ``score``.
        """
        statistics = np.stack([picture_statistics(crop) for crop in crops])  # (N, FEATURES)
        raw = self._session.run(statistics)[0][:, 0].astype(np.float64)
        severity = (raw - self._correction.intercept) / self._correction.slope
        return np.asarray(100 * (1 - np.clip(severity, 0, 1)))

    def close(self) -> None:
        """Release the session; twice is fine."""
        self._session.close()


def open_score(open_model: Callable[[str], ModelSession]) -> PictureScore:
    """The released score.

    Parameters
    ----------
    open_model : gives the session of a model by name

    Raises
    ------
    ModelError
        When a file is missing, changed or breaks its contract; names it.
    """
    return made_of(open_model(MODEL), PictureScore)


def _checked(session: ModelSession) -> Correction:
    contract, correction = session.entry.contract, session.entry.correction
    outputs = [(spec.name, spec.shape[1:]) for spec in contract.outputs]
    eaten = contract.input.name, contract.input.shape[1:]
    if eaten != (_INPUT, (FEATURES,)) or outputs != [(_OUTPUT, (1,))]:
        raise ModelError(
            f"{session.model_id} eats {contract.input.name} {contract.input.shape} and gives {outputs}; the score "
            f"needs {FEATURES} {_INPUT} and one {_OUTPUT}: reinstall the weights"
        )
    if not np.isfinite([correction.slope, correction.intercept]).all() or correction.slope <= 0:
        raise ModelError(f"{session.model_id} has a calibration that turns the score around: reinstall the weights")
    return correction
