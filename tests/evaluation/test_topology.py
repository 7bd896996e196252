"""Centre lines, clDice and Betti numbers: tubes, rings, shells and every awkward pair of masks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import ndimage
from skimage.morphology import skeletonize

from eisen._core.errors import ArgumentError
from eisen.evaluation import CasePair, metric_of
from eisen.evaluation.pairs.skeletons import skeleton
from tests.evaluation.shapes import ALL_PAIRS, Pair, ball, pairs_of_masks


def tube(radius: float, shape: tuple[int, int, int] = (15, 15, 30), gap: slice | None = None) -> np.ndarray:
    mask = np.repeat(ball(shape[:2], (7, 7), radius)[:, :, None], shape[2], axis=2)
    if gap is not None:
        mask[:, :, gap] = 0
    return mask


def torus(shape: tuple[int, int, int] = (25, 25, 13)) -> np.ndarray:
    x, y, z = (axis - (n - 1) / 2 for axis, n in zip(np.ogrid[tuple(map(slice, shape))], shape, strict=True))
    return ((np.hypot(x, y) - 8) ** 2 + z**2 < 10).astype(np.uint8)


SOLID, SHELL, RING = ball((25, 25, 13), (12, 12, 6), 5), ball((25, 25, 13), (12, 12, 6), 5), torus()
SHELL[12, 12, 6] = 0
NUMBERS = {"nothing": (0, 0, 0), "solid": (1, 0, 0), "shell": (1, 0, 1), "ring": (1, 1, 0), "two": (2, 1, 0)}
BODIES = {
    "nothing": np.zeros_like(SOLID),
    "solid": SOLID,
    "shell": SHELL,
    "ring": RING,
    "two": np.concatenate([RING, SOLID]),
}


def same_shape(*masks: np.ndarray) -> list[np.ndarray]:
    return [np.pad(mask, ((0, 60 - len(mask)), (0, 0), (0, 0))) for mask in masks]


@pytest.mark.parametrize("one", BODIES)
@pytest.mark.parametrize("other", BODIES)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_betti_numbers_of_known_bodies(one: str, other: str, number: int) -> None:
    expected = abs(NUMBERS[one][number] - NUMBERS[other][number])
    metric: Any = metric_of(f"BETTI(number={number})")
    assert metric(*same_shape(BODIES[one], BODIES[other])) == expected


@pytest.mark.parametrize("pair", ALL_PAIRS, ids=str)
def test_pieces_and_holes_equal_those_of_scipy(pair: Pair) -> None:
    masks = pair.masks()
    label = CasePair(pair.prediction, pair.reference, pair.spacing).label(1)
    full = ndimage.generate_binary_structure(masks[0].ndim, masks[0].ndim)
    pieces = [ndimage.label(mask, full)[1] for mask in masks]
    enclosed = [ndimage.label(np.pad(~mask, 1, constant_values=True))[1] - 1 for mask in masks]
    of_pieces: Any = metric_of("BETTI")
    of_enclosed: Any = metric_of(f"BETTI(number={masks[0].ndim - 1})")
    assert of_pieces.formula(label).value == abs(pieces[0] - pieces[1])
    assert of_enclosed.formula(label).value == abs(enclosed[0] - enclosed[1])


def test_masks_in_2d_have_no_cavities() -> None:
    metric: Any = metric_of("BETTI(number=2)")
    found = metric.measure(CasePair(np.ones((3, 3)), np.ones((3, 3))).label(1))
    assert (math.isnan(found.value), found.reason) == (True, "masks in 2-D have no cavities")
    with pytest.raises(ArgumentError, match="number is 3"):
        metric_of("BETTI(number=3)")


def test_cldice_sees_breaks_and_not_the_width() -> None:
    wide, narrow, broken = tube(4), tube(2), tube(4, gap=slice(10, 20))
    assert metric_of("CLDICE")(narrow, wide) > 0.95
    assert metric_of("DICE")(narrow, wide) < 0.5
    assert metric_of("CLDICE")(broken, wide) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("pair", ALL_PAIRS, ids=str)
def test_cldice_equals_its_formula(pair: Pair) -> None:
    prediction, reference = pair.masks()
    metric: Any = metric_of("CLDICE")
    found = metric.formula(CasePair(pair.prediction, pair.reference, pair.spacing).label(1)).value
    if not (prediction.any() and reference.any()):
        assert found == (0 if prediction.any() or reference.any() else pytest.approx(math.nan, nan_ok=True))
        return
    lines = [skeletonize(np.pad(mask, 1)) for mask in (prediction, reference)]
    other = [np.pad(mask, 1) for mask in (reference, prediction)]
    shares = [line[mask].sum() / line.sum() for line, mask in zip(lines, other, strict=True) if line.any()]
    if len(shares) == 2:
        expected = 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0
        assert found == pytest.approx(expected, abs=0.08)  # where components vanish, scikit-image has no line
        if all(lost(mask, line) == 0 for mask, line in zip((prediction, reference), lines, strict=True)):
            assert found == pytest.approx(expected, rel=1e-12)


def lost(mask: np.ndarray, line: np.ndarray) -> int:
    """Count components without any voxel of their centre line."""
    numbers, n = ndimage.label(np.pad(mask, 1), ndimage.generate_binary_structure(mask.ndim, mask.ndim))
    return n - len(set(numbers[line].tolist()) - {0})


@pytest.mark.parametrize("side", [1, 2, 4])
def test_small_cubes_keep_a_voxel(side: int) -> None:
    mask = np.zeros((14, 14, 14), bool)
    mask[1 : 1 + side, 1 : 1 + side, 1 : 1 + side] = True
    mask[8 : 8 + side, 8 : 8 + side, 8 : 8 + side] = True
    lines = skeleton(mask)
    assert lines[:7].any()
    assert lines[7:].any()
    assert mask[lines].all()
    assert metric_of("CLDICE")(mask, mask) == 1


def test_a_mask_at_the_border_has_the_line_it_has_elsewhere() -> None:
    mask = np.zeros((9, 20), bool)
    mask[0:3] = True
    assert (skeleton(mask)[0:3] == skeleton(np.roll(mask, 3, axis=0))[3:6]).all()


@settings(max_examples=60)
@given(pairs_of_masks(3, 5))
def test_cldice_is_bounded_symmetric_and_1_for_equal_masks(masks: tuple[np.ndarray, np.ndarray]) -> None:
    metric: Any = metric_of("CLDICE")
    value = metric(*masks)
    assert 0 <= value <= 1
    assert metric(masks[1], masks[0]) == pytest.approx(value)
    assert metric(masks[0], masks[0]) == 1
    moved = [np.pad(mask, ((1, 0), (0, 2), (3, 0))) for mask in masks]
    assert metric(*moved) == pytest.approx(value)
