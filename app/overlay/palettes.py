"""Colours of the quality labels.

The default palette steps in lightness, so that it also reads in grey, and stays distinct for the three kinds of
dichromats; ``tests/unit/test_palettes.py`` checks both. The published one is red/green and a choice, not the default.
"""

from __future__ import annotations

from dataclasses import dataclass

Rgb = tuple[int, int, int]
"""Red, green, blue, 0..255, sRGB."""

CALM_GREY: Rgb = (138, 148, 158)
"""What cannot be judged, and what lies out of the sector: present, but no alarm."""

LABELS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Palette:
    """Colours of the labels 1..5, in that order.

    Attributes
    ----------
    key : name in the settings file
    title : name for people
    colours : five sRGB colours
    """

    key: str
    title: str
    colours: tuple[Rgb, Rgb, Rgb, Rgb, Rgb]

    def colour(self, label: int | None) -> Rgb | None:
        """Fill of a label: None for 0 (out of sector), calm grey for None (not judged).

        Raises
        ------
        ValueError
            When the label is not 0..5 or None.
        """
        if label is None:
            return CALM_GREY
        if not 0 <= label <= 5:
            raise ValueError(f"a quality label is 0..5 or None, got {label}")
        return self.colours[label - 1] if label else None


def label_of_rank(rank: int, count: int) -> int:
    """Label 1..5 whose colour a cluster takes: ``count`` clusters, 0 the worst, spread over the five steps.

    A-, A, A+ take the colours of 1, 3 and 5. A single cluster takes the middle one.

    Raises
    ------
    ValueError
        When there is no cluster of this rank.
    """
    if not 0 <= rank < count:
        raise ValueError(f"the ranks of {count} clusters are 0..{count - 1}, got {rank}")
    return 3 if count == 1 else 1 + round(4 * rank / (count - 1))


def _rgb(text: str) -> Rgb:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


DEFAULT = Palette(
    "safe",
    "Colour-blind safe",
    (_rgb("#8E2470"), _rgb("#CF4F38"), _rgb("#D89328"), _rgb("#74CBEA"), _rgb("#D8FAF4")),
)
PUBLISHED = Palette(
    "published",
    "Published (red to green)",
    (_rgb("#ED1B24"), _rgb("#F46523"), _rgb("#FFFB17"), _rgb("#8DC619"), _rgb("#176837")),
)
PALETTES = {palette.key: palette for palette in (DEFAULT, PUBLISHED)}


def luminance(colour: Rgb) -> float:
    """Relative luminance Y of an sRGB colour, 0..1."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(colour: Rgb) -> Rgb:
    """Black or white, whichever reads better on a colour."""
    y = luminance(colour)
    return (0, 0, 0) if (y + 0.05) / 0.05 >= 1.05 / (y + 0.05) else (255, 255, 255)
