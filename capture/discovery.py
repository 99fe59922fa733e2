"""Which capture devices this machine has, and which source a user's text means."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from capture.errors import CaptureError
from capture.frame import VideoMode
from capture.image_folder import IMAGE_SUFFIXES, ImageFolderSource
from capture.source import FrameSource

Pace = Literal["real", "fast"]
ACCEPTED = (
    "v4l2:/dev/video0 or v4l2:/dev/v4l/by-id/NAME (a capture card), virtual or virtual:patient=difficult,view=A4C,"
    "slide_x=10,width=1280,height=720 (the virtual scanner), the path of a video, a picture or a folder of pictures, "
    "or file:PATH"
)


@dataclass(frozen=True)
class FoundDevice:
    """A capture device of this machine.

    Attributes
    ----------
    source_id : opens it, by its stable link where there is one
    label : for people: product name and node
    """

    source_id: str
    label: str


@dataclass(frozen=True)
class SystemFolders:
    """Where the system describes its devices; other folders serve tests."""

    sys: Path = Path("/sys/class/video4linux")
    dev: Path = Path("/dev")
    by_id: Path = Path("/dev/v4l/by-id")
    udev: Path = Path("/run/udev/data")


def list_v4l2_devices(folders: SystemFolders | None = None) -> list[FoundDevice]:
    """Capture cards and cameras, in the order of their nodes; nothing is started, a card in use stays in use.

    Nodes that give no pictures (metadata, output, radio) are left out. Where udev keeps no record of a node, the node
    itself is asked, which may take some 10 ms: call this outside of a window's event loop.
    """
    folders = folders or SystemFolders()
    try:
        nodes = sorted(folders.sys.iterdir(), key=lambda p: (len(p.name), p.name))
    except OSError:
        return []
    stable = _stable_links(folders.by_id)
    capture_nodes = [n for n in nodes if n.name.startswith("video") and _can_capture(n, folders)]
    return [_describe(n, stable, folders.dev) for n in capture_nodes]


def _describe(node: Path, stable: dict[str, Path], dev: Path) -> FoundDevice:
    device = stable.get(node.name, dev / node.name)
    name = _read_text(node / "name").strip() or "Capture device"
    return FoundDevice(f"v4l2:{device}", f"{name} ({node.name})")


def _stable_links(by_id: Path) -> dict[str, Path]:
    """Node name -> its link, for example ``video0`` -> ``/dev/v4l/by-id/usb-...-video-index0``."""
    try:
        links = sorted(by_id.iterdir())
    except OSError:
        return {}
    return {os.path.basename(os.path.realpath(link)): link for link in links}


def _can_capture(node: Path, folders: SystemFolders) -> bool:
    """From udev's record, which costs no open; else by asking the node itself."""
    record = _read_text(folders.udev / f"c{_read_text(node / 'dev').strip()}")
    for line in record.splitlines():
        if line.startswith("E:ID_V4L_CAPABILITIES="):
            return ":capture:" in line
    return _says_it_can_capture(folders.dev / node.name)


def _says_it_can_capture(device: Path) -> bool:
    from capture.v4l2_node import query_capability  # noqa: PLC0415 - Linux only

    try:
        fd = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return True  # shown, so that opening it can tell what to do
    except OSError:
        return False
    try:
        return query_capability(fd).can_capture
    except OSError:
        return False
    finally:
        os.close(fd)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def open_source(
    spec: str, *, pace: Pace = "real", loop: bool = False, requested: VideoMode | None = None
) -> FrameSource:
    """Source for what a user wrote; made, not yet opened.

    Parameters
    ----------
    spec : see ``ACCEPTED``
    pace, loop : for video files: at their own pace or as fast as possible; start again at the end
    requested : mode to ask of a capture card

    Raises
    ------
    CaptureError
        When ``spec`` is none of these; the message lists them.
    """
    kind, _, rest = spec.partition(":")
    if kind == "v4l2" and rest:
        return _card(rest, requested)
    if spec.startswith(("/dev/video", "/dev/v4l/")):
        return _card(spec, requested)
    if kind == "virtual":
        return _virtual(spec, rest)
    text = rest if kind == "file" else spec
    path = Path(text).expanduser()
    if text and path.exists():
        return _file(path, pace, loop)
    what = f"There is no file or folder {path}" if kind == "file" or os.sep in spec else f"'{spec}' is no known source"
    raise CaptureError(f"{what}. Give one of: {ACCEPTED}.")


def _card(device: str, requested: VideoMode | None) -> FrameSource:
    from capture.v4l2 import FULL_HD, V4L2Source  # noqa: PLC0415 - Linux only

    return V4L2Source(device, requested or FULL_HD)


def _file(path: Path, pace: Pace, loop: bool) -> FrameSource:
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageFolderSource(path)
    from capture.video_file import VideoFileSource  # noqa: PLC0415 - PyAV is slow to load

    return VideoFileSource(path, pace=pace, loop=loop)


def _virtual(spec: str, options: str) -> FrameSource:
    from capture.virtual.options import ScannerOptions  # noqa: PLC0415 - loaded when asked for
    from capture.virtual.source import VirtualSource  # noqa: PLC0415

    return VirtualSource(ScannerOptions.parse(options, spec))
