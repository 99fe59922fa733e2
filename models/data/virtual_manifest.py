"""What a virtual data set was made with: read, written and compared, so that no folder mixes two of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from capture.errors import DataError
from capture.virtual.acoustics.quality import CAUSES
from models.data.virtual_shards import SHARD_SIZE
from models.runtime.contract import REGION_NAMES

# Raise it whenever the same seed gives other samples.
VERSION = 4
NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """Parameters of a data set.

    Attributes
    ----------
    seed, samples : as asked for
    views : how often each view is drawn
    version : of the generator
    """

    seed: int
    samples: int
    views: dict[str, float]
    version: int = VERSION

    @property
    def shards(self) -> int:
        """How many folders hold the samples."""
        return -(-self.samples // SHARD_SIZE)

    def write(self, folder: Path) -> None:
        """Write ``manifest.json`` aside and rename it."""
        text = json.dumps(
            {
                "kind": "sonogauge virtual data set",
                **asdict(self),
                "shard_size": SHARD_SIZE,
                "labels": ["background", "LV", "MYO", "LA", "AO"],
                "causes": list(CAUSES),
                "regions": list(REGION_NAMES),
            },
            indent=2,
        )
        aside = folder / f".{NAME}.part"
        aside.write_text(text + "\n")
        aside.rename(folder / NAME)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """That of a folder.

        Raises
        ------
        DataError
            There is none, it cannot be read, or it is of another kind or version.
        """
        path = folder / NAME
        if not path.is_file():
            raise DataError(
                f"no virtual data set at {folder}: make one with 'sonogauge virtual dataset --out {folder}'"
            )
        try:
            values = json.loads(path.read_text())
            found = cls(int(values["seed"]), int(values["samples"]), dict(values["views"]), int(values["version"]))
            known = values["shard_size"] == SHARD_SIZE and values["causes"] == list(CAUSES)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged ({error}): make the data set anew in another folder") from error
        if not known or found.version != VERSION:
            raise DataError(
                f"{folder} was made by version {found.version} of the generator, this one is {VERSION}: "
                "make the data set anew in another folder"
            )
        return found


def prepare(folder: Path, wanted: Manifest) -> None:
    """Write the manifest, or check that a folder that has one goes on with the same parameters.

    Raises
    ------
    DataError
        The folder holds another data set, or something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / NAME).exists():
        there = Manifest.read(folder)
        if (there.seed, there.views) != (wanted.seed, wanted.views):
            raise DataError(
                f"{folder} holds a data set of seed {there.seed} and views {there.views}: "
                "give the same ones to go on, or another folder"
            )
        if there.samples > wanted.samples:
            raise DataError(
                f"{folder} holds {there.samples} samples, more than the {wanted.samples} asked for: use another folder"
            )
    elif any(folder.glob("shard_*")):
        raise DataError(f"{folder} holds shards without a manifest: use another folder")
    wanted.write(folder)
