"""Many cases: how evaluation scales from one process to two. Wall time.

100 pairs of label maps in .nii.gz files (128 x 128 x 96, five labels: nested, bent balls), twelve metrics of overlap
and distance. "1" measures in this process, "2" in two that are started and ended inside of the time. The limit
is what the machine itself scales: two processes that each do half of a fixed piece of NumPy work, against one that
does all of it. As in `eisen evaluate -j 2`, PyTorch is not loaded, so processes start as copies of this one.

    python benchmarks/bench_evaluate_cases.py [--rounds 3] [--cases 100]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ[_name] = "1"

# ruff: noqa: E402  # the environment has to be set before they are loaded
import argparse
import multiprocessing
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
from _harness import measure, show, timed
from scipy import ndimage

from eisen.evaluation import CaseInput, SegmentationEvaluator
from eisen_cli import process

process.keep_memory()  # as the command does

TARGET = 1.8
SHAPE = (128, 128, 96)
METRICS = (
    "DICE, JACRD, SNSVTY, PRCISON, SPCFTY, VOLSMTY, HDRFDST, HDRFDST(percentile=95), ASSD, SURFDICE, PREDVOL, REFVOL"
)
LABELS = {k: f"label {k}" for k in range(1, 6)}


def write_pairs(folder: Path, n: int) -> list[CaseInput]:
    """Write the files; predictions are bent by two voxels."""
    rng = np.random.default_rng(0)
    middle = np.linalg.norm([(a - s / 2) / s for a, s in zip(np.indices(SHAPE), SHAPE, strict=True)], axis=0)
    reference = np.digitize(-middle, -np.array([0.45, 0.36, 0.27, 0.18, 0.09])).astype(np.uint8)
    shifts = [ndimage.gaussian_filter(rng.standard_normal(SHAPE), 12) for _ in range(3)]
    bent = [axis + 2 * shift / shift.std() for axis, shift in zip(np.indices(SHAPE), shifts, strict=True)]
    prediction = ndimage.map_coordinates(reference, bent, order=0)
    pairs = []
    for k in range(n):
        paths = [folder / f"{name}{k:03d}.nii.gz" for name in ("p", "r")]
        for path, values in zip(paths, (np.roll(prediction, k % 5, 0), reference), strict=True):
            nibabel.save(nibabel.Nifti1Image(values, np.diag([1.0, 1.0, 1.5, 1.0])), path)
        pairs.append(CaseInput(str(paths[0]), str(paths[1]), f"case {k}"))
    return pairs


def evaluated(pairs: list[CaseInput], n_workers: int) -> None:
    evaluator = SegmentationEvaluator(METRICS, LABELS)
    evaluator.evaluate_many(pairs, n_workers)
    assert len(evaluator.results.cases) == len(pairs)


def spin(n: int) -> None:
    values = np.arange(200_000.0)
    for _ in range(n):
        np.sqrt(values * values + 1.0).sum()


def spun(n: int, n_workers: int) -> None:
    if n_workers == 1:
        spin(n)
        return
    with multiprocessing.get_context("fork").Pool(n_workers) as pool:
        pool.map(spin, [n // n_workers] * n_workers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        pairs = write_pairs(Path(name), options.cases)
        works: dict[str, Callable[[], None]] = {
            "1": partial(evaluated, pairs, 1),
            "2": partial(evaluated, pairs, 2),
            "limit: work in 1": partial(spun, 12_000, 1),
            "limit: work in 2": partial(spun, 12_000, 2),
        }
        contenders = {key: partial(timed, work) for key, work in works.items()}
        results = measure(contenders, options.rounds)
    show(f"{options.cases} cases", results, unit="s", baseline="1", digits=2)
    for title, one, two in (("evaluation", "1", "2"), ("the machine", "limit: work in 1", "limit: work in 2")):
        ratio, best = results[one].median / results[two].median, results[one].fastest / results[two].fastest
        print(f"  {title}: {ratio:.2f} times as fast with two processes (fastest rounds {best:.2f}); target {TARGET}")


if __name__ == "__main__":
    main()
