"""Where patches are: every voxel is covered, and a place is computed from its number."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, ShapeError
from eisen.patches import Anywhere, Grid, Padded, Slabs, Slices, Voxels, Where, Whole

SIZES = st.integers(1, 9)


def coverage(where: Where, shape: tuple[int, ...]) -> np.ndarray:
    """Count how many patches each voxel is in; patches may reach beyond."""
    rim = 20
    counts = np.zeros([n + 2 * rim for n in shape], int)
    for place in where.places(shape):
        counts[tuple(slice(part.start + rim, part.stop + rim) for part in place.core)] += 1
    return counts[tuple(slice(rim, rim + n) for n in shape)]


@settings(max_examples=80, deadline=None)
@given(
    axes=st.lists(st.tuples(st.integers(1, 12), SIZES, st.floats(0, 0.9)), min_size=1, max_size=3), pad=st.booleans()
)
def test_a_grid_covers_every_voxel(axes: list[tuple[int, int, float]], pad: bool) -> None:
    shape = tuple(n for n, _, _ in axes)
    size = [s if pad else min(s, n) for n, s, _ in axes]
    where = Grid(size, overlap=[o for _, _, o in axes], pad=pad)
    assert coverage(where, shape).min() >= 1
    assert all(place.patch_region.lengths == tuple(size) for place in where.places(shape))


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 30), size=SIZES, stride=SIZES, pad=st.booleans())
def test_strides_up_to_the_size_cover_every_voxel(n: int, size: int, stride: int, pad: bool) -> None:
    if stride > size:
        with pytest.raises(ArgumentError, match="leaves gaps"):
            Grid(size, stride=stride)
        return
    if n < size and not pad:
        return
    places = Grid(size, stride=stride, pad=pad).places((n,))
    assert coverage(Grid(size, stride=stride, pad=pad), (n,)).min() >= 1
    starts = [place.core[0].start for place in places]
    assert starts == sorted(set(starts))
    if not pad:
        assert starts[0] == 0
        assert starts[-1] + size == n


@pytest.mark.parametrize(
    ("where", "n"),
    [
        (Whole(), 1),
        (Slices(), 5),
        (Slices(2), 7),
        (Slices([0, 1, 2]), 18),
        (Slices([0, 1, 2], around=2, flat=False), 18),
        (Slabs(2), 3),
        (Slabs(3, axis=2, stride=1), 5),
        (Slabs(4, axis=1, pad=True), 2),
        (Voxels(), 210),
        (Padded(Voxels(), 2), 210),
        (Anywhere([2, 3, 4]), 4 * 4 * 4),
        (Anywhere([2, None, 9], pad=True), 4),
        (Padded(Grid([5, 6, 7]), [1, (0, 2), 3]), 1),
    ],
    ids=repr,
)
def test_places_are_as_many_as_one_counts_and_cover_everything(where: Where, n: int) -> None:
    assert len(where.places((5, 6, 7))) == n
    assert coverage(where, (5, 6, 7)).min() >= 1


def test_slices_of_several_axes_come_axis_after_axis() -> None:
    places = Slices([0, 2]).places((2, 3, 2))
    assert [place.patch_region for place in places] == [
        ((0, 1), (0, 3), (0, 2)),
        ((1, 2), (0, 3), (0, 2)),
        ((0, 2), (0, 3), (0, 1)),
        ((0, 2), (0, 3), (1, 2)),
    ]
    assert [place.axis for place in places] == [0, 0, 2, 2]
    # the 109 samples of pymia's 2.5-D example
    assert sum(len(Slices([0, 1, 2]).places(shape)) for shape in [(10, 12, 14), (10, 12, 14), (11, 12, 14)]) == 109


def test_a_million_places_take_no_memory() -> None:
    places = Anywhere([64, 64, 64]).places((181, 217, 181))
    assert len(places) == 118 * 154 * 118
    assert sys.getsizeof(pickle.dumps(places)) < 2000
    assert places[len(places) - 1].patch_region == ((117, 181), (153, 217), (117, 181))


def test_the_margin_surrounds_the_region_of_images_and_not_of_labels() -> None:
    place = Padded(Grid([4, 4]), [1, (0, 2)]).places((8, 8))[3]
    assert place.patch_region == ((4, 8), (4, 8))
    assert place.region_of("image") == (slice(3, 9), slice(4, 10))
    assert place.region_of("lung_mask") == place.core
    assert place.margin == ((1, 1), (0, 2))
    named = Padded(Grid([4, 4]), 1, fields=["lung_mask"]).places((8, 8))[3]
    assert named.region_of("image") == named.core
    assert named.region_of("lung_mask") == (slice(3, 9), slice(3, 9))


def test_margins_add_up_and_leave_what_is_inside_alone() -> None:
    inside = Padded(Grid([4]), 1)
    outside = Padded(inside, 2)
    assert inside.places((8,))[0].region == (slice(-1, 5),)
    assert outside.places((8,))[0].region == (slice(-3, 7),)
    assert inside.places((8,))[0].region == (slice(-1, 5),)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 40), size=SIZES, stride=SIZES, voxel=st.integers(0, 39))
def test_the_nearest_patch_holds_the_voxel(n: int, size: int, stride: int, voxel: int) -> None:
    size, stride, voxel = min(size, n), min(stride, size, n), voxel % n
    places = Grid(size, stride=stride).places((n,))
    found = places[places.nearest((voxel,), np.random.default_rng(0))].core[0]
    assert found.start <= voxel < found.stop
    middle = [abs(place.core[0].start + size // 2 - voxel) for place in places]
    assert abs(found.start + size // 2 - voxel) == min(middle)


def test_the_nearest_slice_holds_the_voxel_on_a_random_axis() -> None:
    places, rng = Slices([0, 1, 2]).places((5, 6, 7)), np.random.default_rng(0)
    found = [places[places.nearest((4, 2, 6), rng)] for _ in range(50)]
    assert {place.axis for place in found} == {0, 1, 2}
    assert all(part.start <= v < part.stop for place in found for part, v in zip(place.core, (4, 2, 6), strict=True))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Grid(0), "size is 0"),
        (lambda: Grid([4, 2.5]), "size is 2.5"),
        (lambda: Grid("big"), "size is 'big'"),
        (lambda: Grid([4, 4], overlap=1.0), "overlap"),
        (lambda: Grid([4, 4], overlap=0.5, stride=2), "both overlap and stride"),
        (lambda: Grid([4, 4], stride=[1, 1, 1]), "lists of"),
        (lambda: Slabs(3, stride=4), "leaves gaps"),
        (lambda: Slices([0, 0]), "each axis once"),
        (lambda: Slices(-1), "axis is -1"),
        (lambda: Slices(around=-1), "around"),
        (lambda: Padded("grid", 2), "where is"),
        (lambda: Padded(Whole(), -1), "margin"),
        (lambda: Padded(Grid([4, 4]), [1, 2, 3]), "3 entries for 2 axes"),
    ],
)
def test_wrong_arguments_are_told_at_once(make: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        make()


def test_a_patch_larger_than_the_case_names_both_and_the_way_out() -> None:
    for where in (Grid([4, 9]), Anywhere([4, 9]), Slabs(9, axis=1)):
        with pytest.raises(ShapeError, match="larger than the case") as caught:
            where.places((8, 8))
        assert "pad=True" in caught.value.card.to_do
    assert Grid([4, 9], pad=True).places((8, 8))[0].patch_region == ((0, 4), (0, 9))
    assert Anywhere([10], pad=True).places((7,))[0].patch_region == ((-1, 9),)


def test_an_axis_without_voxels_is_an_error() -> None:
    with pytest.raises(ShapeError, match="at least one voxel"):
        Whole().places((4, 0))


def test_the_number_of_axes_has_to_fit() -> None:
    with pytest.raises(ShapeError, match="has 3 axes and the case 2"):
        Grid([4, 4, 4]).places((8, 8))
    with pytest.raises(ShapeError, match="axis 2"):
        Slices(2).places((8, 8))
