"""What a user may ask of the virtual scanner, as ``NAME=VALUE`` text: patient, view, screen, probe and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from capture.errors import CaptureError
from capture.virtual.abdomen.scanner import VIEW as ABDOMEN_VIEW
from capture.virtual.abdomen.scanner import AbdomenScanner
from capture.virtual.probe.path import ProbePath
from capture.virtual.probe.pose import ProbePose, standard_pose
from capture.virtual.probe.settings import TGC_SLIDERS, ProbeSettings
from capture.virtual.scanner import VirtualScanner, chosen_patient, screen_for, view_reach_mm
from capture.virtual.scene import Scene
from capture.virtual.screen.console import ScreenParameters
from capture.virtual.screen.modes import IMAGE

# Short names of the ways to move a probe from the standard pose of a view, and of the knobs of the scanner.
MOVES = {
    "slide_x": "slide_x_mm",
    "slide_y": "slide_y_mm",
    "rotation": "rotation_deg",
    "rock": "rock_deg",
    "tilt": "tilt_deg",
    "pressure": "pressure",
}
KNOBS = {
    "depth": "depth_mm",
    "focus": "focus_mm",
    "frequency": "frequency_mhz",
    "dynamic_range": "dynamic_range_db",
    "gain": "gain_offset_db",
}
NAMED_VIEWS = ("A4C", "A2C", "ALAX")
_STILL_THE_VIEW_DEG = 20.0


@dataclass(frozen=True)
class ScannerOptions:
    """One virtual scanner, described.

    Attributes
    ----------
    seed, width, height, fps : see ``VirtualScanner``
    view : of the heart, see ``VirtualScanner``, or ``BLADDER`` for the abdomen, whose probe stays where it is
    mode : ``2d``, or a sweeping ``spectral`` or ``mmode`` strip below a small picture
    patient : a name of ``patient.PATIENTS``, of the abdomen a picture quality A-, A or A+; empty for any
    moves : probe moves from the standard pose of the view, by the short names of ``MOVES``; mm, degrees, 0..1
    knobs : scanner settings by the short names of ``KNOBS``; mm, MHz, dB
    tgc : dB of the time gain compensation's sliders from the probe on; empty for all 0
    path : a recorded probe path (``ProbePath``) that plays from the first frame on, empty for a still probe
    """

    seed: int = 1
    view: str = "A4C"
    width: int = 1920
    height: int = 1080
    fps: float = 30.0
    mode: str = IMAGE
    patient: str = ""
    moves: dict[str, float] = field(default_factory=dict)
    knobs: dict[str, float] = field(default_factory=dict)
    tgc: tuple[float, ...] = ()
    path: str = ""

    @classmethod
    def parse(cls, text: str, spec: str = "") -> ScannerOptions:
        """Options of ``seed=3,view=A2C,slide_x=10``; ``spec`` is named in errors.

        Raises
        ------
        CaptureError
            For an option that does not exist or a value that is none.
        """
        chosen: dict[str, Any] = {"moves": {}, "knobs": {}}
        for part in filter(None, text.split(",")):
            name, _, value = (piece.strip() for piece in part.partition("="))
            try:
                _put(chosen, name, value)
            except (KeyError, ValueError) as error:
                allowed = ", ".join([*_PLAIN, *MOVES, *KNOBS, "tgc"])
                raise CaptureError(
                    f"'{part}' in '{spec or text}' is no option. Give {allowed} as NAME=VALUE."
                ) from error
        return cls(**chosen)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ScannerOptions:
        """The options that ``to_json`` gave."""
        return cls(**{**values, "tgc": tuple(values.get("tgc", ()))})

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        """The text that ``parse`` takes, with everything that is not as usual."""
        parts = [f"{name}={getattr(self, name)}" for name in ("seed", "view", "width", "height")]
        parts.append(f"fps={self.fps:g}")
        parts += [f"{name}={value:g}" for name, value in {**self.moves, **self.knobs}.items()]
        parts += [f"mode={self.mode}"] if self.mode != IMAGE else []
        parts += [f"{name}={getattr(self, name)}" for name in ("patient", "path") if getattr(self, name)]
        if self.tgc:
            parts.append("tgc=" + "/".join(f"{value:g}" for value in self.tgc))
        return ",".join(parts)

    @property
    def shown_view(self) -> str | None:
        """The view whose wall names hold for the picture; None for other views and a probe that is turned away."""
        turned = abs(self.moves.get("rotation", 0.0)) > _STILL_THE_VIEW_DEG or bool(self.path)
        return self.view if self.view in NAMED_VIEWS and self.mode == IMAGE and not turned else None

    @property
    def exam(self) -> str:
        """What is examined, of ``capture.frame.EXAMS``."""
        return "abdomen" if self.view == ABDOMEN_VIEW else "echo"

    @property
    def steerable(self) -> bool:
        """Whether the probe can be moved and the knobs turned."""
        return self.view != ABDOMEN_VIEW

    def probe_settings(self) -> ProbeSettings:
        """What the patient's sonographer has set, with the knobs of the options.

        Raises
        ------
        CaptureError
            For a patient that does not exist or a knob beyond its bounds.
        """
        patient = chosen_patient(self.seed, self.patient or None)
        usual = ProbeSettings.random(self.seed, view_reach_mm(self.view, patient.heart))
        changed: dict[str, Any] = {KNOBS[name]: value for name, value in self.knobs.items()}
        if self.tgc:
            changed["tgc_db"] = self.tgc
        return replace(usual, **changed)

    def screen(self) -> ScreenParameters:
        """What stands on the screen, without preparing to render.

        Raises
        ------
        CaptureError
            For anything that is not possible.
        """
        if not self.steerable:
            return self._abdomen().screen
        self.probe_path()
        moved(ProbePose(), self.moves)
        probe, patient = self.probe_settings(), self.patient or None
        return screen_for(self.seed, self.view, self.width, self.height, probe=probe, patient=patient, mode=self.mode)

    def make_scene(self) -> Scene:
        """The scanner with its probe where the options put it, or the abdomen.

        Raises
        ------
        CaptureError
            For anything that is not possible.
        """
        return self.make_scanner() if self.steerable else self._abdomen()

    def make_scanner(self) -> VirtualScanner:
        """The scanner of a heart, with its probe where the options put it.

        Raises
        ------
        CaptureError
            For anything that is not possible.
        """
        scanner = VirtualScanner(
            self.seed,
            self.view,
            self.width,
            self.height,
            self.fps,
            patient=self.patient or None,
            probe=self.probe_settings(),
            mode=self.mode,
        )
        scanner.set_pose(self.pose(scanner))
        return scanner

    def _abdomen(self) -> AbdomenScanner:
        if self.moves or self.knobs or self.tgc or self.path or self.mode != IMAGE:
            raise CaptureError(
                f"In the view {ABDOMEN_VIEW} probe, knobs and mode stay as they are. Leave these options out."
            )
        return AbdomenScanner(self.seed, self.width, self.height, self.fps, self.patient or None)

    def pose(self, scanner: VirtualScanner) -> ProbePose:
        """The standard pose of the view for this patient, with the moves.

        Raises
        ------
        CaptureError
            For a move that leaves the bounds of a pose.
        """
        return moved(standard_pose(self.view, scanner.heart), self.moves)

    def probe_path(self) -> ProbePath | None:
        """The recorded path, None for a still probe.

        Raises
        ------
        CaptureError
            The file is missing or is no probe path.
        """
        return ProbePath.load(Path(self.path)) if self.path else None


def moved(pose: ProbePose, moves: dict[str, float]) -> ProbePose:
    """``pose`` moved by the short names of ``MOVES``; pressure is set, all else is added.

    Raises
    ------
    CaptureError
        For a move that leaves the bounds of a pose.
    """
    changed: dict[str, Any] = {}
    for short, value in moves.items():
        name = MOVES[short]
        changed[name] = value if name == "pressure" else getattr(pose, name) + value
    return replace(pose, **changed)


def _put(chosen: dict[str, Any], name: str, value: str) -> None:
    if name in _PLAIN:
        chosen[name] = _PLAIN[name](value)
    elif name == "tgc":
        chosen["tgc"] = _sliders(value)
    else:
        group = "moves" if name in MOVES else "knobs"
        if name not in MOVES and name not in KNOBS:
            raise KeyError(name)
        chosen[group][name] = float(value)


def _sliders(value: str) -> tuple[float, ...]:
    sliders = tuple(float(part) for part in value.split("/"))
    if len(sliders) != TGC_SLIDERS:
        raise ValueError(f"{TGC_SLIDERS} sliders expected")
    return sliders


_PLAIN: dict[str, Callable[[str], object]] = {
    "seed": int,
    "view": str,
    "mode": str,
    "width": int,
    "height": int,
    "fps": float,
    "patient": str,
    "path": str,
}
