"""A recorded way of the virtual probe: poses over time that replay exactly.

The file is JSON lines, one pose per line: ``{"t_s": 0.5, "window": "apical", "slide_x_mm": 4.0, ...}``. Between lines
the probe moves evenly; before the first and after the last it stands still. A line may leave a value out: it keeps the
one of the line before (the first line: the start pose).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from capture.errors import CaptureError
from capture.virtual.probe.pose import ProbePose

_MOVING = ("slide_x_mm", "slide_y_mm", "rotation_deg", "rock_deg", "tilt_deg", "pressure")


@dataclass(frozen=True)
class ProbePath:
    """Poses over time.

    Attributes
    ----------
    steps : values by name at rising times ``t_s`` in s, as in the file
    source : where it comes from, for errors
    """

    steps: tuple[tuple[float, dict[str, float | str]], ...]
    source: str = "probe path"

    @classmethod
    def load(cls, path: Path) -> ProbePath:
        """Read a file.

        Raises
        ------
        CaptureError
            The file is missing, a line is no JSON object, has no time, goes back in time, or holds an unknown value.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CaptureError(f"The probe path {path} cannot be read ({error}). Check the file's name.") from error
        steps: list[tuple[float, dict[str, float | str]]] = []
        for number, line in enumerate(lines, start=1):
            if line.strip():
                steps.append(_step(line, f"{path}, line {number}", steps[-1][0] if steps else 0.0))
        if not steps:
            raise CaptureError(f"The probe path {path} is empty. Give at least one line with t_s and a value.")
        return cls(tuple(steps), str(path))

    @classmethod
    def recorded(cls, poses: list[tuple[float, ProbePose]]) -> ProbePath:
        """A path of whole poses at rising times in s."""
        return cls(tuple((t_s, asdict(pose)) for t_s, pose in poses))

    def save(self, path: Path) -> None:
        """Write the file that ``load`` reads."""
        lines = [json.dumps({"t_s": t_s, **values}) for t_s, values in self.steps]
        aside = path.with_suffix(path.suffix + ".tmp")
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
        aside.replace(path)

    def poses(self, start: ProbePose) -> list[tuple[float, ProbePose]]:
        """Whole poses of the steps when the probe starts from ``start``.

        Raises
        ------
        CaptureError
            A value is out of its bounds.
        """
        found, pose = [], start
        for t_s, values in self.steps:
            try:
                pose = replace(pose, **values)  # type: ignore[arg-type]
            except CaptureError as error:
                raise CaptureError(f"{self.source} at {t_s:g} s: {error}") from error
            found.append((t_s, pose))
        return found


def pose_at(poses: list[tuple[float, ProbePose]], t_s: float) -> ProbePose:
    """The pose at a time on a path of whole poses; a change of window happens at once."""
    after = bisect_right(poses, t_s, key=lambda step: step[0])
    if after == 0:
        return poses[0][1]
    (before_s, before), (next_s, following) = poses[after - 1], poses[min(after, len(poses) - 1)]
    if next_s <= before_s or before.window != following.window:
        return before
    share = (t_s - before_s) / (next_s - before_s)
    between = {n: (1 - share) * getattr(before, n) + share * getattr(following, n) for n in _MOVING}
    return replace(before, **between)


def _step(line: str, where: str, earliest_s: float) -> tuple[float, dict[str, float | str]]:
    try:
        values = json.loads(line)
        t_s = float(values.pop("t_s"))
        step = {name: str(v) if name == "window" else float(v) for name, v in values.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CaptureError(f'{where} is no step of a probe path. Write it like {{"t_s": 1, "tilt_deg": 5}}.') from error
    unknown = sorted(set(step) - {"window", *_MOVING})
    if unknown:
        raise CaptureError(f"{where}: a probe has no {unknown[0]!r}. Choose among window, {', '.join(_MOVING)}.")
    if t_s < earliest_s:
        raise CaptureError(f"{where} goes back in time, to {t_s:g} s. Put the lines in the order of time.")
    return t_s, step
