"""Choice of a source: capture devices, a file, or the virtual scanner."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from capture.errors import SonogaugeError

_log = logging.getLogger(__name__)

BROWSE = "browse"
"""Stands for "let me look for a file"."""


@dataclass(frozen=True)
class SourceChoice:
    """One source that can be chosen.

    Attributes
    ----------
    spec : what opens it, such as ``v4l2:/dev/video0`` or ``virtual``
    title : name for people
    detail : second line: modes, path, what it is for
    """

    spec: str
    title: str
    detail: str = ""


ListDevices = Callable[[], Sequence[SourceChoice]]
"""Finds the capture devices of this machine; may take a while."""

ALWAYS = (
    SourceChoice(BROWSE, "File…", "A video, an image or a recording; you can also drop it on the window"),
    SourceChoice("virtual", "Virtual scanner", "A simulated heart on a scanner screen; no hardware needed"),
)


class SourcePicker(QDialog):
    """List of sources; devices appear as soon as they are found.

    Devices are looked for in a thread of their own: a driver that answers slowly must not stop the picture.
    ``chosen`` carries the spec of the choice.
    """

    chosen = Signal(str)
    _found = Signal(object, str)

    def __init__(self, list_devices: ListDevices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose source")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 380)
        self.list = QListWidget()
        self.list.setAccessibleName("Sources")
        self.list.itemActivated.connect(self.accept)
        self.status = QLabel("Looking for capture devices…")
        self.status.setProperty("role", "muted")
        self.status.setWordWrap(True)
        self.status.setAccessibleName("Search result")
        self._build()
        for choice in ALWAYS:
            self._add(choice)
        self.list.setCurrentRow(0)
        self._found.connect(self._show_found, Qt.ConnectionType.QueuedConnection)
        search = threading.Thread(target=self._search, args=(list_devices, self._found.emit), name="find-devices")
        search.daemon = True
        search.start()

    def _build(self) -> None:
        open_cancel = QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        buttons = QDialogButtonBox(open_cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 14)
        layout.setSpacing(12)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.status)
        layout.addWidget(buttons)

    def accept(self) -> None:
        """Send the choice and close."""
        item = self.list.currentItem()
        if item is not None:
            self.chosen.emit(item.data(Qt.ItemDataRole.UserRole))
        super().accept()

    @staticmethod
    def _search(list_devices: ListDevices, tell: Callable[[object, str], None]) -> None:
        devices: Sequence[SourceChoice] = ()
        try:
            devices = list_devices()
            text = "" if devices else "No capture device found. Connect one and open this list again."
        except SonogaugeError as error:
            text = str(error)
        except Exception:  # noqa: BLE001 - outer edge of the thread
            _log.exception("looking for capture devices failed")
            text = "Capture devices cannot be listed on this machine; files and the virtual scanner still work."
        try:
            tell(tuple(devices), text)
        except RuntimeError:
            _log.debug("the list of sources was closed before the devices were found")

    def _show_found(self, devices: Sequence[SourceChoice], text: str) -> None:
        for row, choice in enumerate(devices):
            self._add(choice, row)
        if devices:
            self.list.setCurrentRow(0)
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def _add(self, choice: SourceChoice, row: int | None = None) -> None:
        item = QListWidgetItem(f"{choice.title}\n{choice.detail}" if choice.detail else choice.title)
        item.setData(Qt.ItemDataRole.UserRole, choice.spec)
        item.setToolTip(choice.spec)
        self.list.insertItem(self.list.count() if row is None else row, item)
