"""PSNR, SSIM and MS-SSIM: scikit-image, torchmetrics, sums written out window by window, masks and slices."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import block_reduce
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from eisen._core.errors import ArgumentError
from eisen.evaluation import ImageEvaluator, ImagePair, metric_of
from eisen.evaluation.metrics import MultiScaleStructuralSimilarity, PeakSignalToNoiseRatio, StructuralSimilarity
from eisen.evaluation.pairs import windows
from eisen.evaluation.statistics import aggregate


def images(shape: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a prediction and a smooth reference with negative values."""
    random = np.random.default_rng(seed)
    reference = ndimage.gaussian_filter(random.normal(0, 1, shape), 1.5) * 300 - 40
    return reference + random.normal(0, 12, shape), reference


SHAPES = [(30, 41), (7, 7), (17, 19, 13), (40, 9, 8), (7, 7, 7)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["f8", "f4", "i2"])
def test_equals_scikit_image(shape: tuple[int, ...], dtype: str) -> None:
    p, r = (image.astype(dtype) for image in images(shape))
    span = float(r.max()) - float(r.min())
    p64, r64 = p.astype("f8"), r.astype("f8")
    assert metric_of("PSNR")(p, r) == pytest.approx(peak_signal_noise_ratio(r64, p64, data_range=span), rel=1e-12)
    assert metric_of("SSIM")(p, r) == pytest.approx(structural_similarity(r64, p64, data_range=span), rel=1e-9)
    expected = structural_similarity(r64, p64, data_range=span, win_size=5)
    assert StructuralSimilarity(size=5)(p, r) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(30, 41), (17, 19, 13), (11, 11)])
def test_gaussian_windows_equal_scikit_image(shape: tuple[int, ...]) -> None:
    p, r = images(shape)
    expected = structural_similarity(
        r, p, data_range=500, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert StructuralSimilarity("gaussian", data_range=500)(p, r) == pytest.approx(expected, rel=1e-9)


def test_slabs_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    p, r = images((43, 12, 11))
    mask = np.random.default_rng(3).random(r.shape) > 0.5
    whole = [metric_of("SSIM")(p, r), metric_of("SSIM")(p, r, mask=mask), metric_of("SSIM(slicewise=0)")(p, r)]
    monkeypatch.setattr(windows, "_SLAB", 1)
    parts = [metric_of("SSIM")(p, r), metric_of("SSIM")(p, r, mask=mask), metric_of("SSIM(slicewise=0)")(p, r)]
    assert parts == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_have_the_data_range_of_the_volume(axis: int) -> None:
    p, r = images((12, 13, 14))
    span = r.max() - r.min()
    each = [
        structural_similarity(b, a, data_range=span)
        for a, b in zip(np.moveaxis(p, axis, 0), np.moveaxis(r, axis, 0), strict=True)
    ]
    assert StructuralSimilarity(slicewise=axis)(p, r) == pytest.approx(np.mean(each), rel=1e-9)


def written_out(p: np.ndarray, r: np.ndarray, mask: np.ndarray, size: int, span: float) -> float:
    """SSIM, window by window, as in the paper."""
    values, half = [], size // 2
    for centre in itertools.product(*(range(half, n - half) for n in r.shape)):
        if mask[centre]:
            window = tuple(slice(c - half, c + half + 1) for c in centre)
            a, b = p[window].ravel(), r[window].ravel()
            (va, cov), (_, vb) = np.cov(a, b)
            c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
            ma, mb = a.mean(), b.mean()
            values.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize("shape", [(16, 14), (8, 9, 9)])
def test_with_a_mask_it_is_the_mean_over_the_mask(shape: tuple[int, ...]) -> None:
    p, r = images(shape)
    mask = np.random.default_rng(5).random(shape) > 0.7
    span = r[mask].max() - r[mask].min()
    assert metric_of("SSIM")(p, r, mask=mask) == pytest.approx(written_out(p, r, mask, 7, span), rel=1e-9)
    error = ((p - r)[mask] ** 2).mean()
    assert metric_of("PSNR")(p, r, mask=mask) == pytest.approx(10 * math.log10(span**2 / error), rel=1e-12)


def test_nan_far_from_the_mask_does_not_matter_and_beside_it_has_a_reason() -> None:
    p, r = images((30, 30))
    mask = np.zeros((30, 30), bool)
    mask[5:10, 5:10] = True
    expected = metric_of("SSIM")(p, r, mask=mask)
    p[5:10, 20], r[25] = np.nan, np.inf
    assert metric_of("SSIM")(p, r, mask=mask) == expected
    p[4, 4] = np.nan
    for metric in (StructuralSimilarity(), MultiScaleStructuralSimilarity(weights=(1.0,))):
        found = metric.measure(ImagePair(p, r, mask))
        assert math.isnan(found.value)
        assert "beside the mask" in found.reason


def test_a_mask_at_the_rim_has_no_windows() -> None:
    p, r = images((20, 20))
    mask = np.zeros((20, 20), bool)
    mask[:2] = True
    found = StructuralSimilarity().measure(ImagePair(p, r, mask))
    assert (math.isnan(found.value), "window" in found.reason) == (True, True)


@pytest.mark.parametrize("shape", [(176, 192), (181, 200)])
def test_ms_ssim_equals_ssim_of_scikit_image_at_five_scales(shape: tuple[int, ...]) -> None:
    p, r = images(shape, seed=2)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 400}
    product, a, b = 1.0, p, r
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        if scale:
            a, b = (
                block_reduce(side[: side.shape[0] // 2 * 2, : side.shape[1] // 2 * 2], 2, np.mean) for side in (a, b)
            )
        k1 = 0.01 if scale == 4 else 1e9  # so large a constant that luminance is 1
        product *= structural_similarity(b, a, K1=k1, **settings) ** weight
    assert MultiScaleStructuralSimilarity(data_range=400)(p, r) == pytest.approx(product, rel=1e-9)


def test_ms_ssim_of_one_scale_is_ssim() -> None:
    for shape in ((30, 31), (14, 15, 12)):
        p, r = images(shape)
        expected = StructuralSimilarity("gaussian")(p, r)
        assert MultiScaleStructuralSimilarity(weights=(1.0,))(p, r) == pytest.approx(expected, rel=1e-12)


def test_ms_ssim_by_slices_is_that_of_the_slices() -> None:
    p, r = images((30, 5, 40))
    weights = (0.4, 0.6)
    span = r.max() - r.min()
    parts = []
    for scale in range(2):
        if scale:
            p, r = ((a[0::2] + a[1::2]) / 2 for a in (p, r))
            p, r = ((a[:, :, 0::2] + a[:, :, 1::2]) / 2 for a in (p, r))
        window = windows.Window("gaussian", (11, 1, 11))
        parts.append(windows.similarity(p, r, None, window, span))
    expected = parts[0].without_luminance ** 0.4 * parts[1].whole ** 0.6
    p, r = images((30, 5, 40))
    found = MultiScaleStructuralSimilarity(weights, slicewise=1)(p, r)
    assert found == pytest.approx(expected, rel=1e-12)


def test_ms_ssim_with_a_full_mask_is_that_without() -> None:
    p, r = images((50, 47))
    metric = MultiScaleStructuralSimilarity((0.3, 0.7))
    assert metric(p, r, mask=np.ones(r.shape)) == pytest.approx(metric(p, r), rel=1e-12)


@pytest.mark.parametrize(
    ("metric", "shape", "words"),
    [
        (StructuralSimilarity(), (6, 30), "6 voxels, the windows need 7"),
        (StructuralSimilarity(), (1, 30, 30), "slicewise="),
        (StructuralSimilarity("gaussian"), (10, 30), "need 11"),
        (StructuralSimilarity(), (30,), "1 axes"),
        (StructuralSimilarity(), (7, 7, 7, 7), "4 axes"),
        (StructuralSimilarity(slicewise=0), (30, 30), "3 axes"),
        (MultiScaleStructuralSimilarity(), (175, 300), "need 176"),
    ],
)
def test_images_that_windows_do_not_fit_have_a_reason(metric: Any, shape: tuple[int, ...], words: str) -> None:
    found = metric.measure(ImagePair(*(np.random.default_rng(i).random(shape) for i in range(2))))
    assert math.isnan(found.value)
    assert words in found.reason


def test_psnr_of_equal_images_is_infinite_with_a_reason_or_the_cap() -> None:
    image = np.arange(12.0)
    found = PeakSignalToNoiseRatio().measure(ImagePair(image, image))
    assert (found.value, found.reason) == (math.inf, "the images are equal")
    assert PeakSignalToNoiseRatio(cap=100)(image, image) == 100
    assert PeakSignalToNoiseRatio(cap=10)(image + 0.01, image) == 10
    assert PeakSignalToNoiseRatio(cap=100)(image + 1, image) == PeakSignalToNoiseRatio()(image + 1, image) < 100


def test_the_infinite_psnr_of_a_case_does_not_spoil_the_mean() -> None:
    evaluator = ImageEvaluator(["PSNR", "MAE"])
    image = np.arange(16.0).reshape(4, 4)
    for case_id, prediction in (("same", image), ("near", image + 1.5)):
        evaluator.evaluate(prediction, image, case_id)
    psnr, mae = aggregate(evaluator.results)
    assert (psnr.mean, psnr.n, psnr.n_undefined) == (pytest.approx(20), 1, 1)
    assert (mae.mean, mae.n) == (0.75, 2)
    assert evaluator.results.records[0].reason == "the images are equal"


def test_psnr_of_signed_data_has_the_whole_range() -> None:
    reference = np.array([-1000.0, 1000.0])
    assert metric_of("PSNR")(reference + 20, reference) == pytest.approx(40)
    assert metric_of('PSNR(convention="pymia")')(reference + 20, reference) == pytest.approx(20 * math.log10(50))
    found = PeakSignalToNoiseRatio(convention="pymia").measure(ImagePair(reference, np.array([-3.0, -2.0])))
    assert (math.isnan(found.value), "not above 0" in found.reason) == (True, True)


def test_the_data_range_of_the_metric_goes_before_that_of_the_pair() -> None:
    p, r = np.array([1.0, 2.0]), np.array([0.0, 1.0])
    assert PeakSignalToNoiseRatio().measure(ImagePair(p, r, data_range=10)).value == pytest.approx(20)
    assert PeakSignalToNoiseRatio(data_range=100).measure(ImagePair(p, r, data_range=10)).value == pytest.approx(40)


@pytest.mark.parametrize(
    "spelling",
    [
        "PSNR(data_range=0)",
        "PSNR(data_range=True)",
        "PSNR(cap=-1)",
        'PSNR(convention="max")',
        "SSIM(size=6)",
        "SSIM(size=1)",
        "SSIM(size=7.0)",
        'SSIM(window="hann")',
        "SSIM(slicewise=3)",
        "MSSSIM(weights=())",
        "MSSSIM(weights=(0.5, -0.5))",
        'MSSSIM(weights="abc")',
    ],
)
def test_wrong_parameters_are_refused(spelling: str) -> None:
    with pytest.raises(ArgumentError, match=" is "):
        metric_of(spelling)


def test_memory_stays_small() -> None:
    import tracemalloc

    p, r = (image.astype("f4") for image in images((120, 128, 128)))
    for spelling, limit in {"R2": 0.5, "PSNR": 0.5, "MEDAE": 2.5, "SSIM": 14}.items():
        metric: Any = metric_of(spelling)
        tracemalloc.start()
        metric.measure(ImagePair(p, r))
        peak = tracemalloc.get_traced_memory()[1] / r.nbytes
        tracemalloc.stop()
        assert peak < limit, spelling


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([(7, 9), (9, 8, 7)]))
def test_ssim_is_symmetric_bounded_and_ignores_scale(seed: int, shape: tuple[int, ...]) -> None:
    p, r = (np.random.default_rng(seed + i).normal(0, 1, shape) for i in range(2))
    metric = StructuralSimilarity(data_range=5)
    value = metric(p, r)
    assert -1 <= value <= 1
    assert metric(r, p) == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert StructuralSimilarity(data_range=50)(10 * p, 10 * r) == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert metric(r, r) == 1
