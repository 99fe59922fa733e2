"""View recognition on patients and organs that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from models.data.camus import CamusSample, squash
from models.data.virtual_dataset import VirtualDataset
from models.metrics.agreement import rounded
from models.regional.evaluation.virtual_set import records_of
from models.runtime.contract import OTHER_VIEW, VIEWS

CLASSES = (*VIEWS, OTHER_VIEW)
"""Order of the probabilities."""

ORGANS: Mapping[str, str] = {
    "busi": "busi/*/images/*.png",
    "hc18": "hc18/*HC.png",
    "liver_aul": "liver_aul/*/image/*",
    "lung_ccby": "lung_ccby/pocus_*/**/*.*",
}
"""Other organs: name -> pictures below the data folder."""

_CLIPS = (".mp4", ".mpeg", ".avi", ".mov")
_MOST_PER_ORGAN = 100  # spread over the set, so that no organ outweighs the others by number alone
Recogniser = Callable[[np.ndarray], np.ndarray]
"""(256, 256) uint8 -> probabilities (4,) in the order of ``CLASSES``."""


def view_figures(
    samples: Sequence[CamusSample],
    others: Mapping[str, Iterable[np.ndarray]],
    virtual: VirtualDataset | None,
    recognise: Recogniser,
    is_other: Callable[[np.ndarray], bool] = lambda p: int(np.argmax(p)) == len(VIEWS),
) -> dict[str, object]:
    """Figures of the view recognition.

    Parameters
    ----------
    samples : CAMUS frames of held-out patients, A4C and A2C
    others : name of a set -> its pictures (256, 256) uint8, none of them apical
    virtual : frames whose plane is known; its ``other`` ones count as a further set
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
        sets["virtual_other"] = [is_other(p) for p in by_view.pop(OTHER_VIEW, [])]
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


def other_organs(data_dir: Path, organs: Mapping[str, str] = ORGANS) -> dict[str, list[np.ndarray]]:
    """Pictures of other organs, uncropped: name -> up to 100 of (256, 256) uint8; none for a set that is not there."""
    return {name: _pictures(sorted(Path(data_dir).glob(pattern))) for name, pattern in organs.items()}


def _pictures(paths: Sequence[Path]) -> list[np.ndarray]:
    chosen = paths[:: max(-(-len(paths) // _MOST_PER_ORGAN), 1)]
    found = (_read(path) for path in chosen)
    return [squash(image, cv2.INTER_AREA) for image in found if image is not None]


def _read(path: Path) -> np.ndarray | None:
    """A still, or the first frame of a clip, (H, W) uint8; None for what is neither."""
    if path.suffix.lower() not in _CLIPS:
        return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    clip = cv2.VideoCapture(str(path))
    there, frame = clip.read()
    clip.release()
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)) if there else None


def _given(image: np.ndarray, recognise: Recogniser) -> np.ndarray:
    probabilities = np.asarray(recognise(squash(image, cv2.INTER_AREA)), float)
    if probabilities.shape != (len(CLASSES),):
        raise ValueError(f"{probabilities.shape} probabilities, expected one for each of {', '.join(CLASSES)}")
    return probabilities


def _virtual(dataset: VirtualDataset, recognise: Recogniser) -> dict[str, list[np.ndarray]]:
    found: dict[str, list[np.ndarray]] = {}
    for record in records_of(dataset):
        found.setdefault(record.view, []).append(_given(np.array(record.image), recognise))
    return found


def _share(flags: Sequence[bool]) -> float | None:
    return rounded(np.mean(flags)) if flags else None
