"""Both live panes, composed by the real widgets without a screen, for ``sonogauge bench``."""

from __future__ import annotations

import os
from typing import cast

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.ui.live.bridge import EngineBridge
from app.ui.live.engine import LiveEngine
from app.ui.live.panes import LivePanes
from app.ui.live.presenter import Presenter
from models.runtime.cores import Core, staying_on

PANE_WIDTH, PANE_HEIGHT = 960, 1080


def application(offscreen: bool) -> QApplication:
    """The one QApplication of the process, made when there is none.

    ``offscreen`` has an effect only on a new one, and leaves a platform that the environment names alone.
    """
    existing = QApplication.instance()
    if existing is not None:
        return cast("QApplication", existing)
    if offscreen:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    return QApplication(["sonogauge"])


class OffscreenPanes:
    """Two panes of 960x1080 that paint each result of an engine and record when the paint ended."""

    def __init__(self, engine: LiveEngine, settings: Settings | None = None) -> None:
        self.presenter = Presenter(engine, settings)
        self.panes = LivePanes(engine.timing.painted, spacing=0)
        self.panes.setFixedSize(2 * PANE_WIDTH, PANE_HEIGHT)
        self._bridge = EngineBridge(engine, self.panes)
        self._bridge.news.connect(self.pull)
        self.panes.show()
        self.pull()

    def pull(self) -> None:
        """Hand the newest scene to the panes."""
        self.panes.show_scene(self.presenter.scene())

    def close(self) -> None:
        """Stop listening and drop the widgets."""
        self._bridge.close()
        self.panes.close()
        self.panes.deleteLater()


def run_offscreen(engine: LiveEngine, seconds: float) -> None:
    """Run a Qt event loop for ``seconds``, or until the engine's source is over; call it from the main thread.

    The engine is started and stopped by the caller; paint times are in ``engine.timing.capture_to_paint_ms``.
    """
    app = application(offscreen=True)
    view = OffscreenPanes(engine)
    end = QTimer()
    end.setSingleShot(True)
    end.timeout.connect(app.quit)
    end.start(round(seconds * 1000))
    over = QTimer()
    over.timeout.connect(lambda: app.quit() if engine.state.get().is_over else None)
    over.start(250)
    try:
        with staying_on(Core.OTHERS):
            app.exec()
    finally:
        over.stop()
        end.stop()
        view.close()
        app.processEvents()
