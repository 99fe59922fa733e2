"""A site's own map of quality clusters, beside the scanner profile that names it; former maps are kept."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

from calibration.cluster_map import ClusterMap, load_map, save_map
from calibration.profile import change_profile, load_profile
from capture.errors import CalibrationError

REMEMBERED = 20
"""Former maps that can be brought back, one after the other."""

_LONGEST_STEM = 60


def store_site_map(found: ClusterMap, profile_path: Path, exam: str) -> Path:
    """Write a map beside a profile and make the profile name it; the map named before stays where it is.

    The map is a new file, so that the profile's swap is the one step by which everything changes. The profile's former
    text is kept as ``NAME.toml.bak``, for a rewritten TOML file loses its comments.

    Parameters
    ----------
    found : with latents
    exam : ``echo`` or ``abdomen``; one that the profile would not give by itself is written into it

    Returns
    -------
    Path
        File of the map.

    Raises
    ------
    CalibrationError
        When the profile cannot be read or written; nothing has changed then.
    DataError
        When the map cannot be written; nothing has changed then.
    """
    profile = load_profile(profile_path)
    path = _free_name(profile_path, exam)
    save_map(found, path)
    before = (*(profile.cluster_maps_before or ()), profile.cluster_map or "")[-REMEMBERED:]
    change: dict[str, Any] = {"cluster_map": path.name, "cluster_maps_before": before}
    try:
        change_profile(profile_path, change | ({} if exam == (profile.exam or "echo") else {"exam": exam}))
    except CalibrationError:
        path.unlink(missing_ok=True)  # made a moment ago and named by nothing
        raise
    return path


def undo_site_map(profile_path: Path) -> str | None:
    """Make a profile name the map that it named before the last ``store_site_map``; no map is deleted.

    Returns
    -------
    str or None
        File name of the map that is in use again, None for the released one.

    Raises
    ------
    CalibrationError
        When there is nothing to go back to, or the profile cannot be read or written.
    DataError
        When the former map is gone or damaged; the profile then stays as it is.
    """
    profile = load_profile(profile_path)
    if not profile.cluster_maps_before:
        raise CalibrationError(
            f"profile {profile_path} knows no earlier cluster map, so there is nothing to undo: to use the released "
            "map, take the line cluster_map out of it"
        )
    *before, former = profile.cluster_maps_before
    if former:
        load_map(Path(profile_path).parent / former)
    change_profile(profile_path, {"cluster_map": former or None, "cluster_maps_before": before or None})
    return former or None


def _free_name(profile_path: Path, exam: str) -> Path:
    """``PROFILE_clusters_EXAM.npz``, with a number when there is one; in letters that a profile may hold."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(profile_path).stem).lstrip("._-")[:_LONGEST_STEM] or "site"
    names = (f"{plain}_clusters_{exam}{f'-{number}' if number > 1 else ''}.npz" for number in count(1))
    return next(path for path in (Path(profile_path).parent / name for name in names) if not path.exists())
