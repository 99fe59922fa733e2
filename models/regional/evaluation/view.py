"""View recognition on patients and organs that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from models.data.camus import CamusSample, squash
from models.data.other_organs import read_others
from models.data.virtual_dataset import VirtualDataset
from models.metrics.agreement import rounded
from models.regional.dense.negatives import empty_screen, no_contact
from models.regional.evaluation.virtual_set import records_of
from models.runtime.contract import OTHER_VIEW, VIEWS
from models.runtime.view_tracker import is_other

CLASSES = (*VIEWS, OTHER_VIEW)
"""Order of the probabilities."""

DRAWN = 60  # pictures of a probe without contact, and as many of screens without an image
OFF_PLANE = "off plane"
_SEED = 17
Recogniser = Callable[[np.ndarray], np.ndarray]
"""(256, 256) uint8 -> probabilities (4,) in the order of ``CLASSES``."""


def view_figures(
    samples: Sequence[CamusSample],
    others: Mapping[str, Iterable[np.ndarray]],
    virtual: VirtualDataset | None,
    recognise: Recogniser,
    is_other: Callable[[np.ndarray], bool] = is_other,
) -> dict[str, object]:
    """Figures of the view recognition.

    Parameters
    ----------
    samples : CAMUS frames of held-out patients, A4C and A2C
    others : name of a set -> its pictures (256, 256) uint8, none of them apical
    virtual : frames whose plane is known; those through another window than the apical one count as a further set,
        those that miss an apical view by too much (and five-chamber views) are counted apart: ``virtual_off_plane``
    is_other : decides from the probabilities whether a picture is refused; the live program's rule

    Returns
    -------
    ``view_accuracy``: A4C against A2C, by the more probable of the two, and ``view_accuracy_of_all``: by the most
    probable of all classes; ``apical_rejected``: share of apical CAMUS
    frames refused; ``other_rejected``: share of all other pictures refused; the same by set, and ``view_n`` counts.
    Figures of nothing are None.
    """
    real = [(sample.view, _given(sample.image(), recognise)) for sample in samples]
    right = [CLASSES[int(np.argmax(p[:2]))] == view for view, p in real]
    apical = [is_other(p) for _, p in real]
    sets = {name: [is_other(_given(image, recognise)) for image in images] for name, images in others.items()}
    figures: dict[str, object] = {}
    if virtual is not None:
        by_view = _virtual(virtual, recognise)
        sets["virtual_other_window"] = [is_other(p) for p in by_view.pop(OTHER_VIEW, [])]
        figures["virtual_off_plane_rejected"] = _share([is_other(p) for p in by_view.pop(OFF_PLANE, [])])
        figures["virtual_view_accuracy"] = {
            view: _share([CLASSES[int(np.argmax(p))] == view for p in found]) for view, found in by_view.items()
        }
        figures["virtual_apical_rejected"] = _share([is_other(p) for found in by_view.values() for p in found])
    every = [refused for found in sets.values() for refused in found]
    return figures | {
        "view_accuracy": _share(right),
        "view_accuracy_of_all": _share([CLASSES[int(np.argmax(p))] == view for view, p in real]),
        "apical_rejected": _share(apical),
        "other_rejected": _share(every),
        "other_rejected_by_set": {name: _share(found) for name, found in sets.items()},
        "view_n": {"view_accuracy": len(right), "apical_rejected": len(apical), "other_rejected": len(every)},
    }


def other_pictures(data_dir: Path) -> dict[str, list[np.ndarray]]:
    """Pictures that are no apical view, as they are: name of the set -> (256, 256) uint8 each.

    Organs are of patients and examinations that training does not see; a set that is not there is left out. Drawn ones
    have seeds of their own.
    """
    found: dict[str, list[np.ndarray]] = {}
    for picture in read_others(data_dir, "val"):
        found.setdefault(picture.organ, []).append(squash(picture.image, cv2.INTER_AREA))
    random = np.random.default_rng(_SEED)
    drawn = {"no_contact": no_contact, "empty_screen": empty_screen}
    return found | {name: [draw(random) for _ in range(DRAWN)] for name, draw in drawn.items()}


def _given(image: np.ndarray, recognise: Recogniser) -> np.ndarray:
    probabilities = np.asarray(recognise(squash(image, cv2.INTER_AREA)), float)
    if probabilities.shape != (len(CLASSES),):
        raise ValueError(f"{probabilities.shape} probabilities, expected one for each of {', '.join(CLASSES)}")
    return probabilities


def _virtual(dataset: VirtualDataset, recognise: Recogniser) -> dict[str, list[np.ndarray]]:
    found: dict[str, list[np.ndarray]] = {}
    for record in records_of(dataset):
        drawn = str(record.info["draw"]["view"])
        off_plane = record.view == OTHER_VIEW and (drawn in VIEWS or drawn == "A5C")
        found.setdefault(OFF_PLANE if off_plane else record.view, []).append(_given(np.array(record.image), recognise))
    return found


def _share(flags: Sequence[bool]) -> float | None:
    return rounded(np.mean(flags)) if flags else None
