"""The realism report: figures of virtual frames against those of real ones, and both side by side, as page and JSON."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from models.metrics.realism import Framed, frame_figures

# Figures that must come within 30 % of real: what the issue asks for.
HELD = (
    *(f"grey_p{q}" for q in (5, 25, 50, 75, 95)),
    *(f"{way}_{place}_px" for way in ("axial", "lateral") for place in ("near", "deep")),
)
TOLERANCE = 0.30
_AREAS = {"LV": 1, "MYO": 2, "LA": 3}
_SHOWN = 12
_STYLE = """body{font:15px/1.45 sans-serif;max-width:1100px;margin:2em auto;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:right}
td:first-child,th:first-child{text-align:left}.out{font-weight:bold}img{max-width:100%}"""


def realism(
    real: Sequence[Framed],
    virtual: Sequence[Framed],
    clip: Sequence[Framed] = (),
    frechet: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """All figures as plain values.

    Returns
    -------
    dict
        ``frames`` : how many of each; ``figures`` : per figure the median and the 10 to 90 % range of real and
        virtual frames, the clip's median, the ratio virtual / real, whether it is ``held`` to 30 % and ``within``;
        ``areas`` : shares of the sector by structure; ``frechet`` : as given; ``passed`` : every held figure is within
    """
    rows = {name: [frame_figures(frame) for frame in frames] for name, frames in _named(real, virtual, clip).items()}
    figures = {name: _compared(name, rows) for name in rows["real"][0]}
    return {
        "frames": {name: len(found) for name, found in rows.items()},
        "figures": figures,
        "areas": {
            name: {"real": _area(real, value), "virtual": _area(virtual, value)} for name, value in _AREAS.items()
        },
        "frechet": frechet,
        "passed": all(figures[name]["within"] for name in HELD),
    }


def page(found: dict[str, Any], real: Sequence[Framed], virtual: Sequence[Framed]) -> str:
    """The report as one HTML page with its pictures inside."""
    counts = found["frames"]
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Realism of virtual frames</title>",
        f"<style>{_STYLE}</style><h1>Realism of virtual frames</h1>",
        f"<p>{counts['virtual']} virtual frames (A4C, A2C) against {counts['real']} frames of CAMUS and "
        f"{counts['clip']} of a recorded A4C clip; medians over frames, 10 to 90 % in brackets. Figures marked * are "
        f"held to within {TOLERANCE:.0%} of real: <b>{'all are' if found['passed'] else 'not all are'}</b>.</p>",
        _figure_table(found["figures"]),
        _area_table(found["areas"]),
        _frechet_text(found["frechet"]),
        "<h2>Real (top) and virtual (bottom)</h2>",
        f"<img alt='real frames' src='{_embedded(real)}'><br><img alt='virtual frames' src='{_embedded(virtual)}'>",
        "</html>\n",
    ]
    return "\n".join(parts)


def _named(real: Sequence[Framed], virtual: Sequence[Framed], clip: Sequence[Framed]) -> dict[str, Sequence[Framed]]:
    return {"real": real, "virtual": virtual, "clip": clip}


def _compared(name: str, rows: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    real, virtual, clip = (_spread([row[name] for row in rows[which]]) for which in ("real", "virtual", "clip"))
    ratio = virtual["median"] / real["median"] if real["median"] and virtual["median"] is not None else None
    within = ratio is not None and abs(ratio - 1) <= TOLERANCE
    return {"real": real, "virtual": virtual, "clip": clip, "ratio": ratio, "held": name in HELD, "within": within}


def _spread(values: list[float]) -> dict[str, float | None]:
    known = np.array(values, float)
    known = known[np.isfinite(known)]
    if not known.size:
        return {"median": None, "p10": None, "p90": None}
    low, middle, high = (float(value) for value in np.percentile(known, (10, 50, 90)))
    return {"median": middle, "p10": low, "p90": high}


def _area(frames: Sequence[Framed], value: int) -> dict[str, float | None]:
    """Share of the sector's area that a structure takes."""
    return _spread([float((f.labels == value).sum() / f.inside.sum()) for f in frames if f.labels is not None])


def _figure_table(figures: dict[str, Any]) -> str:
    rows = []
    for name, row in figures.items():
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        mark = " class='out'" if row["held"] and not row["within"] else ""
        cells = (f"{name}{'*' if row['held'] else ''}", *(_text(row[which]) for which in ("real", "virtual", "clip")))
        rows.append(f"<tr{mark}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in (*cells, ratio)) + "</tr>")
    return _table(("figure", "real", "virtual", "clip", "virtual / real"), rows)


def _area_table(areas: dict[str, Any]) -> str:
    rows = [
        f"<tr><td>{name}</td><td>{_text(row['real'])}</td><td>{_text(row['virtual'])}</td></tr>"
        for name, row in areas.items()
    ]
    return "<h2>Share of the sector</h2>" + _table(("structure", "real", "virtual"), rows)


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    return "<table><tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>" + "".join(rows) + "</table>"


def _text(spread: dict[str, float | None]) -> str:
    if spread["median"] is None:
        return "-"
    return f"{spread['median']:.3g} ({spread['p10']:.3g} to {spread['p90']:.3g})"


def _frechet_text(frechet: dict[str, Any] | None) -> str:
    if frechet is None:
        return "<p>Frechet distance: not measured (needs the extra 'train' and the ImageNet backbone).</p>"
    return (
        f"<p>Frechet distance on {html.escape(frechet['features'])}: virtual against real "
        f"<b>{frechet['virtual_real']:.2f}</b>; two halves of the real patients {frechet['real_real']:.2f} "
        f"({frechet['frames']} frames a side).</p>"
    )


def _embedded(frames: Sequence[Framed]) -> str:
    """Some frames as one PNG in a data URL."""
    chosen = [frames[place].image for place in np.linspace(0, len(frames) - 1, min(_SHOWN, len(frames))).astype(int)]
    rows = [np.hstack(chosen[start : start + 6]) for start in range(0, len(chosen) // 6 * 6, 6)] or [np.hstack(chosen)]
    done, png = cv2.imencode(".png", np.vstack(rows))
    assert done, "a picture in memory can always be written as PNG"
    return "data:image/png;base64," + base64.b64encode(png.tobytes()).decode()
