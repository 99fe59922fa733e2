"""Recording from the window: the real engine, recorder and store around mock sources, driven by keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from full_disk import FullDisk
from gui_bench import Gaps, HeartAssessor, heart_source
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.engine.best_cycle import Cycle
from app.engine.pipeline import Engine
from app.session.control import RecordingControl, RecordingSetup
from app.session.disk_guard import AMBER_BYTES, RED_BYTES, STOP_BYTES
from app.session.layout import SessionFolder
from app.session.reader import Session
from app.session.recorder import Recorder
from app.session.recorder_state import RecorderPhase, RecorderSettings
from app.session.verify import verify_session
from app.session.video_writer import VideoCodec
from app.settings import load
from app.ui import errands
from app.ui.dialogs.whole_screen import WholeScreenWarning
from app.ui.main_window import MainWindow

GAP_LIMIT_S = 0.2
WAIT_MS = 15_000
Key = Qt.Key


class Bench:
    """A window that records into a library of the test."""

    def __init__(self, qtbot: QtBot, tmp_path: Path, make_recorder: Callable[..., Recorder], **settings: Any) -> None:
        self.qtbot, self.library = qtbot, tmp_path / "library"
        self.settings_path = tmp_path / "settings.toml"
        self.engine = Engine(heart_source(fps=30), HeartAssessor)
        self.control = RecordingControl(
            self.engine, RecordingSetup(self.library, RecorderSettings(**settings)), make_recorder
        )
        self.window = MainWindow(
            self.engine, lambda spec: heart_source(), settings_path=self.settings_path, recording=self.control
        )
        qtbot.addWidget(self.window)
        self.window.resize(1280, 800)
        with qtbot.waitExposed(self.window):
            self.window.show()
        self.window.activateWindow()

    @property
    def plate(self) -> Any:
        return self.window.header.recording

    @property
    def banner(self) -> str:
        return self.window.banner.text.text() if self.window.banner.isVisible() else ""

    @property
    def sessions(self) -> list[SessionFolder]:
        if not self.library.exists():
            return []
        return [folder for folder in map(SessionFolder, sorted(self.library.iterdir())) if folder.path.is_dir()]

    def press(self, key: Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.window.activateWindow()  # no window manager does it here after a dialog
        self.qtbot.keyClick(self.window, key, modifier)

    def until(self, condition: Callable[[], bool]) -> float:
        began = time.monotonic()
        self.qtbot.waitUntil(condition, timeout=WAIT_MS)
        return time.monotonic() - began

    def record(self, frames: int = 10) -> None:
        """Press R, and wait until so many frames are in."""
        self.press(Key.Key_R)
        self.until(lambda: self.frames() >= frames)

    def frames(self) -> int:
        state = self.control.state
        return state.frames if state is not None and state.phase is RecorderPhase.RECORDING else 0

    def choose(self, menu: str, text: str) -> None:
        """Through the menus, by keyboard alone."""
        outer = next(a.menu() for a in self.window.menuBar().actions() if a.text() == "Sessio&n")
        assert isinstance(outer, QMenu)
        inner = next(a.menu() for a in outer.actions() if a.text() == menu)
        assert isinstance(inner, QMenu)
        outer.popup(self.window.pos())
        outer.setActiveAction(inner.menuAction())
        self.qtbot.keyClick(outer, Key.Key_Right)
        self.until(inner.isVisible)
        inner.setActiveAction(next(action for action in inner.actions() if action.text() == text))
        self.qtbot.keyClick(inner, Key.Key_Return)


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(make_recorder: Callable[..., Recorder] = Recorder, **settings: Any) -> Bench:
        found = Bench(qtbot, tmp_path, make_recorder, **settings)
        made.append(found)
        found.engine.start()
        found.until(lambda: found.window.verdict.number.text() == "6/8")
        return found

    yield make
    for one in made:
        one.engine.stop()
        assert one.control.wait(20)
        one.window.close()
        one.window.close()


def test_r_starts_and_stops_a_recording(bench: Callable[..., Bench]):
    made = bench()
    made.qtbot.wait(300)
    assert not made.library.exists(), "nothing is written before R"
    assert made.plate.button.isVisible()
    assert not made.plate.sign.isVisible()
    gaps = Gaps()
    made.record()
    assert made.plate.sign.text().startswith("● REC 00:0")
    assert made.window.actions_by_name["record"].isChecked()
    assert (made.plate.button.text(), made.plate.button.accessibleName()) == ("Stop", "Stop recording")
    made.until(lambda: "left" in made.plate.left.text())
    made.press(Key.Key_R)
    made.until(lambda: made.plate.left.text() == "saved")
    assert gaps.stop() < GAP_LIMIT_S
    assert not made.plate.sign.isVisible()
    assert not made.window.actions_by_name["record"].isChecked()
    (folder,) = made.sessions
    assert all(finding.is_ok for finding in verify_session(folder.path))


def test_the_button_in_the_header_does_it_too(bench: Callable[..., Bench]):
    made = bench()
    button = made.plate.button
    assert "(R)" in button.toolTip()
    for control in (button, made.window.task.accept_button, made.window.task.decline_button):
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert made.window.task.decline_button.accessibleName()
    assert made.window.task.bar.accessibleName()
    button.setFocus()
    made.qtbot.keyClick(button, Key.Key_Return)
    made.until(lambda: made.frames() > 3)
    made.qtbot.keyClick(button, Key.Key_Return)
    made.until(lambda: made.plate.left.text() == "saved")
    assert len(made.sessions) == 1


def test_r_pressed_twice_in_haste_ends_as_it_began(bench: Callable[..., Bench]):
    made = bench()
    for _ in range(4):
        made.press(Key.Key_R)
    made.until(lambda: made.control.state is not None and not made.control.is_recording)
    made.until(lambda: all(state.is_over for state in made.control.states))
    made.qtbot.wait(250)
    assert not made.plate.sign.isVisible()
    assert all(folder.is_sealed for folder in made.sessions)


class SlowDisk(Recorder):
    """Begins only after a while, as on a disk that sleeps."""

    def start(self) -> None:
        time.sleep(0.7)  # the point is who waits for it
        super().start()


def test_the_picture_does_not_wait_for_a_slow_disk(bench: Callable[..., Bench]):
    made = bench(SlowDisk)
    gaps, before = Gaps(), made.engine.frames.generation
    made.press(Key.Key_R)
    assert made.plate.sign.text() == "● REC 00:00", "the key is answered at once"
    made.until(lambda: made.frames() > 3)
    assert gaps.stop() < GAP_LIMIT_S
    assert made.engine.frames.generation > before + 15
    made.press(Key.Key_R)
    made.until(lambda: made.plate.left.text() == "saved")


def test_a_full_disk_is_told_within_a_second_and_the_picture_goes_on(bench: Callable[..., Bench]):
    full_at: list[float] = []

    def opened(path: Path) -> Any:
        class Disk(FullDisk):
            def write(self, data: Any) -> int:
                try:
                    return super().write(data)
                except OSError:
                    full_at.append(time.monotonic())
                    raise

        return Disk(path, 60_000)

    made = bench(partial(Recorder, open_file=opened))
    gaps = Gaps()
    made.press(Key.Key_R)
    made.until(lambda: "No space left on device" in made.banner)
    assert time.monotonic() - full_at[0] < 1.0
    assert "what was recorded so far is kept" in made.banner
    assert made.window.banner.property("tone") == "urgent"
    made.until(lambda: not made.plate.sign.isVisible() and not made.window.actions_by_name["record"].isChecked())
    painted = len(made.engine.timing.capture_to_paint_ms)
    made.until(lambda: len(made.engine.timing.capture_to_paint_ms) > painted + 10)
    assert gaps.stop() < GAP_LIMIT_S
    made.until(lambda: all(state.is_over for state in made.control.states))
    with Session.open(made.sessions[0].path) as session:
        assert len(session) > 3


def test_the_disk_is_watched_from_amber_over_red_to_its_end(bench: Callable[..., Bench]):
    room = [AMBER_BYTES * 10]
    made = bench(partial(Recorder, free=lambda _: room[0]))
    made.record()
    assert made.banner == ""
    room[0] = AMBER_BYTES - 1
    made.until(lambda: "ess than 5 GB" in made.banner)
    assert made.window.banner.property("tone") == "caution"
    made.window.banner.close_button.click()
    made.qtbot.wait(700)
    assert made.banner == "", "what was read stays away"
    room[0] = RED_BYTES - 1
    made.until(lambda: "ess than 1 GB" in made.banner)
    assert made.window.banner.property("tone") == "urgent"
    room[0] = STOP_BYTES - 1
    assert made.until(lambda: "the disk is full" in made.banner.lower()) < 1.0
    made.until(lambda: all(state.is_over for state in made.control.states))
    assert "less than" not in made.window.banner.toolTip()
    assert made.sessions[0].is_sealed


def test_a_library_that_cannot_be_written_to_is_told(bench: Callable[..., Bench]):
    made = bench()
    made.library.write_text("a file")
    made.press(Key.Key_R)
    made.until(lambda: "choose another library" in made.banner)
    made.until(lambda: not made.plate.sign.isVisible())


def give_cycle(made: Bench, monkeypatch: pytest.MonkeyPatch, ago_s: float = 0.6) -> None:
    """The exam knows a best cycle from now on."""
    now_ns = time.monotonic_ns()
    begin = now_ns - round(ago_s * 1e9)
    cycle = Cycle("A4C", 0, 5, 10, begin, begin + 10**8, begin + 2 * 10**8, 4.0, 10)
    monkeypatch.setattr(made.engine._exam._cycles, "best", lambda: cycle)
    made.until(lambda: made.engine.state.get().exam.best_cycle is cycle)


def test_k_keeps_the_best_clip_of_what_rolls_by(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch):
    made = bench(pre_roll_s=10.0, rolling_s=0.2)
    made.until(lambda: made.plate.left.text() == "keeps the last 10 s")
    made.press(Key.Key_K)
    made.until(lambda: "No heart cycle" in made.banner)
    state = made.control.state
    made.until(lambda: made.control.state is not None and made.control.state.frames > 40)
    give_cycle(made, monkeypatch)
    made.press(Key.Key_K)
    made.until(lambda: any(folder.is_sealed for folder in made.sessions))
    made.until(lambda: "kept as session S-" in made.window.banner.toolTip())
    made.press(Key.Key_R)
    made.until(lambda: made.frames() > 50)
    made.press(Key.Key_K)
    made.until(lambda: "marked in the recording" in made.window.banner.toolTip())
    made.press(Key.Key_R)
    made.until(lambda: made.plate.left.text() == "keeps the last 10 s")  # the next one is armed again
    assert state is not None
    made.until(lambda: SessionFolder(made.library / state.session_id).is_sealed)
    with Session.open(made.library / state.session_id) as session:
        assert {"kept", "clip"} <= {event.kind for event in session.events}


def test_a_clip_whose_pictures_are_gone_is_not_promised(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch):
    made = bench(pre_roll_s=10.0, rolling_s=0.2)
    made.until(lambda: made.control.state is not None and made.control.state.frames > 10)
    give_cycle(made, monkeypatch, ago_s=300.0)
    made.press(Key.Key_K)
    made.until(lambda: "its pictures are gone" in made.banner)


def test_k_is_off_while_nothing_is_kept(bench: Callable[..., Bench]):
    made = bench()
    assert not made.window.actions_by_name["keep_clip"].isEnabled()


def test_the_pre_roll_is_a_choice_of_the_menu(bench: Callable[..., Bench]):
    made = bench()
    made.choose("&Pre-roll", "&30 s before R")
    made.until(lambda: made.plate.left.text() == "keeps the last 30 s")
    assert made.control.setup.recorder.pre_roll_s == 30
    made.choose("&Pre-roll", "&Off: begin with R")
    made.until(lambda: made.plate.left.text() == "")
    made.until(lambda: not made.sessions)
    made.choose("&Pre-roll", "&10 s before R")
    made.choose("Video &codec", "&H.264: smaller, not exact")
    made.until(lambda: made.control.setup.recorder.codec is VideoCodec.H264)
    made.until(lambda: made.plate.left.text() == "keeps the last 10 s")
    made.window.close()
    made.until(lambda: not made.window.isVisible())
    chosen, problems = load(made.settings_path)
    assert problems == ()
    assert (chosen.recording.pre_roll_s, chosen.recording.codec) == (10.0, "h264")
    assert not made.sessions, "a standby that is not kept leaves nothing"


def test_the_whole_screen_is_recorded_after_a_warning_alone(bench: Callable[..., Bench]):
    made = bench()
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier

    def ask() -> WholeScreenWarning:
        made.press(Key.Key_S, keys)
        made.until(lambda: any(w.isVisible() for w in made.window.findChildren(WholeScreenWarning)))
        return next(w for w in made.window.findChildren(WholeScreenWarning) if w.isVisible())

    action = made.window.actions_by_name["record_screen"]
    for key in (Key.Key_Return, Key.Key_Escape):  # who does not read it records no names
        warning = ask()
        assert "Names of patients" in warning.text()
        made.qtbot.keyClick(warning.focusWidget() or warning, key)
        made.until(lambda: not action.isChecked())
        assert not made.control.setup.recorder.whole_screen
    ask().accept_button.click()
    made.until(lambda: made.control.setup.recorder.whole_screen)
    assert action.isChecked()
    made.record(frames=60)
    made.until(lambda: "whole screen" in made.plate.left.text())
    assert not action.isEnabled(), "what a recording is made of stays as it is"
    made.press(Key.Key_R)
    made.until(lambda: made.plate.left.text() == "saved")
    made.press(Key.Key_S, keys)
    made.until(lambda: not made.control.setup.recorder.whole_screen)


def test_the_folder_of_the_recordings_is_told(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.ui.main_window.INFO_MS", 200)
    made = bench()
    made.press(Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert str(made.library) in made.banner
    assert made.window.banner.property("tone") == "info"
    made.until(lambda: made.banner == "")


def test_closing_the_window_saves_the_recording_first(bench: Callable[..., Bench]):
    made = bench()
    made.record()
    made.window.close()
    assert made.window.isVisible(), "not before all is saved"
    assert not any(dialog.isVisible() for dialog in made.window.findChildren(WholeScreenWarning))
    made.until(lambda: not made.window.isVisible())
    assert [folder.is_sealed for folder in made.sessions] == [True]


class SlowSeal(Recorder):
    def _seal(self, writer: Any) -> None:
        for step in range(8):
            self._meter.set(sealed_share=step / 8)
            time.sleep(0.1)
        super()._seal(writer)


def test_the_progress_of_saving_is_shown_and_a_second_close_does_not_wait(bench: Callable[..., Bench]):
    made = bench(SlowSeal)
    made.record()
    made.window.close()
    task = made.window.task
    made.until(lambda: task.isVisible() and 0 < task.bar.value() < 100)
    assert "closes by itself" in task.text.text()
    made.window.close()
    assert not made.window.isVisible()
    assert made.control.wait(20)
    assert made.sessions[0].is_sealed


def cut_off(made: Bench) -> SessionFolder:
    """A session as a crash leaves it."""
    made.record()
    made.press(Key.Key_R)
    made.until(lambda: made.plate.left.text() == "saved")
    (folder,) = made.sessions
    folder.seal.unlink()
    return folder


def test_a_session_that_was_cut_off_is_offered_and_recovered(bench: Callable[..., Bench]):
    made = bench()
    folder = cut_off(made)
    recovery = made.window.sessions.recovery
    assert recovery is not None
    assert not made.window.task.isVisible()
    recovery.look()
    made.until(made.window.task.isVisible)
    task = made.window.task
    assert folder.session_id in task.text.text()
    assert made.window.isEnabled(), "nothing is asked in the way of the picture"
    task.accept_button.setFocus()
    made.qtbot.keyClick(task.accept_button, Key.Key_Return)
    assert task.bar.isVisible()
    made.until(lambda: not task.isVisible())
    made.until(lambda: f"{folder.session_id} is recovered" in made.banner)
    assert all(finding.is_ok for finding in verify_session(folder.path))


def test_an_offer_can_be_declined_and_a_recovery_that_fails_is_told(bench: Callable[..., Bench]):
    made = bench()
    folder = cut_off(made)
    folder.recording.write_bytes(b"no database")
    recovery, task = made.window.sessions.recovery, made.window.task
    assert recovery is not None
    recovery.look()
    made.until(task.isVisible)
    task.decline_button.setFocus()
    made.qtbot.keyClick(task.decline_button, Key.Key_Return)
    assert not task.isVisible()
    recovery.look()
    made.until(task.isVisible)
    task.accept_button.click()
    made.until(lambda: not task.isVisible())
    made.until(lambda: "damaged" in made.banner or "cannot" in made.banner)
    assert not folder.is_sealed


def test_in_full_screen_the_red_sign_is_seen(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch):
    made = bench()
    made.press(Key.Key_F)
    # The screen of the tests is smaller than the window, which would not stay full screen when its rows change.
    monkeypatch.setattr(made.window, "isFullScreen", made.window.actions_by_name["full_screen"].isChecked)
    assert not made.window.header.isVisible()
    made.record()
    made.until(made.window.header.isVisible)
    made.press(Key.Key_R)
    made.until(lambda: not made.window.header.isVisible())
    made.press(Key.Key_Escape)
    assert made.window.header.isVisible()


def test_without_a_recorder_nothing_is_offered(window: MainWindow):
    assert not window.header.recording.isVisible()
    for name in ("record", "keep_clip", "recordings_folder", "record_screen"):
        assert not window.actions_by_name[name].isEnabled()


def test_errands_are_done_in_order_and_their_faults_are_told(qtbot: QtBot, caplog: pytest.LogCaptureFixture):
    said: list[str] = []
    done: list[int] = []

    def fail() -> None:
        raise ZeroDivisionError("made up by a test")

    made = errands.Errands("work", said.append)
    for k in range(3):
        made.run(lambda k=k: k, done.append)
    made.run(fail)
    made.run(lambda: 3, done.append)
    assert made.is_busy
    qtbot.waitUntil(lambda: not made.is_busy)
    assert done == [0, 1, 2, 3]
    assert said == ["work failed (made up by a test): the log says more"]
