"""Errors, R² and correlation of images: formulas written out, pymia, scikit-learn, scikit-image, and awkward images."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.metrics import normalized_root_mse
from sklearn import metrics as sk

from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen.evaluation import ImagePair, metric_of, metrics_of

RANDOM = np.random.default_rng(0)
IMAGES: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "float64": (RANDOM.normal(2, 3, (7, 8, 9)), RANDOM.normal(2, 3, (7, 8, 9))),
    "float32": (RANDOM.random((20, 30)).astype("f4"), RANDOM.random((20, 30)).astype("f4")),
    "uint8": (RANDOM.integers(0, 256, (9, 9, 5), "u1"), RANDOM.integers(0, 256, (9, 9, 5), "u1")),
    "int16 against uint8": (RANDOM.integers(-9000, 9000, (9, 40), "i2"), RANDOM.integers(0, 256, (9, 40), "u1")),
    "uint64": (RANDOM.integers(0, 2**40, (9, 40), "u8"), RANDOM.integers(0, 2**40, (9, 40), "u8")),
    "bool": (RANDOM.random((9, 40)) > 0.5, RANDOM.random((9, 40)) > 0.3),
    "memory in different orders": (np.asfortranarray(RANDOM.random((9, 8, 7))), RANDOM.random((9, 8, 7))[::-1]),
    "far from 0": (RANDOM.normal(1e8, 1, (50, 60)), RANDOM.normal(1e8, 1, (50, 60))),
    "one axis": (RANDOM.random(300), RANDOM.random(300)),
    "many pieces": (RANDOM.normal(0, 1, (60, 50, 70)), RANDOM.normal(0, 1, (60, 50, 70))),
}


def longs(values: np.ndarray) -> np.ndarray:
    return values.astype(np.longdouble).ravel()


def r_squared(p: np.ndarray, r: np.ndarray) -> float:
    return 1 - ((r - p) ** 2).sum() / ((r - r.mean()) ** 2).sum()


def root(p: np.ndarray, r: np.ndarray) -> float:
    return np.sqrt(((p - r) ** 2).mean())


FORMULAS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "R2": r_squared,
    "MAE": lambda p, r: abs(p - r).mean(),
    "BIAS": lambda p, r: (p - r).mean(),
    "MSE": lambda p, r: ((p - r) ** 2).mean(),
    "RMSE": root,
    "NRMSE": lambda p, r: root(p, r) / (r.max() - r.min()),
    'NRMSE(normalizer="mean")': lambda p, r: root(p, r) / abs(r.mean()),
    'NRMSE(normalizer="euclidean")': lambda p, r: root(p, r) / np.sqrt((r**2).mean()),
    'NRMSE(normalizer="std")': lambda p, r: root(p, r) / r.std(),
    "NMSE": lambda p, r: ((p - r) ** 2).sum() / (r**2).sum(),
    "MEDAE": lambda p, r: float(np.median(abs(p - r))),
    "PEARSON": lambda p, r: ((p - p.mean()) * (r - r.mean())).mean() / (p.std() * r.std()),
}


@pytest.mark.parametrize("images", IMAGES)
@pytest.mark.parametrize("spelling", FORMULAS)
def test_equals_its_formula_in_extended_precision(spelling: str, images: str) -> None:
    prediction, reference = IMAGES[images]
    expected = float(FORMULAS[spelling](longs(prediction), longs(reference)))
    assert metric_of(spelling)(prediction, reference) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("spelling", FORMULAS)
def test_only_voxels_of_the_mask_count(spelling: str) -> None:
    prediction, reference = (side.copy() for side in IMAGES["float64"])
    mask = RANDOM.random(reference.shape) > 0.6
    expected = float(FORMULAS[spelling](longs(prediction[mask]), longs(reference[mask])))
    prediction[~mask], reference[~mask] = np.nan, np.inf
    for inside in (mask, mask.astype("u1") * 7, mask.astype(float)):
        assert metric_of(spelling)(prediction, reference, mask=inside) == pytest.approx(expected, rel=1e-9)


@pytest.fixture
def pymia(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield pymia's metrics; they need names that NumPy has not had since 1.24."""
    pytest.importorskip("pymia")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in {"object": object, "float": float, "int": int, "bool": bool}.items():
            if name not in vars(np):
                monkeypatch.setattr(np, name, value, raising=False)
        import pymia.evaluation.metric as metrics

        yield metrics


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("R2", "CoefficientOfDetermination"),
        ("MAE", "MeanAbsoluteError"),
        ("MSE", "MeanSquaredError"),
        ("RMSE", "RootMeanSquaredError"),
        ("NRMSE", "NormalizedRootMeanSquaredError"),
        ('PSNR(convention="pymia")', "PeakSignalToNoiseRatio"),
        ('SSIM(convention="pymia")', "StructuralSimilarityIndexMeasure"),
    ],
)
@pytest.mark.parametrize("shape", [(20, 24), (12, 15, 11)])
def test_equals_pymia(pymia: Any, spelling: str, name: str, shape: tuple[int, ...]) -> None:
    reference = np.random.default_rng(3).gamma(2, 50, shape)
    prediction = reference + np.random.default_rng(4).normal(0, 9, shape)
    theirs = getattr(pymia, name)()
    theirs.reference, theirs.prediction = reference, prediction
    assert metric_of(spelling)(prediction, reference) == pytest.approx(float(theirs.calculate()), rel=1e-9)


@pytest.mark.parametrize(("ours", "theirs"), [("euclidean", "euclidean"), ("range", "min-max"), ("mean", "mean")])
def test_nrmse_equals_scikit_image(ours: str, theirs: Any) -> None:
    prediction, reference = IMAGES["float64"]
    expected = normalized_root_mse(reference, prediction, normalization=theirs)
    assert metric_of(f'NRMSE(normalizer="{ours}")')(prediction, reference) == pytest.approx(expected, rel=1e-12)


def test_r2_and_median_equal_scikit_learn() -> None:
    prediction, reference = (side.ravel() for side in IMAGES["float64"])
    assert metric_of("R2")(prediction, reference) == pytest.approx(sk.r2_score(reference, prediction), rel=1e-12)
    expected = sk.median_absolute_error(reference, prediction)
    assert metric_of("MEDAE")(prediction, reference) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("dtype", "p", "r", "difference"),
    [("u1", 200, 180, 20), ("u1", 0, 20, 20), ("i2", 300, 0, 300), ("i2", -30000, 30000, 60000), ("b1", 0, 1, 1)],
)
def test_integers_never_wrap(dtype: str, p: int, r: int, difference: int) -> None:
    images = np.full((3, 3), p, dtype), np.full((3, 3), r, dtype)
    assert metric_of("MAE")(*images) == difference
    assert metric_of("MSE")(*images) == difference**2
    assert metric_of("RMSE")(*images) == difference


@pytest.mark.parametrize("spelling", ["R2", "NRMSE", 'NRMSE(normalizer="std")', "PEARSON", "PSNR", "SSIM"])
@pytest.mark.parametrize("value", [0.1, 0, -3, 1e5 / 3])
def test_a_constant_reference_has_a_reason_instead_of_a_value(spelling: str, value: float) -> None:
    metric: Any = metric_of(spelling)
    found = metric.measure(ImagePair(RANDOM.random((300, 300)), np.full((300, 300), value)))
    assert math.isnan(found.value)
    assert "reference" in found.reason


def test_a_constant_prediction_does_not_correlate() -> None:
    metric: Any = metric_of("PEARSON")
    found = metric.measure(ImagePair(np.full(70000, 0.1), RANDOM.random(70000)))
    assert (math.isnan(found.value), found.reason) == (True, "the prediction is constant")


@pytest.mark.parametrize("spelling", ["NMSE", 'NRMSE(normalizer="mean")', 'NRMSE(normalizer="euclidean")'])
def test_a_reference_of_zeros_has_no_size(spelling: str) -> None:
    metric: Any = metric_of(spelling)
    assert metric.measure(ImagePair(np.ones((9, 9)), np.zeros((9, 9)))).reason


def test_numbers_too_large_for_64_bits_are_told() -> None:
    metric: Any = metric_of("R2")
    found = metric.measure(ImagePair(np.array([1e200, -1e200]), np.array([-1e200, 1e200])))
    assert (math.isnan(found.value), found.reason) == (True, "the numbers are too large for 64-bit floats")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_nan_and_infinity_have_a_reason_that_counts_them(bad: float, side: int) -> None:
    images = [np.random.default_rng(1).random((20, 20)) for _ in range(2)]
    images[side][3, 4] = bad
    for metric in metrics_of("all", kind="image"):
        found: Any = metric.measure(ImagePair(*images))  # type: ignore[attr-defined]
        assert math.isnan(found.value)
        assert found.reason == f"voxels are NaN or infinite: 1 of the {('prediction', 'reference')[side]}"


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(()), np.zeros(())),
        (np.zeros((2, 3)), np.zeros((2, 3)), np.ones((2, 1), bool)),
    ],
)
def test_shapes_are_compared(arguments: Any) -> None:
    with pytest.raises(ShapeError, match="the shapes are"):
        ImagePair(*arguments)


def test_wrong_input_is_refused() -> None:
    image = np.zeros((3, 3))
    with pytest.raises(VoxelValueError, match="complex128"):
        ImagePair(image + 1j, image)
    with pytest.raises(ArgumentError, match="data_range"):
        ImagePair(image, image, data_range=0)
    with pytest.raises(ArgumentError, match="spacing"):
        ImagePair(image, image, spacing=(1, 2, 3))
    with pytest.raises(ArgumentError, match="normalizer is 'max'"):
        metric_of('NRMSE(normalizer="max")')


@settings(max_examples=50)
@given(st.data())
def test_bounds_symmetry_and_scale(data: Any) -> None:
    numbers = st.floats(-1e3, 1e3, width=32)
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    p, r = (data.draw(hnp.arrays(np.float64, shape, elements=numbers)) for _ in range(2))
    value = {name: metric_of(name)(p, r) for name in ("MAE", "RMSE", "MEDAE", "R2", "PEARSON")}
    assert 0 <= value["MAE"] <= value["RMSE"] * (1 + 1e-12) + 1e-300
    assert value["MEDAE"] <= abs(p - r).max()
    assert math.isnan(value["R2"]) or value["R2"] <= 1
    assert math.isnan(value["PEARSON"]) or abs(value["PEARSON"]) <= 1
    for name in ("MAE", "MSE", "RMSE", "MEDAE", "PEARSON"):
        swapped = metric_of(name)(r, p)
        assert swapped == pytest.approx(metric_of(name)(p, r), rel=1e-9, abs=1e-300, nan_ok=True)
    assert metric_of("MAE")(2 * p, 2 * r) == pytest.approx(2 * value["MAE"])
