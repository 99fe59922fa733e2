"""Videos and pictures that leave a session: the sector alone, at their own times, with the live overlay."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from made_up_sessions import SECTOR, SIZE, record, tissue

from app.overlay.display_list import HATCHES, DisplayList, Polygon, Raster, Text
from app.overlay.paint_cv import draw
from app.session.deid import OUTSIDE, SectorPictures, refuse_text, text_inside
from app.session.export.aside import file_aside, folder_aside
from app.session.export.plan import check_place, open_plan, pseudonym
from app.session.export.video import write_mp4, write_png
from app.session.frame_reader import FrameReader
from app.session.layout import SessionFolder
from app.session.reader import Session
from app.session.recorder_state import RecorderSettings
from app.session.video_writer import VideoCodec
from capture.errors import SessionError
from capture.geometry import Rect, Sector

FRAMES = 20


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def folder(library: Path) -> SessionFolder:
    return record(library, [tissue(k) for k in range(FRAMES)])


def mask() -> np.ndarray:
    rect = SECTOR.bounds().clipped(*SIZE)
    return SECTOR.moved(-rect.x, -rect.y).mask(rect.height, rect.width)


def named(picture: np.ndarray, name: str) -> np.ndarray:
    """A screen with a name in each corner, none of it in the sector."""
    screen = picture.copy()
    for x, y in ((4, 14), (230, 14), (4, 230), (230, 230)):
        cv2.putText(screen, name, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1, cv2.LINE_AA)
    return np.where(SECTOR.mask(*SIZE), picture, screen).astype(np.uint8)


def test_what_stands_beside_the_sector_changes_no_bit_of_an_export(tmp_path: Path):
    hashes = set()
    for name in ("SMITH J", "TURSOVA", ""):
        screens = [named(tissue(k), name) for k in range(8)]
        settings = RecorderSettings(codec=VideoCodec.FFV1, whole_screen=True)
        made = record(tmp_path / (name or "none"), screens, settings=settings)
        with open_plan(made) as plan:
            write_mp4(plan, tmp_path / "out.mp4")
            write_png(plan, tmp_path / "out.png")
            cut = [plan.pictures.grey(k) for k in range(8)]
        assert all((one[~mask()] == OUTSIDE).all() for one in cut)
        assert (cut[3][mask()] == tissue(3)[SECTOR.bounds().clipped(*SIZE).slices()][mask()]).all()
        hashes.add(
            hashlib.sha256((tmp_path / "out.mp4").read_bytes() + (tmp_path / "out.png").read_bytes()).hexdigest()
        )
    assert len(hashes) == 1


def test_a_lossy_recording_is_cut_again(tmp_path: Path):
    settings = RecorderSettings(codec=VideoCodec.H264, whole_screen=True)
    made = record(tmp_path, [named(tissue(k), "SMITH J") for k in range(6)], settings=settings)
    with Session.open(made.path) as session, FrameReader(session) as reader:
        pictures = SectorPictures(session, reader)
        for k in range(6):
            assert (reader.grey(k)[:20, :80] > 200).any(), "the name is in the recording"
            assert (pictures.grey(k)[~mask()] == OUTSIDE).all()


def test_a_video_keeps_times_levels_and_range(folder: SessionFolder, tmp_path: Path):
    with open_plan(folder, overlay=False) as plan:
        write_mp4(plan, tmp_path / "v.mp4")
        wanted = [plan.pictures.grey(k) for k in range(FRAMES)]
        times = plan.session.frames.t_s
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.color_range) == ("h264", 2)
        found = [(float(f.pts * f.time_base), f.to_ndarray(format="gray")) for f in container.decode(video=0)]
    assert [t for t, _ in found] == pytest.approx(times.tolist(), abs=2e-5)
    for (_, got), grey in zip(found, wanted, strict=True):
        height, width = grey.shape
        top, left = (got.shape[0] - height) // 2, (got.shape[1] - width) // 2
        difference = np.abs(got[top : top + height, left : left + width].astype(int) - grey)
        assert difference.mean() < 2.0


def test_ffprobe_reads_the_video(folder: SessionFolder, tmp_path: Path):
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed (apt install ffmpeg): no other program can read the video")
    with open_plan(folder) as plan:
        write_mp4(plan, tmp_path / "v.mp4")
    wanted = "stream=codec_name,color_range,pix_fmt,nb_read_frames"
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", wanted, "-of", "json", tmp_path / "v.mp4"]
    (stream,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"]
    assert (stream["codec_name"], stream["color_range"], stream["nb_read_frames"]) == ("h264", "pc", str(FRAMES))


def test_a_png_without_overlay_is_the_cut_picture(folder: SessionFolder, tmp_path: Path):
    with open_plan(folder, frame=5, overlay=False) as plan:
        write_png(plan, tmp_path / "p.png")
        found = cv2.imread(str(tmp_path / "p.png"), cv2.IMREAD_UNCHANGED)
        assert (found == plan.pictures.grey(5)[:, :, None]).all()
        assert (found[~mask()] == OUTSIDE).all()


def test_a_part_in_time(folder: SessionFolder, tmp_path: Path):
    with open_plan(folder, from_s=0.1, to_s=0.3) as plan:
        t_s = plan.session.frames.t_s[plan.frames]
        assert 0.1 <= t_s.min() < t_s.max() <= 0.3
        write_mp4(plan, tmp_path / "v.mp4")
        with av.open(str(tmp_path / "v.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) == len(plan.frames)


def test_the_overlay_is_that_of_the_newest_assessment_and_fades(tmp_path: Path):
    made = record(tmp_path, [tissue(k) for k in range(20)], assessed_every=30)
    with open_plan(made) as plan:
        t_ms = plan.session.frames.t_s * 1e3
        lists = [plan.overlay_of(k) for k in range(20)]
        chips = [[i for i in one.items if isinstance(i, Text)] if one else [] for one in lists]
        for k, texts in enumerate(chips):
            assert bool(texts) == (t_ms[k] <= 500)
            assert not texts or (texts[0].colour[3] == 255) == (t_ms[k] <= 150)
        assert (plan.picture(1) != plan.picture(1, own=True)).any()
        assert plan.picture(0, own=True).ndim == 3
        coloured = plan.picture(0)
        assert (coloured.max(axis=2) != coloured.min(axis=2)).any()


def test_an_overlay_lies_on_a_part_of_the_frame_as_on_the_whole():
    square = np.array([[60.5, 40], [120, 44], [110, 90.25], [58, 80]], np.float32)
    outline = np.array([[130.0, 50], [190, 50], [190, 100]], np.float32)
    items = (
        Polygon(square, fill=(200, 30, 60, 120), outline=(255, 255, 255, 255), hatch=HATCHES[2]),
        Raster(np.full((7, 7, 4), 90, np.uint8), Rect(120, 40, 80, 70), outline),
        Text("inferior", 120.0, 100.0, (255, 255, 255, 255), plate=(0, 0, 0, 180)),
    )
    whole, part = DisplayList(SIZE, items), Rect(20, 10, 260, 200)
    grey = tissue(0)
    cut = draw(np.ascontiguousarray(grey[part.slices()]), whole.on(part))
    assert (cut == draw(grey, whole)[part.slices()]).all()
    assert (cut != grey[part.slices()][:, :, None]).any()


def test_sectors_of_several_sizes_in_one_video(tmp_path: Path):
    small = Sector(150.0, 2.0, 10, 180, -0.5, 0.5)
    made = record(tmp_path, [tissue(k) for k in range(12)], sector=lambda k: SECTOR if k < 6 else small)
    with open_plan(made, overlay=False) as plan:
        rects = [plan.pictures.rect(k) for k in range(12)]
        assert len({(r.width, r.height) for r in rects}) == 2
        write_mp4(plan, tmp_path / "v.mp4")
        last = plan.pictures.grey(11)
    with av.open(str(tmp_path / "v.mp4")) as container:
        found = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert found[0].shape == tuple(side + side % 2 for side in (rects[0].height, rects[0].width))
    top, left = ((room - side) // 2 for room, side in zip(found[11].shape, last.shape, strict=True))
    shown = found[11][top : top + last.shape[0], left : left + last.shape[1]]
    assert np.corrcoef(shown.ravel(), last.ravel())[0, 1] > 0.9


def test_a_screen_without_a_sector_stays_here(tmp_path: Path):
    settings = RecorderSettings(whole_screen=True)
    made = record(tmp_path, [tissue(k) for k in range(4)], sector=None, settings=settings)
    with open_plan(made) as plan, pytest.raises(SessionError, match="without a known sector"):
        plan.picture(0)


def test_text_over_the_picture_blocks_and_clean_pictures_pass(tmp_path: Path, folder: SessionFolder):
    pictures = [tissue(k) for k in range(24)]
    for picture in pictures[4:]:
        cv2.putText(picture, "ADEYOLE 4711", (110, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230, 1, cv2.LINE_AA)
    made = record(tmp_path, pictures)
    with open_plan(made) as plan:
        found = text_inside(plan.session, plan.pictures, plan.frames.tolist())
        assert found
        with pytest.raises(SessionError, match=r"--accept-text"):
            refuse_text(found, plan.session)
    with open_plan(folder) as plan:
        refuse_text(text_inside(plan.session, plan.pictures, plan.frames.tolist()), plan.session)


def test_unsealed_damaged_and_missing_are_refused_with_what_to_do(folder: SessionFolder, tmp_path: Path):
    copy = SessionFolder(tmp_path / "S-1")
    shutil.copytree(folder.path, copy.path)
    data = bytearray(copy.video(1).read_bytes())
    data[len(data) // 2] ^= 1
    copy.video(1).write_bytes(data)
    with pytest.raises(SessionError, match="sessions verify S-1"), open_plan(copy):
        pass
    copy.seal.unlink()
    with pytest.raises(SessionError, match="sessions recover S-1"), open_plan(copy):
        pass
    for chosen in ({"frame": FRAMES}, {"from_s": 99.0}, {"from_s": 0.3, "to_s": 0.2}):
        with pytest.raises(SessionError, match=r"there is no frame|no frame lies there"), open_plan(folder, **chosen):
            pass
    with pytest.raises(SessionError, match="within the session"):
        check_place(folder, folder.path / "out.mp4")


def test_the_pseudonym_is_the_same_each_time_and_tells_nothing(folder: SessionFolder):
    name = pseudonym(folder)
    assert name == pseudonym(folder)
    assert folder.session_id not in name
    assert name.startswith("SG-")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SessionError])
def test_nothing_half_written_is_left(tmp_path: Path, error: type[BaseException]):
    target = tmp_path / "out.mp4"
    target.write_text("old")
    with pytest.raises(error):
        _fail(file_aside(target), "", error)
    with pytest.raises(error):
        _fail(folder_aside(tmp_path / "dicom"), "a", error)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert target.read_text() == "old"
    with pytest.raises(SessionError, match="choose a new folder"), folder_aside(tmp_path):
        pass


def _fail(aside: AbstractContextManager[Path], name: str, error: type[BaseException]) -> None:
    with aside as path:
        (path / name if name else path).write_text("half")
        raise error


def test_a_full_disk_is_a_clear_error(folder: SessionFolder, tmp_path: Path):
    with open_plan(folder) as plan, pytest.raises(OSError, match="No space left"):
        write_mp4(plan, Path("/dev/full"))
    with pytest.raises(SessionError, match="make room"), file_aside(tmp_path / "x"):
        raise OSError(28, "No space left on device")
