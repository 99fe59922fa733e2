"""A live scanner that was frozen is refused by the engine; a still from a file is not."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from mocks import make_assessment

from app.engine.assessing import AssessLoop
from app.engine.channels import Latest
from app.engine.exam import Exam
from app.engine.readiness import ReadinessJudge
from app.engine.smoothing import Smoother
from app.engine.state import Assessed
from app.engine.timing import EngineTiming
from calibration.freeze import FROZEN_SENTENCE
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import LinearField
from models.runtime.contract import Assessment, ClusterAssessment, ModelInfo

SIZE = (48, 64)
FPS = 10
CLUSTER = ClusterAssessment("A", 1, (0.1, 0.8, 0.1), ("A-", "A", "A+"), (1.0, 2.0), 0.4, 3)
NOISE = np.random.default_rng(1).integers(0, 256, (200, *SIZE), dtype=np.uint8)


class SectorAssessor:
    """Judges every frame, all of which it takes for a linear field."""

    models: tuple[ModelInfo, ...] = ()
    cluster_map = gate_plane = None
    missing: Mapping[str, str] = MappingProxyType({})

    def assess(self, frame: Frame) -> Assessment:
        return make_assessment(frame, sector=LinearField(4, 4, 60, 44), cluster=CLUSTER)

    def use_source(self, info: SourceInfo) -> None: ...

    def set_view(self, view: str | None) -> None: ...

    def forget_stream(self) -> None: ...

    def close(self) -> None: ...


class Script:
    """A worker that plays frames, one before each look, and stops after the last."""

    def __init__(self, frames: Latest[Frame], pictures: list[np.ndarray]) -> None:
        self._frames, self._pictures, self._index = frames, pictures, 0

    @property
    def stopping(self) -> bool:
        if self._index == len(self._pictures):
            return True
        picture, t_ns = self._pictures[self._index], self._index * 1_000_000_000 // FPS
        self._frames.put(Frame(picture, self._index, t_ns, "mock:0"))
        self._index += 1
        return False

    def beat(self) -> None: ...


def reasons(pictures: list[np.ndarray], is_live: bool = True) -> list[str]:
    """What the engine says of each frame, empty when it is judged."""
    frames, results, seen = Latest[Frame]("frames"), Latest[Assessed]("results"), list[Assessment]()
    results.on_put = lambda: seen.append(results.newest().assessment)  # type: ignore[union-attr]
    parts = (Smoother(), ReadinessJudge(), Exam(), None, EngineTiming())
    loop = AssessLoop(frames, results, SectorAssessor, *parts, lambda: 0, on_change=lambda: None)
    loop.stream.opened(0, SourceInfo("mock", "mock:0", VideoMode(SIZE[1], SIZE[0], FPS, "GREY"), is_live=is_live))
    loop.run(Script(frames, pictures))  # type: ignore[arg-type]
    assert all(assessment.is_judged == (not assessment.reason) for assessment in seen)
    assert all(assessment.is_judged or not assessment.regions for assessment in seen)
    assert all((assessment.cluster is None) == bool(assessment.reason) for assessment in seen)
    assert all(assessment.cluster_reason == assessment.reason for assessment in seen)
    return [assessment.reason for assessment in seen]


def test_a_frozen_scanner_is_refused_until_it_goes_on() -> None:
    said = reasons([*NOISE[:10], *[NOISE[9]] * 30, *NOISE[10:20]])
    assert said[:24] == [""] * 24
    assert said[26:40] == [FROZEN_SENTENCE] * 14
    assert said[40:] == [""] * 10


def test_the_clock_beside_the_sector_does_not_hide_it() -> None:
    still = [NOISE[0].copy() for _ in range(30)]
    for index, picture in enumerate(still):
        picture[:3] = NOISE[index, :3]
    assert reasons(still)[-1] == FROZEN_SENTENCE


def test_a_still_from_a_file_is_judged() -> None:
    assert set(reasons([NOISE[0]] * 40, is_live=False)) == {""}
