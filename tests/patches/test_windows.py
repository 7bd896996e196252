"""Windows cover every voxel, and their weights are above zero and largest in the middle."""

from __future__ import annotations

import numpy as np
import pytest

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.sizes import memory_bytes, memory_text
from eisen.patches import window_starts, window_weights


@pytest.mark.parametrize("overlap", [0, 0.25, 0.5, 0.9])
@pytest.mark.parametrize(("size", "window"), [(10, 4), (9, 4), (4, 4), (3, 4), (100, 7), (8, 1)])
def test_starts_cover_every_voxel_and_no_window_leaves_the_axis(size, window, overlap):
    starts = window_starts(size, window, overlap)
    covered = {voxel for start in starts for voxel in range(start, start + window)}
    assert covered >= set(range(size))
    assert starts == sorted(set(starts))
    assert starts[-1] + window == max(size, window)


def test_the_overlap_is_not_lost_to_rounding():
    assert window_starts(50, 10, 0.9)[:3] == [0, 1, 2]
    assert window_starts(90, 30, 0.9)[:3] == [0, 3, 6]


def test_gaussian_weights_fall_towards_the_border_and_stay_above_zero():
    weights = window_weights((64, 32, 16), "gaussian")
    assert weights.dtype == np.float32
    assert weights.min() == np.float32(1e-3)
    assert weights.argmax() in np.flatnonzero(weights == weights.max())
    np.testing.assert_array_equal(weights, weights[::-1, ::-1, ::-1])
    line = weights[32, 16, :]
    assert (np.diff(line[:8]) > 0).all()
    assert line[2] / line[7] == pytest.approx(np.exp(-0.5 * (5.5**2 - 0.5**2) / 2**2), rel=1e-4)


def test_weights_of_the_user_are_checked():
    assert window_weights((2, 2), np.full((2, 2), 3)).tolist() == [[3, 3], [3, 3]]
    with pytest.raises(ShapeError):
        window_weights((2, 3), np.ones((3, 2)))
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ArgumentError):
            window_weights((2,), np.array([1, wrong]))


@pytest.mark.parametrize("wrong", [(0, 4), (4, 0), (-1, 4), (4, 2.5), (True, 4)])
def test_sizes_that_are_none_are_refused(wrong):
    with pytest.raises(ArgumentError):
        window_starts(*wrong)


@pytest.mark.parametrize("wrong", [1, 1.5, -0.1, "0.5", None, float("nan"), True])
def test_overlaps_that_are_none_are_refused(wrong):
    with pytest.raises(ArgumentError):
        window_starts(10, 4, wrong)


@pytest.mark.parametrize(
    ("text", "n"), [("4GB", 4 * 10**9), ("1.5 GiB", 3 * 2**29), ("512mb", 512 * 10**6), ("7 B", 7), (100, 100)]
)
def test_amounts_of_memory_are_read(text, n):
    assert memory_bytes(text) == n


@pytest.mark.parametrize("wrong", ["4", "GB", "4 apples", "0GB", "-1GB", "", None, 0, -5, 1.5, True, "1.2.3GB"])
def test_what_is_no_amount_of_memory_is_refused(wrong):
    with pytest.raises(ArgumentError, match="no amount of memory"):
        memory_bytes(wrong)


def test_amounts_of_memory_are_written():
    assert [memory_text(n) for n in (12, 1500, 2.5e6, 4e9)] == ["12 B", "1.5 KB", "2.5 MB", "4 GB"]
