"""Invented people for the text fields of a screen: what a tool that removes patient text must find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FAMILY = (
    "VELLORIN",
    "OSTRANDE",
    "KAMBERLY",
    "TURSOVA",
    "MIRENHOF",
    "ADEYOLE",
    "QUISTAN",
    "BRELLOW",
    "ZANETTIK",
    "HOLVANG",
)
_GIVEN = ("TAMSA", "JORIK", "ELVINE", "MARDO", "SUNITA", "PELLE", "ADANNA", "KORIN", "LUZMIRA", "BASTO")
_PLACES = ("Harrow Vale Clinic", "St. Ombric Hospital", "Lindmere Heart Centre", "Port Sable Infirmary")


@dataclass(frozen=True)
class PatientText:
    """Text fields that name a person; everything is made up.

    Attributes
    ----------
    name : family name, given name
    identifier : patient number
    birth : date of birth, sex
    exam_date : day of the examination
    institution : where it took place
    """

    name: str
    identifier: str
    birth: str
    exam_date: str
    institution: str

    @classmethod
    def random(cls, seed: int) -> PatientText:
        """An invented person; same seed, same person."""
        r = np.random.default_rng([seed, 88])
        return cls(
            name=f"{r.choice(_FAMILY)}, {r.choice(_GIVEN)}",
            identifier=f"{r.choice(('ID', 'PX', 'MRN'))} {r.integers(100000, 999999)}",
            birth=f"{_date(r, 1932, 2004)} {r.choice(('F', 'M'))}",
            exam_date=_date(r, 2019, 2027),
            institution=str(r.choice(_PLACES)),
        )


def _date(r: np.random.Generator, first_year: int, last_year: int) -> str:
    year, month, day = r.integers(first_year, last_year), r.integers(1, 13), r.integers(1, 29)
    style = int(r.integers(3))
    if style == 0:
        return f"{year}-{month:02d}-{day:02d}"
    return f"{day:02d}.{month:02d}.{year}" if style == 1 else f"{month:02d}/{day:02d}/{year}"
