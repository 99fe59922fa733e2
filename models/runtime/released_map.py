"""The reference points that a model is released with, as a map beside its files."""

from __future__ import annotations

from pathlib import Path

from calibration.cluster_map import ClusterMap, map_of
from capture.errors import DataError, ModelError
from models.runtime.manifest import Manifest, ModelEntry, read_checked


def released_map(folder: Path, manifest: Manifest, name: str, called: str = "cluster map") -> ClusterMap:
    """The map beside a model; its bytes are proven as the model's are.

    Parameters
    ----------
    called : what errors call it

    Raises
    ------
    ModelError
        When the manifest names none, or the file is missing, changed or no map; names it.
    """
    file = manifest.entry(name).map
    if file is None:
        raise ModelError(f"the manifest names no {called} for model {name}: reinstall the weights")
    try:
        return map_of(read_checked(folder, file), file.file)
    except DataError as error:
        raise ModelError(f"{called} {file.file} of model {name} cannot be used ({error})") from error


def features_id(name: str, entry: ModelEntry) -> str:
    """``name@version``: whose features a site's map holds. All precisions of a version give nearly the same."""
    return f"{name}@{entry.version}"
