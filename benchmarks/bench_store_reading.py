"""Reading parts of stored volumes, pymia's figure 5 with today's peers: T1 and T2 of 181 x 217 x 181, float32.

A whole volume, a patch of 84^3, a slice across the first axis (axial) and one across the last (sagittal), wall time of
one thread. Three states of the memory:

    steady  each process has visited the same few places of the same few cases before
    first   the store was opened anew and its arrays have been looked up; the file is in the page cache
    cold    the file was dropped from the page cache (`posix_fadvise`): what has to come from the disk decides

Ours as raw, int16 and blosc2. pymia: PymiaDatasource on a file of its own layout. Limits: copying from memory to memory
that is there already, and a memory map that stays open. Peers: h5py with chunks of 32^3; MONAI PersistentDataset, whose
whole case is loaded; blosc2 as nnU-Net v2 stores it; tensorstore if it is installed. Everybody but the copy makes the
array it returns, channels first where the format allows that. pymia 0.3.4 needs names that NumPy has not had since
1.24; they are set here.

    python benchmarks/bench_store_reading.py [--rounds 9] [--cases 3] [--what patch axial] [--state steady first cold]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import _one_thread  # noqa: F401  # first: sets the environment
import h5py
import hdf5plugin
import numpy as np
import torch
from _harness import Result, measure, quiet, show
from _picture import draw_states
from scipy import ndimage

from eisen.datasets import ListDataset
from eisen.storage import Store, create_store

SHAPE = (2, 181, 217, 181)
PARTS = ("whole", "patch", "axial", "sagittal")
STATES = ("steady", "first", "cold")
GOALS = {  # times the memory map of the same run; steady, first touch
    "whole": (7.0 / 5.3, 7.0 / 8.1),
    "patch": (0.65 / 0.47, 1.2 / 1.65),
    "axial": (0.03 / 0.014, 0.03 / 0.056),
    "sagittal": (0.6 / 0.35, float("inf")),
}
"""The issue names them in ms on a machine whose memory map took the second number."""

TIMES = {"whole": 1, "patch": 4, "axial": 30, "sagittal": 2}
"""How many parts are read for one sample in the steady state."""

Region = tuple[slice, ...]
Read = Callable[[int, Region], Any]


@dataclass
class Contender:
    """A way of storing and reading.

    Args:
        open: Opens everything anew and returns what reads a part of a case.
        files: What is to be dropped from the page cache.
        has_cold: It is measured with a cold cache too.
    """

    open: Callable[[], Read]
    files: list[Path] = field(default_factory=list)
    has_cold: bool = True


def volumes(n_cases: int) -> list[np.ndarray]:
    """Two images as a scanner gives them: a smooth head with noise, in air without any; whole numbers as float32."""
    draw = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(draw.standard_normal(SHAPE[1:], "float32"), 3)
    axes = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in SHAPE[1:])]
    head = sum((axis / 0.85) ** 2 for axis in axes) < 1
    found = []
    for _ in range(n_cases):
        noise = draw.standard_normal(SHAPE, "float32")
        values = np.rint(np.clip(600 + 200 * smooth / smooth.std() + 15 * noise, 0, 4095))
        found.append(np.where(head, values, 0).astype("float32"))
    return found


def region_of(part: str, number: int) -> Region:
    """Return one of a few places."""
    if part == "whole":
        return tuple(slice(0, n) for n in SHAPE)
    corner = [(10 + 37 * number * k) % (n - 84) for k, n in zip((1, 2, 3), SHAPE[1:], strict=True)]
    if part == "patch":
        return (slice(0, 2), *(slice(start, start + 84) for start in corner))
    axis = 1 if part == "axial" else 3
    at = 40 + 17 * number % 100
    return tuple(slice(at, at + 1) if k == axis else slice(0, n) for k, n in enumerate(SHAPE))


def ours(folder: Path, arrays: list[np.ndarray], form: Any) -> Contender:
    path = create_store(ListDataset([{"image": array} for array in arrays]), folder / f"{form}.h5", form=form)

    def opened() -> Read:
        store = Store(path)
        sources = [store.source(case, "image") for case in range(len(arrays))]
        return lambda case, region: sources[case].read(region)

    return Contender(opened, [path])


def pymia(folder: Path, arrays: list[np.ndarray]) -> Contender:
    for name in ("object", "float", "int", "bool", "str"):
        if name not in vars(np):
            setattr(np, name, vars(__import__("builtins"))[name])
    from pymia.data.extraction import DataExtractor, EmptyIndexing, PymiaDatasource
    from pymia.data.indexexpression import IndexExpression

    turned = [{"image": array.transpose(0, 3, 2, 1)} for array in arrays]  # its files turn the axes: as they are here
    path = create_store(ListDataset(turned), folder / "pymia.h5", layout="pymia")

    def opened() -> Read:
        extractor = DataExtractor(("images",))
        source = PymiaDatasource(str(path), EmptyIndexing(), extractor)

        def read(case: int, region: Region) -> Any:
            place = IndexExpression([(part.start, part.stop) for part in region[1:]], axis=[0, 1, 2])
            return source.direct_extract(extractor, case, place)["images"]

        read(0, tuple(slice(0, 1) for _ in SHAPE))  # opens the file
        return read

    return Contender(opened, [path])


def memory_map(folder: Path, arrays: list[np.ndarray]) -> Contender:
    path = folder / "memory.map"
    with path.open("wb") as file:
        for array in arrays:
            array.tofile(file)

    def opened() -> Read:
        maps = np.memmap(path, "float32", "r", shape=(len(arrays), *SHAPE))
        return lambda case, region: np.array(maps[case][region])

    return Contender(opened, [path])


def copy(arrays: list[np.ndarray]) -> Contender:
    rooms = {part: np.zeros([s.stop - s.start for s in region_of(part, 0)], "float32") for part in PARTS}
    by_shape = {room.shape: room for room in rooms.values()}

    def read(case: int, region: Region) -> None:
        part = arrays[case][region]
        np.copyto(by_shape[part.shape], part)

    return Contender(lambda: read, has_cold=False)


def h5py_chunks(folder: Path, arrays: list[np.ndarray]) -> Contender:
    path = folder / "chunks.h5"
    with h5py.File(path, "w") as file:
        for case, array in enumerate(arrays):
            file.create_dataset(str(case), data=array, chunks=(2, 32, 32, 32))

    def opened() -> Read:
        file = h5py.File(path, "r", rdcc_nbytes=128 << 20)
        datasets = [file[str(case)] for case in range(len(arrays))]
        return lambda case, region: datasets[case][region]

    return Contender(opened, [path])


def monai(folder: Path, arrays: list[np.ndarray]) -> Contender:
    from monai.data import PersistentDataset
    from monai.transforms import Transform

    class Given(Transform):
        def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
            return {"image": torch.from_numpy(arrays[data["image"]])}

    dataset = PersistentDataset([{"image": n} for n in range(len(arrays))], Given(), folder / "monai")
    for case in range(len(arrays)):
        dataset[case]
    files = sorted((folder / "monai").iterdir())
    return Contender(lambda: lambda case, region: np.array(dataset[case]["image"][region]), files)


def nnunet(folder: Path, arrays: list[np.ndarray]) -> Contender:
    import blosc2

    options = {"codec": blosc2.Codec.ZSTD, "clevel": 8, "nthreads": 1}
    paths = [folder / f"{case}.b2nd" for case in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        blosc2.asarray(array, urlpath=str(path), chunks=(1, 128, 128, 128), blocks=(1, 32, 32, 64), cparams=options)

    def opened() -> Read:
        blosc2.set_nthreads(1)
        opened = [blosc2.open(urlpath=str(path), mode="r", dparams={"nthreads": 1}, mmap_mode="r") for path in paths]
        return lambda case, region: opened[case][region]

    return Contender(opened, paths)


def tensorstore(folder: Path, arrays: list[np.ndarray]) -> Contender:
    import tensorstore as ts

    specs = []
    for case, array in enumerate(arrays):
        spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(folder / f"{case}.ts")}}
        grid = {"name": "regular", "configuration": {"chunk_shape": [1, 64, 64, 64]}}
        made = {"shape": SHAPE, "data_type": "float32", "chunk_grid": grid}
        ts.open({**spec, "metadata": made}, create=True).result().write(array).result()
        specs.append(spec)
    context = {"data_copy_concurrency": {"limit": 1}, "file_io_concurrency": {"limit": 1}}

    def opened() -> Read:
        stores = [ts.open({**spec, "context": context}, open=True).result() for spec in specs]
        return lambda case, region: stores[case][region].read().result()

    return Contender(opened, [path for path in folder.rglob("*.ts/**/*") if path.is_file()])


def contenders(folder: Path, arrays: list[np.ndarray]) -> dict[str, Contender]:
    """Write everything and return all contenders that can run here."""
    found = {
        "eisen raw": ours(folder, arrays, "raw"),
        "eisen int16": ours(folder, arrays, "int16"),
        "eisen blosc2": ours(folder, arrays, "blosc2"),
        "limit: copy": copy(arrays),
        "memmap": memory_map(folder, arrays),
        "h5py chunks": h5py_chunks(folder, arrays),
    }
    peers = {"pymia": pymia, "monai": monai, "blosc2": nnunet, "tensorstore": tensorstore}
    titles = {"monai": "MONAI Persistent", "blosc2": "blosc2 as nnU-Net"}
    for module, make in peers.items():
        if find_spec(module):
            found[titles.get(module, module)] = make(folder, arrays)
    return found


def steady(contender: Contender, part: str, n_cases: int) -> Callable[[], float]:
    """Return what reads parts of few cases at few places, all of which were visited before; ms per part."""
    read, times = contender.open(), TIMES[part]
    places = [(case, region_of(part, number)) for number in range(2) for case in range(n_cases)]
    for _ in range(3 if part == "whole" else 12):
        for case, region in places:
            read(case, region)
    turn = iter(range(sys.maxsize))

    def sample() -> float:
        chosen = [places[next(turn) % len(places)] for _ in range(times)]
        start = time.perf_counter()
        for case, region in chosen:
            read(case, region)
        return (time.perf_counter() - start) / times * 1000

    return sample


def first_touch(contender: Contender, part: str, n_cases: int, drop: bool = False) -> Callable[[], float]:
    """Return what opens anew and reads one part of each case; ms per part."""

    def sample() -> float:
        if drop:
            for path in contender.files:
                forget(path)
        read, total = contender.open(), 0.0
        for case in range(n_cases):
            region = region_of(part, case)
            start = time.perf_counter()
            part_read = read(case, region)
            total += time.perf_counter() - start
            del part_read
        return total / n_cases * 1000

    return sample


def forget(path: Path) -> None:
    """Drop a file from the page cache."""
    number = os.open(path, os.O_RDONLY)
    os.fsync(number)
    os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(number)


def verdict(part: str, state: str, results: dict[str, Result]) -> bool:
    """Say whether the goal is met and nobody of pymia's is faster; all ratios are those of this run."""
    mine = results["eisen raw"].median
    lines, met = [], True
    if "pymia" in results:
        ratio = results["pymia"].median / mine
        lines.append(f"{ratio:.1f} times as fast as pymia")
        met &= ratio >= 1 or state == "cold"
    if "memmap" in results:
        share = mine / results["memmap"].median
        lines.append(f"{share:.2f} of the memory map's time")
        goal = GOALS[part][STATES.index(state)] if state != "cold" else float("inf")
        if goal < float("inf"):
            lines.append(f"goal {goal:.2f} {'met' if share <= goal else 'missed'}")
            met &= share <= goal
    print(f"  eisen raw {mine:.3f} ms: {', '.join(lines)}\n")
    return met


def check(found: dict[str, Contender], arrays: list[np.ndarray]) -> None:
    """Make sure that everybody reads the same values."""
    region = region_of("patch", 1)
    for name, contender in found.items():
        part = contender.open()(1 % len(arrays), region)
        if part is None:
            continue
        part = np.asarray(part)
        if name == "pymia":
            part = np.moveaxis(part, -1, 0)
        assert np.abs(part - arrays[1 % len(arrays)][region]).max() < 1e-4, name


def run(found: dict[str, Contender], options: argparse.Namespace) -> bool:
    met, drawn = True, {}
    for state in options.state:
        taking_part = {name: one for name, one in found.items() if state != "cold" or one.has_cold}
        for part in options.what:
            if state == "steady":
                samples = {name: steady(one, part, options.cases) for name, one in taking_part.items()}
            else:
                drop = state == "cold"
                samples = {name: first_touch(one, part, options.cases, drop) for name, one in taking_part.items()}
            with quiet():
                results = measure(samples, options.rounds)
            baseline = "pymia" if "pymia" in results else "memmap"
            show(f"{part}, {state}", results, unit="ms", baseline=baseline, digits=3)
            met &= verdict(part, state, results)
            drawn[part, state] = results
    if options.picture:
        draw_states(drawn, options.picture)
    return met


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--what", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--state", nargs="+", choices=STATES, default=list(STATES))
    parser.add_argument("--picture", type=Path, help="draw the medians into this SVG or PNG")
    options = parser.parse_args()
    hdf5plugin.get_config()
    with tempfile.TemporaryDirectory() as name:
        arrays = volumes(options.cases)
        with quiet():
            found = contenders(Path(name), arrays)
        check(found, arrays)
        for form, one in found.items():
            if one.files:
                print(
                    f"{form:>18}: {sum(path.stat().st_size for path in one.files) / options.cases / 1e6:6.1f} MB a case"
                )
        met = run(found, options)
    sys.exit(not met)


if __name__ == "__main__":
    main()
