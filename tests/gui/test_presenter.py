"""What is shown next, decided without any widget."""

from __future__ import annotations

from gui_bench import StillEngine
from hearts import CROP, SECTOR, heart, heart_frame, no_heart

from app.engine.state import SignalState
from app.overlay.display_list import Cue
from app.settings import Settings, WindowSettings
from app.ui.live.presenter import Presenter
from app.ui.widgets.fit import with_margin
from capture.frame import SourceInfo, VideoMode


def judged(engine: StillEngine, index: int = 0, t_ms: float = 0.0) -> None:
    frame = heart_frame(index, t_ms)
    engine.give(frame, heart(frame))


def test_the_right_pane_gets_the_frame_of_its_assessment(engine: StillEngine):
    judged(engine, 0)
    engine.give(heart_frame(1, 33))
    scene = Presenter(engine).scene()
    assert scene.live is not None
    assert scene.assessed is not None
    assert (scene.live.index, scene.assessed.frame.index) == (1, 0)
    assert scene.overlay
    assert scene.summary.sentence == "Apical right: not visible"


def test_results_fade_with_age_and_go(engine: StillEngine):
    judged(engine)
    presenter = Presenter(engine)
    fresh = presenter.scene()
    engine.give(heart_frame(1, 151))
    dimmed = presenter.scene()
    assert (fresh.dim, dimmed.dim) == (False, True)
    engine.give(heart_frame(2, 501))
    gone = presenter.scene()
    assert gone.overlay is None
    assert gone.summary.usable is None
    assert "old" in gone.summary.sentence


def test_a_freeze_has_age_zero(engine: StillEngine):
    judged(engine)
    engine.freeze(True)
    engine.give(heart_frame(1, 5000))
    scene = Presenter(engine).scene()
    assert scene.live is not None
    assert (scene.live.index, scene.dim, bool(scene.overlay)) == (0, False, True)


def test_scores_are_hidden_without_a_signal(engine: StillEngine):
    judged(engine)
    engine.change(signal=SignalState.NO_SIGNAL, sentence="cable out: check the video cable")
    scene = Presenter(engine).scene()
    assert scene.overlay is None
    assert scene.summary.sentence == "Cable out: check the video cable."


def test_a_refusal_is_shown_with_its_reason(engine: StillEngine):
    frame = heart_frame()
    engine.give(frame, no_heart(frame))
    scene = Presenter(engine).scene()
    assert scene.overlay
    assert len(scene.overlay.items) == 1
    assert scene.summary.sentence == "No heart found: tilt the probe."


def test_results_of_another_source_are_not_shown(engine: StillEngine):
    judged(engine)
    engine.give(heart_frame(0, 10, source_id="mock:1"))
    scene = Presenter(engine).scene()
    assert scene.assessed is None
    assert "Waiting" in scene.message


def test_nothing_yet(engine: StillEngine):
    scene = Presenter(engine).scene()
    assert (scene.live, scene.assessed, scene.overlay, scene.part) == (None, None, None, None)
    assert scene.message == "Waiting for the first assessment."


def test_both_panes_show_the_sector_and_keep_it_through_refusals(engine: StillEngine):
    presenter = Presenter(engine)
    engine.give(heart_frame())
    assert presenter.scene().part is None
    judged(engine)
    assert presenter.scene().part == with_margin(CROP, 480, 640)
    frame = heart_frame(1, 30)
    refused = no_heart(frame)
    object.__setattr__(refused, "sector", None)
    object.__setattr__(refused, "crop", None)
    engine.give(frame, refused)
    assert presenter.scene().part == with_margin(CROP, 480, 640)
    presenter.change_window(whole_screen=True)
    assert presenter.scene().part is None


def test_a_source_that_knows_its_sector_needs_no_assessment_to_show_it(engine: StillEngine):
    engine.give(heart_frame())
    engine.change(source=SourceInfo("Virtual scanner", "mock:0", VideoMode(640, 480), sector=SECTOR))
    assert Presenter(engine).scene().part == with_margin(SECTOR.bounds(), 480, 640)


def test_overlays_are_composed_once_per_result(engine: StillEngine):
    judged(engine)
    presenter = Presenter(engine)
    first = presenter.scene().overlay
    assert presenter.scene().overlay is first
    presenter.next_palette()
    assert presenter.scene().overlay is not first


def test_choices_go_round_and_into_the_settings(engine: StillEngine):
    presenter = Presenter(engine, Settings(window=WindowSettings(whole_screen=True)))
    assert [presenter.next_palette() for _ in range(2)] == ["Published (red to green)", "Colour-blind safe"]
    assert [presenter.next_cue() for _ in range(3)] == [Cue.PATTERN, Cue.NONE, Cue.NUMBER]
    presenter.change_overlay(shown=False)
    assert presenter.settings.overlay.shown is False
    assert presenter.settings.window.whole_screen is True
