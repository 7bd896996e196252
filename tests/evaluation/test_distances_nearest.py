"""The nearest of many places: looking around, trees and transforms find the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from eisen.evaluation.pairs import far, nearest
from eisen.evaluation.pairs.distribution import Distribution
from eisen.evaluation.pairs.field import Field
from eisen.evaluation.pairs.moments import moments_of
from eisen.evaluation.pairs.steps import ball
from eisen.evaluation.pairs.transform import squares_within
from tests.evaluation import shapes


def scene(shape, spacing, seed, n_marks, n_places):
    """Return a field, places, marks, and the distances by SciPy's transform."""
    full = shapes.full(shape)
    field = Field(full, full, spacing)
    draw = np.random.default_rng(seed)
    inside = np.flatnonzero(field.padded(field.prediction))
    marks = np.zeros(field.size, bool)
    marks[draw.choice(inside, n_marks, replace=False)] = True
    places = np.sort(draw.choice(inside, min(n_places, len(inside)), replace=False))
    everywhere = ndimage.distance_transform_edt(~marks.reshape(field.shape), sampling=spacing)
    return field, places, marks, everywhere.reshape(-1)[places]


SCENES = [
    ((20, 31, 24), (1.0, 1.0, 1.0), 400),
    ((20, 31, 24), (1.0, 1.0, 1.0), 1),
    ((40, 40, 40), (0.7, 0.7, 0.7), 3),
    ((20, 31, 24), (3.0, 1.3, 0.7), 60),
    ((9, 90, 9), (0.11, 1.0, 7.0), 5),
    ((60, 70), (1.0, 1.0), 8),
    ((60, 70), (0.3, 2.0), 3),
]


@pytest.mark.parametrize(("shape", "spacing", "n_marks"), SCENES)
def test_distances_are_those_of_scipy(shape, spacing, n_marks):
    field, places, marks, expected = scene(shape, spacing, 1, n_marks, 5000)
    found = nearest.nearest(field, places, marks)
    np.testing.assert_allclose(found.distances_mm, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("shape", "spacing", "n_marks"), SCENES)
@pytest.mark.parametrize("n_shells", [0, 1, 4, None])
def test_how_long_is_looked_around_does_not_matter(shape, spacing, n_marks, n_shells, monkeypatch):
    field, places, marks, expected = scene(shape, spacing, 2, n_marks, 9000)
    n = len(field.steps.lengths) if n_shells is None else n_shells
    monkeypatch.setattr(nearest, "_worthwhile_shells", lambda *_: n)
    found = nearest.nearest(field, places, marks)
    np.testing.assert_allclose(found.distances_mm, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("shape", "spacing", "n_marks"), [one for one in SCENES if len(set(one[1])) == 1])
@pytest.mark.parametrize("cost", [0.0, 1e9])
def test_trees_and_transforms_find_the_same(shape, spacing, n_marks, cost, monkeypatch):
    field, places, marks, expected = scene(shape, spacing, 3, n_marks, 3000)
    monkeypatch.setattr(far, "_TRANSFORM", cost)
    np.testing.assert_allclose(far.far_distances(field, places, marks), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("radius", [0, 1, 5, 13, 500])
def test_the_transform_is_exact_up_to_its_radius(radius):
    field, places, marks, expected = scene((20, 31, 24), (1.0, 1.0, 1.0), 4, 9, 5000)
    squares, exact = squares_within(field, places, marks, radius), np.rint(expected**2)
    within = exact <= min(radius, 127) ** 2
    np.testing.assert_array_equal(squares[within], exact[within])
    assert (squares[~within] > min(radius, 127) ** 2).all()


def test_places_are_taken_from_blank_field_and_given_back():
    field, places, _, _ = scene((9, 9, 9), (1.0, 1.0, 1.0), 5, 3, 20)
    with nearest.marked(field, places) as marks:
        assert np.flatnonzero(marks).tolist() == places.tolist()
    assert not field.blank.any()


@settings(max_examples=40, deadline=None)
@given(spacing=shapes.spacings(3), radius=st.floats(0.3, 6), largest=st.integers(1, 9))
def test_steps_are_all_that_are_short_enough(spacing, radius, largest):
    steps = ball(spacing, radius, (largest,) * 3)
    lengths = np.linalg.norm(steps.voxels * spacing, axis=1)
    assert (np.diff(lengths) >= -1e-9).all()
    np.testing.assert_allclose(steps.lengths[steps.shells], lengths, rtol=1e-12, atol=1e-12)
    reach = [min(largest, int(radius / s + 1e-9)) for s in spacing]
    axes = np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij")
    every = np.stack(axes, axis=-1).reshape(-1, 3)
    assert len(steps.voxels) == (np.linalg.norm(every * spacing, axis=1) <= radius * (1 + 1e-9)).sum()


@settings(max_examples=80, deadline=None)
@given(
    distances=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    percent=st.floats(0.1, 100),
)
def test_percentiles_are_those_of_the_single_values(distances, percent):
    values, counts = np.unique(np.array(distances) * 0.7, return_counts=True)
    spread = Distribution(values, counts.astype(float))
    single = np.sort(np.array(distances) * 0.7)
    assert spread.quantile_of_points(percent) == pytest.approx(np.percentile(single, percent))
    assert spread.mean == pytest.approx(single.mean())
    assert (single <= spread.percentile(percent)).mean() * 100 >= percent - 1e-6
    assert spread.maximum == single[-1]


@settings(max_examples=60, deadline=None)
@given(masks=shapes.pairs_of_masks(3, 11))
def test_moments_are_those_of_all_indices(masks):
    mask = masks[0].astype(bool)
    if mask.any():
        for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
            turned = mask.transpose(order)
            found, points = moments_of(turned), np.argwhere(turned)
            assert found.n == len(points)
            np.testing.assert_allclose(found.mean, points.mean(axis=0), atol=1e-12)
            apart = points - points.mean(axis=0)
            np.testing.assert_allclose(found.scatter, apart.T @ apart, atol=1e-9)
