"""The same seed on another machine: at most one grey level apart.

Another machine is stood in for by a process without the vector instructions of this one: NumPy, OpenBLAS and OpenCV
then take other code, whose last bits differ.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

RENDER = """
import sys
import numpy as np
from capture.virtual.abdomen.scanner import AbdomenScanner
from capture.virtual.generator.sample import SampleMaker
from capture.virtual.scanner import VirtualScanner

maker, pictures = SampleMaker(5), {}
for index in (0, 7, 14, 21):
    sample = maker.make(index)
    pictures |= {f"sample {index}": sample.image, f"labels {index}": sample.labels}
for seed, view in ((1, "A4C"), (2, "PLAX"), (3, "A2C")):
    scanner = VirtualScanner(seed, view, 1280, 720)
    pictures |= {f"{view} {frame}": scanner.render(frame) for frame in (0, 11, 40)}
pictures["level"] = scanner.level_db(3)
abdomen = AbdomenScanner(3, 640, 480)
pictures |= {f"abdomen {frame}": abdomen.render(frame) for frame in (0, 31)}
np.savez(sys.argv[1], **pictures)
"""


def rendered(file: Path, **changes: str) -> dict[str, np.ndarray]:
    command = [sys.executable, "-c", RENDER, str(file)]
    subprocess.run(command, env={**os.environ, **changes}, check=True, capture_output=True, timeout=120)
    with np.load(file) as pictures:
        return dict(pictures)


def test_a_machine_with_other_instructions_shows_the_same_within_one_grey_level(tmp_path: Path) -> None:
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # type: ignore[index]
    if not found:
        pytest.skip("this processor has no instructions beyond NumPy's baseline that could be left out")
    here = rendered(tmp_path / "here.npz")
    plain = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(found),
        "OPENBLAS_CORETYPE": "NEHALEM",
        "OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,FMA3,AVX512F,AVX512-SKX",
    }
    elsewhere = rendered(tmp_path / "elsewhere.npz", **plain)
    assert not np.array_equal(here.pop("level"), elsewhere.pop("level")), "the stand-in computes as this machine does"
    for name, picture in here.items():
        allowed = 0 if name.startswith("labels") else 1
        assert np.abs(picture.astype(int) - elsewhere[name].astype(int)).max() <= allowed, name
