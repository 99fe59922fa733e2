"""``sonogauge virtual dataset`` and ``sonogauge virtual realism``: labelled samples, and how real they look."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from capture.errors import DataError, SettingsError
from capture.virtual.generator.draw import VIEW_SHARES
from capture.virtual.probe.pose import VIEWS
from models.data.contact_sheet import COUNT, contact_sheet
from models.data.realism_frames import CLIP, camus_frames, clip_frames, virtual_frames
from models.data.virtual_dataset import VirtualDataset
from models.data.virtual_generate import generate
from models.metrics.realism import Framed
from models.metrics.realism_report import page, realism

INTERRUPTED, FAILURE = 130, 1
_CLIP_FRAMES = 24


def run_dataset(samples: int, seed: int, out: Path, jobs: int, views: str) -> int:
    """Make or complete a data set; prints one line and returns the exit code."""
    shares = view_shares(views)
    start = time.monotonic()
    with _progress(samples) as progress:
        outcome = generate(out, seed, samples, jobs or os.cpu_count() or 1, shares, progress)
    took = time.monotonic() - start
    rate = f", {outcome.made / took:.1f} samples/s" if outcome.made else ""
    if not outcome.complete:
        sys.stderr.write(f"stopped: {outcome.made} new samples in whole shards; the same command goes on\n")
        return INTERRUPTED
    write_sheet(out)
    sys.stdout.write(f"{out}: {outcome.made} samples made, {outcome.kept} there before, {took:.1f} s{rate}\n")
    return 0


def run_realism(folder: Path, data: Path, out: Path, frames: int, as_json: bool) -> int:
    """Write the realism page and its JSON; 0 when every figure that is held to 30 % keeps it, else 1."""
    virtual = virtual_frames(VirtualDataset(folder), frames)
    real, patients = camus_frames(data, frames)
    frechet = _frechet(real, patients, virtual, data)
    found = realism(real, virtual, clip_frames(data / CLIP, _CLIP_FRAMES), frechet)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(found, real, virtual), encoding="utf-8")
    text = json.dumps(found, indent=2, allow_nan=False)
    out.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    if as_json:
        sys.stdout.write(text + "\n")
    else:
        sys.stdout.write(f"{out}: {'within' if found['passed'] else 'NOT within'} 30 % of real on every held figure\n")
    return 0 if found["passed"] else FAILURE


def view_shares(text: str) -> dict[str, float]:
    """Shares of ``A4C=2,ALAX=1`` or ``A4C,ALAX``; the usual ones for an empty text.

    Raises
    ------
    SettingsError
        For a view that does not exist, or a share that is no positive number.
    """
    if not text:
        return dict(VIEW_SHARES)
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            shares[name] = float(value or 1)
        except ValueError as error:
            raise SettingsError(f"'{part}' in --views is no share: write A4C=2,ALAX=1") from error
        if name not in VIEWS or not 0 < shares[name] < float("inf"):
            raise SettingsError(f"'{part}' in --views is no view and share: choose of {', '.join(VIEWS)}, as in A4C=2")
    return shares


def write_sheet(folder: Path) -> Path:
    """``contact_sheet.png`` of samples spread over the data set; returns its path."""
    dataset = VirtualDataset(folder)
    places = np.unique(np.linspace(0, len(dataset) - 1, COUNT).round().astype(int))
    path = folder / "contact_sheet.png"
    if not cv2.imwrite(str(path), contact_sheet([dataset[int(place)] for place in places])):
        raise DataError(f"cannot write {path}: check the folder's permissions and the free space")
    return path


@contextmanager
def _progress(samples: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda there: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("virtual samples", total=samples)
        yield lambda there: bar.update(task, completed=there)


def _frechet(real: list[Framed], patients: list[str], virtual: list[Framed], data: Path) -> dict[str, Any] | None:
    """Virtual against real, and one half of the real patients against the other, with as many frames on every side."""
    if find_spec("torch") is None or not (data / "backbones").is_dir():
        return None
    from models.metrics.frechet import FEATURES, backbone_features, frechet_distance

    names = sorted(set(patients))
    first = set(names[::2])
    halves = [[f.image for f, p in zip(real, patients, strict=True) if (p in first) is side] for side in (True, False)]
    size = min(len(halves[0]), len(halves[1]), len(virtual))
    if size < 2:
        return None
    one, other = (backbone_features(half[:size], data) for half in halves)
    made = backbone_features([frame.image for frame in virtual[:size]], data)
    distances = [frechet_distance(made, half) for half in (one, other)]
    return {
        "features": FEATURES,
        "frames": size,
        "virtual_real": float(np.mean(distances)),
        "real_real": frechet_distance(one, other),
    }
