"""``sonogauge calibrate clusters``: the map of quality clusters, fitted to a site's own frames."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.bootstrap import ModelOptions
from calibration.cluster_map import load_map
from calibration.profile import ScannerProfile, load_profile
from calibration.site_map import store_site_map, undo_site_map
from capture.errors import DataError, SettingsError
from models.runtime.manifest import default_weights_folder, load_manifest
from models.runtime.quality_clusters import MODELS
from models.runtime.released_map import features_id, released_map

if TYPE_CHECKING:
    from app.batch.site_frames import SiteFrames
    from models.us2qnet.site_refit import Reading

log = logging.getLogger(__name__)

PARTLY_DONE = 3
FEWEST_CLUSTERS, MOST_CLUSTERS = 2, 8


@dataclass(frozen=True)
class RefitOptions:
    """What ``calibrate clusters`` was asked; ``clusters`` None: chosen automatically."""

    sources: tuple[str, ...]
    profile: Path
    models: ModelOptions
    frames: int
    clusters: int | None
    seconds: float
    out: Path | None
    as_json: bool


def clusters_of(text: str) -> int | None:
    """Number of clusters that a user asks for, None for ``auto``; SettingsError for anything else."""
    if text == "auto":
        return None
    if not text.isdecimal() or not FEWEST_CLUSTERS <= int(text) <= MOST_CLUSTERS:
        raise SettingsError(f"--clusters {text!r}: give {FEWEST_CLUSTERS} to {MOST_CLUSTERS}, or auto")
    return int(text)


def run_undo(profile: Path, as_json: bool) -> int:
    """Bring the map back that the profile named before the last refit."""
    former = undo_site_map(profile)
    if as_json:
        sys.stdout.write(json.dumps({"profile": str(profile), "cluster_map": former}) + "\n")
    else:
        sys.stdout.write(f"{profile} uses {former or 'the released map'} again\n")
    return 0


def run_refit(options: RefitOptions) -> int:
    """Read, fit, show and store; 3 when a source could not be read to its end, else 0."""
    profile = load_profile(options.profile)
    exam = _exam(profile, options)
    _need_refit_extra()
    features = _features(options.models, exam)
    frames = _read(replace(options, models=replace(options.models, exam=exam, released_clusters=True)), exam)
    with _bar("UMAP and HDBSCAN", None):
        from models.us2qnet.site_refit import agreement, before_after, changed_share, doubts, reading, refit

        found = refit(frames.latents, frames.severity, options.clusters, features)
        after = reading(found, frames.latents, its_own=True)
    name_before, before = _before(profile, options, exam, frames)
    if options.out is not None:
        from models.us2qnet.figures import write_picture

        write_picture(before_after(before, after, (f"before: {name_before}", "after")), options.out)
    stored = store_site_map(found, options.profile, exam)
    report = {
        **{"profile": str(options.profile), "exam": exam, "cluster_map": stored.name, "features": features},
        **{"frames": len(frames.latents), "frames_seen": frames.seen, "left_out": frames.left_out},
        "before": _side(name_before, before, frames),
        "after": _side(stored.name, after, frames),
        "changed_share": round(changed_share(before, after), 4),
        "live_agreement": round(agreement(found, after), 4),
        "doubts": doubts(found, after, frames.severity),
        "picture": None if options.out is None else str(options.out),
        "failed": list(frames.failed),
    }
    _print(report, options.as_json)
    return PARTLY_DONE if frames.failed else 0


def _exam(profile: ScannerProfile, options: RefitOptions) -> str:
    """What the map is for: as told, as the profile says, else the heart."""
    told = options.models.exam
    if told and profile.exam and told != profile.exam:
        raise SettingsError(f"profile {options.profile} is for {profile.exam}, not {told}: use a profile of its own")
    return told or profile.exam or "echo"


def _need_refit_extra() -> None:
    for module in ("scipy", "sklearn", "umap", "hdbscan"):
        if find_spec(module) is None:
            raise SettingsError(f"{module} is not installed: a refit needs the extra 'refit' (sonogauge[refit])")


def _features(models: ModelOptions, exam: str) -> str:
    """Name and version of the model of an exam; ModelError when there is none."""
    name = MODELS[exam]
    return features_id(name, load_manifest(models.weights or default_weights_folder()).entry(name))


def _read(options: RefitOptions, exam: str) -> SiteFrames:
    from app.batch.site_frames import find_sources, gather

    sources = find_sources(list(options.sources))
    with _bar("reading frames", 1.0) as progress:
        return gather(sources, options.models, exam, options.frames, options.seconds, progress)


def _before(profile: ScannerProfile, options: RefitOptions, exam: str, frames: SiteFrames) -> tuple[str, Reading]:
    """The map in use so far and what it says of the frames; one that cannot be used counts as the released one."""
    from models.us2qnet.site_refit import Reading, reading

    path = profile.cluster_map_beside(options.profile)
    if path is not None:
        try:
            return path.name, reading(load_map(path), frames.latents)
        except DataError as error:
            log.warning("the site's map so far cannot be compared with: %s", error)
    folder = options.models.weights or default_weights_folder()
    released = released_map(folder, load_manifest(folder), MODELS[exam])
    return "released map", Reading(frames.ranks, frames.places, released.names, released.parameters.get("noise"))


def _side(name: str, side: Reading, frames: SiteFrames) -> dict[str, Any]:
    return {"map": name, "noise": side.noise, "clusters": side.clusters(frames.severity)}


@contextmanager
def _bar(what: str, total: float | None) -> Iterator[Any]:
    """A bar on a terminal, nothing elsewhere; gives what is to be told the share done."""
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda share: bar.update(task, completed=share)


def _print(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
        return
    table = Table("map", "cluster", "frames", "mean severity, 0 best", "noise", title=f"{report['frames']} frames")
    for side in (report["before"], report["after"]):
        for cluster in side["clusters"]:
            noise = "-" if side["noise"] is None else f"{side['noise']:.1%}"
            severity = "-" if cluster["severity"] is None else f"{cluster['severity']:.2f}"
            table.add_row(side["map"], cluster["name"], str(cluster["frames"]), severity, noise)
        table.add_section()
    console = Console(width=100)
    console.print(table)
    console.print(f"another word than before: {report['changed_share']:.1%} of the frames", highlight=False)
    for reason, count in report["left_out"].items():
        console.print(f"left out {count} frames: {reason}", highlight=False, markup=False)
    for doubt in report["doubts"]:
        console.print(f"note: {doubt}", highlight=False, markup=False)
    console.print(
        f"{report['profile']} names {report['cluster_map']} now; --undo goes back", highlight=False, markup=False
    )
