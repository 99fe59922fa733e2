"""A V4L2 device node as the kernel describes it: name, abilities, current format, and why it cannot be opened.

Linux only. These few calls change nothing on the device and do not start it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from dataclasses import dataclass

from capture.frame import VideoMode

_CAPABILITY = struct.Struct("=16s32s32sIII12x")  # driver, card, bus, version, capabilities, device_caps
_FORMAT_BYTES = 208 if struct.calcsize("P") == 8 else 204
_FORMAT_PIX_AT = 8 if struct.calcsize("P") == 8 else 4
_REQUEST_BUFFERS = struct.Struct("=IIIIB3x")
_CAPTURE, _MEMORY_MMAP = 1, 1
_CAP_VIDEO_CAPTURE, _CAP_DEVICE_CAPS = 0x00000001, 0x80000000


def _code(direction: int, number: int, size: int) -> int:
    return (direction << 30) | (size << 16) | (ord("V") << 8) | number


_QUERYCAP = _code(2, 0, _CAPABILITY.size)
_G_FMT = _code(3, 4, _FORMAT_BYTES)
_REQBUFS = _code(3, 8, _REQUEST_BUFFERS.size)


@dataclass(frozen=True)
class Capability:
    """What a node says of itself.

    Attributes
    ----------
    card : product name, as the driver gives it
    bus : where it is plugged in, for example ``usb-0000:00:14.0-2``
    can_capture : pictures can be read from this node (a card's second node often carries metadata alone)
    """

    card: str
    bus: str
    can_capture: bool


def fourcc_text(code: int) -> str:
    """Four characters of a pixel format, empty for 0."""
    return code.to_bytes(4, "little").decode("ascii", "replace").strip("\0 ") if code else ""


def query_capability(fd: int) -> Capability:
    """Ask an open node what it is; OSError when it is no V4L2 device or is gone."""
    answer = bytearray(_CAPABILITY.size)
    fcntl.ioctl(fd, _QUERYCAP, answer)
    _, card, bus, _, whole, node = _CAPABILITY.unpack(answer)
    flags = node if whole & _CAP_DEVICE_CAPS else whole
    return Capability(_text(card), _text(bus), bool(flags & _CAP_VIDEO_CAPTURE))


def current_format(fd: int) -> VideoMode:
    """Size and FourCC that the device is set to, rate unknown; OSError when it is gone."""
    answer = bytearray(_FORMAT_BYTES)
    struct.pack_into("=I", answer, 0, _CAPTURE)
    fcntl.ioctl(fd, _G_FMT, answer)
    width, height, fourcc = struct.unpack_from("=III", answer, _FORMAT_PIX_AT)
    return VideoMode(width, height, 0.0, fourcc_text(fourcc))


def why_not_open(device: str) -> str:
    """One sentence or two on why ``device`` cannot be opened, and what the user can do."""
    try:
        mode = os.stat(device).st_mode
    except OSError:
        return f"There is no device {device}. Plug the capture card in, or choose another source."
    if not stat.S_ISCHR(mode):
        return f"{device} is not a capture device. Choose a node such as /dev/video0."
    if not os.access(device, os.R_OK | os.W_OK):
        return f"No permission to use {device}. Add your user to the group 'video' and log in again."
    return _ask_node(device)


def _ask_node(device: str) -> str:
    try:
        fd = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return _from_errno(device, error)
    try:
        if not query_capability(fd).can_capture:
            return f"{device} carries no pictures (it may be the second node of a card). Choose the card's other node."
        fcntl.ioctl(fd, _REQBUFS, _REQUEST_BUFFERS.pack(0, _CAPTURE, _MEMORY_MMAP, 0, 0))  # frees none, tells if busy
    except OSError as error:
        return _from_errno(device, error)
    finally:
        os.close(fd)
    return f"{device} offers no picture format that can be read. Check its settings with v4l2-ctl --list-formats."


def _from_errno(device: str, error: OSError) -> str:
    if error.errno == errno.EBUSY:
        return f"{device} is in use by another program. Close that program, then try again."
    if error.errno in (errno.ENODEV, errno.ENXIO, errno.ENOENT):
        return f"{device} went away. Check its cable and plug it in again."
    if error.errno in (errno.ENOTTY, errno.EINVAL):
        return f"{device} is not a V4L2 capture device. Choose a node such as /dev/video0."
    return f"{device} cannot be opened: {error.strerror}. Unplug the card, plug it in again and retry."


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
