"""Settings: kept, versioned, and tolerant."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from app.overlay.display_list import Cue
from app.settings import OverlaySettings, Settings, WindowSettings, default_path, load, of_this_user, save
from capture.errors import SettingsError


def test_what_is_saved_comes_back(tmp_path: Path):
    path = tmp_path / "a" / "settings.toml"
    chosen = Settings(
        overlay=OverlaySettings(shown=False, palette="published", cue=Cue.PATTERN), window=WindowSettings(width=900)
    )
    save(chosen, path)
    assert load(path) == (chosen, ())
    assert os.listdir(path.parent) == ["settings.toml"]


def test_a_missing_file_gives_the_defaults(tmp_path: Path):
    assert load(tmp_path / "none.toml") == (Settings(), ())
    assert default_path().name == "settings.toml"


def test_a_command_without_a_window_logs_what_it_cannot_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("app.settings.default_path", lambda: tmp_path / "settings.toml")
    assert of_this_user() == Settings()
    (tmp_path / "settings.toml").write_text(
        "[readiness]\nef_score = 9\nmapse_score = 4.0\n[bulls_eye]\nsegments = 17\n"
    )
    chosen = of_this_user()
    assert (chosen.readiness.ef_score, chosen.readiness.mapse_score, chosen.bulls_eye.segments) == (2.5, 4.0, 17)
    assert "readiness.ef_score" in caplog.text


def test_one_bad_field_costs_only_itself(tmp_path: Path):
    path = tmp_path / "settings.toml"
    path.write_text(
        'version = 1\nunknown = 3\n[overlay]\npalette = "rainbow"\ncue = "pattern"\n[window]\nwidth = 3\nheight = 800\n'
    )
    chosen, problems = load(path)
    assert chosen.overlay == OverlaySettings(cue=Cue.PATTERN)
    assert chosen.window == WindowSettings(height=800)
    assert [problem.split()[1] for problem in problems] == ["overlay.palette", "window.width"]


@pytest.mark.parametrize("text", ["overlay = 3", "overlay = []\nversion = 'x'"])
def test_a_table_that_is_none(tmp_path: Path, text: str):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    chosen, problems = load(path)
    assert chosen == Settings()
    assert problems


@pytest.mark.parametrize("content", [b"[[[", b"\xff\xfe\x00", b""])
def test_a_damaged_file_never_stops_the_program(tmp_path: Path, content: bytes):
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    chosen, problems = load(path)
    assert chosen == Settings()
    assert bool(problems) == bool(content)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "settings.toml"
    save(Settings(), path)
    before = path.read_bytes()

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_room)
    with pytest.raises(SettingsError, match="disk"):
        save(Settings(window=WindowSettings(width=900)), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["settings.toml"]


def test_savers_do_not_disturb_each_other(tmp_path: Path):
    path = tmp_path / "settings.toml"
    threads = [threading.Thread(target=save, args=(Settings(), path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert load(path) == (Settings(), ())
