"""Puts the parts together: from options to an assessor, a smoother and an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2

from app.engine.engine_settings import EngineSettings
from app.engine.pipeline import Engine
from app.settings import ReadinessSettings
from calibration.profile import ScannerProfile, load_profile
from calibration.signal import SignalMonitor
from capture.frame import Frame
from capture.source import FrameSource
from models.runtime.assessor import RegionalAssessor
from models.runtime.frame_saliency import FrameSaliency, open_saliency
from models.runtime.manifest import default_weights_folder
from models.runtime.precision import open_model
from models.runtime.providers import Provider, ProviderError, cuda_problem
from models.runtime.published import read_list


@dataclass(frozen=True)
class ModelOptions:
    """What a command was told about models and scanner.

    Attributes
    ----------
    view : ``A4C``, ``A2C``, ``ALAX`` or None when unknown
    profile : scanner profile file, None for detection alone
    provider : ``auto``, ``cpu`` or ``cuda``
    precision : ``auto`` or the precision to pin
    weights : folder of model files, None for the released ones
    published : folder with a site's own quality model that scores in place of ours, None for ours
    method : what scores the regions, ``end_to_end`` or ``dense``
    exam : ``echo``, ``abdomen`` or None: as the profile or the source says, else ``echo``
    released_clusters : quality clusters of the released map, whatever the profile names
    """

    view: str | None = None
    profile: Path | None = None
    provider: str = "auto"
    precision: str = "auto"
    weights: Path | None = None
    published: Path | None = None
    method: str = "end_to_end"
    exam: str | None = None
    released_clusters: bool = False

    def load_profile(self) -> ScannerProfile | None:
        """The scanner profile, None when none was named.

        Raises
        ------
        CalibrationError
            When the file cannot be used.
        """
        return load_profile(self.profile) if self.profile else None

    def site_map(self, profile: ScannerProfile | None) -> Path | None:
        """File of the site's own cluster map that the profile names, None without one."""
        if profile is None or self.profile is None or self.released_clusters:
            return None
        return profile.cluster_map_beside(self.profile)


def make_assessor(
    options: ModelOptions, *, per_frame: bool = False, keep_label_map: bool = False, on_own_core: bool = False
) -> RegionalAssessor:
    """The assessor for a stream, or with ``per_frame`` for pictures that have nothing to do with each other.

    ``on_own_core`` is for the engine, see ``RegionalAssessor``.

    Raises
    ------
    ModelError, CalibrationError
        When a model file or the profile cannot be used, or the provider asked for is not granted.
    """
    profile = options.load_profile()
    return RegionalAssessor(
        options.weights,
        provider=options.provider,
        precision=options.precision,
        profile=profile,
        view=options.view,
        per_frame=per_frame,
        keep_label_map=keep_label_map,
        published=options.published,
        method=options.method,
        exam=options.exam,
        site_map=options.site_map(profile),
        on_own_core=on_own_core,
    )


def make_engine(
    source: FrameSource | None, options: ModelOptions, readiness: ReadinessSettings | None = None
) -> Engine:
    """An engine that is not started yet; what the options ask for is checked here, before a window opens.

    Raises
    ------
    CalibrationError
        When the profile cannot be used.
    ModelError
        When the list of published models cannot be used.
    ProviderError
        When CUDA was asked for and this machine has none.
    """
    options.load_profile()
    if options.published is not None:
        read_list(options.published)
    problem = cuda_problem() if options.provider == Provider.CUDA else ""
    if problem:
        raise ProviderError(f"CUDA was asked for and is not available ({problem}): use --provider cpu")
    # The engine has threads enough: a second one within a filter costs more than it gains.
    cv2.setNumThreads(1)
    settings = EngineSettings(readiness=readiness or ReadinessSettings())
    return Engine(
        source,
        lambda: make_assessor(options, on_own_core=True),
        signal_check=_signal_check(),
        make_saliency=lambda: make_saliency(options),
        settings=settings,
    )


def make_saliency(options: ModelOptions) -> FrameSaliency:
    """What makes saliency maps: a session of the score's model of its own, on one core.

    Raises
    ------
    ModelError
        When there is no score model, or it cannot be used.
    """
    folder = options.weights or default_weights_folder()
    return open_saliency(partial(open_model, folder, provider=Provider.CPU, precision=options.precision, threads=1))


def _signal_check() -> Callable[[Frame], str]:
    """Recognises a card's "no signal" picture."""
    monitor = SignalMonitor()

    def sentence(frame: Frame) -> str:
        state = monitor.update(frame)
        return state.sentence if state.is_lost else ""

    return sentence
