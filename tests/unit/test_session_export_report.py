"""The HTML report: whole in one file, true to the recording, and silent about who and when."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from made_up_sessions import MODEL, SECTOR, SIZE, record, tissue

from app.session.export.plan import NOTICE, open_plan
from app.session.export.report import shown_frames, write_html
from app.session.export.summary import APART_S, best_frames, bulls_eye_of, curves_of, region_figures
from app.session.export.svg import MOST_POINTS, curves
from app.session.layout import SessionFolder

FRAMES = 80


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SessionFolder:
    return record(tmp_path_factory.mktemp("library"), [tissue(k) for k in range(FRAMES)], "Smith-John")


@pytest.fixture(scope="module")
def page(folder: SessionFolder, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "r.html"
    with open_plan(folder) as plan:
        write_html(plan, path)
    return path.read_text()


class _Tags(HTMLParser):
    """Tags in order, with those that are left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br", "line", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closed at once."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_opens_without_a_network(page: str):
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    links = re.findall(r'(?:src|href)\s*=\s*"([^"]*)"|url\(([^)]*)\)|@import', page)
    assert links
    assert all(link.startswith("data:image/png;base64,") for link, _ in links)
    assert "<script" not in page
    for drawing in re.findall(r"<svg.*?</svg>", page, re.S):
        ElementTree.fromstring(drawing)


def test_it_tells_neither_who_nor_when(page: str):
    assert "Smith" not in page
    assert "2026" not in re.sub(r'base64,[^"]*', "", page)
    assert NOTICE in page


def test_its_figures_are_those_of_the_recording(folder: SessionFolder, page: str):
    with open_plan(folder) as plan:
        found, session = curves_of(plan), plan.session
        assert found.frames.tolist() == list(range(0, FRAMES, 2))
        smooth = session.figures("smooth_3")["smooth_3"]
        by_region = {one.region: one for one in region_figures(found)}
        assert len(by_region) == 8
        assert by_region["apical_right"].mean == pytest.approx(smooth.mean())
        assert f"{FRAMES // 2} frames, {FRAMES // 2} of them judged (100 %)" in page
        assert MODEL.sha256 in page
        assert "0.25 mm" in page
        assert "anterolateral wall, apical" in page
        state = bulls_eye_of(found)
        assert (state.seen, "6 of 18 segments seen" in page) == (6, True)
        assert ">end<" in page


def test_the_best_frames_are_shown_and_lie_apart(folder: SessionFolder, page: str):
    with open_plan(folder) as plan:
        best = best_frames(curves_of(plan))
        assert len(best) >= 2
        t_s = np.sort(plan.session.frames.t_s[best])
        assert (np.diff(t_s) >= APART_S).all()
        assert shown_frames(plan) == best
        shown = [base64.b64decode(data) for data in re.findall(r'base64,([^"]*)"', page)]
        pictures = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in shown]
        for frame, picture in zip(best, pictures, strict=True):
            assert (picture == plan.picture(frame, own=True)).all()


def test_a_session_that_nothing_assessed_has_a_report_too(tmp_path: Path):
    pictures = [tissue(k) for k in range(5)]
    made = record(tmp_path, pictures, assessed_every=2)
    with open_plan(made, frame=1) as plan:
        write_html(plan, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "No frame was assessed" in page
    assert SECTOR.mask(*SIZE).any()


def test_curves_are_thinned_and_broken_at_gaps():
    t_s = np.concatenate([np.arange(0, 60, 0.01), np.arange(80, 100, 0.01)])
    drawing = ElementTree.fromstring(curves(t_s, {"a <b>": np.full(len(t_s), 3.0)}, (1, 5)))
    lines = [e for e in drawing.iter() if e.tag.endswith("polyline")]
    assert len(lines) == 2
    assert sum(len(line.attrib["points"].split()) for line in lines) <= MOST_POINTS
    empty = ElementTree.fromstring(curves(t_s, {"none": np.full(len(t_s), np.nan)}, (1, 5)))
    assert not [e for e in empty.iter() if e.tag.endswith("polyline")]
