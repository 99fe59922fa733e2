"""The 0-100 score of a picture, live: the released network of ``models/score`` and its calibration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calibration.crop import squashed
from capture.errors import ModelError
from models.runtime.contract import ModelInfo
from models.runtime.manifest import Correction
from models.runtime.picture_check import refuse_odd_crop, refuse_one_colour
from models.runtime.session import ModelSession, made_of

MODEL, SIDE = "score", 224
_OUTPUT = "severity"


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
        crop : (H, W) uint8, the tight crop of the sector, squashed to a square or not, 0 outside the sector

        Raises
        ------
        PictureError
            For another type or shape, fewer than 8 pixels along a side, and a picture of one colour.
        ModelError
            When the model fails or gives values that are not finite.
        """
        refuse_odd_crop(crop)
        refuse_one_colour(crop)
        return float(self.scores(squashed(crop, SIDE)[np.newaxis])[0])

    def scores(self, squares: np.ndarray) -> np.ndarray:
        """Scores of several squares in one run, for ``models.runtime.saliency``; (N, 224, 224) uint8 -> (N,) float64.

        Raises
        ------
        ModelError
            As ``score``.
        """
        batch = squares[:, np.newaxis].astype(np.float32) / np.float32(255)  # (N, 224, 224) -> (N, 1, 224, 224)
        raw = self._session.run(batch)[0][:, 0].astype(np.float64)
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
    if contract.input.shape[1:] != (1, SIDE, SIDE) or outputs != [(_OUTPUT, (1,))]:
        raise ModelError(
            f"{session.model_id} eats {contract.input.shape} and gives {outputs}; the score needs "
            f"(1, {SIDE}, {SIDE}) and one {_OUTPUT}: reinstall the weights"
        )
    if not np.isfinite([correction.slope, correction.intercept]).all() or correction.slope <= 0:
        raise ModelError(f"{session.model_id} has a calibration that turns the score around: reinstall the weights")
    return correction
