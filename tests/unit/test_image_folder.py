from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from media import number_of, numbered_picture, write_images

from capture.errors import CaptureError
from capture.image_folder import ImageFolderSource, natural_key, read_image
from capture.source import EndOfStream


def test_natural_order() -> None:
    names = ["b2.png", "a10.png", "a2.png", "a1b3.png", "a1b20.png", "10.png", "9.png"]
    ordered = [p.name for p in sorted(map(Path, names), key=natural_key)]
    assert ordered == ["9.png", "10.png", "a1b3.png", "a1b20.png", "a2.png", "a10.png", "b2.png"]


def test_every_kind_of_still_in_order(tmp_path: Path) -> None:
    names = ["f1.png", "f2.jpg", "f3.BMP", "f10.tif", "f11.jpeg"]
    folder = write_images(tmp_path / "stills", names)
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "deeper.png").mkdir()
    source = ImageFolderSource(folder)
    info = source.open()
    frames = [source.read(0.0) for _ in names]
    assert info.frame_count == 5
    assert not info.is_live
    assert [p.name for p in source.paths] == names
    assert [number_of(f.pixels) for f in frames if f is not None] == [0, 1, 2, 3, 4]
    assert all(f is not None and f.t_media_s is None for f in frames)
    with pytest.raises(EndOfStream):
        source.read(0.0)
    source.close()


def test_one_still(tmp_path: Path) -> None:
    folder = write_images(tmp_path, ["a.png", "b.png"])
    source = ImageFolderSource(folder / "b.png")
    source.open()
    frame = source.read(0.0)
    assert frame is not None
    assert number_of(frame.pixels) == 1
    with pytest.raises(EndOfStream):
        source.read(0.0)
    source.close()


def test_damaged_file_is_named_and_the_next_read_goes_on(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "stills", ["a.png", "b.png", "c.png"])
    (folder / "b.png").write_bytes(b"\x89PNG no more")
    source = ImageFolderSource(folder)
    source.open()
    assert source.read(0.0) is not None
    with pytest.raises(CaptureError, match=r"b\.png") as error:
        source.read(0.0)
    assert not isinstance(error.value, EndOfStream)
    last = source.read(0.0)
    assert last is not None
    assert last.index == 2
    source.close()


def test_file_that_went_away_or_is_empty(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"gone\.png"):
        read_image(tmp_path / "gone.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(CaptureError, match=r"empty\.png"):
        read_image(tmp_path / "empty.png")


def test_depth_and_channels_become_grey_or_bgr_uint8(tmp_path: Path) -> None:
    grey = numbered_picture(3)
    colour = np.dstack([grey, grey // 2, grey // 4])
    cv2.imwrite(str(tmp_path / "deep.png"), grey.astype(np.uint16) * 256)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([colour, np.full_like(grey, 9)]))
    deep, alpha = read_image(tmp_path / "deep.png"), read_image(tmp_path / "alpha.png")
    assert deep.dtype == np.uint8
    assert np.abs(deep.astype(int) - grey).max() <= 1
    assert np.array_equal(alpha, colour)
