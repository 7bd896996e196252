"""Distances between voxels, boundaries and centres, and the overlap of boundaries, against independent references."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import ndimage
from scipy.spatial.distance import mahalanobis

from eisen._core.errors import ArgumentError
from eisen.evaluation import CasePair
from eisen.evaluation.metrics import (
    AverageDistance,
    AverageSymmetricSurfaceDistance,
    BoundaryIoU,
    HausdorffDistance,
    MahalanobisDistance,
)
from tests.evaluation import shapes
from tests.evaluation.measuring import boundary, from_voxels, is_plain
from tests.evaluation.shapes import ALL_PAIRS, MM, S3

WITH_BOTH = [(pair, label) for pair in ALL_PAIRS for label in pair.labels if is_plain(*pair.masks(label))]


def measured(metric, pair, label=1):
    return metric.measure(CasePair(pair.prediction, pair.reference, pair.spacing).label(label)).value


@pytest.mark.parametrize(("pair", "label"), WITH_BOTH, ids=str)
def test_voxel_and_boundary_distances_are_those_of_transforms_of_the_whole_image(pair, label):
    prediction, reference = pair.masks(label)
    spacing = pair.spacing or (1.0,) * prediction.ndim
    voxels = from_voxels(prediction, reference, spacing), from_voxels(reference, prediction, spacing)
    edges = [boundary(mask) for mask in (prediction, reference)]
    between = from_voxels(*edges, spacing), from_voxels(*edges[::-1], spacing)
    means = [side.mean() for side in voxels]
    expected = {
        AverageDistance(): sum(means) / 2,
        AverageDistance(convention="max"): max(means),
        HausdorffDistance(convention="voxels"): max(side.max() for side in voxels),
        HausdorffDistance(convention="voxels", percentile=90): max(np.percentile(side, 90) for side in voxels),
        HausdorffDistance(convention="boundary"): max(side.max() for side in between),
        HausdorffDistance(convention="boundary", percentile=95): max(np.percentile(side, 95) for side in between),
        AverageSymmetricSurfaceDistance(convention="boundary"): np.concatenate(between).mean(),
    }
    for metric, value in expected.items():
        assert measured(metric, pair, label) == pytest.approx(value, rel=1e-12, abs=1e-12), metric


@pytest.mark.parametrize("seed", range(6))
def test_values_are_those_of_pymia(seed):
    pymia = pytest.importorskip("pymia.evaluation.metric")
    spacing = tuple(np.random.default_rng(seed).uniform(0.4, 3, 3).tolist())
    masks = [shapes.blobs(S3, seed + k) if seed % 2 else shapes.sprinkle(S3, seed + k) for k in (0, 100)]
    for ours, theirs in (
        (AverageDistance(), pymia.AverageDistance()),
        (MahalanobisDistance(), pymia.MahalanobisDistance()),
    ):
        theirs.prediction, theirs.reference = (mask.astype(np.uint8) for mask in masks)
        theirs.spacing = spacing
        tolerance = 1e-6 if ours == AverageDistance() else 1e-9  # ITK's distance maps are 32-bit floats
        assert ours(*masks, spacing) == pytest.approx(theirs.calculate(), abs=tolerance, rel=0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", [S3, (19, 15)])
def test_boundary_conventions_are_those_of_medpy(seed, shape):
    medpy = pytest.importorskip("medpy.metric.binary")
    spacing = tuple(np.random.default_rng(seed).uniform(0.4, 3, len(shape)).tolist())
    one, other = (shapes.blobs(shape, seed + k) for k in (0, 50))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = medpy.hd(one, other, spacing), medpy.assd(one, other, spacing)
    found = [
        HausdorffDistance(convention="boundary")(one, other, spacing),
        AverageSymmetricSurfaceDistance(convention="boundary")(one, other, spacing),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(("pair", "label"), WITH_BOTH, ids=str)
def test_mahalanobis_is_that_of_all_indices(pair, label):
    found = measured(MahalanobisDistance(), pair, label)
    points = [np.argwhere(mask).astype(float) for mask in pair.masks(label)]
    means = [side.mean(axis=0) for side in points]
    if np.allclose(*means):
        assert found == 0
        return
    if min(map(len, points)) == 1:
        assert np.isnan(found)
        return
    covariance = sum(len(side) * np.cov(side.T) for side in points) / sum(map(len, points))
    if np.linalg.matrix_rank(covariance) < len(covariance):
        assert np.isnan(found)
    else:
        assert found == pytest.approx(mahalanobis(*means, np.linalg.inv(covariance)), rel=1e-9)


def test_mahalanobis_says_why_it_has_no_value():
    def reason(one, other):
        return MahalanobisDistance().formula(CasePair(one, other).label(1)).reason

    spot, ball = shapes.voxel(S3, (1, 2, 3)), shapes.ball(S3, (6, 7, 5), 3)
    flat = shapes.box(S3, (2, 2, 2), (3, 9, 9)), shapes.box(S3, (2, 3, 2), (3, 9, 8))
    assert "one voxel" in reason(spot, ball)
    assert "flat" in reason(*flat)
    assert "empty" in reason(spot, shapes.empty(S3))
    assert MahalanobisDistance()(spot, spot) == 0


def test_mahalanobis_does_not_depend_on_spacing():
    one, other = shapes.ball(S3, (5, 7, 5), 3), shapes.ball(S3, (6, 6, 5), 4)
    assert MahalanobisDistance()(one, other, MM) == pytest.approx(MahalanobisDistance()(one, other))


@pytest.mark.parametrize("pair", shapes.DEGENERATE, ids=str)
def test_degenerate_masks_have_a_value_or_a_reason(pair):
    metrics = AverageDistance(), HausdorffDistance(convention="voxels"), MahalanobisDistance(), BoundaryIoU()
    for metric in metrics:
        found = metric.formula(CasePair(pair.prediction, pair.reference, pair.spacing).label(1))
        assert found.is_defined != bool(found.reason)


@settings(max_examples=25, deadline=None)
@given(masks=shapes.pairs_of_masks(3, 6), spacing=shapes.spacings(3))
def test_distances_are_symmetric_and_scale(masks, spacing):
    double = tuple(2 * step for step in spacing)
    for metric in (AverageDistance(), AverageDistance(convention="max"), HausdorffDistance(95, "voxels")):
        value = metric(*masks, spacing)
        assert metric(*masks[::-1], spacing) == pytest.approx(value, nan_ok=True)
        assert metric(*masks, double) == pytest.approx(2 * value, nan_ok=True)
    value = MahalanobisDistance()(*masks, spacing)
    assert MahalanobisDistance()(*masks[::-1], spacing) == pytest.approx(value, nan_ok=True)


def band(mask, spacing, width):
    """Voxels of a mask that are not farther than a width from one outside of it."""
    padded = np.pad(mask.astype(bool), 1)
    depth = ndimage.distance_transform_edt(padded, sampling=spacing)
    return (padded & (depth <= width + 1e-9))[(slice(1, -1),) * mask.ndim]


@pytest.mark.parametrize("width", [0.1, 1, 2.5, 40])
@pytest.mark.parametrize(("pair", "label"), WITH_BOTH, ids=str)
def test_boundary_iou_is_that_of_a_transform_of_the_whole_image(pair, label, width):
    prediction, reference = pair.masks(label)
    spacing = pair.spacing or (1.0,) * prediction.ndim
    one, other = (band(mask, spacing, max(width, *spacing)) for mask in (prediction, reference))
    expected = (one & other).sum() / (one | other).sum()
    assert measured(BoundaryIoU(width=width), pair, label) == pytest.approx(expected)


def test_boundary_iou_of_a_wide_band_is_the_iou():
    one, other = shapes.ball(S3, (5, 7, 5), 3), shapes.ball(S3, (6, 6, 5), 4)
    assert BoundaryIoU(width=100)(one, other) == pytest.approx((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("width", [0, -1, float("inf"), True, "wide"])
def test_boundary_iou_refuses_a_bad_width(width):
    with pytest.raises(ArgumentError):
        BoundaryIoU(width=width)
