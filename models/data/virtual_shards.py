"""Files of a virtual data set: folders of up to 256 samples, plain NumPy arrays and one JSON object a line.

``shard_00012/`` holds ``images.npy``, ``labels.npy``, ``coherence.npy``, ``quality.npy`` (count, 256, 256) uint8,
``severity.npy`` (count, causes, 64, 64) uint8, ``samples.jsonl`` and ``shard.json`` with the files' SHA-256. A shard
is written aside and renamed, so that one that is there is whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from capture.virtual.acoustics.quality import CAUSES
from capture.virtual.generator.truth import SIZE, LabelledSample
from models.data.virtual_labels import region_truth

SHARD_SIZE = 256
SEVERITY_SIZE = 64
SHAPES: dict[str, tuple[int, ...]] = {
    "images": (SIZE, SIZE),
    "labels": (SIZE, SIZE),
    "coherence": (SIZE, SIZE),
    "quality": (SIZE, SIZE),
    "severity": (len(CAUSES), SEVERITY_SIZE, SEVERITY_SIZE),
}


def shard_name(number: int) -> str:
    """Folder of shard ``number``."""
    return f"shard_{number:05d}"


def shard_samples(number: int, total: int) -> range:
    """Which samples of ``total`` stand in shard ``number``."""
    return range(number * SHARD_SIZE, min((number + 1) * SHARD_SIZE, total))


def is_complete(folder: Path, count: int) -> bool:
    """The shard in ``folder`` is there with ``count`` samples; one of another length is to be made anew."""
    try:
        return int(json.loads((folder / "shard.json").read_text())["samples"]) == count
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_shard(
    folder: Path, make: Callable[[int], LabelledSample], indices: range, after_each: Callable[[], bool]
) -> bool:
    """Make the samples of one shard and write them.

    Parameters
    ----------
    folder : of the shard; one that is there is replaced
    make : gives a sample by its number
    indices : numbers of the samples
    after_each : called after every sample; False ends the work and leaves nothing behind

    Returns
    -------
    bool, whether the shard was written
    """
    arrays = {name: np.zeros((len(indices), *shape), np.uint8) for name, shape in SHAPES.items()}
    lines = []
    for place, index in enumerate(indices):
        sample = make(index)
        for name, values in encoded(sample).items():
            arrays[name][place] = values
        lines.append(json.dumps({**sample.to_json(), "regions": region_truth(sample).to_json()}, allow_nan=False))
        if not after_each():
            return False
    _write(folder, arrays, lines)
    return True


def encoded(sample: LabelledSample) -> dict[str, np.ndarray]:
    """Maps of a sample as they are stored, uint8 by the names of ``SHAPES``; 0..255 is 0..1 of a share.

    Quality is stored as (rating - 1) / 4.
    """
    severity = [
        cv2.resize(sample.severity[cause], (SEVERITY_SIZE,) * 2, interpolation=cv2.INTER_AREA) for cause in CAUSES
    ]
    return {
        "images": sample.image,
        "labels": sample.labels,
        "coherence": _as_bytes(sample.coherence),
        "quality": _as_bytes((sample.rating - 1) / 4),
        "severity": _as_bytes(np.stack(severity)),
    }


def file_hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of files in ``folder``, hexadecimal."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def _write(folder: Path, arrays: dict[str, np.ndarray], lines: list[str]) -> None:
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, values in arrays.items():
        np.save(aside / f"{name}.npy", values)
    (aside / "samples.jsonl").write_text("\n".join(lines) + "\n")
    names = [*(f"{name}.npy" for name in arrays), "samples.jsonl"]
    about = {"samples": len(lines), "sha256": file_hashes(aside, names)}
    (aside / "shard.json").write_text(json.dumps(about, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def _as_bytes(share: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(np.clip(share, 0, 1) * 255), np.uint8)
