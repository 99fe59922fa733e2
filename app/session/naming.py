"""Names of sessions: made up, or given by the user in letters that no patient name slips through by accident."""

from __future__ import annotations

import datetime
import hashlib
import re
import secrets

from capture.errors import SessionError

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DEVICE = re.compile(r"^v4l2:/dev/[A-Za-z0-9/_.:-]+")
_KINDS = ("v4l2", "virtual", "replay", "file", "folder", "dicom", "igtl", "mock")
_HASH_DIGITS = 8


def new_session_id(now: datetime.datetime) -> str:
    """Date, time and four random digits, as in ``S-20261122-141502-7F3A``."""
    return f"S-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2).upper()}"


def checked_name(name: str) -> str:
    """A name given by the user.

    Raises
    ------
    SessionError
        It is empty, longer than 64 or holds something else than letters A-Z, digits, ``-`` and ``_``.
    """
    if not _NAME.fullmatch(name):
        raise SessionError(
            "a session's name is made of up to 64 letters A-Z, digits, - and _: choose another, and no patient's name"
        )
    return name


def pseudonymous(source_id: str) -> str:
    """A source's id without names of files and folders, which may be those of patients; the same each time."""
    kind, _, rest = source_id.partition(":")
    is_plain = kind in ("virtual", "replay") and not any(sign in rest for sign in "/\\")
    if is_plain or _DEVICE.fullmatch(source_id):
        return source_id
    kind = kind if kind in _KINDS else "other"
    return f"{kind}:{hashlib.sha256(source_id.encode()).hexdigest()[:_HASH_DIGITS]}"
