"""Grey pictures of the data sets as files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from capture.errors import DataError


def read_grey(path: Path) -> np.ndarray:
    """Pixels of a file, (H, W) uint8.

    Raises
    ------
    DataError
        When it is missing, damaged or no picture.
    """
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise DataError(f"cannot read {path}: check that the data set is complete, or point --data at a good copy")
    return np.asarray(image)


def files_of(data_dir: Path, name: str, pattern: str) -> list[Path]:
    """Files of the set ``name`` that match, sorted.

    Raises
    ------
    DataError
        When there is none.
    """
    root = Path(data_dir) / name
    paths = sorted(path for path in root.glob(pattern) if path.is_file())
    if not paths:
        raise DataError(f"no picture in {root}: point --data at the folder that holds {name}/")
    return paths


def fetal_head_files(data_dir: Path) -> list[tuple[str, Path]]:
    """Examination and file of each picture of HC18, by name of the file.

    Raises
    ------
    DataError
        When there is none.
    """
    return [(f"hc18/{path.stem.split('_')[0]}", path) for path in files_of(data_dir, "hc18", "*HC.png")]
