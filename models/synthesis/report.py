"""The page that shows synthetic pictures beside real ones: contact sheets, patterns and figures, in one file."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from models.metrics.texture import NAMED_BINS, lbp_vectors

SHOWN, ACROSS, TILE = 32, 8, 128
_STYLE = """body{font:15px/1.45 sans-serif;max-width:1100px;margin:2em auto;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:right}
td:first-child,th:first-child{text-align:left}.out{font-weight:bold}img,svg{max-width:100%}"""
_FIGURES = {  # name in the JSON -> what it is
    "mutual_information": "mutual information, nats",
    "psnr_db": "PSNR, dB",
    "ssim": "SSIM",
    "nearest_correlation": "correlation with the most alike real picture",
}
_COLOURS = {"real": "#0072b2", "synthetic": "#d55e00"}  # told apart by colour-blind eyes


def synthesis_page(
    title: str,
    about: Sequence[str],
    made: np.ndarray,
    real: np.ndarray | None = None,
    figures: dict[str, Any] | None = None,
) -> str:
    """HTML with everything inside.

    Parameters
    ----------
    title, about : heading, and a paragraph each
    made : (N, S, S) uint8
    real : (M, S, S) uint8; None where there are none to compare with
    figures : of ``compare``
    """
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style><h1>{html.escape(title)}</h1>",
        *(f"<p>{html.escape(text)}</p>" for text in about),
        f"<h2>Synthetic</h2><img alt='synthetic pictures' src='{_embedded(contact_sheet(made))}'>",
    ]
    if real is not None:
        parts.append(f"<h2>Real</h2><img alt='real pictures' src='{_embedded(contact_sheet(real))}'>")
    parts += ["<h2>Local binary patterns</h2>", _histogram(made, real)]
    if figures is not None:
        parts += ["<h2>Figures</h2>", _figure_table(figures), "<h2>Patterns of the paper</h2>", _bin_table(figures)]
    return "\n".join([*parts, "</html>\n"])


def contact_sheet(images: np.ndarray) -> np.ndarray:
    """Up to 32 pictures spread over the set, in rows of eight, (rows x 128, 1024) uint8."""
    places = np.unique(np.linspace(0, len(images) - 1, min(SHOWN, len(images))).astype(int))
    tiles = [cv2.resize(images[place], (TILE, TILE), interpolation=cv2.INTER_NEAREST) for place in places]
    tiles += [np.zeros((TILE, TILE), np.uint8)] * (-len(tiles) % ACROSS)
    return np.vstack([np.hstack(tiles[start : start + ACROSS]) for start in range(0, len(tiles), ACROSS)])


def _histogram(made: np.ndarray, real: np.ndarray | None) -> str:
    """Mean share of each pattern as lines, the paper's four marked; square roots, since few patterns are common."""
    sets = {"real": real, "synthetic": made}
    vectors = {name: np.sqrt(lbp_vectors(images).mean(axis=0)) for name, images in sets.items() if images is not None}
    top = max(float(vector.max()) for vector in vectors.values())
    marks = "".join(
        f"<line x1='{4 * place}' x2='{4 * place}' y1='0' y2='200' stroke='#bbb'/>"
        f"<text x='{4 * place + 3}' y='12' font-size='12'>{name}</text>"
        for name, place in NAMED_BINS.items()
    )
    lines = "".join(
        f"<polyline fill='none' stroke='{_COLOURS[name]}' points='"
        + " ".join(f"{4 * place},{200 - 180 * value / top:.1f}" for place, value in enumerate(vector))
        + "'/>"
        for name, vector in vectors.items()
    )
    names = ", ".join(f"<span style='color:{_COLOURS[name]}'>{name}</span>" for name in vectors)
    return (
        f"<p>Share of each of 256 patterns (square root): {names}</p><svg viewBox='0 0 1024 205'>{marks}{lines}</svg>"
    )


def _figure_table(figures: dict[str, Any]) -> str:
    rows = [(text, figures[name], figures[f"{name}_real"]) for name, text in _FIGURES.items()]
    rows.append(("LBP distance", figures["lbp_distance"], figures["lbp_distance_real_halves"]))
    rows.append(("mean 1 - SSIM of two pictures", figures["diversity_synthetic"], figures["diversity_real"]))
    rows.append(("diversity, share of real", figures["diversity"], 1))
    if "frechet" in figures:
        halves = figures["frechet_halves"]
        rows.append((f"Frechet distance, {figures['frechet_features']}", figures["frechet"], ""))
        rows.append((f"the same, {halves['n']} pictures a side", halves["synthetic_real"], halves["real_real"]))
    else:
        rows.append(("Frechet distance", "not measured: needs the extra 'train' and backbones/", ""))
    return _table(("figure", "synthetic with real", "real with real"), rows)


def _bin_table(figures: dict[str, Any]) -> str:
    keys = ("synthetic", "real", "difference", "largest_half_split")
    rows = [(name, *(found[key] for key in keys)) for name, found in figures["lbp_bins"].items()]
    return _table(("pattern", "synthetic", "real", "difference", "largest of 20 half-splits of real"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["".join(f"<td>{html.escape(_text(cell))}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return "<table><tr>" + "".join(f"<th>{head}</th>" for head in heads) + f"</tr>{body}</table>"


def _text(cell: object) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _embedded(picture: np.ndarray) -> str:
    done, png = cv2.imencode(".png", picture)
    assert done, "a picture in memory can always be written as PNG"
    return "data:image/png;base64," + base64.b64encode(png.tobytes()).decode()
