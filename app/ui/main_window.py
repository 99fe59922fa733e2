"""The live window: pulls from the engine when the bell rings, and passes the user's wishes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QMainWindow, QVBoxLayout, QWidget

from app import settings as settings_file
from app.engine.state import EngineState, SignalState
from app.session.control import RecordingControl
from app.settings import Settings
from app.ui import actions
from app.ui.dialogs.shortcuts import ShortcutsDialog
from app.ui.dialogs.source_picker import BROWSE, ListDevices, SourcePicker
from app.ui.live.banner import Banner
from app.ui.live.bridge import EngineBridge
from app.ui.live.engine import LiveEngine
from app.ui.live.header import VIEWS, Header
from app.ui.live.hud import Hud
from app.ui.live.look import LookChoices
from app.ui.live.lower_panels import LowerPanels
from app.ui.live.messages import Messages, Tone
from app.ui.live.panes import LivePanes
from app.ui.live.presenter import Presenter, Scene
from app.ui.live.session_menu import SessionMenu
from app.ui.live.task_bar import TaskBar
from app.ui.live.verdict import VerdictStrip
from app.ui.widgets.bulls_eye import BullsEyeLook
from capture.errors import SonogaugeError
from capture.source import FrameSource

_log = logging.getLogger(__name__)

INFO_MS = 20_000
_BAD_SOURCE = frozenset({SignalState.NONE, SignalState.LOST, SignalState.FAILED, SignalState.ENDED})


class MainWindow(QMainWindow):
    """The window of ``sonogauge live``.

    Parameters
    ----------
    engine : started or not; the window neither starts nor stops it
    make_source : builds a source, without opening it, from a device id, a path or ``virtual``
    list_devices : finds capture devices; called in a thread of its own
    settings, settings_path : what to start with, and where to remember it; None: nowhere
    view : view to start with, None for unknown
    profile : name of the scanner profile in use, for the header
    exam : ``echo``, or another kind of exam, which begins without the heart's parts of the window
    recording : records what the engine gives; None: nothing can be recorded
    """

    def __init__(
        self,
        engine: LiveEngine,
        make_source: Callable[[str], FrameSource],
        list_devices: ListDevices = tuple,
        *,
        settings: Settings | None = None,
        settings_path: Path | None = None,
        view: str | None = None,
        profile: str = "",
        exam: str = "echo",
        recording: RecordingControl | None = None,
    ) -> None:
        super().__init__()
        self.setWindowTitle("sonogauge")
        self.setAcceptDrops(True)
        self._engine, self._make_source, self._list_devices = engine, make_source, list_devices
        self._settings_path = settings_path
        self._view = view
        self._messages = Messages()
        self._state: EngineState | None = None
        self.presenter = Presenter(engine, settings, of_heart=exam == "echo")
        self._is_leaving = False
        self._build(profile)
        self._make_sessions(recording)
        self.actions_by_name = actions.install(self, actions.handlers_of(self.look, self.sessions, self))
        self._start_with_settings()
        self._bridge = EngineBridge(engine, self)
        self._bridge.news.connect(self.pull)
        self.pull()

    def _build(self, profile: str) -> None:
        self.header, self.banner, self.verdict, self.hud = Header(profile), Banner(), VerdictStrip(), Hud()
        self.lower_panels, self.task = LowerPanels(), TaskBar()
        self.exam, self.maps = self.lower_panels.exam, self.lower_panels.maps
        self.panes = LivePanes(self._engine.timing.painted)
        self.look = LookChoices(
            self.presenter, self.maps, pull=self.pull, show_exam=self._show_exam, fit=self._fit_panels
        )
        self.header.view_chosen.connect(lambda view: self.choose_view(view or None))
        self.banner.choose_source.connect(self.pick_source)
        self.banner.dismissed.connect(self._dismiss)
        self.exam.toggled.connect(self.look.best_or_last)
        self.exam.new_exam.connect(self.new_exam)
        self.maps.turned.connect(lambda tab: self.presenter.change_panels(map=tab))
        middle = QWidget()
        self._rows = layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for part in (self.header, self.banner, self.task, self.panes, self.verdict, self.lower_panels, self.hud):
            layout.addWidget(part, 1 if part is self.panes else 0)
        self.setCentralWidget(middle)

    def _make_sessions(self, recording: RecordingControl | None) -> None:
        self.sessions = SessionMenu(self, recording, self.presenter, self.header.recording, self.task)
        self.sessions.told.connect(self.tell)
        self.sessions.changed.connect(self._show_recording)
        self.sessions.finished.connect(self.close)

    def _start_with_settings(self) -> None:
        chosen = self.presenter.settings
        self.resize(chosen.window.width, chosen.window.height)
        self.look.start(self.actions_by_name)
        self._allow_maps()
        self.actions_by_name["leave_full_screen"].setEnabled(False)
        self.choose_view(self._view)
        self.sessions.start(self.actions_by_name)

    # -- what the engine has ------------------------------------------------------------------------------------

    def pull(self) -> None:
        """Show the newest of everything; called when the engine rings, and after each choice of the user."""
        scene = self.presenter.scene()
        self.panes.show_scene(scene)
        options = self.presenter.options()
        self.verdict.show_summary(scene.summary, options.palette)
        self.verdict.show_cluster(scene.judged, scene.summary.sentence, options.palette)
        self.verdict.score.show_score(scene.judged, scene.dim)
        self.verdict.chips.show_readiness(scene.readiness)
        if self.lower_panels.show_scene(scene, options.palette):
            self._show_organ(scene.of_heart)
        self.hud.legend.show_look(options.palette, options.cue)
        state = self._engine.state.get()
        if state is not self._state:
            self._show_state(state, scene)

    def _show_state(self, state: EngineState, scene: Scene) -> None:
        before, self._state = self._state, state
        self.header.show_state(state)
        self.hud.show_state(state)
        self.header.show_found(scene.view_found if self._view is None else "")
        self.verdict.chips.show_exam(state.exam)
        self._show_exam()
        if self.maps.show_models(state):
            self._allow_maps()
            self._fit_panels()
        self._show_messages()
        frozen = self._engine.is_frozen
        self.actions_by_name["freeze"].setChecked(frozen)
        self.header.show_frozen(frozen)
        if state.source is not None and (before is None or before.source is not state.source) and state.source.view:
            self.choose_view(state.source.view)

    def _allow_maps(self) -> None:
        for name in ("cluster_map", "next_map"):
            self.actions_by_name[name].setEnabled(self.maps.has_any)

    def _show_organ(self, of_heart: bool) -> None:
        self.header.show_of_heart(of_heart)
        self.verdict.chips.setVisible(of_heart)
        self.hud.legend.setVisible(of_heart)
        self._fit_panels()

    def _show_messages(self) -> None:
        state = self._engine.state.get()
        messages = self._messages.current(state)
        tone = self._messages.tone(messages[0]) if messages else Tone.CAUTION
        self.banner.show_messages(messages, state.signal in _BAD_SOURCE, tone)
        self._fit_panels()

    def _show_exam(self) -> None:
        options, chosen = self.presenter.options(), self.presenter.settings.bulls_eye
        look = BullsEyeLook(options.palette, options.cue, chosen.segments, chosen.quality)
        self.exam.show_exam(self._engine.state.get().exam, look)

    def _fit_panels(self) -> None:
        """The pictures keep half of the window at least."""
        others = (self.menuBar(), self.header, self.banner, self.task, self.verdict, self.hud)
        self.lower_panels.fit(self.presenter.settings, self.size(), others)
        self._rows.activate()  # at once: the pictures must not be seen small for a moment

    def say(self, message: str) -> None:
        """Show a sentence of the window's own in the banner until it is dismissed or a source is opened."""
        _log.warning("%s", message)
        self._messages.say(message)
        self._show_messages()

    def tell(self, message: str, tone: Tone) -> None:
        """Show a sentence in the banner; what is only good to know goes by itself."""
        self._messages.say(message, tone)
        self._show_messages()
        if tone is Tone.INFO:
            QTimer.singleShot(INFO_MS, self, lambda: self._forget(message))

    def _forget(self, message: str) -> None:
        self._messages.forget(message)
        self._show_messages()

    def _show_recording(self) -> None:
        """That a session is being recorded must be seen in full screen too."""
        status = self.sessions.status
        self._messages.stand(status.warning, status.tone)
        self.header.setVisible(status.is_on or not self.isFullScreen())
        self._show_messages()

    def _dismiss(self) -> None:
        self._messages.dismiss(self._engine.state.get())
        self._show_messages()

    # -- what the user wants; one method per line of the table of actions ----------------------------------------

    def open_source(self, spec: str) -> None:
        """Switch to a source; what goes wrong becomes a banner and the picture goes on."""
        try:
            source = self._make_source(spec)
        except SonogaugeError as error:
            self.say(str(error))
            return
        self._messages.forget_own()
        self._show_messages()
        self._engine.switch(source)
        self.pull()

    def choose_view(self, view: str | None) -> None:
        """Fix the view, None for unknown."""
        self._view = view
        self.header.show_view(view)
        self._engine.set_view(view)

    def pick_source(self) -> None:
        """Let the user choose among devices, files and the virtual scanner."""
        picker = SourcePicker(self._list_devices, self)
        picker.chosen.connect(lambda spec: self.open_file() if spec == BROWSE else self.open_source(spec))
        picker.open()

    def open_file(self) -> None:
        """Let the user choose a file."""
        dialog = QFileDialog(self, "Open video or image")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.open_source)
        dialog.open()

    def quit(self) -> None:
        """Close the window."""
        self.close()

    def freeze(self) -> None:
        """Hold both pictures, or go on."""
        self._engine.freeze(not self._engine.is_frozen)
        self.actions_by_name["freeze"].setChecked(self._engine.is_frozen)
        self.header.show_frozen(self._engine.is_frozen)
        self.pull()

    def next_view(self) -> None:
        """Choose the next view."""
        self.choose_view(VIEWS[(VIEWS.index(self._view) + 1) % len(VIEWS)])

    def saliency(self) -> None:
        """Show what lowers the score, or no more."""
        self._engine.show_saliency(self.actions_by_name["saliency"].isChecked())
        self.pull()

    def new_exam(self) -> None:
        """Begin a new exam: empty bull's-eye, no best cycle, no history."""
        self._engine.new_exam()
        self.lower_panels.clear()

    def full_screen(self) -> None:
        """Enter or leave full screen; menu bar and header make room for the pictures, but not in a recording."""
        full = not self.isFullScreen()
        self.menuBar().setVisible(not full)
        self.header.setVisible(not full or self.sessions.status.is_on)
        self.showFullScreen() if full else self.showNormal()
        self._fit_panels()
        self.actions_by_name["full_screen"].setChecked(full)
        self.actions_by_name["leave_full_screen"].setEnabled(full)

    def leave_full_screen(self) -> None:
        """Leave full screen."""
        if self.isFullScreen():
            self.full_screen()

    def shortcuts(self) -> None:
        """Show the list of shortcuts."""
        ShortcutsDialog(self).open()

    # -- events of Qt -------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files from this machine."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first file that was dropped."""
        files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.open_source(files[0])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the height anew."""
        super().resizeEvent(event)
        self._fit_panels()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save what is recorded, then close: remember the choices, and listen to the engine no more.

        Closing a second time does not wait for the saving, which goes on behind.
        """
        is_first, self._is_leaving = not self._is_leaving, True
        if is_first and not self.sessions.finish():
            event.ignore()
            return
        self.sessions.close()
        self._bridge.close()
        if not self.isFullScreen() and not self.isMaximized():
            self.presenter.change_window(width=max(self.width(), 640), height=max(self.height(), 480))
        if self._settings_path is not None:
            try:
                settings_file.save(self.presenter.settings, self._settings_path)
            except SonogaugeError as error:
                _log.warning("%s", error)
        super().closeEvent(event)
