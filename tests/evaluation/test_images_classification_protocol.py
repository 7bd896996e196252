"""What every metric of images and of classifiers keeps: names, range, direction, reasons, and no error for any data."""

from __future__ import annotations

import math
import pickle
import re
from typing import Any

import numpy as np
import pytest

from eisen._core.errors import ArgumentError
from eisen.evaluation import ImageMetric, ImagePair, ScoreMetric, ScorePair, metric_of, metrics_of
from eisen.evaluation.spelling import registry

IMAGES: list[Any] = metrics_of("all", kind="image")
SCORES: list[Any] = metrics_of("all", kind="classification")
RANDOM = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RANDOM.normal(0, 1, shape)


IMAGE_PAIRS: dict[str, tuple[Any, ...]] = {
    "plain": (noise(8, 9), noise(8, 9)),
    "volumes": (noise(13, 12, 11), noise(13, 12, 11)),
    "one voxel": (noise(1, 1), noise(1, 1)),
    "no voxels": (noise(0, 3), noise(0, 3)),
    "one axis": (noise(5), noise(5)),
    "five axes": (noise(2, 2, 2, 2, 2), noise(2, 2, 2, 2, 2)),
    "constant": (np.ones((9, 9)), np.ones((9, 9))),
    "constant prediction": (np.ones((9, 9)), noise(9, 9)),
    "zeros": (np.zeros((9, 9)), np.zeros((9, 9))),
    "empty mask": (noise(9, 9), noise(9, 9), np.zeros((9, 9))),
    "mask of one voxel": (noise(9, 9), noise(9, 9), np.arange(81).reshape(9, 9) == 40),
    "all NaN": (np.full((9, 9), np.nan), noise(9, 9)),
    "infinite": (noise(9, 9), np.full((9, 9), np.inf)),
    "huge": (noise(9, 9) * 1e300, noise(9, 9) * 1e300),
    "tiny": (noise(9, 9) * 1e-300, noise(9, 9) * 1e-300),
    "bytes": (RANDOM.integers(0, 256, (9, 9), "u1"), RANDOM.integers(0, 256, (9, 9), "u1")),
    "half": (noise(9, 9).astype("f2"), noise(9, 9).astype("f2")),
    "big endian": (noise(9, 9).astype(">f4"), noise(9, 9).astype(">i2")),
    "booleans": (noise(9, 9) > 0, noise(9, 9) > 0),
}

SCORE_PAIRS: dict[str, tuple[Any, ...]] = {
    "two classes": (RANDOM.random(20), RANDOM.integers(0, 2, 20)),
    "four classes": (RANDOM.dirichlet(np.ones(4), 20), RANDOM.integers(0, 4, 20)),
    "no cases": (np.zeros(0), np.zeros(0, int)),
    "no cases, three classes": (np.zeros((0, 3)), np.zeros(0, int)),
    "one case": (np.array([0.3]), np.array([1])),
    "one column": (np.ones((4, 1)), np.zeros(4, int)),
    "one class occurs": (RANDOM.random(9), np.ones(9, int)),
    "constant": (np.full(9, 0.5), RANDOM.integers(0, 2, 9)),
    "certain": (np.array([0.0, 1, 0, 1]), np.array([0, 1, 1, 0])),
    "logits": (noise(9), RANDOM.integers(0, 2, 9)),
    "logits of three classes": (noise(9, 3) * 5, RANDOM.integers(0, 3, 9)),
    "NaN": (np.full(5, np.nan), RANDOM.integers(0, 2, 5)),
    "decisions": (None, np.array([0, 1, 2]), np.array([0, 2, 2])),
    "integers as scores": (np.array([0, 1, 1]), np.array([False, True, False])),
    "half": (RANDOM.random(9).astype("f2"), RANDOM.integers(0, 2, 9)),
}


@pytest.mark.parametrize("metric", [*IMAGES, *SCORES], ids=str)
def test_every_metric_says_what_it_is(metric: Any) -> None:
    assert metric.better in ("higher", "lower", "neither")
    assert metric.low < metric.high
    assert metric.groups
    assert metric.kind == ("image" if isinstance(metric, ImageMetric) else "classification")
    assert metric.abbreviation == metric.abbreviation.upper()
    assert metric_of(metric.name) == metric == pickle.loads(pickle.dumps(metric))
    assert metric_of(type(metric).__name__) == metric
    words = type(metric).__doc__
    for needed in ("Source:", "Example:", ">>>"):
        assert needed in words
    assert re.search(r"[Ff]rom |undefined|without limit|no lower limit|counts|0 if", words)
    if metric.better != "neither":
        assert metric.best is not None


def test_no_two_metrics_have_one_name() -> None:
    classes = set(registry().values())
    for cls in classes:
        assert registry()[cls.abbreviation] is cls, cls
    abbreviations = [cls.abbreviation for cls in classes]
    assert len(abbreviations) == len(set(abbreviations))


@pytest.mark.parametrize("data", IMAGE_PAIRS)
@pytest.mark.parametrize("metric", IMAGES, ids=str)
def test_any_images_have_a_value_in_range_or_a_reason(metric: Any, data: str) -> None:
    found = metric.measure(ImagePair(*IMAGE_PAIRS[data]))
    assert isinstance(found.value, float)
    assert found.reason if math.isnan(found.value) else metric.low <= found.value <= metric.high


@pytest.mark.parametrize("data", SCORE_PAIRS)
@pytest.mark.parametrize("metric", SCORES, ids=str)
def test_any_scores_have_a_value_in_range_or_a_reason(metric: Any, data: str) -> None:
    pair = ScorePair(*SCORE_PAIRS[data])
    for found in (metric.measure(pair), *metric.per_class(pair).values()):
        assert type(found.value) is float
        assert found.reason if math.isnan(found.value) else metric.low <= found.value <= metric.high


@pytest.mark.parametrize("metric", IMAGES, ids=str)
def test_equal_images_have_the_best_value(metric: Any) -> None:
    if type(metric).__name__ == "MultiScaleStructuralSimilarity":
        metric = type(metric)(weights=(0.5, 0.5))
    image = noise(25, 24)
    best = 0 if metric.better == "neither" else metric.best
    assert metric(image, image) == pytest.approx(best, abs=1e-12)
    assert metric(image, image.copy(), mask=np.ones(image.shape)) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("metric", SCORES, ids=str)
def test_perfect_scores_have_the_best_value(metric: Any) -> None:
    classes = np.arange(12) % 3
    assert metric(np.eye(3)[classes], classes) == pytest.approx(metric.best, abs=1e-12)
    assert metric((classes == 1).astype(float), classes == 1) == pytest.approx(metric.best, abs=1e-12)


@pytest.mark.parametrize("metric", IMAGES, ids=str)
def test_order_of_memory_and_type_do_not_matter(metric: Any) -> None:
    if type(metric).__name__ == "MultiScaleStructuralSimilarity":
        metric = type(metric)(weights=(1.0,))
    p, r = (RANDOM.integers(0, 200, (13, 14, 12)) for _ in range(2))
    expected = metric(p.astype(float), r.astype(float))
    assert metric(p.astype("u1"), np.asfortranarray(r.astype("i4"))) == pytest.approx(expected, rel=1e-9)
    assert metric(p.astype("f4")[::-1], r.astype(">u2")[::-1]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("metric", IMAGES, ids=str)
def test_images_are_left_as_they_are(metric: Any) -> None:
    images = [noise(12, 13) for _ in range(2)]
    mask = noise(12, 13) > 0
    before = [side.copy() for side in (*images, mask)]
    metric.measure(ImagePair(*images, mask))
    assert all((a == b).all() for a, b in zip(before, (*images, mask), strict=True))


@pytest.mark.parametrize("metric", SCORES, ids=str)
def test_scores_are_left_as_they_are(metric: Any) -> None:
    scores, classes = RANDOM.dirichlet(np.ones(3), 20), RANDOM.integers(0, 3, 20)
    before = scores.copy(), classes.copy()
    metric.measure(ScorePair(scores, classes))
    assert (scores == before[0]).all()
    assert (classes == before[1]).all()


def test_metrics_of_another_kind_are_refused() -> None:
    for spelling, kind in (("PSNR", "segmentation"), ("AUROC", "image"), ("DICE", "classification")):
        with pytest.raises(ArgumentError, match="is a metric for"):
            metrics_of(spelling, kind=kind)
    names = [metric.name for metric in metrics_of("regression, reconstruction", kind="image")]
    assert {"MAE", "R2", "PSNR", "SSIM", "MSSSIM"} <= set(names)
    assert {"ECE", "BRIER"} <= {metric.name for metric in metrics_of("calibration", kind="classification")}


def test_a_metric_of_your_own_needs_a_formula_only() -> None:
    from eisen.evaluation import Measured

    class Largest(ImageMetric):
        abbreviation = "LARGEST"

        def formula(self, pair: ImagePair) -> Measured:
            return Measured(float(abs(pair.prediction - pair.reference).max()))

    class Share(ScoreMetric):
        abbreviation = "SHARE"

        def formula(self, pair: ScorePair) -> Measured:
            return Measured(float((pair.predicted == 1).mean()))

    assert Largest()(np.array([1.0, 5.0]), np.array([0.0, 1.0])) == 4
    assert Share()(np.array([0.2, 0.7]), np.array([0, 0])) == 0.5
