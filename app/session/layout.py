"""Where each part of a session lies in its folder; the only module that knows file names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_VIDEO = re.compile(r"video(?:_([1-9]\d{0,5}))?\.mkv")


@dataclass(frozen=True)
class SessionFolder:
    """The files of one session.

    Attributes
    ----------
    path : the folder; its name is the session's id
    """

    path: Path

    @property
    def session_id(self) -> str:
        """Name of the folder."""
        return self.path.name

    @property
    def info(self) -> Path:
        """What the session is: source, profile, models, settings; written at the start."""
        return self.path / "session.json"

    @property
    def recording(self) -> Path:
        """Index of frames, assessments, events and drops."""
        return self.path / "recording.sqlite"

    @property
    def review(self) -> Path:
        """What people added later; missing until then."""
        return self.path / "review.sqlite"

    @property
    def review_stamp(self) -> Path:
        """Hash of ``review`` as it was closed last."""
        return self.path / "review.sha256"

    @property
    def seal(self) -> Path:
        """Hashes of all that was recorded; missing while it is recorded, and after a crash."""
        return self.path / "seal.json"

    @property
    def thumbnail(self) -> Path:
        """Small picture of the sector; missing where none was found."""
        return self.path / "thumbnail.png"

    @property
    def standby(self) -> Path:
        """Marks the rolling pictures before a recording: no session until it is gone."""
        return self.path / "standby"

    def video(self, number: int) -> Path:
        """Segment of the video, from 1."""
        return self.path / ("video.mkv" if number == 1 else f"video_{number}.mkv")

    def videos(self) -> list[Path]:
        """Segments that exist, in order."""
        found = ((_VIDEO.fullmatch(path.name), path) for path in self.path.iterdir())
        return [path for _, path in sorted((int(match[1] or 1), path) for match, path in found if match)]

    @property
    def recorded_files(self) -> list[Path]:
        """All that never changes once it is sealed, as far as it exists."""
        files = [self.info, self.recording, *self.videos(), self.thumbnail]
        return [path for path in files if path.is_file()]

    @property
    def is_sealed(self) -> bool:
        """Whether the recording was ended in order, or recovered."""
        return self.seal.is_file()

    @property
    def is_session(self) -> bool:
        """Whether there is a session at all, sealed or not."""
        found = self.seal.is_file() or self.info.is_file() or self.recording.is_file()
        return found and not self.standby.exists()
