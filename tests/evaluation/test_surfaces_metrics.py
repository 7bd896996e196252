"""Metrics between surfaces, against every element with every other one, and against the peers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError
from eisen.evaluation import CasePair
from eisen.evaluation.metrics import (
    AverageSymmetricSurfaceDistance,
    HausdorffDistance,
    MeanSurfaceDistance,
    SurfaceDice,
    SurfaceOverlap,
)
from eisen.evaluation.pairs.distances import surface_distances
from tests.evaluation import shapes
from tests.evaluation.measuring import from_surface, is_plain
from tests.evaluation.shapes import ALL_PAIRS, MM, S3

WITH_BOTH = [(pair, label) for pair in ALL_PAIRS for label in pair.labels if is_plain(*pair.masks(label))]
METRICS = [
    HausdorffDistance(),
    HausdorffDistance(percentile=95),
    HausdorffDistance(percentile=50),
    AverageSymmetricSurfaceDistance(),
    AverageSymmetricSurfaceDistance(convention="mean"),
    MeanSurfaceDistance(),
    SurfaceDice(),
    SurfaceDice(tolerance=2),
    SurfaceOverlap(),
    SurfaceOverlap(tolerance=2, prediction_to_reference=False),
]


def ids(value):
    return str(value)


def value_of(metric, pair, label=1):
    return metric.measure(CasePair(pair.prediction, pair.reference, pair.spacing).label(label))


def expected_values(prediction, reference, spacing):
    """The values of METRICS from all distances."""
    (p, area_p), (r, area_r) = (
        from_surface(prediction, reference, spacing),
        from_surface(reference, prediction, spacing),
    )

    def percentile(percent):
        found = []
        for distances, areas in ((p, area_p), (r, area_r)):
            shares = np.cumsum(areas) / areas.sum()
            found.append(distances[min(int(np.searchsorted(shares, percent / 100 - 1e-12)), len(distances) - 1)])
        return max(found)

    def within(tolerance):
        return area_p[p <= tolerance + 1e-9].sum(), area_r[r <= tolerance + 1e-9].sum()

    mean_p, mean_r = p @ area_p / area_p.sum(), r @ area_r / area_r.sum()
    total = area_p.sum() + area_r.sum()
    pooled = (p @ area_p + r @ area_r) / total
    dice = [sum(within(tolerance)) / total for tolerance in (1, 2)]
    overlaps = within(1)[0] / area_p.sum(), within(2)[1] / area_r.sum()
    return [*map(percentile, (100, 95, 50)), pooled, (mean_p + mean_r) / 2, mean_p, *dice, *overlaps]


@pytest.mark.parametrize(("pair", "label"), WITH_BOTH, ids=ids)
def test_values_are_those_of_every_element_with_every_other_one(pair, label):
    prediction, reference = pair.masks(label)
    spacing = pair.spacing or (1.0,) * prediction.ndim
    found = [value_of(metric, pair, label).value for metric in METRICS]
    np.testing.assert_allclose(found, expected_values(prediction, reference, spacing), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_values_are_those_of_pymia(seed):
    pymia = pytest.importorskip("pymia.evaluation.metric")
    draw = np.random.default_rng(seed)
    spacing = tuple(draw.uniform(0.4, 3, 3).tolist())
    masks = [shapes.blobs(S3, seed + k) if seed % 2 else shapes.sprinkle(S3, seed + k) for k in (0, 100)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distances = pymia.base.Distances(*(mask.astype(bool) for mask in masks), spacing)
    for ours, theirs in (
        (HausdorffDistance(), pymia.HausdorffDistance()),
        (HausdorffDistance(percentile=95), pymia.HausdorffDistance(percentile=95)),
        (SurfaceDice(tolerance=1.3), pymia.SurfaceDiceOverlap(tolerance=1.3)),
        (SurfaceOverlap(tolerance=0.9), pymia.SurfaceOverlap(tolerance=0.9)),
        (
            SurfaceOverlap(tolerance=0.9, prediction_to_reference=False),
            pymia.SurfaceOverlap(tolerance=0.9, prediction_to_reference=False),
        ),
    ):
        theirs.distances = distances
        assert ours(*masks, spacing) == pytest.approx(theirs.calculate(), abs=1e-9, rel=0)


@pytest.mark.parametrize("shape", [S3, (17, 13)])
@pytest.mark.parametrize("seed", range(4))
def test_values_are_those_of_deepmind(seed, shape):
    peer = pytest.importorskip("surface_distance")
    spacing = tuple(np.random.default_rng(seed).uniform(0.4, 3, len(shape)).tolist())
    masks = [shapes.blobs(shape, seed + k) for k in (0, 50)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = peer.compute_surface_distances(*(mask > 0 for mask in masks), spacing)
    assert HausdorffDistance(percentile=95)(*masks, spacing) == pytest.approx(peer.compute_robust_hausdorff(found, 95))
    assert SurfaceDice(tolerance=1.1)(*masks, spacing) == pytest.approx(
        peer.compute_surface_dice_at_tolerance(found, 1.1)
    )
    from_prediction, from_reference = peer.compute_average_surface_distance(found)
    assert MeanSurfaceDistance()(*masks, spacing) == pytest.approx(from_prediction)
    assert MeanSurfaceDistance(prediction_to_reference=False)(*masks, spacing) == pytest.approx(from_reference)


def test_contours_of_nested_discs_are_ten_pixels_apart():
    small, large = (shapes.ball((61, 61), (30, 30), radius) for radius in (10, 20))
    assert SurfaceDice(tolerance=1)(small, large) == 0
    assert SurfaceOverlap(tolerance=1)(small, large) == 0
    assert HausdorffDistance()(small, large) == pytest.approx(10, abs=0.8)
    assert AverageSymmetricSurfaceDistance()(small, large) == pytest.approx(10, abs=0.6)


def test_the_area_of_a_box_is_its_faces_with_cut_edges():
    pair = CasePair(shapes.box(S3, (2, 2, 2), (6, 7, 8)), shapes.box(S3, (2, 2, 2), (6, 7, 8)), MM).label(1)
    sides = np.multiply((4, 5, 6), MM)
    faces = 2 * (sides[0] * sides[1] + sides[0] * sides[2] + sides[1] * sides[2])
    assert 0.8 * faces < surface_distances(pair).from_prediction.total < faces


@pytest.mark.parametrize("pair", shapes.DEGENERATE, ids=str)
def test_degenerate_masks_have_a_value_or_a_reason(pair):
    n_predicted, n_actual = np.count_nonzero(pair.prediction), np.count_nonzero(pair.reference)
    for metric in METRICS:
        found = metric.formula(CasePair(pair.prediction, pair.reference, pair.spacing).label(1))
        if n_predicted and n_actual:
            assert np.isfinite(found.value)
        elif found.is_defined:
            assert found.value == 0
            assert metric.better == "higher"
        else:
            assert "empty" in found.reason
    default = value_of(HausdorffDistance(), pair), value_of(SurfaceDice(), pair)
    if not n_predicted and not n_actual:
        assert [found.value for found in default] == [0, 1]


def test_overlap_is_undefined_only_where_the_measured_surface_is_empty():
    ball, nothing = shapes.ball(S3, (6, 7, 5), 3), shapes.empty(S3)
    assert SurfaceOverlap()(ball, nothing) == 0
    assert np.isnan(SurfaceOverlap()(nothing, ball))
    reverse = SurfaceOverlap(prediction_to_reference=False)
    assert reverse(nothing, ball) == 0
    assert np.isnan(reverse(ball, nothing))
    assert SurfaceDice()(ball, nothing) == SurfaceDice()(nothing, ball) == 0


def test_a_distance_that_is_exactly_the_tolerance_is_within():
    one, other = shapes.box((30, 4), (0, 0), (10, 4)), shapes.box((30, 4), (0, 0), (13, 4))
    assert SurfaceDice(tolerance=0.3)(one, other, (0.1, 1.0)) == 1
    assert SurfaceDice(tolerance=0.29)(one, other, (0.1, 1.0)) < 1


def test_labels_have_their_own_tolerances():
    prediction, reference = np.zeros((12, 12), int), np.zeros((12, 12), int)
    prediction[1:4], reference[1:6] = 1, 1
    case = CasePair(prediction, reference)
    metric = SurfaceDice(tolerance={"front": 2, "7": 0.5})
    assert metric.measure(case.label(1, "front")).value == SurfaceDice(tolerance=2)(prediction, reference) == 1
    assert SurfaceDice(tolerance={"1": 2}).measure(case.label(1)).value == 1
    other = metric.measure(case.label(1, "back"))
    assert np.isnan(other.value)
    assert "back" in other.reason


@pytest.mark.parametrize(
    "make",
    [
        lambda: SurfaceDice(tolerance=-1),
        lambda: SurfaceDice(tolerance={"a": "wide"}),
        lambda: SurfaceOverlap(tolerance=float("nan")),
        lambda: SurfaceOverlap(prediction_to_reference=1),
        lambda: AverageSymmetricSurfaceDistance(convention="area"),
        lambda: HausdorffDistance(percentile=0),
        lambda: HausdorffDistance(percentile=101),
        lambda: HausdorffDistance(convention="surfaces"),
    ],
)
def test_bad_parameters_are_refused(make):
    with pytest.raises(ArgumentError):
        make()


@settings(max_examples=25, deadline=None)
@given(masks=shapes.pairs_of_masks(3, 6), spacing=shapes.spacings(3))
def test_symmetric_metrics_do_not_care_which_is_which(masks, spacing):
    for metric in (
        HausdorffDistance(),
        HausdorffDistance(percentile=80),
        AverageSymmetricSurfaceDistance(),
        SurfaceDice(),
    ):
        one, other = metric(*masks, spacing), metric(*masks[::-1], spacing)
        assert one == pytest.approx(other, nan_ok=True)
    directions = SurfaceOverlap(), SurfaceOverlap(prediction_to_reference=False)
    assert directions[0](*masks, spacing) == pytest.approx(directions[1](*masks[::-1], spacing), nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(masks=shapes.pairs_of_masks(3, 6), spacing=shapes.spacings(3), factor=st.sampled_from((0.5, 2.0, 3.7)))
def test_distances_scale_with_spacing_and_shares_with_the_tolerance(masks, spacing, factor):
    scaled = tuple(factor * step for step in spacing)
    for metric in METRICS[:6]:
        assert metric(*masks, scaled) == pytest.approx(factor * metric(*masks, spacing), nan_ok=True)
    one, other = SurfaceDice(tolerance=1.0), SurfaceDice(tolerance=factor)
    assert other(*masks, scaled) == pytest.approx(one(*masks, spacing), nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(
    masks=shapes.pairs_of_masks(2, 9),
    spacing=shapes.spacings(2),
    before=st.tuples(st.integers(0, 7), st.integers(0, 7)),
)
def test_moving_both_masks_changes_nothing(masks, spacing, before):
    moved = [np.pad(mask, [(n, 3) for n in before]) for mask in masks]
    for metric in METRICS:
        assert metric(*moved, spacing) == pytest.approx(metric(*masks, spacing), nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(masks=shapes.pairs_of_masks(3, 6), spacing=shapes.spacings(3))
def test_percentiles_and_tolerances_grow(masks, spacing):
    if is_plain(*masks):
        distances = [HausdorffDistance(percentile=p)(*masks, spacing) for p in (1, 30, 50, 95, 99.9, 100)]
        assert distances == sorted(distances)
    shares = [SurfaceDice(tolerance=t)(*masks, spacing) for t in (0, 0.5, 1, 3, 30)]
    assert shares == sorted(shares) or np.isnan(shares).all()
    assert np.isnan(shares[-1]) or not is_plain(*masks) or shares[-1] == 1


@settings(max_examples=25, deadline=None)
@given(masks=shapes.pairs_of_label_maps(3, 6), spacing=shapes.spacings(3), order=st.permutations(range(3)))
def test_axes_memory_and_numbers_of_labels_do_not_matter(masks, spacing, order):
    turned = [mask.transpose(order) for mask in masks]
    other = tuple(spacing[axis] for axis in order)
    renamed = [np.asfortranarray(np.array([0, 700, -4, 2])[mask]) for mask in masks]
    for metric in (HausdorffDistance(percentile=95), AverageSymmetricSurfaceDistance(), SurfaceDice()):
        value = metric(*masks, spacing, label=2)
        assert metric(*turned, other, label=2) == pytest.approx(value, nan_ok=True)
        assert metric(*renamed, spacing, label=-4) == pytest.approx(value, nan_ok=True)


def test_the_background_is_a_label_like_others():
    maps = shapes.blobs(S3, 3), shapes.blobs(S3, 4)
    flipped = [1 - (labels > 0) for labels in maps]
    metric = AverageSymmetricSurfaceDistance()
    assert metric(*maps, MM, label=0) == pytest.approx(metric(*flipped, MM, label=1))
