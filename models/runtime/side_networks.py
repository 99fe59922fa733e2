"""The less urgent networks of an assessor: on a live stream they take turns, in the time between two frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from calibration.cluster_map import ClusterMap, load_map
from calibration.profile import GatePart
from capture.frame import Frame
from models.runtime.artifact_gate import FAMILY_OF_EXAM, ArtifactGate, open_gate
from models.runtime.beside import Beside, Timed
from models.runtime.contract import FrameStamp, GateAssessment, ModelInfo, ScoreAssessment
from models.runtime.fuzzy_filter import SIDE
from models.runtime.gate_plane import GatePlane
from models.runtime.manifest import Manifest
from models.runtime.quality_clusters import QualityClusters, open_clusters
from models.runtime.score import PictureScore, open_score
from models.runtime.session import ModelSession
from models.runtime.side_part import SidePart, SidePicture
from models.runtime.stopwatch import Stopwatch
from models.runtime.turns import Turns

BEHIND_MS = 30.0
"""Time of a live frame's regions from which the machine does not keep up with 30 frames a second."""

LATEST_NS = 250_000_000
"""A reading of a live frame that is older than this beside the newest says nothing about the picture now."""


@dataclass(frozen=True, eq=False)
class _Begun:
    """What a network says of a frame, while it is at it."""

    of: FrameStamp
    reading: Future[Timed[dict[str, Any]]]


class SideNetworks:
    """Quality clusters, 0-100 score and artifact gate, for the exam in use. Called from one thread.

    A frame of a recording waits for its own. A live one waits for those alone that it is judged by, and carries what
    the others have said of a frame before: their fields say of which.

    Parameters
    ----------
    open_model : gives the session of one of our models by its name; closed with this object
    folder, manifest : of the weights
    beside : runs the networks
    site_map : gives the site's own cluster map of an exam, None for the released one; may raise DataError
    site_gate : the site's own threshold of a gate, None for the released ones
    """

    def __init__(
        self,
        open_model: Callable[[str], ModelSession],
        folder: Path,
        manifest: Manifest,
        beside: Beside,
        site_map: Callable[[str], ClusterMap | None],
        site_gate: GatePart | None,
    ) -> None:
        self._clusters: SidePart[QualityClusters] = SidePart(
            "cluster",
            "clusters",
            "cannot judge",
            lambda exam: open_clusters(exam, folder, manifest, open_model, site_map(exam)),
            lambda clusters, picture, of: clusters.assess(picture.square(), of),
        )
        score: SidePart[PictureScore] = SidePart(
            "score",
            "score",
            "no score",
            lambda exam: open_score(open_model),
            lambda score, picture, of: ScoreAssessment(score.score(picture.whole), of),
        )
        self._gate: SidePart[ArtifactGate] = SidePart(
            "gate",
            "gate",
            "not compared with known frames",
            lambda exam: open_gate(FAMILY_OF_EXAM[exam], folder, manifest, open_model, site_gate),
            _gate_assessment,
        )
        self._parts: dict[str, SidePart[Any]] = {part.field: part for part in (self._clusters, score, self._gate)}
        self._beside, self._turns, self._is_live = beside, Turns((), is_live=False), False
        self._always: tuple[str, ...] = ()
        self._begun: dict[str, _Begun] = {}

    def use(self, exam: str, *, is_live: bool) -> None:
        """Open the networks of an exam; that of clusters runs in every frame of an exam that has nothing else.

        Raises
        ------
        ProviderError
            When the provider asked for by name is not granted.
        """
        self.begin_round()
        for part in self._parts.values():
            part.use(exam)
        self._is_live = is_live
        self._always = ("cluster",) if exam == "abdomen" else ()
        in_turn = [name for name, part in self._parts.items() if part.is_open and name not in self._always]
        self._turns = Turns(in_turn, is_live=is_live)

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The models in use."""
        return tuple(part.model.info for part in self._parts.values() if part.model is not None)

    @property
    def cluster_map(self) -> ClusterMap | None:
        """The map that places of clusters lie on, None when clusters cannot be told."""
        return None if self._clusters.model is None else self._clusters.model.map

    @property
    def gate_plane(self) -> GatePlane | None:
        """The plane that places of the gate lie on, None when there is no gate."""
        return None if self._gate.model is None else self._gate.model.plane

    @property
    def missing(self) -> dict[str, str]:
        """One sentence for each network that is not there, by its field of an assessment."""
        return {name: part.nothing[f"{name}_reason"] for name, part in self._parts.items() if not part.is_open}

    def begin_round(self) -> None:
        """The next frame has the first turn, and nothing that was said of the frames before counts."""
        self._drop(self._begun)
        self._turns.reset()

    @property
    def is_waited_for(self) -> bool:
        """Whether a frame needs what is said of it: the networks then begin before the rest of the assessment."""
        return not self._is_live or bool(self._always)

    def start(
        self,
        frame: Frame,
        whole: np.ndarray,
        square: Callable[[int], np.ndarray],
        took_ms: float = 0.0,
        without: str = "",
    ) -> None:
        """Begin with a frame.

        Parameters
        ----------
        whole : the crop of the sector at its own resolution, (H, W) uint8, 0 outside
        square : makes the crop's square of a side, (side, side) uint8, when a network wants it
        took_ms : time that the rest of the assessment took, where that is done
        without : one of ``SIDE_FIELDS`` that has nothing to say of it
        """
        of = FrameStamp(frame.index, frame.t_mono_ns)
        self._drop_old(of.t_mono_ns)
        in_turn = () if self._begun else self._turns.next(is_behind=took_ms > BEHIND_MS)
        picture = SidePicture(whole, cache(lambda: square(SIDE)))  # the square is made beside, by the first
        for name in (*self._always, *in_turn):
            if self._parts[name].is_open and name != without:
                reading = self._beside.start(partial(self._parts[name].read, picture, of))
                self._begun[name] = _Begun(of, reading)

    def collect(self, frame: Frame, watch: Stopwatch) -> dict[str, Any]:
        """Fields of a frame's assessment: for each network its own, or the reason; neither where nothing is said."""
        self._drop_old(frame.t_mono_ns)
        known: dict[str, Any] = {}
        for name, part in self._parts.items():
            begun = self._begun.get(name)
            if begun is None:
                known |= part.nothing
            elif not self._is_left_alone(name) or begun.reading.done():
                del self._begun[name]
                read = begun.reading.result()
                watch.lap(part.stage)
                watch.beside(part.stage, read.ms)
                known |= read.found
        return known

    def close(self) -> None:
        """Release the sessions; twice is fine."""
        self._drop(self._begun)
        for part in self._parts.values():
            part.close()

    def _is_left_alone(self, name: str) -> bool:
        """Whether no frame waits for this network."""
        return self._is_live and name not in self._always

    def _drop_old(self, now_ns: int) -> None:
        """Drop what a frame of this time cannot carry: of a recording's frame that failed, of a live one long ago."""
        self._drop(
            name
            for name, begun in self._begun.items()
            if not 0 <= now_ns - begun.of.t_mono_ns <= (LATEST_NS if self._is_left_alone(name) else 0)
        )

    def _drop(self, names: Iterable[str]) -> None:
        dropped = [self._begun.pop(name).reading for name in list(names)]
        wait(dropped)  # a session that is in use must not be closed


def _gate_assessment(gate: ArtifactGate, picture: SidePicture, of: FrameStamp) -> GateAssessment:
    found = gate.read(picture.square())
    return GateAssessment(
        found.log_density, found.tau, found.is_known, found.hint, found.reason, place=found.latent, of=of
    )


def site_map_for(path: Path | None, its_exam: str) -> Callable[[str], ClusterMap | None]:
    """Gives the site's own map of an exam, None when it has none for it; DataError when it cannot be used."""
    return lambda exam: load_map(path) if path is not None and exam == its_exam else None
