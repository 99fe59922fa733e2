"""The global quality clusters of a frame, live: US2QNet's graph on the filtered square (US2QNet paper, section III)."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from calibration.cluster_map import ClusterMap
from capture.errors import DataError, ModelError
from models.runtime.contract import ClusterAssessment, FrameStamp, ModelInfo
from models.runtime.fuzzy_filter import SIDE, FuzzyFilter
from models.runtime.manifest import Manifest
from models.runtime.picture_check import refuse_one_colour
from models.runtime.released_map import features_id, released_map
from models.runtime.session import ModelSession, made_of

MODELS = {"echo": "us2qnet_echo", "abdomen": "us2qnet_abdomen"}
"""Model of each exam."""

_OUTPUTS = ("shares", "place", "severity", "latent")


class QualityClusters:
    """Places pictures among the quality clusters. Called from one thread.

    Parameters
    ----------
    session : of the exam's model; closed with this object
    released : the map that belongs to the model
    site : a site's own map of the model's features, which then assigns and places in place of the graph

    Raises
    ------
    ModelError
        When the model or its released map does not keep the contract.
    DataError
        When the site's map does not hold features of this model, or says that they are of another.
    """

    def __init__(self, session: ModelSession, released: ClusterMap, site: ClusterMap | None = None) -> None:
        self._session, self._site = session, site
        self._order = _order_of(session)
        self._filter = FuzzyFilter()
        self.map = site or released
        outputs = self._outputs(np.full((SIDE, SIDE), 0.5, np.float32))
        if len(outputs["shares"]) != len(released.names):
            raise ModelError(
                f"{session.model_id} tells {len(outputs['shares'])} clusters and its map names {len(released.names)}: "
                "reinstall the weights"
            )
        if site is not None:
            _refuse_other_features(site, features_id(session.name, session.entry))
            site.assign(outputs["latent"])

    @property
    def info(self) -> ModelInfo:
        """What the HUD and the records show."""
        return self._session.info

    def assess(self, grey: np.ndarray, of: FrameStamp | None = None) -> ClusterAssessment:
        """Where a picture stands.

        Parameters
        ----------
        grey : (224, 224) uint8, or float32 in 0..1: the tight crop of the sector, squashed to a square, 0 outside
        of : the frame that it is of

        Raises
        ------
        PictureError
            For another type or shape, values that are not finite or beyond 0..1, and a picture of one colour.
        ModelError
            When the model fails or gives values that are not finite.
        """
        filtered = self._filter.preprocess(grey)
        refuse_one_colour(grey)
        outputs = self._outputs(filtered)
        if self._site is not None:
            outputs |= {"shares": self._site.assign(outputs["latent"]), "place": self._site.place(outputs["latent"])}
        shares = _as_probabilities(outputs["shares"], self._session.model_id)
        severity = float(np.clip(outputs["severity"][0], 0, 1))
        rank, place = int(np.argmax(shares)), outputs["place"]
        return ClusterAssessment(
            name=self.map.names[rank],
            rank=rank,
            shares=tuple(shares.tolist()),
            names=self.map.names,
            place=(float(place[0]), float(place[1])),
            severity=severity,
            level=level_of(severity),
            latent=outputs["latent"],
            of=of,
        )

    def close(self) -> None:
        """Release the session; twice is fine."""
        self._session.close()

    def _outputs(self, filtered: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs of the graph by name, each (C,), of a filtered picture (224, 224) float32."""
        found = self._session.run(filtered[np.newaxis, np.newaxis])  # (224, 224) -> (1, 1, 224, 224)
        return {name: found[place][0] for name, place in self._order.items()}


def open_clusters(
    exam: str, folder: Path, manifest: Manifest, open_model: Callable[[str], ModelSession], site: ClusterMap | None
) -> QualityClusters:
    """The clusters of an exam from a folder of weights.

    Parameters
    ----------
    exam : key of ``MODELS``
    manifest : of the folder
    open_model : gives the session of one of its models by name
    site : as in ``QualityClusters``

    Raises
    ------
    ModelError
        When a file is missing, changed or breaks its contract; names it.
    DataError
        As ``QualityClusters``.
    """
    name = MODELS[exam]
    return made_of(
        open_model(name), lambda session: QualityClusters(session, released_map(folder, manifest, name), site)
    )


def level_of(severity: float) -> int:
    """The five-level scale: severity 0 (best) is 5, 1 is 1; halves go to the worse level."""
    return 5 - math.floor(4 * severity + 0.5)


def _refuse_other_features(site: ClusterMap, in_use: str) -> None:
    """DataError for a map whose frames another model, or another version of it, has read."""
    its = site.parameters.get("features", in_use)
    if its != in_use:
        raise DataError(
            f"the site's cluster map holds features of {its}, and {in_use} is in use: fit it anew "
            "('sonogauge calibrate clusters')"
        )


def _order_of(session: ModelSession) -> dict[str, int]:
    """Place of each output, by name."""
    contract = session.entry.contract
    names = [spec.name for spec in contract.outputs]
    missing = [name for name in _OUTPUTS if name not in names]
    if missing or contract.input.shape[1:] != (1, SIDE, SIDE):
        raise ModelError(
            f"{session.model_id} eats {contract.input.shape} and gives {', '.join(names)}; quality clusters need "
            f"(1, {SIDE}, {SIDE}) and {', '.join(_OUTPUTS)}: reinstall the weights"
        )
    return {name: names.index(name) for name in _OUTPUTS}


def _as_probabilities(shares: np.ndarray, model_id: str) -> np.ndarray:
    """Shares (K,) that sum to 1 exactly enough; INT8 rounds them."""
    shares = np.maximum(shares.astype(np.float64), 0)
    total = float(shares.sum())
    if not 0.5 < total < 1.5:
        raise ModelError(f"{model_id} gave shares that sum to {total:.2f}, not 1: run 'sonogauge models verify'")
    return np.asarray(shares / total)
