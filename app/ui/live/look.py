"""What of the pictures and panels is shown, and how: the user's choices, remembered by the presenter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtGui import QAction

from app.ui.live.map_tabs import MapTabs
from app.ui.live.presenter import Presenter


class LookChoices:
    """Each method is one line of the table of actions.

    Parameters
    ----------
    presenter : remembers the choices
    maps : can be turned
    pull, show_exam, fit : show pictures and overlay anew, the exam's panel, and which panels have room
    """

    def __init__(
        self,
        presenter: Presenter,
        maps: MapTabs,
        *,
        pull: Callable[[], None],
        show_exam: Callable[[], None],
        fit: Callable[[], None],
    ) -> None:
        self._presenter, self._maps = presenter, maps
        self._pull, self._show_exam, self._fit = pull, show_exam, fit
        self._actions: Mapping[str, QAction] = {}

    def start(self, actions: Mapping[str, QAction]) -> None:
        """Check the menu entries as the settings are."""
        self._actions, chosen = actions, self._presenter.settings
        actions["overlay"].setChecked(chosen.overlay.shown)
        actions["whole_screen"].setChecked(chosen.window.whole_screen)
        actions["bulls_eye"].setChecked(chosen.bulls_eye.shown)
        actions["history"].setChecked(chosen.panels.history)
        actions["cluster_map"].setChecked(chosen.panels.cluster_map)
        self._maps.show_tab(chosen.panels.map)

    def whole_screen(self) -> None:
        """Show the whole grabbed screen, or the sector enlarged."""
        self._presenter.change_window(whole_screen=self._actions["whole_screen"].isChecked())
        self._pull()

    def overlay(self) -> None:
        """Show or hide the colours."""
        self._presenter.change_overlay(shown=self._actions["overlay"].isChecked())
        self._pull()

    def next_palette(self) -> None:
        """Choose the next palette."""
        self._presenter.next_palette()
        self._show_exam()
        self._pull()

    def next_cue(self) -> None:
        """Numbers, patterns, or neither."""
        self._presenter.next_cue()
        self._show_exam()
        self._pull()

    def bulls_eye(self) -> None:
        """Fold the bull's-eye away, or show it."""
        self._presenter.change_bulls_eye(shown=self._actions["bulls_eye"].isChecked())
        self._fit()

    def cluster_map(self) -> None:
        """Fold the maps of quality clusters and artifact gate away, or show them."""
        self._presenter.change_panels(cluster_map=self._actions["cluster_map"].isChecked())
        self._fit()

    def next_map(self) -> None:
        """The map of quality clusters, or the plane of the artifact gate."""
        self._maps.turn()

    def history(self) -> None:
        """Fold the last minute away, or show it."""
        self._presenter.change_panels(history=self._actions["history"].isChecked())
        self._fit()

    def best_or_last(self) -> None:
        """Best quality of the exam, or as seen last."""
        best = self._presenter.settings.bulls_eye.quality == "best"
        self._presenter.change_bulls_eye(quality="last" if best else "best")
        self._show_exam()

    def segments(self) -> None:
        """A bull's-eye of 18 segments, or of 17."""
        count = self._presenter.settings.bulls_eye.segments
        self._presenter.change_bulls_eye(segments=17 if count == 18 else 18)
        self._show_exam()
