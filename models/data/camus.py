"""Reader of the curated CAMUS set: apical echo frames with masks (Leclerc et al. 2019, CC BY-NC-SA 4.0).

Layout: ``index.csv`` and ``{train,val}/{images,labels}/*.png``; label PNGs are named ``STEM_gt.png``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from capture.errors import DataError
from models.data.grey_files import read_grey

LABEL_NAMES = ("background", "LV", "MYO", "LA")


@dataclass(frozen=True)
class CamusSample:
    """One frame of one patient.

    Attributes
    ----------
    stem : file name without extension, ``patientNNNN_{2,4}CH_{ED,ES}``
    patient : patient id, the unit of every split
    view : ``A4C`` or ``A2C``
    phase : ``ED`` or ``ES``
    spacing_mm : side of a square pixel in mm, None when unknown (all A2C)
    image_path, label_path : PNG files, both (H, W) uint8
    """

    stem: str
    patient: str
    view: str
    phase: str
    spacing_mm: float | None
    image_path: Path
    label_path: Path

    def image(self) -> np.ndarray:
        """Grey image, (H, W) uint8."""
        return read_grey(self.image_path)

    def label(self) -> np.ndarray:
        """Label map, (H, W) uint8: 0 background, 1 LV, 2 MYO, 3 LA."""
        return read_grey(self.label_path)


def squash(image: np.ndarray, interpolation: int, size: int = 256) -> np.ndarray:
    """Any (H, W) image to the square model input (256, 256); area averaging only where both sides shrink."""
    if interpolation == cv2.INTER_AREA and min(image.shape[:2]) < size:
        interpolation = cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size, size), interpolation=interpolation))


def read_split(data_dir: Path, split: str) -> list[CamusSample]:
    """All samples of ``train`` or ``val``, in the order of the index.

    Raises
    ------
    DataError
        When ``data_dir/camus/index.csv`` is missing or lists no sample of that split.
    """
    root = Path(data_dir) / "camus"
    index = root / "index.csv"
    if not index.is_file():
        raise DataError(f"no CAMUS index at {index}: point --data at the folder that holds camus/")
    with index.open(newline="") as file:
        samples = [_sample(root, row) for row in csv.DictReader(file) if row["split"] == split]
    if not samples:
        raise DataError(f"{index} lists no sample of split {split!r}")
    return samples


def _sample(root: Path, row: dict[str, str]) -> CamusSample:
    stem = Path(row["file"]).stem
    folder = root / row["split"]
    return CamusSample(
        stem=stem,
        patient=stem.split("_")[0],
        view=row["view"],
        phase=row["phase"],
        spacing_mm=float(row["spacing_mm"]) if row["spacing_mm"] else None,
        image_path=folder / "images" / row["file"],
        label_path=folder / "labels" / f"{stem}_gt.png",
    )
