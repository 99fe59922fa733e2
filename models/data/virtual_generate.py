"""Fills a folder with virtual samples, shard by shard, on several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from capture.errors import DataError
from capture.virtual.generator.draw import VIEW_SHARES
from capture.virtual.generator.sample import SampleMaker
from models.data.virtual_manifest import Manifest, prepare
from models.data.virtual_shards import is_complete, shard_name, shard_samples, write_shard

_POLL_S = 0.25
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Outcome:
    """What a run did: samples made and samples that were there, and whether the data set is whole."""

    made: int
    kept: int
    complete: bool


def generate(
    folder: Path,
    seed: int,
    samples: int,
    jobs: int = 1,
    views: Mapping[str, float] = VIEW_SHARES,
    progress: Callable[[int], None] = lambda there: None,
) -> Outcome:
    """Fill ``folder`` with samples 0 to ``samples`` - 1 of the data set ``seed``.

    Whole shards that are there are kept. Ctrl+C leaves whole shards. The bytes do not depend on ``jobs``.

    Parameters
    ----------
    jobs : processes of one thread each
    views : how often each view is drawn
    progress : called a few times a second with the number of samples that are there or made so far

    Raises
    ------
    DataError
        The folder holds another data set, a process died, or the numbers make no sense.
    CaptureError
        For a view that does not exist.
    """
    if samples < 1 or jobs < 1 or seed < 0:
        raise DataError(
            f"{samples} samples of seed {seed} on {jobs} processes cannot be made: give 1 or more, seed 0 or more"
        )
    manifest = Manifest(seed, samples, {view: float(share) for view, share in views.items()})
    prepare(folder, manifest)
    missing = [
        number
        for number in range(manifest.shards)
        if not is_complete(folder / shard_name(number), len(shard_samples(number, samples)))
    ]
    to_make = sum(len(shard_samples(number, samples)) for number in missing)
    kept = samples - to_make
    made = _run(folder, manifest, missing, jobs, lambda new: progress(kept + new)) if missing else 0
    return Outcome(made, kept, made == to_make)


def _run(folder: Path, manifest: Manifest, missing: list[int], jobs: int, progress: Callable[[int], None]) -> int:
    context = multiprocessing.get_context("spawn")
    counter, stop = context.Value("q", 0), context.Event()
    done = 0
    with (
        _one_thread_each(),
        ProcessPoolExecutor(min(jobs, len(missing)), context, _start_worker, (counter, stop)) as pool,
    ):
        waiting = {pool.submit(_make_shard, folder, manifest, number) for number in missing}
        try:
            while waiting:
                finished, waiting = wait(waiting, _POLL_S, FIRST_COMPLETED)
                done += sum(_result(future) for future in finished)
                progress(counter.value)
        except KeyboardInterrupt:
            stop.set()
            for future in waiting:
                future.cancel()
            done += sum(_result(future) for future in waiting if not future.cancelled())
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return done


def _result(future: Future[int]) -> int:
    try:
        return future.result()
    except OSError as error:
        raise DataError(f"a shard could not be written ({error}): free the disk and run again to go on") from error


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that start meanwhile compute on one thread each: faster together, and the same bytes everywhere."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_worker: dict[str, Any] = {}


def _start_worker(counter: Any, stop: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the parent says when to end
    cv2.setNumThreads(1)
    _worker.update(counter=counter, stop=stop)


def _make_shard(folder: Path, manifest: Manifest, number: int) -> int:
    """In a worker: one shard; the number of samples written, 0 when told to stop."""
    if _worker["stop"].is_set():
        return 0
    indices = shard_samples(number, manifest.samples)
    maker = SampleMaker(manifest.seed, manifest.views)
    return len(indices) if write_shard(folder / shard_name(number), maker.make, indices, _after_each) else 0


def _after_each() -> bool:
    with _worker["counter"].get_lock():
        _worker["counter"].value += 1
    return not _worker["stop"].is_set()
