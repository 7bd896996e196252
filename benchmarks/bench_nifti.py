"""What reading and writing .nii.gz costs: a brain MR, a CT and a label map, one thread, processor time.

Each contender does what its user writes to have the voxels in memory, and to have an array on the disk. The files that
are read were written by nibabel. Limit: isal alone, on the same bytes, between buffers that are already there.
Targets: reading twice as fast as nibabel, label maps seven times; writing four times, files at most 10 % larger.

    python benchmarks/bench_nifti.py [FILE.nii.gz ...]        # more files to read
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK
import torch
from _harness import Result, measure, quiet, show
from isal import isal_zlib
from scipy import ndimage
from scipy.spatial import KDTree

from eisen.io import read_nifti, write_nifti

ROUNDS = 9
READ_TARGETS = {"brain": 2.0, "CT": 2.0, "label map": 7.0}
WRITE_TARGET = 4.0
LARGEST = 1.10


def brain(shape: tuple[int, int, int] = (240, 240, 160)) -> np.ndarray:
    """Tissue that varies smoothly, with noise, in air without any: int16."""
    smooth = ndimage.gaussian_filter(_noise(shape), 3)
    image = 600 + 200 * smooth / smooth.std() + 15 * _noise(shape)
    return np.rint(np.where(_inside(shape, 0.85), image, 0)).astype("int16")


def ct(shape: tuple[int, int, int] = (512, 512, 64)) -> np.ndarray:
    """A body with noise of 12 Hounsfield units, in air with noise too: int16."""
    smooth = ndimage.gaussian_filter(_noise(shape), 4)
    body = np.where(_inside(shape, 0.9), 40 + 80 * smooth / smooth.std(), -1000)
    return np.rint(np.clip(body + 12 * _noise(shape), -1024, 3071)).astype("int16")


def label_map(shape: tuple[int, int, int] = (181, 217, 181)) -> np.ndarray:
    """A head of 53 compact structures with curved borders: uint8."""
    draw = np.random.default_rng(0)
    centre = np.array(shape) / 2
    seeds = centre + draw.uniform(-0.85, 0.85, (53, 3)) * centre
    coarse = [tuple(n // 18 for n in shape)] * 3
    bend = [ndimage.zoom(4 * draw.standard_normal(c), np.divide(shape, c), order=3) for c in coarse]
    places = np.indices(shape, dtype="float32") + np.array(bend, "float32")
    nearest = KDTree(seeds).query(places.reshape(3, -1).T)[1].reshape(shape)
    return np.where(_inside(shape, 0.85), nearest + 1, 0).astype("uint8")


def _noise(shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape, "float32")


def _inside(shape: tuple[int, int, int], radius: float) -> np.ndarray:
    axes = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    return sum((axis / radius) ** 2 for axis in axes) < 1


def readers(path: Path) -> dict[str, Callable[[], float]]:
    """Return every way of reading a file, each giving its processor time in milliseconds."""
    ways: dict[str, Callable[[], Any]] = {
        "eisen": lambda: np.asanyarray(read_nifti(path).dataobj),
        "nibabel": lambda: np.asanyarray(nibabel.load(path).dataobj),
        "SimpleITK": lambda: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))),
        "limit: isal": partial(_inflate, path, np.empty(len(gzip.decompress(path.read_bytes())), "uint8")),
    }
    if find_spec("torchio"):
        import torchio

        ways["TorchIO"] = lambda: torchio.ScalarImage(path).data
    if find_spec("monai"):
        from monai.transforms import LoadImage

        load = LoadImage(image_only=True)
        ways["MONAI"] = lambda: load(path)
    return {name: partial(cost, way) for name, way in ways.items()}


def writers(array: np.ndarray, folder: Path) -> dict[str, Callable[[], float]]:
    """Return every way of writing an array, each giving its processor time in milliseconds."""
    affine, image = np.eye(4), SimpleITK.GetImageFromArray(array.T)
    content = np.ascontiguousarray(array.T).tobytes()
    ways: dict[str, Callable[[], Any]] = {
        "eisen": lambda: write_nifti(folder / "eisen.nii.gz", array, affine),
        "nibabel": lambda: nibabel.save(nibabel.Nifti1Image(array, affine), folder / "nibabel.nii.gz"),
        "SimpleITK": lambda: SimpleITK.WriteImage(image, str(folder / "SimpleITK.nii.gz")),
        "limit: isal": lambda: isal_zlib.compress(content, 1, wbits=31),
    }
    return {name: partial(cost, way) for name, way in ways.items()}


def cost(work: Callable[[], object]) -> float:
    """Return the processor time of one call in milliseconds, giving back the memory of the result included."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def _inflate(path: Path, buffer: np.ndarray) -> None:
    with path.open("rb", buffering=0) as file:
        source, view, done = isal_zlib._GzipReader(file, 512 * 1024), memoryview(buffer), 0
        while done < len(view) and (count := source.readinto(view[done:])):
            done += count


def verdict(results: dict[str, Result], target: float | None) -> None:
    """Say how many times as fast as nibabel eisen and the limit are."""
    ours, limit = (results["nibabel"].median / results[name].median for name in ("eisen", "limit: isal"))
    aim = f", target {target:g} {'met' if ours >= target else 'MISSED'}" if target else ""
    print(f"  eisen {ours:.1f} times as fast as nibabel{aim}; the limit {limit:.1f} times\n")


def main() -> None:
    torch.set_num_threads(1)
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        volumes = {"brain": brain(), "CT": ct(), "label map": label_map()}
        for title, array in volumes.items():
            path = folder / f"{title}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)
            read(path, f"{title} {array.shape} {array.dtype}", READ_TARGETS[title])
        for title, array in volumes.items():
            write(np.asfortranarray(array), folder, f"{title} {array.shape} {array.dtype}")
        for extra in map(Path, sys.argv[1:]):
            read(extra, extra.name, None)


def read(path: Path, title: str, target: float | None) -> None:
    """Measure reading of one file, after making sure that the voxels are nibabel's."""
    found, expected = (np.asanyarray(load(path).dataobj) for load in (read_nifti, nibabel.load))
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()
    ratio = found.nbytes / path.stat().st_size
    with quiet():
        results = measure(readers(path), ROUNDS)
    show(f"Read {title}, packed {ratio:.1f} times", results, unit="ms", baseline="nibabel")
    verdict(results, target)


def write(array: np.ndarray, folder: Path, title: str) -> None:
    """Measure writing of one array, and compare the sizes of the files."""
    with quiet():
        results = measure(writers(array, folder), ROUNDS)
    show(f"Write {title}", results, unit="ms", baseline="nibabel")
    verdict(results, WRITE_TARGET)
    size = {name: (folder / f"{name}.nii.gz").stat().st_size for name in ("eisen", "nibabel", "SimpleITK")}
    listed = ", ".join(f"{name} {bytes_ / 1e6:.2f}" for name, bytes_ in size.items())
    ratio = size["eisen"] / size["nibabel"]
    print(f"  MB: {listed}; eisen / nibabel {ratio:.3f}, target {LARGEST} {'met' if ratio <= LARGEST else 'MISSED'}\n")


if __name__ == "__main__":
    main()
