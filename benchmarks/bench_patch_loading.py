"""What a random patch costs through a loader with two workers, until the training has it.

Volumes of 181 x 217 x 181 voxels, two channels float32 (57 MB), in the page cache; random patches of 84 x 84 x 84
(4.7 MB) in batches of four. Everybody reads what it wrote itself: eisen its store, pymia its HDF5 file, MONAI the files
of its PersistentDataset, TorchIO uncompressed NIfTI files through its Queue. All of them with two worker processes;
eisen also with two threads, which write a patch straight to its place in the batch. The consumer looks at one voxel
of every batch. "limit" copies from a map of the same volumes to one batch that is used again, in one thread. Each has a
process of its own, and they take turns.

pymia 0.3.4 uses names that NumPy removed; they are put back in this process. It has no random patches: its data source
is given the positions, one index expression per patch, and PyTorch's DataLoader draws from them.

Goals: 2 times as fast as pymia, 5 times as fast as TorchIO's Queue and MONAI's PersistentDataset.

    python benchmarks/bench_patch_loading.py [--rounds 5] [--cases 4] [--per-case 16]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _apart import apart
from _harness import Result, measure, show
from torch.utils.data import DataLoader

from eisen.datasets import ListDataset, Loader, StoreDataset
from eisen.patches import Anywhere, PatchDataset
from eisen.storage import create_store

SHAPE = (181, 217, 181)
CHANNELS = 2
PATCH = 84
BATCH = 4
GOALS = {"pymia": 2.0, "TorchIO Queue": 5.0, "MONAI PersistentDataset": 5.0}


def volumes(n: int) -> list[dict[str, Any]]:
    """Return cases with values that do not compress."""
    rng = np.random.default_rng(0)
    return [{"id": f"{k}", "image": rng.standard_normal((CHANNELS, *SHAPE), "float32")} for k in range(n)]


def epoch(batches: Iterable[Any], look: Callable[[Any], torch.Tensor]) -> float:
    """Return the milliseconds per patch of one pass."""
    begin, n = time.perf_counter(), 0
    for batch in batches:
        image = look(batch)
        float(image[-1, -1, -1, -1, -1])
        n += len(image)
    return (time.perf_counter() - begin) / n * 1000


def ours(cases: list[dict[str, Any]], folder: Path, n_per_case: int, workers: str) -> Iterable[Any]:
    """Return the loader of eisen, over a store."""
    create_store(ListDataset(cases), folder / "eisen.h5")
    store = StoreDataset(folder, "eisen.h5", fields=["image"])
    patches = PatchDataset(store, Anywhere(PATCH), n_per_case=n_per_case)
    return Loader(patches, BATCH, shuffle=True, n_workers=2, workers=workers)


def pymia(cases: list[dict[str, Any]], folder: Path, n_per_case: int) -> Iterable[Any]:
    """Return a DataLoader over pymia's data source, with random patches as its index expressions."""
    for name, kind in (("object", object), ("float", float), ("int", int), ("bool", bool)):
        if name not in vars(np):
            setattr(np, name, kind)
    from pymia.data import creation, extraction
    from pymia.data.backends.pytorch import PytorchDatasetAdapter
    from pymia.data.indexexpression import IndexExpression

    path = str(folder / "pymia.h5")
    with creation.get_writer(path) as writer:
        writer.write("meta/subjects", [case["id"] for case in cases], dtype="str")
        writer.reserve("meta/shapes/images_shapes", (len(cases), 4), np.uint16)
        for number, case in enumerate(cases):
            image = np.ascontiguousarray(np.moveaxis(case["image"], 0, -1))
            writer.write(f"data/images/{number}", image, dtype=image.dtype)
            writer.fill("meta/shapes/images_shapes", image.shape, IndexExpression(number))

    class Random(extraction.IndexingStrategy):
        def __call__(self, shape: Any) -> list[Any]:  # noqa: ARG002  # all have one
            rng = np.random.default_rng(0)
            starts = rng.integers(0, [n - PATCH + 1 for n in SHAPE], (n_per_case, 3)).tolist()
            return [IndexExpression([(s, s + PATCH) for s in start], [0, 1, 2]) for start in starts]

        def __repr__(self) -> str:
            return "Random()"

    extractor = extraction.DataExtractor(categories=("images",))
    source = extraction.PymiaDatasource(path, Random(), extractor, init_reader_once=True)
    return DataLoader(PytorchDatasetAdapter(source), BATCH, shuffle=True, num_workers=2, persistent_workers=True)


def torchio(cases: list[dict[str, Any]], folder: Path, n_per_case: int) -> Iterable[Any]:
    """Return TorchIO's queue over uncompressed files."""
    import torchio as tio

    subjects = []
    for case in cases:
        path = folder / f"{case['id']}.nii"
        tio.ScalarImage(tensor=torch.from_numpy(case["image"])).save(path)
        subjects.append(tio.Subject(image=tio.ScalarImage(path)))
    settings = {"max_length": n_per_case * 4, "samples_per_volume": n_per_case, "num_workers": 2}
    queue = tio.Queue(tio.SubjectsDataset(subjects), sampler=tio.UniformSampler(PATCH), **settings)
    return tio.SubjectsLoader(queue, batch_size=BATCH, num_workers=0)


def monai(cases: list[dict[str, Any]], folder: Path, n_per_case: int) -> Iterable[Any]:
    """Return a DataLoader over MONAI's PersistentDataset, which crops a patch of a cached volume each time."""
    from monai.data import DataLoader as MonaiLoader
    from monai.data import PersistentDataset
    from monai.transforms import Compose, EnsureTyped, RandSpatialCropd

    paths = []
    for case in cases:
        paths.append(folder / f"{case['id']}.npy")
        np.save(paths[-1], case["image"])

    class Load:
        def __call__(self, case: dict[str, Any]) -> dict[str, Any]:
            return {"image": np.load(case["image"])}

    crop = RandSpatialCropd(["image"], [PATCH] * 3, random_size=False)
    steps = Compose([Load(), EnsureTyped(["image"], track_meta=False), crop])
    items = [{"image": str(path)} for path in paths for _ in range(n_per_case)]
    cache = folder / "monai"
    dataset = PersistentDataset(items, steps, cache_dir=cache)
    return MonaiLoader(dataset, batch_size=BATCH, shuffle=True, num_workers=2, persistent_workers=True)


def limit(cases: list[dict[str, Any]], folder: Path, n: int) -> Callable[[], float]:
    """Return the pass that copies patches from a map to one batch."""
    path = folder / "limit.bin"
    with path.open("wb") as file:
        for case in cases:
            case["image"].tofile(file)
    map_ = np.memmap(path, "float32", "r", shape=(len(cases), CHANNELS, *SHAPE))
    room = np.empty((BATCH, CHANNELS, PATCH, PATCH, PATCH), "float32")

    def copy() -> float:
        rng, begin = np.random.default_rng(0), time.perf_counter()
        for k in range(n):
            a, b, c = rng.integers(0, [size - PATCH for size in SHAPE]).tolist()
            np.copyto(room[k % BATCH], map_[k % len(cases), :, a : a + PATCH, b : b + PATCH, c : c + PATCH])
        return (time.perf_counter() - begin) / n * 1000

    return copy


def contender(name: str, folder: Path, n_cases: int, n_per_case: int) -> Callable[[], float]:
    """Return a way of reading one epoch; called in the process that reads."""
    torch.set_num_threads(1)
    folder.mkdir()
    cases = volumes(n_cases)
    if name == "limit":
        return limit(cases, folder, n_cases * n_per_case)
    loader, look = {
        "eisen, 2 threads": (partial(ours, workers="threads"), lambda batch: batch["image"]),
        "eisen, 2 processes": (partial(ours, workers="processes"), lambda batch: batch["image"]),
        "pymia": (pymia, lambda batch: batch["images"]),
        "TorchIO Queue": (torchio, lambda batch: batch["image"]["data"]),
        "MONAI PersistentDataset": (monai, lambda batch: batch["image"]),
    }[name]
    return partial(epoch, loader(cases, folder, n_per_case), look)


def makers(folder: Path, n_cases: int, n_per_case: int) -> dict[str, Callable[[], Callable[[], float]]]:
    """Return what makes each contender that is installed."""
    peers = {"pymia": "pymia", "TorchIO Queue": "torchio", "MONAI PersistentDataset": "monai"}
    names = ["eisen, 2 threads", "eisen, 2 processes", *(name for name, module in peers.items() if find_spec(module))]
    return {
        name: partial(contender, name, folder / f"{number}", n_cases, n_per_case)
        for number, name in enumerate([*names, "limit"])
    }


def verdict(results: dict[str, Result]) -> None:
    """Say how many times as fast as the others eisen is."""
    for name in ("eisen, 2 threads", "eisen, 2 processes"):
        for peer, goal in GOALS.items():
            if peer in results:
                ratio = results[peer].median / results[name].median
                met = "met" if ratio >= goal else "MISSED"
                print(f"  {name}: {ratio:.1f} times as fast as {peer}, goal {goal:g} {met}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--per-case", type=int, default=16)
    parser.add_argument("--folder", help="where the files go, about 230 MB per case")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        with apart(makers(Path(name), options.cases, options.per_case)) as contenders:
            results = measure(contenders, options.rounds, warmups=2)
        show("A patch of 2 x 84^3 in batches of 4", results, unit="ms", baseline="limit", digits=2)
        verdict(results)


if __name__ == "__main__":
    sys.exit(main())
