from __future__ import annotations

from pathlib import Path

import pytest
from media import numbered_picture, write_images, write_video

from capture.discovery import SystemFolders, list_v4l2_devices, open_source
from capture.errors import CaptureError
from capture.frame import VideoMode
from capture.image_folder import ImageFolderSource
from capture.v4l2 import V4L2Source
from capture.video_file import VideoFileSource


@pytest.fixture
def system(tmp_path: Path) -> SystemFolders:
    """Two nodes of one card (pictures, metadata), a camera without a stable link, and a radio."""
    folders = SystemFolders(tmp_path / "sys", tmp_path / "dev", tmp_path / "by-id", tmp_path / "udev")
    for folder in (folders.sys, folders.dev, folders.by_id, folders.udev):
        folder.mkdir()
    nodes = {
        "video10": ("USB camera", ":capture:"),
        "video0": ("DVI2USB 3.0", ":capture:"),
        "video1": ("DVI2USB 3.0", ":"),
        "radio0": ("Tuner", ":radio:"),
    }
    for minor, (node, (name, abilities)) in enumerate(nodes.items()):
        (folders.sys / node).mkdir()
        (folders.sys / node / "name").write_text(name + "\n")
        (folders.sys / node / "dev").write_text(f"81:{minor}\n")
        (folders.udev / f"c81:{minor}").write_text(f"S:v4l/x\nE:ID_V4L_CAPABILITIES={abilities}\n")
        (folders.dev / node).touch()
    for index in (0, 1):
        (folders.by_id / f"usb-Card-video-index{index}").symlink_to(folders.dev / f"video{index}")
    return folders


def test_capture_nodes_alone_by_stable_link_in_order(system: SystemFolders) -> None:
    devices = list_v4l2_devices(system)
    assert [d.label for d in devices] == ["DVI2USB 3.0 (video0)", "USB camera (video10)"]
    assert devices[0].source_id == f"v4l2:{system.by_id}/usb-Card-video-index0"
    assert devices[1].source_id == f"v4l2:{system.dev}/video10"


def test_node_without_a_record_is_asked_itself(system: SystemFolders) -> None:
    for record in system.udev.iterdir():
        record.unlink()
    assert list_v4l2_devices(system) == [], "plain files are no capture devices"


def test_no_video_devices_at_all(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert list_v4l2_devices(SystemFolders(missing, missing, missing, missing)) == []


@pytest.mark.parametrize(
    ("spec", "device"),
    [
        ("v4l2:/dev/video0", "/dev/video0"),
        ("/dev/video3", "/dev/video3"),
        ("/dev/v4l/by-id/usb-Card-video-index0", "/dev/v4l/by-id/usb-Card-video-index0"),
    ],
)
def test_cards(spec: str, device: str) -> None:
    source = open_source(spec, requested=VideoMode(1280, 720, 60.0))
    assert isinstance(source, V4L2Source)
    assert source.source_id == f"v4l2:{device}"
    assert source.is_live


def test_files(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mkv", [numbered_picture(0)])
    folder = write_images(tmp_path / "stills", ["x.png"])
    assert isinstance(open_source(str(video)), VideoFileSource)
    assert isinstance(open_source(f"file:{video}"), VideoFileSource)
    assert isinstance(open_source(str(folder)), ImageFolderSource)
    assert isinstance(open_source(f"file:{folder / 'x.png'}"), ImageFolderSource)


def test_id_of_a_source_opens_it_again(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mkv", [numbered_picture(0)])
    for spec in (str(video), "v4l2:/dev/video0", "virtual:seed=3,width=1280,height=720"):
        source_id = open_source(spec).source_id
        assert open_source(source_id).source_id == source_id


def test_virtual_scanner_with_options() -> None:
    assert open_source("virtual").source_id.startswith("virtual")
    source_id = open_source("virtual:seed=3,view=A2C,width=1280,fps=25").source_id
    for option in ("seed=3", "view=A2C", "width=1280", "fps=25"):
        assert option in source_id


@pytest.mark.parametrize("spec", ["virtual:seed=x", "virtual:colour=red", "virtual:seed"])
def test_virtual_option_that_is_not_possible(spec: str) -> None:
    with pytest.raises(CaptureError, match="seed, view, mode, width, height, fps"):
        open_source(spec)


@pytest.mark.parametrize("spec", ["", "camera", "v4l2:", "file:", "/no/such/file.mp4", "file:/no/such", "dicom:x"])
def test_unknown_text_lists_what_is_accepted(spec: str) -> None:
    with pytest.raises(CaptureError, match=r"v4l2:/dev/video0.*virtual.*folder"):
        open_source(spec)
