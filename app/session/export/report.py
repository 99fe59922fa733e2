"""The report of a session: one HTML file with everything in it, which opens without a network."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from app.engine.bulls_eye import BullsEyeState
from app.overlay.names import region_text
from app.overlay.palettes import DEFAULT, ink_on
from app.session.export import svg
from app.session.export.plan import NOTICE, ExportPlan
from app.session.export.summary import Curves, best_frames, bulls_eye_of, curves_of, region_figures
from app.session.info import software_version
from app.session.seal import Progress, no_progress
from models.runtime.contract import LABEL_TEXT, REGION_NAMES

MOST_EVENTS = 500

_STYLE = """body{font:15px/1.45 sans-serif;color:#1c242b;max-width:960px;margin:24px auto;padding:0 16px}
h1{font-size:24px}h2{font-size:18px;margin-top:32px}
table{border-collapse:collapse}td,th{border-bottom:1px solid #dde3e8;padding:3px 12px 3px 0;text-align:left}
td.n,th.n{text-align:right}.notice{background:#eef2f5;padding:10px 14px}
figure{display:inline-block;margin:0 12px 12px 0}figure img{max-width:440px;background:#000}
svg{max-width:100%;height:auto}code{font-size:12px;overflow-wrap:anywhere}
@media print{h2{break-after:avoid}figure,svg,table{break-inside:avoid}}"""


def shown_frames(plan: ExportPlan) -> list[int]:
    """Frames whose pictures the report shows, best first; only those that the video holds."""
    held = set(plan.with_pictures.tolist())
    return [frame for frame in best_frames(curves_of(plan)) if frame in held]


def write_html(plan: ExportPlan, path: Path, progress: Progress = no_progress) -> None:
    """Write the report.

    Raises
    ------
    SessionError
        When the session is damaged.
    OSError
        When the disk is full.
    """
    curves = curves_of(plan)
    parts = [
        _summary(plan, curves),
        _curves(curves),
        _regions(curves),
        _bulls_eye(bulls_eye_of(curves)),
        _best(plan, curves),
        _events(plan),
        _models(plan),
    ]
    title = f"Ultrasound session {plan.name}"
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    body = f'<h1>{title}</h1><p class="notice">{escape(NOTICE)}</p>{"".join(parts)}'
    path.write_text(f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n', encoding="utf-8")
    progress(1.0)


def _summary(plan: ExportPlan, curves: Curves) -> str:
    t_s = plan.session.frames.t_s[plan.frames]
    judged = int(curves.is_judged.sum())
    rows = [
        ("length", f"{t_s[-1] - t_s[0]:.2f} s, {len(plan.frames)} frames"),
        ("assessed", f"{len(curves)} frames, {judged} of them judged{_share(judged, len(curves))}"),
        ("views", _counted(view or "unknown" for view in curves.views.tolist())),
        ("clusters", _counted(name for name in curves.clusters.tolist() if name)),
        ("score 0-100", _spread(curves.score)),
        ("pixel spacing", _spacing(plan)),
        ("recorded as", ", ".join(sorted({str(s.codec) for s in plan.session.segments.values()}))),
        ("frames that were lost", _counted_drops(plan.session.drops)),
        ("program", f"sonogauge {software_version()}"),
    ]
    return f"<h2>Summary</h2>{_table((), rows)}"


def _curves(curves: Curves) -> str:
    if not len(curves):
        return "<h2>Quality over time</h2><p>No frame was assessed.</p>"
    view = Counter(v for v in curves.views.tolist() if v).most_common(1)
    names = [region_text(name, view[0][0] if len(view) == 1 and _is_one(curves) else None) for name in REGION_NAMES]
    regions = {name: np.where(curves.labels[:, k] > 0, curves.smooth[:, k], np.nan) for k, name in enumerate(names)}
    parts = []
    if np.isfinite(curves.smooth).any():
        parts.append("<h2>Regions over time (1 to 5)</h2>" + svg.curves(curves.t_s, regions, (1.0, 5.0)))
    if np.isfinite(curves.score).any():
        score = svg.curves(curves.t_s, {"whole picture": curves.score}, (0.0, 100.0), 90)
        parts.append(f"<h2>Score over time (0 to 100)</h2>{score}")
    return "".join(parts) or "<h2>Quality over time</h2><p>No frame could be judged.</p>"


def _is_one(curves: Curves) -> bool:
    """Whether all views that are known are the same, so that sides of the picture have names."""
    return len({view for view in curves.views.tolist() if view}) == 1


def _regions(curves: Curves) -> str:
    found = region_figures(curves)
    if not found:
        return ""
    head = ("view", "region", "mean", "worst", "best", "frames")
    rows = []
    for f in found:
        figures = f"{f.worst:.1f}", f"{f.best:.1f}", str(f.frames)
        rows.append((f.view or "unknown", region_text(f.region, f.view), _label(f.mean), *figures))
    return f"<h2>Regions</h2>{_table(head, rows, raw={2})}"


def _label(score: float) -> str:
    """A score on the colour of its label, with the label's word, as HTML."""
    label = int(min(max(np.floor(score + 0.5), 1), 5))
    colour = DEFAULT.colours[label - 1]
    style = f"background:{svg.hex_of(colour)};color:{svg.hex_of(ink_on(colour))};padding:1px 6px"
    return f'<span style="{style}">{score:.1f}</span> {LABEL_TEXT[label]}'


def _bulls_eye(state: BullsEyeState) -> str:
    if not state.seen:
        return ""
    rows = [
        (name, *("" if value is None else f"{value:.1f}" for value in (quality.best, quality.last)))
        for name, quality in state.segments.items()
        if quality.best is not None
    ]
    table = _table(("segment", "best held", "last held"), rows)
    return f"<h2>Bull's-eye: {state.seen} of 18 segments seen</h2>{svg.bulls_eye(state)}{table}"


def _best(plan: ExportPlan, curves: Curves) -> str:
    figures = []
    for frame in shown_frames(plan):
        at = int(np.flatnonzero(curves.frames == frame)[0])
        score = "" if np.isnan(curves.score[at]) else f", score {curves.score[at]:.0f}"
        caption = f"{curves.t_s[at]:.2f} s, frame {frame}, {curves.views[at] or 'view unknown'}{score}"
        png = base64.b64encode(cv2.imencode(".png", plan.picture(frame, own=True))[1].tobytes()).decode()
        image = f'<img alt="frame {frame}" src="data:image/png;base64,{png}">'
        figures.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    return f"<h2>Best frames</h2>{''.join(figures)}" if figures else ""


def _events(plan: ExportPlan) -> str:
    """What happened and when; not the sentences, which may name files."""
    table = plan.session.frames
    first, last = int(plan.frames[0]), int(plan.frames[-1])
    events = [event for event in plan.session.events if first <= max(event.frame, 0) <= last]
    rows = [(f"{(e.t_mono_ns - int(table.t_mono_ns[0])) / 1e9:.2f} s", e.kind) for e in events[:MOST_EVENTS]]
    more = f"<p>{len(events) - MOST_EVENTS} more are not listed.</p>" if len(events) > MOST_EVENTS else ""
    return f"<h2>Events</h2>{_table(('time', 'what'), rows) if rows else '<p>none</p>'}{more}"


def _models(plan: ExportPlan) -> str:
    head = ("model", "version", "precision", "run by", "identifier and SHA-256")
    rows = [
        (m.name, m.version, m.precision, m.provider, f"<code>{escape(m.model_id)}<br>{escape(m.sha256)}</code>")
        for m in plan.session.info.models
    ]
    return f"<h2>Models</h2>{_table(head, rows, raw={4}) if rows else '<p>none</p>'}"


def _spacing(plan: ExportPlan) -> str:
    numbers = np.unique(plan.session.frames.segment[plan.frames]).tolist()
    found = {plan.session.segments[number].geometry.spacing_mm for number in numbers}
    return ", ".join("unknown" if mm is None else f"{mm:.4g} mm" for mm in sorted(found, key=str))


def _counted(words: Iterable[str]) -> str:
    return ", ".join(f"{word} ({count})" for word, count in Counter(words).most_common()) or "none"


def _counted_drops(drops: dict[str, int]) -> str:
    return ", ".join(f"{kind} ({count})" for kind, count in drops.items()) or "none"


def _share(part: int, whole: int) -> str:
    return f" ({100 * part / whole:.0f} %)" if whole else ""


def _spread(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return f"mean {known.mean():.0f}, {known.min():.0f} to {known.max():.0f}" if len(known) else "none"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], raw: set[int] | None = None) -> str:
    """A table; columns in ``raw`` are HTML already."""
    top = "".join(f"<th>{escape(word)}</th>" for word in head)
    cells = [
        "".join(f"<td>{value if k in (raw or ()) else escape(value)}</td>" for k, value in enumerate(row))
        for row in rows
    ]
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table>{f'<tr>{top}</tr>' if top else ''}{body}</table>"
