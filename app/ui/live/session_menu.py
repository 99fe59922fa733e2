"""The menu of sessions: its entries, what header and banner say of recordings, and the end of them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMainWindow

from app.session.control import RecordingControl
from app.ui import actions
from app.ui.dialogs.whole_screen import WholeScreenWarning
from app.ui.live.messages import Tone
from app.ui.live.presenter import Presenter
from app.ui.live.recording import LOOK_EVERY_MS, RecordingDesk
from app.ui.live.recording_plate import RecordingPlate
from app.ui.live.recording_status import RecordingStatus
from app.ui.live.recovery import RecoveryDesk
from app.ui.live.task_bar import TaskBar

_NEEDS_CONTROL = ("record", "recordings_folder", "record_screen")


class SessionMenu(QObject):
    """Each public method without arguments is one line of the table of actions.

    ``told`` carries a sentence for the banner and its tone, ``changed`` says that a recording or the task bar did, and
    ``finished`` is sent after ``finish`` once all is saved.

    Parameters
    ----------
    window : owner of the menu
    control : of the recordings, None when nothing can be recorded
    presenter : remembers the choices
    plate : in the header
    task : for offers and progress
    """

    told = Signal(str, object)
    changed = Signal()
    finished = Signal()

    def __init__(
        self,
        window: QMainWindow,
        control: RecordingControl | None,
        presenter: Presenter,
        plate: RecordingPlate,
        task: TaskBar,
    ) -> None:
        super().__init__(window)
        self.desk: RecordingDesk | None = None
        self.recovery: RecoveryDesk | None = None
        self._window, self._plate, self._task = window, plate, task
        self._actions: Mapping[str, QAction] = {}
        self._groups: dict[str, QActionGroup] = {}
        self._ending = QTimer(self)
        self._ending.timeout.connect(self._look_at_end)
        plate.setVisible(control is not None)
        plate.pressed.connect(self.record)
        if control is not None:
            self.desk = RecordingDesk(control, presenter.change_recording, self)
            self.desk.changed.connect(self._show)
            self.desk.told.connect(self.told)
            self.recovery = RecoveryDesk(control.library, task, self._tell, self._warn, self)
            self.recovery.changed.connect(self.changed)
            self.recovery.looked.connect(self.desk.arm)

    @property
    def status(self) -> RecordingStatus:
        """How recordings are."""
        return RecordingStatus() if self.desk is None else self.desk.status

    def start(self, entries: Mapping[str, QAction]) -> None:
        """Take the menu's entries, look for sessions that were cut off, and arm the pre-roll."""
        self._actions = entries
        takers: dict[str, Callable[[Any], None]] = {"pre_roll": self._choose_pre_roll, "codec": self._choose_codec}
        for spec in actions.CHOICES:
            self._groups[spec.name] = actions.install_choice(self._window, spec, takers[spec.name])
        if self.desk is not None and self.recovery is not None:
            self._check_settings()
            self.recovery.look()
        self._allow()

    def record(self) -> None:
        """Start a recording, or stop it."""
        if self.desk is not None and not self._ending.isActive():
            self.desk.record()

    def keep_clip(self) -> None:
        """Keep the best heart cycle of the last minute."""
        if self.desk is not None:
            self.desk.keep_clip()

    def recordings_folder(self) -> None:
        """Say where sessions are kept."""
        if self.desk is not None:
            self.desk.tell_folder()

    def record_screen(self) -> None:
        """Record the whole screen, after a warning, or the sector alone."""
        if self.desk is None:
            return
        if not self._actions["record_screen"].isChecked():
            self.desk.choose_screen(False)
            return
        warning = WholeScreenWarning(self._window)
        warning.answered.connect(self._screen_answered)
        warning.open()

    def finish(self) -> bool:
        """Stop recording; whether nothing is left to be saved. If something is, ``finished`` follows."""
        if self.desk is None or self._is_done():
            return True
        self.desk.finish()
        self._ending.start(LOOK_EVERY_MS)
        return False

    def close(self) -> None:
        """Look at recordings no more."""
        self._ending.stop()
        if self.desk is not None:
            self.desk.close()

    def _screen_answered(self, whole: bool) -> None:
        self._actions["record_screen"].setChecked(whole)
        if whole and self.desk is not None:
            self.desk.choose_screen(True)

    def _choose_pre_roll(self, seconds: int) -> None:
        if self.desk is not None:
            self.desk.choose_pre_roll(seconds)

    def _choose_codec(self, codec: str) -> None:
        if self.desk is not None:
            self.desk.choose_codec(codec)

    def _check_settings(self) -> None:
        assert self.desk is not None
        settings = self.desk.settings
        self._actions["record_screen"].setChecked(settings.whole_screen)
        for name, value in (("pre_roll", settings.pre_roll_s), ("codec", settings.codec.value)):
            for action in self._groups[name].actions():
                action.setChecked(action.data() == value)

    def _show(self, status: RecordingStatus) -> None:
        self._plate.show_status(status)
        self._allow()
        self.changed.emit()

    def _allow(self) -> None:
        """What a recording is made of stays as it is until its end."""
        status, can_record = self.status, self.desk is not None
        for name in _NEEDS_CONTROL:
            self._actions[name].setEnabled(can_record)
        self._actions["record"].setChecked(status.is_on)
        self._actions["keep_clip"].setEnabled(status.can_clip)
        self._actions["record_screen"].setEnabled(can_record and not status.is_on)
        for group in self._groups.values():
            group.setEnabled(can_record and not status.is_on)

    def _is_done(self) -> bool:
        is_mending = self.recovery is not None and self.recovery.is_busy
        return not is_mending and (self.desk is None or self.desk.is_saved)

    def _look_at_end(self) -> None:
        if self._is_done():
            self._ending.stop()
            self.finished.emit()
        elif self.desk is not None and not self.desk.is_saved:
            self._task.progress("Saving the session: the window closes by itself", self.desk.saved_share)
            self.changed.emit()

    def _tell(self, text: str) -> None:
        self.told.emit(text, Tone.INFO)

    def _warn(self, text: str) -> None:
        self.told.emit(text, Tone.CAUTION)
