"""What making a store costs: 60 pairs of .nii.gz (brain MR int16, label map uint8) into one HDF5 file, wall and CPU.

Ours: every case read by the NIfTI reader, with geometry, digests of files and of arrays, turned to C order, written
atomically (fsync included); in this process, in as many processes as there are cores, and in as many threads.
pymia: its Traverser with all default callbacks, LoadDefault and Hdf5Writer, as in its example; no digests, no fsync.
Limits, in as many threads as there are cores: isal alone on the same bytes; and isal, the unpacked bytes written to one
file as they are, fsync: nobody who keeps what he read can be faster. How many times pymia's speed that is tells how
much there is to gain at all.

Every contender removes its own file first, inside of what is timed, and makes it anew: the pages of the file before are
at hand for all alike (a virtual machine gives idle memory back to its host, and whoever writes first after a pause pays
for getting it again; the round before the first is not counted). CPU is that of all threads and processes.
pymia 0.3.4 needs four names that NumPy has not had since 1.24; they are set here.

    python benchmarks/bench_create_store.py [--rounds 5] [--pairs 60] [--shape 128 128 96]
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import os
import resource
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import _one_thread  # noqa: F401  # first: sets the environment
import h5py
import numpy as np
from _harness import Result, measure, quiet, show, timed
from bench_nifti import brain, label_map
from isal import isal_zlib

from eisen.datasets import ListDataset
from eisen.io import LoadNiftiFromFilename, write_nifti
from eisen.storage import create_store
from eisen.transforms import Compose

TARGET = 3.0
Pair = tuple[Path, Path]


def write_pairs(folder: Path, n_pairs: int, shape: tuple[int, int, int]) -> list[Pair]:
    """Write the files; every pair has its own, and its own place in the body, so nothing is read twice."""
    image, label = brain(shape), label_map(shape)
    pairs = [(folder / f"image_{i:03d}.nii.gz", folder / f"label_{i:03d}.nii.gz") for i in range(n_pairs)]
    for number, pair in enumerate(pairs):
        affine = np.eye(4)
        affine[:3, 3] = number, -number, 2 * number
        for voxels, path in zip((image, label), pair, strict=True):
            write_nifti(path, voxels, affine)
    return pairs


def by_eisen(pairs: list[Pair], target: Path, n_workers: int, executor: Any) -> None:
    cases = [{"image": str(image), "label": str(label)} for image, label in pairs]
    chain = Compose([LoadNiftiFromFilename(["image", "label"], target.parent)])
    target.unlink(missing_ok=True)
    create_store(ListDataset(cases, transform=chain), target, n_workers=n_workers, executor=executor)


def by_pymia(pairs: list[Pair], target: Path) -> None:
    import pymia.data as data
    import pymia.data.creation as creation

    subjects = [
        data.SubjectFile(f"subject_{number:03d}", images={"T1": str(image)}, labels={"GT": str(label)})
        for number, (image, label) in enumerate(pairs)
    ]
    target.unlink(missing_ok=True)
    with creation.get_writer(str(target)) as writer, contextlib.redirect_stdout(io.StringIO()):
        callbacks = creation.get_default_callbacks(writer)
        creation.Traverser().traverse(subjects, callback=callbacks, load=creation.LoadDefault())


def unpack(pairs: list[Pair], n_threads: int) -> None:
    """Unpack every file into memory that is there already."""
    sizes = [[len(gzip.decompress(path.read_bytes())) for path in pairs[0]]] * len(pairs)

    def one(work: tuple[Pair, list[int]]) -> None:
        for path, size in zip(*work, strict=True):
            isal_zlib.decompress(path.read_bytes(), wbits=31, bufsize=size)

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(one, zip(pairs, sizes, strict=True)))


def unpack_and_write(pairs: list[Pair], target: Path, n_threads: int) -> None:
    """Unpack every file and write what comes out to one file, up to the disk."""
    target.unlink(missing_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT)
    lock, end = threading.Lock(), 0

    def one(path: Path) -> None:
        nonlocal end
        content = isal_zlib.decompress(path.read_bytes(), wbits=31, bufsize=2**20)
        with lock:
            offset, end = end, end + len(content)
        os.pwrite(handle, content, offset)

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(one, [path for pair in pairs for path in pair]))
    os.fsync(handle)
    os.close(handle)


class Clock:
    """Times works, and remembers what they cost in CPU seconds, the first time not."""

    def __init__(self) -> None:
        self.cpu: dict[str, list[float]] = {}

    def __call__(self, name: str, work: Callable[[], object]) -> float:
        before = _cpu_seconds()
        wall = timed(work)
        self.cpu.setdefault(name, []).append(_cpu_seconds() - before)
        return wall

    def show(self) -> None:
        """Print medians and least values."""
        for name, (_, *seconds) in sorted(self.cpu.items(), key=lambda item: min(item[1][1:])):
            print(f"  CPU seconds  {name:34s} median {np.median(seconds):.2f}, least {min(seconds):.2f}")


def _cpu_seconds() -> float:
    each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in each)


def show_verdict(results: dict[str, Result], limit: str) -> None:
    """Print how the best of ours compares with pymia and with the limit, by the median and by the fastest rounds."""
    for how in ("median", "fastest"):
        seconds = {name: float(getattr(result, how)) for name, result in results.items()}
        best = min((name for name in seconds if name.startswith("eisen")), key=seconds.__getitem__)
        ratio, floor = seconds["pymia"] / seconds[best], seconds["pymia"] / seconds[limit]
        verdict = "met" if ratio >= TARGET else "MISSED"
        print(f"  {how}: {best} is {ratio:.1f} times as fast as pymia, target {TARGET:g} {verdict};")
        print(f"    the limit (unpack, write, fsync) is {floor:.1f} times as fast; {best} takes ", end="")
        print(f"{seconds[best] / seconds[limit]:.1f} times the limit")


def demand_same(ours: Path, theirs: Path) -> None:
    """Make sure that both hold the same voxels, pymia's turned into our order."""
    with h5py.File(ours) as one, h5py.File(theirs) as two:
        for number in sorted(one["data/image"]):
            for field, category in (("image", "images"), ("label", "labels")):
                found, expected = one[f"data/{field}/{number}"][()], two[f"data/{category}/{number}"][()]
                assert np.array_equal(found, expected.transpose()), (field, number)


def contenders(pairs: list[Pair], folder: Path, n_cores: int, clock: Clock) -> dict[str, Callable[[], float]]:
    works: dict[str, Callable[[], object]] = {
        "pymia": partial(by_pymia, pairs, folder / "pymia.h5"),
        "eisen, here": partial(by_eisen, pairs, folder / "serial.h5", 0, "processes"),
        f"eisen, {n_cores} processes": partial(by_eisen, pairs, folder / "processes.h5", n_cores, "processes"),
        f"eisen, {n_cores} threads": partial(by_eisen, pairs, folder / "threads.h5", n_cores, "threads"),
        f"limit: isal, {n_cores} threads": partial(unpack, pairs, n_cores),
        _limit(n_cores): partial(unpack_and_write, pairs, folder / "limit.bin", n_cores),
    }
    return {name: partial(clock, name, work) for name, work in works.items()}


def _limit(n_cores: int) -> str:
    return f"limit: isal, write, fsync, {n_cores} threads"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--shape", type=int, nargs=3, default=(128, 128, 96))
    options = parser.parse_args()
    for name, value in {"object": object, "float": float, "int": int, "bool": bool}.items():
        if name not in vars(np):
            setattr(np, name, value)
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), Clock()
        pairs = write_pairs(folder, options.pairs, tuple(options.shape))
        with quiet():
            results = measure(contenders(pairs, folder, n_cores, clock), options.rounds)
        demand_same(folder / "processes.h5", folder / "pymia.h5")
        show(f"{len(pairs)} pairs of {tuple(options.shape)}", results, unit="s", baseline="pymia", digits=2)
        clock.show()
        show_verdict(results, _limit(n_cores))


if __name__ == "__main__":
    main()
