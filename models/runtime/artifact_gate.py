"""The artifact gate, live: is this frame like anything the models know? Log density of a 2-d latent against tau.

After "A latent space for unsupervised MR image quality control via artifact assessment" (Zuo et al.).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.cluster_map import ClusterMap
from calibration.crop import squashed
from calibration.profile import GatePart
from capture.errors import DataError, ModelError
from models.runtime.contract import ModelInfo
from models.runtime.density_grid import DensityGrid
from models.runtime.gate_plane import GatePlane
from models.runtime.manifest import Manifest, Thresholds
from models.runtime.picture_check import refuse_odd_crop
from models.runtime.released_map import features_id, released_map
from models.runtime.session import ModelSession, made_of

MODELS = {"echo": "artifact_echo", "any": "artifact_any"}
"""Model of each family."""

FAMILY_OF_EXAM = {"echo": "echo", "abdomen": "any"}
"""One density per family, so that the organ of another exam is no artifact there."""

SIDE = 224
"""Of the released gates' input: the one that quality clusters read as well."""

KNOWN = "known"
SENTENCE = "cannot judge: unlike anything known"
_OUTPUTS = ("latent", "log_density")
_NEIGHBOURS = 7


@dataclass(frozen=True)
class GateReading:
    """What the gate says of one frame.

    Attributes
    ----------
    latent : place on the plane of the reference points; known frames lie around 0 with spread 1
    log_density : natural logarithm of the density there
    tau : threshold that it was held against
    is_known : whether the frame may be judged
    hint : nearest known type of artifact, in plain words; None for a known frame
    """

    latent: tuple[float, float]
    log_density: float
    tau: float
    is_known: bool
    hint: str | None

    @property
    def reason(self) -> str:
        """One sentence for a frame that is not known, else empty."""
        if self.is_known:
            return ""
        return SENTENCE if self.hint is None else f"{SENTENCE} (looks like {self.hint})"


class ArtifactGate:
    """Tells frames that are like nothing known. Called from one thread.

    Parameters
    ----------
    session : of the family's model; closed with this object
    references : points of known frames and of artifacts on its latent plane
    site : threshold of the scanner's profile in place of the released one (tau = 5 %)

    Attributes
    ----------
    references : see above
    density : log density over the plane
    thresholds, tau : the released ones, and the one in use
    plane : the references, the density and tau in use, for a window

    Raises
    ------
    ModelError
        When the model or its references do not keep the contract.
    DataError
        When the site's threshold is of another model.
    """

    def __init__(self, session: ModelSession, references: ClusterMap, site: GatePart | None = None) -> None:
        self._session, self.references = session, references
        self._order, self._side = _order_of(session), int(session.entry.contract.input.shape[-1] or 0)
        self.thresholds = _thresholds_of(session)
        if site is not None:
            _refuse_other_model(site, self.model)
        self.tau = self.thresholds.tau_5 if site is None else site.log_density
        if references.names[:1] != (KNOWN,) or not (references.labels == 0).any():
            raise ModelError(f"the reference points of {session.model_id} do not begin with known frames: reinstall it")
        self._artifacts = np.flatnonzero(references.labels > 0)
        try:
            self.density = DensityGrid.of(references.parameters.get("density"))
        except DataError as error:
            raise ModelError(f"the reference points of {session.model_id} cannot be used: {error}") from error
        self.plane = GatePlane(references, self.density, self.tau)

    @property
    def model(self) -> str:
        """``name@version``: whose log density a threshold belongs to."""
        return features_id(self._session.name, self._session.entry)

    @property
    def info(self) -> ModelInfo:
        """What the HUD and the records show."""
        return self._session.info

    def read(self, crop: np.ndarray) -> GateReading:
        """Judge one frame.

        Parameters
        ----------
        crop : (H, W) uint8, the tight crop of the sector, full range, 0 outside the sector, left and right as usual;
            squashed here when it is not 224 x 224 already

        Raises
        ------
        PictureError
            For another type or number of axes, or a side below 8 pixels.
        ModelError
            When the model fails or gives values that are not finite.
        """
        outputs = self._session.run(self._batch(crop))
        latent, density = (outputs[self._order[name]][0] for name in _OUTPUTS)
        is_known = bool(density[0] >= self.tau)
        return GateReading(
            (float(latent[0]), float(latent[1])),
            float(density[0]),
            self.tau,
            is_known,
            None if is_known else self.nearest_artifact(latent),
        )

    def nearest_artifact(self, latent: np.ndarray) -> str | None:
        """Type of artifact that most of the nearest reference points of artifacts are of; None without any.

        Parameters
        ----------
        latent : (2,)
        """
        if not len(self._artifacts):
            return None
        squared = np.square(self.references.points[self._artifacts] - latent).sum(axis=1)
        near = np.argsort(squared)[:_NEIGHBOURS]
        votes = np.bincount(self.references.labels[self._artifacts[near]], 1 / (squared[near] + 1e-3))
        return self.references.names[int(votes.argmax())]

    def close(self) -> None:
        """Release the session; twice is fine."""
        self._session.close()

    def _batch(self, crop: np.ndarray) -> np.ndarray:
        """(H, W) uint8 -> (1, 1, S, S) float32 in 0..1."""
        refuse_odd_crop(crop)
        square = squashed(crop, self._side)
        return (square.astype(np.float32) / np.float32(255))[np.newaxis, np.newaxis]


def open_gate(
    family: str,
    folder: Path,
    manifest: Manifest,
    open_model: Callable[[str], ModelSession],
    site: GatePart | None = None,
) -> ArtifactGate:
    """The gate of a family from a folder of weights.

    Parameters
    ----------
    family : key of ``MODELS``
    manifest : of the folder
    open_model : gives the session of one of its models by name
    site : the profile's threshold, for the family that it names; another family's counts as none

    Raises
    ------
    ModelError
        When a file is missing, changed or breaks its contract; names it.
    DataError
        As ``ArtifactGate``.
    """
    name = MODELS[family]
    own = site if site is not None and site.family == family else None
    return made_of(
        open_model(name),
        lambda session: ArtifactGate(session, released_map(folder, manifest, name, "reference points"), own),
    )


def _thresholds_of(session: ModelSession) -> Thresholds:
    found = session.entry.thresholds
    if found is None:
        raise ModelError(f"the manifest names no thresholds for {session.model_id}: reinstall the weights")
    return found


def _refuse_other_model(site: GatePart, in_use: str) -> None:
    """DataError for a threshold that was fitted to another model, or another version of it."""
    if site.model != in_use:
        raise DataError(
            f"the profile's gate threshold belongs to {site.model}, and {in_use} is in use: fit it anew "
            "('sonogauge calibrate gate')"
        )


def _order_of(session: ModelSession) -> dict[str, int]:
    """Place of each output, by name."""
    contract = session.entry.contract
    names, shape = [spec.name for spec in contract.outputs], contract.input.shape
    if any(name not in names for name in _OUTPUTS) or len(shape) != 4 or shape[1] != 1 or shape[2] != shape[3]:
        raise ModelError(
            f"{session.model_id} eats {shape} and gives {', '.join(names)}; a gate needs squares of one channel and "
            f"{', '.join(_OUTPUTS)}: reinstall the weights"
        )
    return {name: names.index(name) for name in _OUTPUTS}
