"""What a batch costs until the training has it: the threaded loader against PyTorch's DataLoader, two cores.

Cases have two channels of 181 x 217 x 181 voxels, float32 (57 MB), in one file that is in the page cache; whole
volumes, and patches of 84 x 84 x 84 (4.7 MB), in batches of 2 and 4. Everybody reads the same data set, whose items
are arrays that own their memory. "eisen, into the batch" is the same data set with `read_into`, which writes to the
place in the batch; "from a store" reads the same volumes with `StoreDataset`. "limit" copies from the file to one batch
that is used again, in the same thread. The consumer does nothing, and looks at one voxel of every batch; one epoch was
read before, so that workers have started.

    python benchmarks/bench_loader.py [--rounds 5] [--cases 6]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _harness import Result, measure, show
from torch.utils.data import DataLoader

from eisen.datasets import ListDataset, Loader, StoreDataset
from eisen.storage import create_store

SHAPE = (2, 181, 217, 181)
PATCH = 84
TARGETS = {"whole volumes": 2.0, "patches": 4.0}


class Volumes:
    """Whole volumes, or one patch of each, from a file that is mapped into memory."""

    thread_safe = True

    def __init__(self, path: Path, n_cases: int, patch: int | None, n_items: int) -> None:
        self._file = np.memmap(path, "float32", "r", shape=(n_cases, *SHAPE))
        self._patch = patch
        self._n = n_items

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": np.array(self.part(index)), "case": index}

    def part(self, index: int) -> np.ndarray:
        """Return what an item shows, still in the file."""
        image = self._file[index % len(self._file)]
        if self._patch is None:
            return image
        starts = np.random.default_rng(index).integers(0, [n - self._patch for n in SHAPE[1:]])
        return image[(slice(None), *(slice(start, start + self._patch) for start in starts))]


class VolumesInto(Volumes):
    """The same, written to its place in the batch."""

    def read_into(self, index: int, room: Callable[..., np.ndarray]) -> dict[str, Any]:
        """Return an item whose image lies where the batch will be."""
        part = self.part(index)
        image = room("image", part.shape, part.dtype)
        np.copyto(image, part)
        return {"image": image, "case": index}


def epoch(batches: Iterable[Any], n: int) -> float:
    """Return the milliseconds per case of one pass."""
    begin = time.perf_counter()
    for batch in batches:
        float(batch["image"][-1, -1, -1, -1, -1])
    return (time.perf_counter() - begin) / n * 1000


def limit(cases: Volumes, size: int) -> Callable[[], float]:
    """Return the pass that copies every case from the file to one batch."""
    room = torch.empty((size, *cases.part(0).shape))

    def copy() -> float:
        begin = time.perf_counter()
        for index in range(len(cases)):
            np.copyto(room[index % size].numpy(), cases.part(index))
        return (time.perf_counter() - begin) / len(cases) * 1000

    return copy


def contenders(path: Path, n_cases: int, patch: int | None, size: int) -> dict[str, Callable[[], float]]:
    """Return all ways of reading one epoch."""
    n = n_cases * 2 if patch is None else n_cases * 16
    n -= n % size
    plain, into = Volumes(path, n_cases, patch, n), VolumesInto(path, n_cases, patch, n)
    loaders: dict[str, Iterable[Any]] = {
        "DataLoader, 2 workers": DataLoader(plain, size, num_workers=2, persistent_workers=True),  # type: ignore[arg-type]
        "DataLoader, 0 workers": DataLoader(plain, size),  # type: ignore[arg-type]
        "eisen, 0 workers": Loader(plain, size),
        "eisen, 2 processes": Loader(plain, size, n_workers=2),
        "eisen, 2 threads": Loader(plain, size, n_workers=2, workers="threads"),
        "eisen, 2 threads, into the batch": Loader(into, size, n_workers=2, workers="threads"),
    }
    ways = {name: partial(epoch, loader, n) for name, loader in loaders.items()}
    if patch is None:
        store = StoreDataset(path.parent)
        loader = Loader(store, size, n_workers=2, workers="threads")
        ways["eisen, 2 threads, from a store"] = partial(epoch, loader, len(store))
    return {**ways, "limit": limit(plain, size)}


def verdict(results: dict[str, Result], kind: str) -> None:
    """Say how many times as fast as a DataLoader with two workers eisen is."""
    for name in (name for name in results if name.startswith("eisen, 2 threads")):
        ratio = results["DataLoader, 2 workers"].median / results[name].median
        aim = TARGETS[kind]
        print(f"  {name}: {ratio:.1f} times a DataLoader, target {aim:g} {'met' if ratio >= aim else 'MISSED'}")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "volumes.f32"
        draw = np.random.default_rng(0)
        with path.open("wb") as file:
            for _ in range(options.cases):
                file.write(draw.standard_normal(SHAPE, "float32").tobytes())
        images = np.memmap(path, "float32", "r", shape=(options.cases, *SHAPE))
        create_store(ListDataset([{"image": image} for image in images]), path.parent / "store.h5")
        for kind, patch in (("whole volumes", None), ("patches", PATCH)):
            for size in (2, 4):
                results = measure(contenders(path, options.cases, patch, size), options.rounds)
                title = f"{kind}, batches of {size}"
                show(title, results, unit="ms/case", baseline="DataLoader, 2 workers", digits=2)
                verdict(results, kind)


if __name__ == "__main__":
    main()
