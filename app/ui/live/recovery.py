"""Offers to bring sessions into order that a crash cut off; looks for them and mends them beside the window."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal

from app.session.layout import SessionFolder
from app.session.recover import Recovery, recover_session
from app.session.store import Library
from app.ui.errands import Errands, Say
from app.ui.live.task_bar import TaskBar


class RecoveryDesk(QObject):
    """Fills a task bar. ``changed`` is sent when the bar comes or goes, ``looked`` when it is known what to offer.

    Parameters
    ----------
    library : looked through by ``look``
    bar : for the offer and the progress
    tell : told what was recovered
    say : told what could not be
    """

    changed = Signal()
    looked = Signal()
    _progressed = Signal(str, float)

    def __init__(self, library: Library, bar: TaskBar, tell: Say, say: Say, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library, self._bar, self._tell = library, bar, tell
        self._errands = Errands("recovery", say, self)
        self._cut_off: Sequence[SessionFolder] = ()
        bar.accepted.connect(self.recover)
        bar.declined.connect(self._hide)
        self._progressed.connect(self._show_progress, Qt.ConnectionType.QueuedConnection)

    @property
    def is_busy(self) -> bool:
        """Whether sessions are being looked for or mended."""
        return self._errands.is_busy

    def look(self) -> None:
        """Look for sessions that were cut off, and offer to recover them."""
        self._errands.run(self._look, self._offer)

    def recover(self) -> None:
        """Recover what was offered, one after another."""
        cut_off, self._cut_off = self._cut_off, ()
        for folder in cut_off:
            self._show_progress(folder.session_id, 0.0)
            self._errands.run(partial(self._recover, folder), self._recovered)
        if cut_off:
            self._errands.run(lambda: None, lambda _: self._hide())

    def _look(self) -> Sequence[SessionFolder]:
        self._library.tidy()
        return self._library.unsealed()

    def _offer(self, cut_off: Sequence[SessionFolder]) -> None:
        self._cut_off = cut_off
        self.looked.emit()
        if not cut_off:
            return
        names = ", ".join(folder.session_id for folder in cut_off[:3]) + (", …" if len(cut_off) > 3 else "")
        what = f"Session {names} was" if len(cut_off) == 1 else f"{len(cut_off)} sessions ({names}) were"
        self._bar.offer(f"{what} cut off while recording. Nothing is deleted by recovering.", "Recover", "Recover")
        self.changed.emit()

    def _recover(self, folder: SessionFolder) -> tuple[SessionFolder, Recovery]:
        return folder, recover_session(folder.path, lambda share: self._note(folder.session_id, share))

    def _note(self, session_id: str, share: float) -> None:
        with contextlib.suppress(RuntimeError):  # the window was deleted meanwhile; the recovery goes on
            self._progressed.emit(session_id, share)

    def _show_progress(self, session_id: str, share: float) -> None:
        self._bar.progress(f"Recovering session {session_id}", share)
        if share == 0:
            self.changed.emit()

    def _recovered(self, ended: tuple[SessionFolder, Recovery]) -> None:
        folder, found = ended
        lost = f", {found.missing} missing" if found.missing else ""
        self._tell(f"session {folder.session_id} is recovered: {found.frames} frames{lost}")

    def _hide(self) -> None:
        self._bar.hide()
        self.changed.emit()
