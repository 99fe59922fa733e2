"""What the benchmarks share."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest


@pytest.fixture
def one_thread() -> Iterator[None]:
    """OpenCV on the thread that is measured."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)
