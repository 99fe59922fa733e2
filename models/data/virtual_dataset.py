"""Reader of a virtual data set: samples by number, memory-mapped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import DataError
from capture.virtual.acoustics.quality import CAUSES
from capture.virtual.generator.truth import SIZE
from models.data.virtual_manifest import Manifest
from models.data.virtual_shards import SHAPES, SHARD_SIZE, file_hashes, shard_name, shard_samples

HELD_OUT_HALF_BEAMS = 42
"""The virtual scanner of the fewest, widest beams: the look that no network is trained on."""


@dataclass(frozen=True, eq=False)
class VirtualRecord:
    """One sample as it is stored; the arrays are views into the files, not to be written to.

    Attributes
    ----------
    image, labels : (256, 256) uint8; labels 0 background, 1 LV, 2 MYO, 3 LA, 4 AO
    coherence_byte, quality_byte : (256, 256) uint8, shares as 0..255
    severity_byte : (causes, 64, 64) uint8 in the order of ``CAUSES``
    info : view, spacing, plane, pose, regions and everything that was drawn
    """

    image: np.ndarray
    labels: np.ndarray
    coherence_byte: np.ndarray
    quality_byte: np.ndarray
    severity_byte: np.ndarray
    info: dict[str, Any]

    @property
    def view(self) -> str:
        """``A4C``, ``A2C``, ``ALAX`` or ``other``."""
        return str(self.info["view"])

    @property
    def is_held_out(self) -> bool:
        """Whether the frame is of the look that nothing learns from."""
        return bool(self.info["draw"]["scanner"]["half_beams"] == HELD_OUT_HALF_BEAMS)

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Of a pixel along x and y."""
        x, y = self.info["spacing_mm"]
        return float(x), float(y)

    @property
    def coherence(self) -> np.ndarray:
        """Coherence factor, (256, 256) float32, 0..1."""
        return np.asarray(self.coherence_byte, np.float32) / np.float32(255)

    @property
    def rating(self) -> np.ndarray:
        """True quality, (256, 256) float32, 1..5; without meaning outside the sector."""
        return 1 + np.asarray(self.quality_byte, np.float32) * np.float32(4 / 255)

    @property
    def severity(self) -> dict[str, np.ndarray]:
        """By cause, (64, 64) float32, 0..1."""
        return dict(zip(CAUSES, np.asarray(self.severity_byte, np.float32) / np.float32(255), strict=True))

    @property
    def inside(self) -> np.ndarray:
        """The sector, (256, 256) bool."""
        sector = self.info["sector"]
        return sector_mask(sector["first_mm"], sector["last_mm"], np.radians(sector["half_angle_deg"]))

    @property
    def region_rating(self) -> np.ndarray:
        """True rating of the eight regions, (8,) float32, 1..5; NaN where there is none."""
        regions = self.info["regions"]
        values = regions["rating"] if regions["failure"] is None else [None] * 8
        return np.array([np.nan if value is None else value for value in values], np.float32)


def sector_mask(first_mm: float, last_mm: float, half_angle: float) -> np.ndarray:
    """Sector in the square of its tight crop, (256, 256) bool; the half opening angle in radians."""
    half_mm, top_mm = last_mm * np.sin(half_angle), first_mm * np.cos(half_angle)
    z = top_mm + (np.arange(SIZE, dtype=np.float32)[:, None] + 0.5) * ((last_mm - top_mm) / SIZE)
    x = (np.arange(SIZE, dtype=np.float32) + 0.5) * (2 * half_mm / SIZE) - half_mm
    radius = np.hypot(x, z)
    within = (radius >= first_mm) & (radius <= last_mm)
    return np.asarray(within & (np.abs(x) <= radius * np.sin(half_angle)))


class VirtualDataset:
    """Samples of a folder by number.

    Parameters
    ----------
    folder : what ``generate`` has filled
    partial : take the whole shards that are there while the rest is still being made

    Raises
    ------
    DataError
        The folder holds no data set, an unfinished or a damaged one.
    """

    def __init__(self, folder: Path, partial: bool = False) -> None:
        self.folder = Path(folder)
        self.manifest = Manifest.read(self.folder)
        self._shards = [_Shard(path, indices) for path, indices in self._parts(partial)]
        if not self._shards:
            raise DataError(f"{self.folder} has no whole shard yet: run 'sonogauge virtual dataset' again")

    def __len__(self) -> int:
        return sum(len(shard) for shard in self._shards)

    def __getitem__(self, index: int) -> VirtualRecord:
        if not 0 <= index < len(self):
            raise IndexError(f"the data set has {len(self)} samples, there is no number {index}")
        return self._shards[index // SHARD_SIZE].record(index % SHARD_SIZE)

    def verify(self) -> None:
        """Compare every file with its hash.

        Raises
        ------
        DataError
            A file has changed.
        """
        for shard in self._shards:
            shard.verify()

    def _parts(self, partial: bool) -> list[tuple[Path, range]]:
        parts = []
        for number in range(self.manifest.shards):
            path = self.folder / shard_name(number)
            if not (path / "shard.json").is_file():
                if partial:
                    break
                raise DataError(
                    f"{self.folder} is not complete: {path.name} is missing. Run 'sonogauge virtual dataset' again"
                )
            parts.append((path, shard_samples(number, self.manifest.samples)))
        return parts


class _Shard:
    """One folder of samples; files are opened when a sample is first asked for."""

    def __init__(self, path: Path, indices: range) -> None:
        self._path, self._indices = path, indices
        try:
            about = json.loads((path / "shard.json").read_text())
            count, self._hashes = int(about["samples"]), dict(about["sha256"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path / 'shard.json'} is damaged ({error}): delete {path} and run again") from error
        if count != len(indices):
            raise DataError(
                f"{path} holds {count} samples, but the manifest wants {len(indices)}: run 'sonogauge virtual dataset'"
            )

    def __len__(self) -> int:
        return len(self._indices)

    def __reduce__(self) -> tuple[type[_Shard], tuple[Path, range]]:
        """Processes that load samples open the files themselves; the pictures do not travel."""
        return _Shard, (self._path, self._indices)

    def record(self, place: int) -> VirtualRecord:
        """The sample at a place in this shard."""
        image, labels, coherence, quality, severity = (self._arrays[name][place] for name in SHAPES)
        return VirtualRecord(image, labels, coherence, quality, severity, self._infos[place])

    def verify(self) -> None:
        """Compare the files with their hashes."""
        try:
            now = file_hashes(self._path, self._hashes)
        except OSError as error:
            raise DataError(f"{self._path} is damaged ({error}): delete it and run again") from error
        wrong = [name for name, digest in self._hashes.items() if now[name] != digest]
        if wrong:
            raise DataError(f"{self._path} is damaged ({', '.join(wrong)} changed): delete it and run again")

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: self._mapped(name, (len(self), *shape)) for name, shape in SHAPES.items()}

    @cached_property
    def _infos(self) -> list[dict[str, Any]]:
        try:
            infos = [json.loads(line) for line in (self._path / "samples.jsonl").read_text().splitlines()]
            numbers = [info["index"] for info in infos]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self._path / 'samples.jsonl'} is damaged ({error}): delete {self._path}") from error
        if numbers != list(self._indices):
            raise DataError(f"{self._path} holds other samples than its name says: delete it and run again")
        return infos

    def _mapped(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        path = self._path / f"{name}.npy"
        try:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{path} is damaged ({error}): delete {self._path} and run again") from error
        if values.shape != shape or values.dtype != np.uint8:
            raise DataError(f"{path} is {values.dtype} {values.shape} instead of uint8 {shape}: delete {self._path}")
        return np.asarray(values)
