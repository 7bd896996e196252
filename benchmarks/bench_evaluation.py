"""What it costs to score one segmentation: 181 x 217 x 181 voxels, five labels, processor time of one thread.

Three jobs: all 32 metrics of pymia; the three that challenges ask for (95th percentile of the Hausdorff distance,
average surface distance, surface Dice at 1 mm); the four counts of every label. Two predictions: a good one, most of
whose surface is within 3 voxels, and one that is 15 voxels off. Values are compared before anything is measured.
Peers are used as their documentation shows; medpy has no surface Dice and pymia no average surface distance, so they do
less. The Dice of all labels alone, a part of what four counts tell, is shown beside and not judged. Peak memory is that
of a process of its own, from before the label maps are there.

    python benchmarks/bench_evaluation.py [ROUNDS] [--only all|surfaces|counts|memory]
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import _one_thread
import numpy as np
import SimpleITK
import torch
from _harness import Result, measure, quiet, show
from scipy import ndimage

from eisen.evaluation import CasePair, metrics_of
from eisen.evaluation.evaluators import SegmentationEvaluator

SHAPE = (181, 217, 181)
LABELS = range(1, 6)
SPACING = (1.0, 1.0, 1.0)
THREE = "HDRFDST(percentile=95), ASSD(convention='mean'), SURFDICE"
ALL_TARGET, GOOD_TARGET, BAD_TARGET, COUNTS_TARGET, MEMORY_TARGET = 15.0, 10.0, 2.5, 10.0, 4.0


def label_map(error: float = 0.0) -> np.ndarray:
    """Two folded shells around each other, the outer one thin, and three small bodies inside; `error` bends them."""
    axes = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in SHAPE)]
    radius = np.sqrt(sum((axis / 0.85) ** 2 for axis in axes)).astype("float32")
    depth = ndimage.gaussian_filter(radius + 0.11 * _waves(1, 7), 1) + error * _waves(9, 4)
    labels = np.where(depth < 0.76, 1, np.where(depth < 0.92, 2, 0)).astype(np.uint8)
    bodies = [((-0.15, 0.1, -0.1), (0.12, 0.3, 0.09)), ((0.2, -0.1, 0.1), (0.13, 0.11, 0.12))]
    bodies.append(((-0.15, 0.1, 0.35), (0.13, 0.3, 0.09)))
    for number, (centre, radii) in enumerate(bodies):
        size = sum(((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radii, strict=True))
        labels[size + 8 * error * _waves(20 + number, 4) < 1] = 3 + number
    return labels


def _waves(seed: int, width: float) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal([n // 2 + 1 for n in SHAPE], "float32")
    smooth = ndimage.gaussian_filter(noise, width / 2)
    smooth /= smooth.std()
    for axis in range(3):
        smooth = np.repeat(smooth, 2, axis)
    return smooth[tuple(slice(n) for n in SHAPE)]


@lru_cache(maxsize=1)
def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return prediction and reference of both cases."""
    reference = label_map()
    return {"good": (label_map(0.02), reference), "15 voxels off": (np.roll(reference, 15, axis=0), reference)}


def ours(metrics: str, prediction: np.ndarray, reference: np.ndarray) -> dict[tuple[int, str], float]:
    """Return the values of metrics for all labels."""
    pair = CasePair(prediction, reference, SPACING)
    return {(n, m.abbreviation): m.measure(pair.label(n)).value for n in LABELS for m in metrics_of(metrics)}


def ours_by_evaluator(prediction: np.ndarray, reference: np.ndarray) -> Any:
    evaluator = SegmentationEvaluator(metrics_of("pymia"), {n: str(n) for n in LABELS})
    evaluator.evaluate(prediction, reference, "case", spacing_mm=SPACING)
    return evaluator.results


def pymia_evaluator(metrics: list[Any], prediction: np.ndarray, reference: np.ndarray) -> list[Any]:
    import pymia.evaluation.evaluator as peer

    np.in1d = np.isin  # noqa: NPY201  # the name of NumPy before 2.4, which pymia 0.3.4 uses
    evaluator = peer.SegmentationEvaluator(metrics, {n: str(n) for n in LABELS})
    evaluator.evaluate(prediction, reference, "case")
    return list(evaluator.results)


def pymia_all(prediction: np.ndarray, reference: np.ndarray) -> list[Any]:
    import pymia.evaluation.metric as peer

    areas = [peer.PredictionArea(), peer.ReferenceArea()]
    return pymia_evaluator([*peer.get_segmentation_metrics(), *areas], prediction, reference)


def pymia_surfaces(prediction: np.ndarray, reference: np.ndarray) -> list[Any]:
    import pymia.evaluation.metric as peer

    return pymia_evaluator([peer.HausdorffDistance(95), peer.SurfaceDiceOverlap(1)], prediction, reference)


def pymia_counts(prediction: np.ndarray, reference: np.ndarray) -> list[Any]:
    import pymia.evaluation.metric as peer

    four = [peer.TruePositive(), peer.FalsePositive(), peer.FalseNegative(), peer.TrueNegative()]
    return pymia_evaluator(four, prediction, reference)


def deepmind_surfaces(prediction: np.ndarray, reference: np.ndarray) -> list[tuple[Any, ...]]:
    import surface_distance as peer

    found = []
    for n in LABELS:
        distances = peer.compute_surface_distances(reference == n, prediction == n, SPACING)
        mean = sum(peer.compute_average_surface_distance(distances)) / 2
        dice = peer.compute_surface_dice_at_tolerance(distances, 1)
        found.append((peer.compute_robust_hausdorff(distances, 95), mean, dice))
    return found


def deepmind_dice(prediction: np.ndarray, reference: np.ndarray) -> list[float]:
    import surface_distance as peer

    return [peer.compute_dice_coefficient(reference == n, prediction == n) for n in LABELS]


def medpy_surfaces(prediction: np.ndarray, reference: np.ndarray) -> list[tuple[float, float]]:
    from medpy.metric import binary as peer

    masks = [(prediction == n, reference == n) for n in LABELS]
    return [(peer.hd95(*both, SPACING), peer.assd(*both, SPACING)) for both in masks]


def medpy_rates(prediction: np.ndarray, reference: np.ndarray) -> list[tuple[float, ...]]:
    from medpy.metric import binary as peer

    masks = [(prediction == n, reference == n) for n in LABELS]
    rates = peer.dc, peer.sensitivity, peer.precision, peer.specificity
    return [tuple(rate(*both) for rate in rates) for both in masks]


def medpy_dice(prediction: np.ndarray, reference: np.ndarray) -> list[float]:
    from medpy.metric import binary as peer

    return [peer.dc(prediction == n, reference == n) for n in LABELS]


def _one_hot(labels: np.ndarray) -> torch.Tensor:
    from monai.networks.utils import one_hot

    return one_hot(torch.from_numpy(labels)[None, None], len(LABELS) + 1, dtype=torch.uint8)


def monai_surfaces(prediction: np.ndarray, reference: np.ndarray) -> tuple[Any, ...]:
    from monai import metrics as peer

    both, options = (_one_hot(prediction), _one_hot(reference)), {"spacing": SPACING}
    return (
        peer.compute_hausdorff_distance(*both, percentile=95, **options),
        peer.compute_average_surface_distance(*both, symmetric=True, **options),
        peer.compute_surface_dice(*both, [1.0] * len(LABELS), **options),
    )


def monai_counts(prediction: np.ndarray, reference: np.ndarray) -> Any:
    from monai.metrics import get_confusion_matrix

    return get_confusion_matrix(_one_hot(prediction), _one_hot(reference), include_background=False)


def simpleitk_overlap(images: tuple[Any, Any]) -> list[float]:
    measures = SimpleITK.LabelOverlapMeasuresImageFilter()
    measures.Execute(*images)
    return [measures.GetDiceCoefficient(n) for n in LABELS]


def sklearn_counts(prediction: np.ndarray, reference: np.ndarray) -> Any:
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(reference.ravel(), prediction.ravel())


def ours_counts(prediction: np.ndarray, reference: np.ndarray) -> list[Any]:
    pair = CasePair(prediction, reference)
    return [pair.label(n).counts for n in LABELS]


def by_hand(prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The limit of a single NumPy call on these arrays."""
    return np.bincount(prediction.ravel().astype(np.intp) * 6 + reference.ravel(), minlength=36)


SURFACES: dict[str, Callable[..., Any]] = {
    "eisen": partial(ours, THREE),
    "DeepMind": deepmind_surfaces,
    "pymia, two": pymia_surfaces,
    "medpy, two": medpy_surfaces,
    "MONAI": monai_surfaces,
}
COUNTS: dict[str, Callable[..., Any]] = {
    "eisen": ours_counts,
    "pymia": pymia_counts,
    "medpy": medpy_rates,
    "less: medpy, Dice": medpy_dice,
    "less: DeepMind, Dice": deepmind_dice,
    "MONAI": monai_counts,
    "by hand: np.bincount": by_hand,
}


def check() -> None:
    """Make sure that values are those of the peers."""
    for both in cases().values():
        found, expected = ours(THREE, *both), deepmind_surfaces(*both)
        values = [[found[n, name] for name in ("HDRFDST", "ASSD", "SURFDICE")] for n in LABELS]
        np.testing.assert_allclose(values, expected, rtol=1e-9)
    both = cases()["good"]
    for n, counts in zip(LABELS, ours_counts(*both), strict=True):
        prediction, reference = (side == n for side in both)
        assert counts.tp == (prediction & reference).sum()
        assert counts.fp == (prediction & ~reference).sum()


def compare(title: str, ways: dict[str, Callable[[], Any]], target: float, rounds: int, digits: int = 0) -> None:
    """Measure, and say how many times as fast as the fastest peer eisen is."""
    with quiet():
        results = measure({name: _one_thread.cpu_ms(way) for name, way in ways.items()}, rounds)
    show(title, results, unit="ms CPU", baseline="eisen", digits=digits)
    _verdict(results, target)


def _verdict(results: dict[str, Result], target: float) -> None:
    peers = [result for name, result in results.items() if name != "eisen" and not name.startswith(("by hand", "less"))]
    best = min(peers, key=lambda result: result.median)
    ratio = best.median / results["eisen"].median
    word = "met" if ratio >= target else "MISSED"
    print(f"  eisen {ratio:.1f} times as fast as the fastest peer ({best.name}), target {target:g} {word}\n")


MEMORY: dict[str, Callable[..., Any]] = {
    "all 32": ours_by_evaluator,
    "surfaces": partial(ours, THREE),
    "counts": ours_counts,
    "all 32, pymia": pymia_all,
    "surfaces, DeepMind": deepmind_surfaces,
}


def memory(job: str, case: str) -> None:
    """In a process of its own: print how much the peak is above what it was before the label maps, in label maps."""
    far = np.zeros((90, 20, 20), np.uint8)
    far[5:15, 5:15, 5:15] = np.arange(1, 6).repeat(2)[:, None, None]
    MEMORY[job](np.roll(far, 60, 0), far)  # imports, tables
    maps = [np.ascontiguousarray(side) for side in cases()[case]]
    size = sum(side.nbytes for side in maps)
    cases.cache_clear()
    gc.collect()
    _trim()
    before = _peak_bytes(reset=True) - size
    MEMORY[job](*maps)
    print((_peak_bytes() - before) / size)


def _trim() -> None:
    import ctypes

    ctypes.CDLL("libc.so.6").malloc_trim(0)


def _peak_bytes(reset: bool = False) -> int:
    """Return the peak of the resident memory; with `reset`, what is resident now, from which the peak is counted."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def compare_memory() -> None:
    """Print the peaks of all jobs."""
    print(f"Peak memory over the two label maps (the maps are 1.0), target {MEMORY_TARGET:g}")
    for job in MEMORY:
        for case in cases():
            command = [sys.executable, __file__, "--memory", job, case]
            peak = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
            word = "" if "," in job else "met" if peak < MEMORY_TARGET else "MISSED"
            print(f"  {job:<22} {case:<14} {peak:6.1f} {word}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--only", choices=("all", "surfaces", "counts", "memory"))
    parser.add_argument("--memory", nargs=2)
    given = parser.parse_args()
    if given.memory:
        memory(*given.memory)
        return
    check()
    jobs = {"all": _all, "surfaces": _surfaces, "counts": _counts, "memory": lambda _: compare_memory()}
    for name, job in jobs.items():
        if given.only in (None, name):
            job(given.rounds)


def _all(rounds: int) -> None:
    for case, both in cases().items():
        ways = {"eisen": partial(ours_by_evaluator, *both), "pymia": partial(pymia_all, *both)}
        compare(f"All 32 metrics of pymia, {case}", ways, ALL_TARGET if case == "good" else BAD_TARGET, rounds)


def _surfaces(rounds: int) -> None:
    for case, both in cases().items():
        ways = {name: partial(way, *both) for name, way in SURFACES.items()}
        target = GOOD_TARGET if case == "good" else BAD_TARGET
        compare(f"HD95, average surface distance, surface Dice, {case}", ways, target, rounds)


def _counts(rounds: int) -> None:
    both = cases()["good"]
    ways = {name: partial(way, *both) for name, way in COUNTS.items()}
    ways["SimpleITK"] = partial(simpleitk_overlap, tuple(SimpleITK.GetImageFromArray(side) for side in both))
    ways["scikit-learn"] = partial(sklearn_counts, *both)
    compare(
        "The four counts of all labels, or the rates that follow from them", ways, COUNTS_TARGET, 3 * rounds, digits=2
    )


if __name__ == "__main__":
    main()
