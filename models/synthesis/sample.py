"""Synthetic pictures from a released generator, with ONNX Runtime alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from capture.errors import ModelError, SettingsError
from models.runtime.manifest import Precision, load_manifest
from models.runtime.providers import Provider
from models.runtime.session import ModelSession
from models.synthesis.levels import as_bytes

LATENT = 100
LEVELS = (0.0, 0.5, 1.0)
"""Levels of degradation that a conditional generator was shown: 0 as it came, 1 the worst."""

_BATCH = 25


def model_name(set_name: str, size: int, conditional: bool) -> str:
    """Name of a generator in the manifest."""
    return f"synthesis_{set_name}_{size}" + ("_levels" if conditional else "")


class PictureMaker:
    """One released generator on the CPU.

    Parameters
    ----------
    folder : of the weights
    name : see ``model_name``
    threads : within one operator, None for the usual

    Raises
    ------
    ModelError
        When the manifest does not list it, or its file is missing, damaged or breaks its contract.
    """

    def __init__(self, folder: Path, name: str, threads: int | None = None) -> None:
        entry = load_manifest(folder).entry(name)
        file = entry.file_of(Precision.FLOAT32)
        if file is None:
            raise ModelError(f"{name} has no float32 file: reinstall the weights")
        self._session = ModelSession(folder, name, entry, file, Provider.CPU, threads)
        self.model_id = self._session.model_id
        self.conditional = entry.contract.input.shape[-1] == LATENT + 1

    def pictures(self, count: int, seed: int = 0, levels: Sequence[float] | np.ndarray | None = None) -> np.ndarray:
        """Pictures (count, S, S) uint8; one seed gives one set.

        Parameters
        ----------
        levels : (count,) in 0..1, for a conditional generator; None takes the three levels in turn

        Raises
        ------
        SettingsError
            When levels are given to a generator that knows none, or lie outside 0..1.
        """
        latent = np.random.default_rng(seed).standard_normal((count, LATENT)).astype(np.float32)
        if self.conditional:
            latent = np.concatenate([latent, _column(count, levels)], axis=1)
        elif levels is not None:
            raise SettingsError(f"{self.model_id} knows no levels: leave --level out, or take a conditional generator")
        parts = [self._session.run(latent[start : start + _BATCH])[0][:, 0] for start in range(0, count, _BATCH)]
        return as_bytes(np.concatenate(parts))

    def close(self) -> None:
        """Release the session."""
        self._session.close()


def _column(count: int, levels: Sequence[float] | np.ndarray | None) -> np.ndarray:
    chosen = np.asarray(np.resize(LEVELS, count) if levels is None else levels, np.float32)
    if chosen.shape != (count,) or not ((chosen >= 0) & (chosen <= 1)).all():
        raise SettingsError("levels of degradation run from 0 to 1, one for each picture")
    return chosen[:, None]
