"""Pictures that ``sonogauge score`` writes beside its rows: where they lie, and that none overwrites another."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from app.batch.inputs import Input
from capture.errors import SettingsError


def picture_name(item: Input, frame_index: int) -> Path:
    """``STEM.png`` for a still, ``STEM_FRAME.png`` for a video, in the input's own sub-folder."""
    name = Path(item.name)
    return name.with_name(f"{name.stem}.png" if item.is_still else f"{name.stem}_{frame_index}.png")


def check_names(inputs: list[Input], folder: Path) -> None:
    """Refuse inputs whose pictures would overwrite each other: the same name twice, or a still CLIP_7 beside CLIP.

    Raises
    ------
    SettingsError
        Names the picture.
    """
    videos = {picture_name(item, 0) for item in inputs if not item.is_still}
    seen: set[Path] = set()
    for item in inputs:
        name = picture_name(item, 0)
        as_video = name.with_name(re.sub(r"_(0|[1-9]\d*)\.png$", "_0.png", name.name))
        if name in seen or (item.is_still and as_video in videos):
            raise SettingsError(f"two inputs would both write {folder / name}: score them in runs of their own")
        seen.add(name)


def write_png(path: Path, picture: np.ndarray, option: str) -> None:
    """Write a picture, (H, W) or (H, W, 3) BGR uint8, and the folders above it.

    Raises
    ------
    SettingsError
        When that fails; names the option that chose the folder.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = cv2.imwrite(str(path), picture)
    except OSError:
        written = False
    if not written:
        raise SettingsError(f"cannot write {path}: check the disk and the rights, or choose another {option}")
