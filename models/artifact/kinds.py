"""The one table of artifact kinds: what the encoder learns from, and what is held out for testing.

The names are those that the program shows as the nearest known type of artifact.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.artifact import held_out, simulated
from models.artifact.held_out import Spoiling
from models.artifact.pictures import BREAST, FETAL_HEAD, HEART, LIVER, LUNG
from models.artifact.simulated import Simulation

OTHER_ORGAN = "another organ"
LABELLED = "labelled artifact"

TRAINING: dict[str, Simulation] = {
    "M-mode or Doppler strip": simulated.strip,
    "mirrored half": simulated.mirrored_half,
    "swapped parts": simulated.swapped_parts,
    "shuffled beams": simulated.shuffled_beams,
    "turned picture": simulated.turned,
    "parts of another picture": simulated.foreign_parts,
    "blank parts": simulated.flat_parts,
    "lines over the picture": simulated.thin_lines,
    "marks over the picture": simulated.specks,
    "bands": simulated.bands,
    "warped picture": simulated.warped,
    "inverted greys": simulated.inverted,
    "too few greys": simulated.few_greys,
    "zoomed far in": simulated.enlarged,
    "shuffled tiles": simulated.tiles,
    "large pixels": simulated.pixelated,
    "torn lines": simulated.torn_rows,
    "interference": simulated.interference,
    "texture without anatomy": simulated.scrambled,
    "two pictures at once": simulated.double_exposure,
    "noise": simulated.noise_alone,
    "blurred away": simulated.blurred_away,
    "empty screen": simulated.plain_screen,
}
HELD_OUT: dict[str, Spoiling] = {
    "phantom": held_out.phantom,
    "colour Doppler box": held_out.colour_doppler,
    "calipers and text": held_out.caliper_text,
    "compression blocks": held_out.compression_blocks,
    "half a frame": held_out.half_frame,
    "interlacing": held_out.interlacing,
    "no contact": held_out.no_contact,
}


@dataclass(frozen=True)
class Family:
    """What one density knows.

    Attributes
    ----------
    name : ``echo`` or ``any``
    known : organs whose frames are known
    other : organs that training shows as artifacts, beside ``TRAINING``
    held_out_organs : organs that nothing is trained on, artifacts in the figures beside ``HELD_OUT``
    looks : training shows known frames in the looks of other scanners too. What comes of one scanner needs that; where
        the sets bring several, it costs more artifacts than it saves frames (the card has the figures)
    """

    name: str
    known: tuple[str, ...]
    other: tuple[str, ...] = ()
    held_out_organs: tuple[str, ...] = ()
    looks: bool = False

    @property
    def training_kinds(self) -> tuple[str, ...]:
        """Names of the kinds that the encoder learns from."""
        return (*TRAINING, *((OTHER_ORGAN,) if self.other else ()))

    @property
    def held_out_kinds(self) -> tuple[str, ...]:
        """Names of the kinds in the figures."""
        return (*HELD_OUT, *(organ_kind(organ) for organ in self.held_out_organs))


def organ_kind(organ: str) -> str:
    """Name of the held-out kind that is a whole organ."""
    return f"organ: {organ.replace('_', ' ')}"


FAMILIES = {
    "echo": Family("echo", (HEART,), other=(LIVER, BREAST), held_out_organs=(LUNG, FETAL_HEAD), looks=True),
    "any": Family("any", (HEART, LIVER, BREAST, FETAL_HEAD)),
}
