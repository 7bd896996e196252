"""The surface that passes through a corner, for every pattern of voxels around it."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from eisen.evaluation.pairs.surface_area import bits_of_block, surface_of_patterns

SPACINGS = [(1.0, 1.0, 1.0), (2.0, 1.0, 0.5), (5.0, 0.37, 0.81)]


def by_kernel(table: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return a table of a peer in our order of patterns."""
    weights = [int(kernel[place]) for place in bits_of_block(kernel.ndim)]
    codes = [sum(w for bit, w in enumerate(weights) if p >> bit & 1) for p in range(2 ** len(weights))]
    return np.asarray(table)[codes]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_areas_are_those_of_deepmind(spacing):
    lookup = pytest.importorskip("surface_distance.lookup_tables")
    theirs = lookup.create_table_neighbour_code_to_surface_area(spacing)
    expected = by_kernel(theirs, lookup.ENCODE_NEIGHBOURHOOD_3D_KERNEL)
    np.testing.assert_allclose(surface_of_patterns(spacing), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 0.7)])
def test_lengths_are_those_of_deepmind(spacing):
    lookup = pytest.importorskip("surface_distance.lookup_tables")
    theirs = lookup.create_table_neighbour_code_to_contour_length(spacing)
    expected = by_kernel(theirs, lookup.ENCODE_NEIGHBOURHOOD_2D_KERNEL)
    np.testing.assert_allclose(surface_of_patterns(spacing), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("spacing", [*SPACINGS, (1.0, 1.0), (2.0, 0.7)])
def test_inside_and_outside_have_the_same_surface(spacing):
    table = surface_of_patterns(spacing)
    np.testing.assert_array_equal(table, table[::-1])
    assert table[0] == 0
    assert (table[1:-1] > 0).all()


def test_flat_and_slanted_surfaces_have_their_areas():
    table = surface_of_patterns((2.0, 3.0, 5.0))
    first_axis, last_axis = 0b00001111, 0b01010101
    assert table[first_axis] == pytest.approx(3 * 5)
    assert table[last_axis] == pytest.approx(2 * 3)
    edge_along_last = 0b00000011
    assert table[edge_along_last] == pytest.approx(5 * sqrt(2**2 + 3**2) / 2)
    assert surface_of_patterns((3.0, 4.0))[1] == pytest.approx(2.5)


def test_a_corner_is_cut_off_by_the_triangle_of_herons_formula():
    sides = [sqrt(a * a + b * b) / 2 for a, b in ((2, 3), (3, 5), (2, 5))]
    half = sum(sides) / 2
    area = sqrt(half * np.prod([half - side for side in sides]))
    assert surface_of_patterns((2.0, 3.0, 5.0))[1] == pytest.approx(area)
