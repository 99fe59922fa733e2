"""Everything the window can be told to do, as one table: menus, keys, and the list of shortcuts are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu


@dataclass(frozen=True)
class ActionSpec:
    """One thing to do.

    Attributes
    ----------
    name : key in code; its handler has the same name
    menu : title of the menu it stands in
    text : menu entry
    keys : shortcuts, the first is the one that is shown
    help : one line for the list of shortcuts
    checkable : it is a state, on or off
    starts_group : a line is drawn above it
    """

    name: str
    menu: str
    text: str
    keys: tuple[str, ...]
    help: str
    checkable: bool = False
    starts_group: bool = False


ACTIONS = (
    ActionSpec("pick_source", "&Source", "&Choose source…", ("D",), "Choose a capture device, a file or the simulator"),
    ActionSpec("open_file", "&Source", "&Open file…", ("Ctrl+O",), "Open a video or an image"),
    ActionSpec("quit", "&Source", "&Quit", ("Ctrl+Q",), "Close the program", starts_group=True),
    ActionSpec("freeze", "&Image", "&Freeze", ("Space",), "Hold both pictures; again: go on", checkable=True),
    ActionSpec("next_view", "&Image", "Next &view", ("V",), "Next view: unknown, A4C, A2C, ALAX; names the walls"),
    ActionSpec("whole_screen", "&Image", "&Whole screen", ("W",), "Whole grabbed screen, or the sector enlarged", True),
    ActionSpec("overlay", "&Overlay", "&Overlay", ("O",), "Colours over the assessed image on or off", True),
    ActionSpec("next_palette", "&Overlay", "Next &palette", ("P",), "Colour-blind safe or published colours"),
    ActionSpec(
        "next_cue", "&Overlay", "&Numbers, patterns, none", ("N",), "Numbers, patterns or neither beside the colours"
    ),
    ActionSpec(
        "saliency",
        *("&Overlay", "&Saliency", ("H",)),
        "What lowers the score, as colour over the assessed image; a new map each second",
        checkable=True,
    ),
    ActionSpec("record", "Sessio&n", "&Record", ("R",), "Record a session; again: stop", checkable=True),
    ActionSpec(
        "keep_clip",
        *("Sessio&n", "Keep &best clip", ("K",)),
        "Keep the best heart cycle of the last minute: marked in the recording, or as a session of its own",
    ),
    ActionSpec(
        "recordings_folder",
        *("Sessio&n", "Show recordings' &folder", ("Ctrl+L",)),
        "Say in which folder sessions are kept",
        starts_group=True,
    ),
    ActionSpec(
        "record_screen",
        *("Sessio&n", "Record the whole &screen", ("Ctrl+Shift+S",)),
        "Record all that the scanner shows, names included, or the sector alone",
        checkable=True,
        starts_group=True,
    ),
    ActionSpec("new_exam", "&Exam", "&New exam", ("Ctrl+R",), "New patient: empty the bull's-eye and the best cycle"),
    ActionSpec("bulls_eye", "&Exam", "&Bull's-eye", ("1",), "Bull's-eye of the exam: fold away or show", True),
    ActionSpec("cluster_map", "&Exam", "&Maps", ("2",), "Maps of clusters and artifact gate: fold away or show", True),
    ActionSpec(
        "next_map", "&Exam", "Clusters or &gate", ("G",), "Map of quality clusters, or plane of the artifact gate"
    ),
    ActionSpec("history", "&Exam", "Last &60 s", ("3",), "Quality of the last 60 s: fold away or show", True),
    ActionSpec(
        "best_or_last", "&Exam", "Best or &last", ("B",), "Bull's-eye: best quality of the exam, or as seen last"
    ),
    ActionSpec("segments", "&Exam", "1&7 or 18 segments", ("S",), "Bull's-eye of 18 segments or of 17 with the cap"),
    ActionSpec("full_screen", "&Window", "&Full screen", ("F", "F11"), "Full screen on or off", True),
    ActionSpec("leave_full_screen", "&Window", "&Leave full screen", ("Esc",), "Leave full screen"),
    ActionSpec("shortcuts", "&Help", "&Keyboard shortcuts", ("?", "F1"), "This list"),
)


@dataclass(frozen=True)
class ChoiceSpec:
    """One of several values, in a menu of its own.

    Attributes
    ----------
    name : key in code
    menu : title of the menu it stands in
    text : menu entry
    choices : value -> text
    """

    name: str
    menu: str
    text: str
    choices: Mapping[Any, str]


CHOICES = (
    ChoiceSpec(
        "pre_roll",
        *("Sessio&n", "&Pre-roll"),
        {0: "&Off: begin with R", 10: "&10 s before R", 30: "&30 s before R", 60: "&60 s before R"},
    ),
    ChoiceSpec("codec", "Sessio&n", "Video &codec", {"ffv1": "&FFV1: every bit", "h264": "&H.264: smaller, not exact"}),
)


def handlers_of(*owners: object) -> dict[str, Callable[[], None]]:
    """For each action the method of its name, of the first owner that has one.

    Raises
    ------
    StopIteration
        An action has no handler.
    """
    return {
        spec.name: next(getattr(owner, spec.name) for owner in owners if hasattr(owner, spec.name)) for spec in ACTIONS
    }


def install(window: QMainWindow, handlers: Mapping[str, Callable[[], None]]) -> dict[str, QAction]:
    """Build the menu bar of a window; every action also works when the bar is hidden.

    Raises
    ------
    KeyError
        An action has no handler.
    """
    menus: dict[str, QMenu] = {}
    made: dict[str, QAction] = {}
    for spec in ACTIONS:
        menu = menus.get(spec.menu)
        if menu is None:
            menu = menus[spec.menu] = window.menuBar().addMenu(spec.menu)
        if spec.starts_group:
            menu.addSeparator()
        made[spec.name] = action = _action(window, spec, handlers[spec.name])
        menu.addAction(action)
        window.addAction(action)
    return made


def install_choice(window: QMainWindow, spec: ChoiceSpec, chosen: Callable[[Any], None]) -> QActionGroup:
    """Add a choice to its menu, which exists; ``chosen`` gets the value. The values are the data of the actions."""
    menu = next(action.menu() for action in window.menuBar().actions() if action.text() == spec.menu)
    assert isinstance(menu, QMenu)
    inner, group = menu.addMenu(spec.text), QActionGroup(window)
    for value, text in spec.choices.items():
        action = inner.addAction(text)
        action.setCheckable(True)
        action.setData(value)
        group.addAction(action)
    group.triggered.connect(lambda action: chosen(action.data()))
    return group


def _action(window: QMainWindow, spec: ActionSpec, handler: Callable[[], None]) -> QAction:
    action = QAction(spec.text, window)
    action.setObjectName(spec.name)
    action.setShortcuts([QKeySequence(key) for key in spec.keys])
    action.setToolTip(spec.help)
    action.setStatusTip(spec.help)
    action.setCheckable(spec.checkable)
    action.setAutoRepeat(False)
    action.triggered.connect(lambda _checked=False: handler())
    return action
