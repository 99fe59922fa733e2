"""A site's own threshold of the artifact gate, in its scanner profile; former thresholds can be brought back."""

from __future__ import annotations

from pathlib import Path

from calibration.profile import GatePart, change_profile, load_profile
from capture.errors import CalibrationError

REMEMBERED = 20
"""Former thresholds that can be brought back, one after the other."""


def store_gate(gate: GatePart, profile_path: Path) -> None:
    """Make a profile hold a threshold; the one before is remembered.

    Raises
    ------
    CalibrationError
        When the profile cannot be read or written; nothing has changed then.
    """
    profile = load_profile(profile_path)
    before = (*(profile.gates_before or ()), profile.gate or "")[-REMEMBERED:]
    change_profile(profile_path, {"gate": gate, "gates_before": before})


def undo_gate(profile_path: Path) -> GatePart | None:
    """Bring the threshold back that a profile held before the last ``store_gate``.

    Returns
    -------
    GatePart or None
        The threshold that is in use again, None for the released one.

    Raises
    ------
    CalibrationError
        When there is nothing to go back to, or the profile cannot be read or written.
    """
    before = load_profile(profile_path).gates_before
    if not before:
        raise CalibrationError(
            f"profile {profile_path} knows no earlier gate threshold, so there is nothing to undo: to use the released "
            "one, take the table gate out of it"
        )
    former = before[-1] or None
    change_profile(profile_path, {"gate": former, "gates_before": before[:-1] or None})
    return former
