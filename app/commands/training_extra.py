"""What training commands need beside the program."""

from __future__ import annotations

from importlib.util import find_spec

from capture.errors import SettingsError


def need_training_extra(*modules: str) -> None:
    """Refuse a command whose packages are not installed.

    Parameters
    ----------
    modules : needed beside the usual ones

    Raises
    ------
    SettingsError
        When one is missing; says which extra brings it.
    """
    for module in ("onnx", "torch", *modules):
        if find_spec(module) is None:
            raise SettingsError(
                f"{module} is not installed: training needs the extra 'train' (pip install 'sonogauge[train]')"
            )
