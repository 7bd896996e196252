"""What a cache of preprocessed cases costs and saves, on disk and in memory, against MONAI's; who holds memory.

Scans are .nii.gz with 181 x 217 x 181 voxels of int16; kept is what reading, channel axis and z-scores give,
28 MB as float32. The first epoch fills a new cache, the second one finds it; both end in a random patch of 84^3, or
in a look at every voxel. One thread, wall time per case, all contenders in turn. Limit: copying the 28 MB from memory.

Memory: the proportional set size (PSS) of all processes together, 0 and 8 workers, less what the same 8 workers take
when there is nothing to share, as a share of the cached data. Target: below 5 %, forked and spawned.

    python benchmarks/bench_cache.py [--rounds N] [--cases N] [--workers N] [--spawn]
"""

from __future__ import annotations

import _one_thread  # noqa: F401  # first: it sets the environment

# ruff: noqa: I001
import argparse
import gc
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy import ndimage
from torch.utils.data import DataLoader, Dataset

from _harness import Result, measure, show
from eisen.datasets import CachedDataset, ListDataset
from eisen.io import LoadNiftiFromFilename, write_nifti
from eisen.transforms import AddChannelDimension, Compose, NiftiToNumpy, RandomCrop, ZScoreNormalization

SHAPE = (181, 217, 181)
PATCH = [84, 84, 84]
MEMORY_TARGET = 5.0


def write_scans(folder: Path, n: int) -> list[str]:
    """Write scans of smooth tissue with noise, and return their names."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal(SHAPE, "float32"), 3)
    for k in range(n):
        image = 600 + 200 * smooth / smooth.std() + 15 * rng.standard_normal(SHAPE, "float32") + k
        write_nifti(folder / f"scan_{k}.nii.gz", np.rint(image).astype("int16"), np.eye(4))
    return [f"scan_{k}.nii.gz" for k in range(n)]


def our_chain(folder: Path, *, patch: bool) -> Compose:
    """Reading, channel axis and z-normalisation, and a random patch."""
    steady = [
        LoadNiftiFromFilename(["image"], str(folder)),
        NiftiToNumpy(["image"]),
        AddChannelDimension(["image"]),
        ZScoreNormalization(["image"]),
    ]
    return Compose([*steady, *([RandomCrop(["image"], PATCH)] if patch else [])])


def ours(folder: Path, names: list[str], cache: Path | None, *, patch: bool) -> CachedDataset:
    """Our cache, on disk or in memory."""
    inside = ListDataset([{"image": name} for name in names])
    return CachedDataset(inside, transform=our_chain(folder, patch=patch), folder=cache)


def monais(folder: Path, names: list[str], cache: Path | None, *, patch: bool) -> Any:
    """MONAI's cache, on disk or in memory, around the same steps."""
    from monai.data import CacheDataset, PersistentDataset
    from monai.transforms import Compose as Chain
    from monai.transforms import EnsureChannelFirstd, LoadImaged, NormalizeIntensityd, RandSpatialCropd

    steps = [LoadImaged("image"), EnsureChannelFirstd("image"), NormalizeIntensityd("image")]
    chain = Chain([*steps, *([RandSpatialCropd("image", PATCH, random_size=False)] if patch else [])])
    cases = [{"image": str(folder / name)} for name in names]
    if cache is None:
        return CacheDataset(cases, chain, num_workers=1, progress=False)
    return PersistentDataset(cases, chain, cache_dir=cache)


def epoch(dataset: Any, n: int) -> None:
    """Read every case and look at every voxel of what comes."""
    for number in range(n):
        float(np.asarray(dataset[number]["image"]).max())


def wall_ms(work: Callable[[], object], n: int) -> Callable[[], float]:
    """Return a contender: wall time in milliseconds per case."""

    def contender() -> float:
        gc.collect()
        start = time.perf_counter()
        work()
        return (time.perf_counter() - start) / n * 1000

    return contender


def filled_anew(make: Callable[..., Any], cache: Path | None, n: int) -> None:
    """The first epoch: with an empty cache."""
    if cache is not None:
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir()
    epoch(make(cache), n)


def contenders(folder: Path, names: list[str], *, patch: bool) -> dict[str, tuple[Callable[..., Any], Path | None]]:
    """Return every cache: how it is made, and where its files are."""
    mine, theirs = (partial(make, folder, names, patch=patch) for make in (ours, monais))
    found: dict[str, tuple[Callable[..., Any], Path | None]] = {
        "eisen disk": (mine, folder / "eisen"),
        "eisen memory": (mine, None),
    }
    if find_spec("monai"):
        found |= {"MONAI PersistentDataset": (theirs, folder / "monai"), "MONAI CacheDataset": (theirs, None)}
    return found


def first_epochs(folder: Path, names: list[str], rounds: int) -> None:
    """Compare filling, with every voxel looked at."""
    n = len(names)
    plain = ListDataset([{"image": name} for name in names], our_chain(folder, patch=False))
    work = {
        name: partial(filled_anew, make, cache, n)
        for name, (make, cache) in contenders(folder, names, patch=False).items()
    }
    work["eisen without a cache"] = partial(epoch, plain, n)
    results = measure({name: wall_ms(each, n) for name, each in work.items()}, rounds, warmups=1)
    show("First epoch, whole volumes", results, unit="ms/case", baseline="eisen without a cache")


def second_epochs(folder: Path, names: list[str], rounds: int, *, patch: bool) -> None:
    """Compare what every epoch but the first costs."""
    n, work = len(names), {}
    for name, (make, cache) in contenders(folder, names, patch=patch).items():
        dataset = make(cache)
        epoch(dataset, n)
        work[name] = partial(epoch, dataset, n)
    volume, buffer = np.ones(SHAPE, "float32"), np.empty(SHAPE, "float32")
    part = tuple(slice(50, 50 + size) for size in PATCH) if patch else ...
    target = np.empty(PATCH, "float32") if patch else buffer
    work["limit: copy"] = lambda: [float((np.copyto(target, volume[part]), target)[1].max()) for _ in range(n)]
    results = measure({name: wall_ms(each, n) for name, each in work.items()}, rounds, warmups=1)
    title = "Second epoch, random patch of 84^3" if patch else "Second epoch, whole volumes"
    show(title, results, unit="ms/case", baseline="eisen disk", digits=2)
    say_ratios(results)


def say_ratios(results: dict[str, Result]) -> None:
    """Say how many times as fast as MONAI's we are."""
    for mine, theirs in (("eisen disk", "MONAI PersistentDataset"), ("eisen memory", "MONAI CacheDataset")):
        if theirs in results:
            print(f"  {mine}: {results[theirs].median / results[mine].median:.1f} times as fast as {theirs}")
    print()


class Empty(Dataset[Any]):
    """Gives tiny arrays: what workers take by themselves."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": np.full((1, 4, 4, 4), index, "float32")}


def pss() -> int:
    """Return the proportional set size of this process and its children."""
    me = psutil.Process()
    return sum(process.memory_full_info().pss for process in [me, *me.children(recursive=True)])


def images_only(samples: list[Any]) -> float:
    """Look at every voxel in the worker and send a number."""
    return sum(float(np.asarray(sample["image"]).max()) for sample in samples)


def growth(dataset: Any, n_workers: int, method: str) -> int:
    """Return by how many bytes the memory of all processes grows from none to so many workers, after one epoch."""
    epoch(dataset, len(dataset))
    gc.collect()
    before = pss()
    loader = DataLoader(
        dataset,
        batch_size=1,
        num_workers=n_workers,
        persistent_workers=True,
        multiprocessing_context=method,
        collate_fn=images_only,
    )
    for _ in loader:
        pass
    grown = pss() - before
    del loader
    gc.collect()
    return grown


def memory(folder: Path, names: list[str], n_workers: int, method: str) -> bool:
    """Say what share of the cached data a cache takes again for its workers."""
    n_bytes = len(names) * int(np.prod(SHAPE)) * 4
    overhead = growth(Empty(len(names)), n_workers, method)
    met = True
    for name, (make, cache) in contenders(folder, names, patch=False).items():
        if cache is not None:
            continue
        dataset = make(None)
        if hasattr(dataset, "fill"):
            dataset.fill()
        share = (growth(dataset, n_workers, method) - overhead) / n_bytes * 100
        aim = (
            f", target < {MEMORY_TARGET:g} % {'met' if share < MEMORY_TARGET else 'MISSED'}" if "eisen" in name else ""
        )
        print(f"  {name}, {method}: {share:+.1f} % of {n_bytes / 1e6:.0f} MB from 0 to {n_workers} workers{aim}")
        print(f"    (all {n_workers} processes alone, without anything to share: {overhead / 1e6:.0f} MB)")
        met &= share < MEMORY_TARGET or "eisen" not in name
        del dataset
    return met


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("--rounds", 7), ("--cases", 6), ("--workers", 8)):
        parser.add_argument(name, type=int, default=value)
    parser.add_argument("--spawn", action="store_true", help="measure memory with spawned workers too (slow)")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write_scans(folder, wanted.cases)
        first_epochs(folder, names, max(2, wanted.rounds // 2))
        for patch in (True, False):
            second_epochs(folder, names, wanted.rounds, patch=patch)
        for method in ("fork", "spawn") if wanted.spawn else ("fork",):
            memory(folder, names, wanted.workers, method)


if __name__ == "__main__":
    main()
