"""Metrics of images in other libraries, by the names of eisen: functions of (prediction, reference)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _peers import pymia_metrics, silent

from eisen.evaluation import metric_of

Peer = Callable[[np.ndarray, np.ndarray], float]

SPELLINGS = ["R2", "MAE", "MSE", "RMSE", "NRMSE", "NRMSE(normalizer='euclidean')", "PSNR", "PSNR(convention='pymia')",
             "SSIM", "MSSSIM", "NMSE", "MEDAE", "PEARSON"]  # fmt: skip

WHY = {
    ("PSNR", "pymia"): "pymia's range is the largest value, whatever the smallest: `convention='pymia'`",
    ("SSIM", "pymia"): "the same range, see PSNR",
}


def of_pymia(spelling: str) -> Peer:
    """Return pymia's metric."""
    names = {
        "R2": "CoefficientOfDetermination", "MAE": "MeanAbsoluteError", "MSE": "MeanSquaredError",
        "RMSE": "RootMeanSquaredError", "NRMSE": "NormalizedRootMeanSquaredError",
        "PSNR": "PeakSignalToNoiseRatio", "PSNR(convention='pymia')": "PeakSignalToNoiseRatio",
        "SSIM": "StructuralSimilarityIndexMeasure",
    }  # fmt: skip
    name = names[spelling]

    def measure(p: np.ndarray, r: np.ndarray) -> float:
        metrics = pymia_metrics()
        from pymia.evaluation.metric import continuous

        metric = getattr(metrics, name, None) or getattr(continuous, name)
        found = metric()
        found.prediction, found.reference = p, r
        return float(found.calculate())

    return measure


def of_skimage(spelling: str) -> Peer:
    """Return the metric of scikit-image."""
    from skimage import metrics

    return {
        "MSE": lambda p, r: float(metrics.mean_squared_error(r, p)),
        "NRMSE": lambda p, r: float(metrics.normalized_root_mse(r, p, normalization="min-max")),
        "NRMSE(normalizer='euclidean')": lambda p, r: float(metrics.normalized_root_mse(r, p)),
        "PSNR": lambda p, r: float(metrics.peak_signal_noise_ratio(r, p, data_range=np.ptp(r))),
        "SSIM": lambda p, r: float(metrics.structural_similarity(r, p, data_range=np.ptp(r))),
    }[spelling]


def of_sklearn(spelling: str) -> Peer:
    """Return the metric of scikit-learn."""
    from sklearn import metrics

    function = {
        "R2": metrics.r2_score, "MAE": metrics.mean_absolute_error, "MSE": metrics.mean_squared_error,
        "RMSE": metrics.root_mean_squared_error, "MEDAE": metrics.median_absolute_error,
    }[spelling]  # fmt: skip
    return lambda p, r: float(function(r.reshape(-1), p.reshape(-1)))


def of_torchmetrics(spelling: str) -> Peer:
    """Return the metric of torchmetrics."""
    import torch
    import torchmetrics.functional as functions
    import torchmetrics.functional.image as images

    def stacked(function: Callable[..., Any], **more: Any) -> Peer:
        return lambda p, r: float(
            function(
                torch.from_numpy(p)[None, None], torch.from_numpy(r)[None, None], data_range=float(np.ptp(r)), **more
            )
        )

    return {
        "PSNR": stacked(images.peak_signal_noise_ratio),
        "MSSSIM": stacked(images.multiscale_structural_similarity_index_measure),
        "PEARSON": lambda p, r: float(functions.pearson_corrcoef(*(torch.from_numpy(v.reshape(-1)) for v in (p, r)))),
    }[spelling]


PEERS = {"pymia": of_pymia, "scikit-image": of_skimage, "scikit-learn": of_sklearn, "torchmetrics": of_torchmetrics}


def pairs() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield pairs of images: positive ones, and signed ones as CT."""
    rng = np.random.default_rng(0)
    for name, shape in (("3-D", (24, 26, 28)), ("2-D", (190, 180))):
        smooth = np.add.reduce([np.sin(axis / 5.0) for axis in np.indices(shape)])
        positive = smooth - smooth.min()
        yield name, positive + 0.1 * rng.standard_normal(shape), positive
        signed = 500.0 * smooth - 200.0
        yield f"{name}, signed", signed + 40.0 * rng.standard_normal(shape), signed


def rows() -> Iterator[tuple[str, ...]]:
    """Yield metric, library, largest relative difference, and why."""
    for spelling in SPELLINGS:
        for name, library in PEERS.items():
            try:
                peer = library(spelling)
            except KeyError:
                continue
            yield spelling, name, *_compared(spelling, name, peer)


def _compared(spelling: str, name: str, peer: Peer) -> tuple[str, str]:
    found = []
    for case, prediction, reference in pairs():
        try:
            with silent():
                theirs = peer(prediction, reference)
        except Exception:  # an image too small for a window, mostly
            continue
        ours: float = metric_of(spelling)(prediction, reference)  # type: ignore[operator]
        found.append((abs(ours - theirs) / max(abs(theirs), 1e-12), case))
    if not found:
        return "–", ""
    largest, case = max(found)
    if largest < 1e-9:
        return "equal", ""
    why = WHY.get((spelling, name), "not explained") if largest > 1e-5 else ""
    return (f"{largest:.1e} ({len(found)})" if largest < 1e-5 else f"{largest:.3g} ({case})"), why
