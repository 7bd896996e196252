"""Lesions and instances: brute force over sets of voxels, hand-made scenes, and every awkward pair of masks."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from eisen._core.errors import ArgumentError
from eisen.evaluation import CasePair, metric_of, metrics_of
from eisen.evaluation.pairs.components import components_of, instances_of
from tests.evaluation.shapes import ALL_PAIRS, MM, Pair, pairs_of_masks

LESIONS = ["LESF1", "LESSNS", "LESPRC", "LESFP", "LESDIFF", "PQ", "SQ", "RQ"]
STRUCTURES = {2: {4: 1, 6: 1, 8: 2, 18: 2, 26: 2}, 3: {4: 1, 6: 1, 18: 2, 8: 3, 26: 3}}


def lesions(mask: np.ndarray, connectivity: int) -> list[set[tuple[int, ...]]]:
    """Return the voxels of each component, by scipy."""
    structure = ndimage.generate_binary_structure(mask.ndim, STRUCTURES[mask.ndim][connectivity])
    numbers, n = ndimage.label(mask, structure)
    return [set(map(tuple, np.argwhere(numbers == i + 1).tolist())) for i in range(n)]


def centre(lesion: set[tuple[int, ...]], spacing: tuple[float, ...]) -> np.ndarray:
    return np.mean(sorted(lesion), axis=0) * spacing


def iou(one: set[Any], other: set[Any]) -> float:
    return len(one & other) / len(one | other)


def brute_force(pair: Pair, rule: str, threshold: float, connectivity: int) -> dict[str, float]:
    prediction, reference = pair.masks()
    found, actual = lesions(prediction, connectivity), lesions(reference, connectivity)
    spacing = pair.spacing or (1.0,) * prediction.ndim
    match = {
        "overlap": lambda p, r: bool(p & r),
        "iou": lambda p, r: iou(p, r) > threshold,
        "distance": lambda p, r: bool(np.linalg.norm(centre(p, spacing) - centre(r, spacing)) <= threshold),
    }[rule]
    tp = sum(any(match(p, r) for p in found) for r in actual)
    fp = sum(not any(match(p, r) for r in actual) for p in found)
    below = tp + len(actual) + fp
    return {
        "LESF1": 2 * tp / below if below else math.nan,
        "LESSNS": tp / len(actual) if actual else math.nan,
        "LESPRC": 1 - fp / len(found) if found else math.nan,
        "LESFP": fp,
        "LESDIFF": abs(len(found) - len(actual)),
    }


@pytest.mark.parametrize("pair", ALL_PAIRS, ids=str)
@pytest.mark.parametrize("connectivity", [26, 18, 6])
def test_equals_brute_force(pair: Pair, connectivity: int) -> None:
    label = CasePair(pair.prediction, pair.reference, pair.spacing).label(1)
    for rule, threshold in (("overlap", None), ("iou", 0.2), ("iou", 0.5), ("distance", 3.0)):
        for name, expected in brute_force(pair, rule, threshold or 0, connectivity).items():
            given = f"connectivity={connectivity}"
            if name != "LESDIFF":
                given += f", matching={rule!r}, threshold={threshold}"
            metric: Any = metric_of(f"{name}({given})")
            assert metric.formula(label).value == pytest.approx(expected, nan_ok=True), (rule, name)


def kirillov(pair: Pair, connectivity: int = 26) -> tuple[float, float, float]:
    prediction, reference = pair.masks()
    found, actual = lesions(prediction, connectivity), lesions(reference, connectivity)
    ious = [value for p, r in itertools.product(found, actual) if (value := iou(p, r)) > 0.5]
    both = len(found) + len(actual)
    pq, rq = (2 * sum(ious) / both, 2 * len(ious) / both) if both else (math.nan, math.nan)
    return pq, float(np.mean(ious)) if ious else math.nan, rq


@pytest.mark.parametrize("pair", ALL_PAIRS, ids=str)
def test_panoptic_quality_equals_the_paper(pair: Pair) -> None:
    label = CasePair(pair.prediction, pair.reference, pair.spacing).label(1)
    metrics: list[Any] = metrics_of("PQ, SQ, RQ")
    values = [metric.formula(label).value for metric in metrics]
    assert values == pytest.approx(kirillov(pair), nan_ok=True)


def scene(*rows: str) -> np.ndarray:
    """Draw a mask: anything but a dot is a voxel."""
    return np.array([[0 if c == "." else 1 if c == "#" else int(c) for c in row] for row in rows])


TWO_IN_ONE = scene("######...#"), scene("##..##....")
"""One prediction over two lesions, and a false one."""


def test_one_prediction_finds_several_lesions_unless_one_to_one() -> None:
    assert metric_of("LESSNS")(*TWO_IN_ONE) == 1
    assert metric_of("LESF1")(*TWO_IN_ONE) == 0.8
    assert metric_of("LESSNS(one_to_one=True)")(*TWO_IN_ONE) == 0.5
    assert metric_of("LESF1(one_to_one=True)")(*TWO_IN_ONE) == 0.5
    assert metric_of("LESFP")(*TWO_IN_ONE) == metric_of("LESFP(one_to_one=True)")(*TWO_IN_ONE) == 1


def test_several_predictions_of_one_lesion_are_false_only_one_to_one() -> None:
    prediction, reference = scene("##.##.##"), scene("########")
    assert metric_of("LESPRC")(prediction, reference) == 1
    assert metric_of("LESPRC(one_to_one=True)")(prediction, reference) == 1 / 3
    assert metric_of("LESFP(one_to_one=True)")(prediction, reference) == 2


def test_one_to_one_finds_as_many_partners_as_possible() -> None:
    prediction = scene("#########.##....")  # best partner of the middle lesion, only partner of the first
    reference = scene("##..########....")
    assert metric_of("LESSNS(one_to_one=True)")(prediction, reference) == 1


@settings(max_examples=60)
@given(pairs_of_masks(2, 7))
def test_one_to_one_equals_the_largest_of_all_assignments(masks: tuple[np.ndarray, np.ndarray]) -> None:
    prediction, reference = masks
    found, actual = lesions(prediction, 4)[:5], lesions(reference, 4)[:5]
    keep = [np.zeros(prediction.shape, int) for _ in range(2)]
    for mask, side in zip(keep, (found, actual), strict=True):
        for lesion in side:
            mask[tuple(np.array(sorted(lesion)).T)] = 1
    shorter, longer = sorted((found, actual), key=len)
    options = [
        sum(bool(a & b) for a, b in zip(shorter, chosen, strict=True))
        for chosen in itertools.permutations(longer, len(shorter))
    ]
    metric: Any = metric_of("LESSNS(one_to_one=True, connectivity=4)")
    matches = metric.matches(CasePair(*keep).label(1))
    assert matches.found == max(options)
    assert len(set(matches.predicted.tolist())) == len(matches.predicted) == matches.found


def test_distance_is_in_mm() -> None:
    prediction, reference = scene("#......"), scene("...#...")
    metric: Any = metric_of('LESSNS(matching="distance", threshold=3)')
    assert metric(prediction, reference, (1, 1)) == 1
    assert metric(prediction, reference, (1, 1.01)) == 0
    assert metric(prediction, reference, (9, 0.2)) == 1
    same: Any = metric_of('LESSNS(matching="distance", threshold=0)')
    assert same(prediction, prediction) == 1
    assert same(prediction, reference) == 0


def test_instance_maps_keep_instances_that_touch_apart() -> None:
    prediction, reference = scene("1122.", ".33.."), scene("1112.", ".3333")
    cells = CasePair(prediction, reference).label((1, 2, 3))
    apart: Any = metric_of('PQ(instances="values")')
    ious = [2 / 3, 1 / 2, 2 / 4]
    assert apart.formula(cells).value == pytest.approx(2 * ious[0] / 6)
    wide: Any = metric_of('PQ(instances="values", threshold=0.4)')
    assert wide.formula(cells).value == pytest.approx(2 * sum(ious) / 6)
    together: Any = metric_of("PQ")
    assert together.formula(cells).value == pytest.approx(6 / 8)


def test_instances_need_not_have_the_same_values_on_both_sides() -> None:
    cells = CasePair(scene("77.99"), scene("22.55")).label((2, 5, 7, 9))
    metric: Any = metric_of('PQ(instances="values")')
    assert metric.formula(cells).value == 1


@pytest.mark.parametrize("name", LESIONS)
def test_without_lesions_perfect_only_where_that_makes_sense(name: str) -> None:
    metric: Any = metric_of(name)
    nothing = CasePair(np.zeros((3, 4)), np.zeros((3, 4))).label(1)
    found = metric.measure(nothing)
    expected = {"LESSNS": math.nan, "LESPRC": math.nan, "LESFP": 0, "LESDIFF": 0}.get(name, 1)
    assert found.value == pytest.approx(expected, nan_ok=True)
    assert found.reason or expected == 0


@pytest.mark.parametrize("side", [0, 1])
def test_lesions_on_one_side(side: int) -> None:
    masks = [np.zeros((3, 4), int), scene("#..#", "....", ".#..")]
    label = CasePair(masks[1 - side], masks[side]).label(1)
    metrics: list[Any] = metrics_of(LESIONS)
    found = {metric.name: metric.measure(label) for metric in metrics}
    values = {name: value.value for name, value in found.items()}
    assert (values["LESF1"], values["PQ"], values["RQ"], values["LESDIFF"]) == (0, 0, 0, 3)
    assert math.isnan(values["SQ"])
    assert values["LESFP"] == (0 if side else 3)
    assert math.isnan(values["LESPRC"] if side else values["LESSNS"])
    assert values["LESSNS" if side else "LESPRC"] == 0
    assert all(each.reason for each in found.values() if math.isnan(each.value))


@settings(max_examples=60)
@given(pairs_of_masks(3, 4), st.sampled_from([6, 18, 26]))
def test_bounds_symmetry_and_translation(masks: tuple[np.ndarray, np.ndarray], connectivity: int) -> None:
    prediction, reference = masks
    for matching in ("overlap", "iou", "distance"):
        given = f"(matching={matching!r}, one_to_one=True, connectivity={connectivity})"
        f1, sensitivity, precision = (metric_of(name + given) for name in ("LESF1", "LESSNS", "LESPRC"))
        value: Any = f1(prediction, reference)  # type: ignore[operator]
        assert 0 <= value <= 1
        assert f1(reference, prediction) == pytest.approx(value)  # type: ignore[operator]
        moved = [np.pad(mask, ((2, 0), (0, 3), (1, 1))) for mask in masks]
        assert f1(*moved) == pytest.approx(value)  # type: ignore[operator]
        one, other = sensitivity(prediction, reference), precision(reference, prediction)  # type: ignore[operator]
        assert one == pytest.approx(other, nan_ok=True)
    pq, sq, rq = (metric_of(name)(prediction, reference) for name in ("PQ", "SQ", "RQ"))
    assert pq == pytest.approx(0 if math.isnan(sq) else sq * rq)


@settings(max_examples=100)
@given(st.integers(0, 10**9), st.sampled_from([(9, 13), (13, 9), (5, 1), (7, 4, 1), (1, 6, 5), (6, 5, 4)]))
def test_components_equal_those_of_scipy(seed: int, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(seed)
    mask = random.random(shape) < random.choice([0.1, 0.3, 0.6, 0.9])
    for connectivity, distance in STRUCTURES[mask.ndim].items():
        numbers, n = components_of(mask, connectivity)
        expected, n_expected = ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, distance))
        assert n == n_expected
        assert len(set(zip(numbers.ravel().tolist(), expected.ravel().tolist(), strict=True))) == n + (not mask.all())
        assert not numbers[~mask].any()


def test_centres_and_sizes_of_instances() -> None:
    mask = np.zeros((6, 7, 8), int)
    mask[1:3, 2:4, 5], mask[5, 6, 0:3] = 1, 1
    found = instances_of(CasePair(mask, mask, MM).label(1))
    assert found.sizes.tolist() == [4, 3]
    assert np.allclose(found.centres, [[3, 2.5, 2.5], [10, 6, 0.5]] - found_origin(mask))
    assert found.ious.tolist() == [1, 1]


def found_origin(mask: np.ndarray) -> np.ndarray:
    """Centres are counted from the corner of the box of the label."""
    return np.argwhere(mask).min(axis=0) * MM


def test_many_lesions_take_no_time() -> None:
    random = np.random.default_rng(0)
    prediction, reference = (random.random((120, 120, 60)) < 0.02 for _ in range(2))
    label = CasePair(prediction, reference).label(1)
    for spelling in ("LESF1(one_to_one=True)", 'LESF1(matching="distance", threshold=2, one_to_one=True)', "PQ"):
        metric: Any = metric_of(spelling)
        assert 0 < metric.formula(label).value < 1


@pytest.mark.parametrize(
    "spelling",
    [
        'LESF1(matching="nearest")',
        "LESF1(threshold=0.5)",
        'LESF1(matching="iou", threshold=1.5)',
        'LESF1(matching="distance", threshold=-1)',
        'LESF1(matching="distance", threshold="far")',
        "LESF1(one_to_one=1)",
        "LESF1(connectivity=7)",
        "LESDIFF(connectivity=0)",
        "PQ(threshold=1)",
        'PQ(instances="cells")',
        "SQ(connectivity=None)",
    ],
)
def test_wrong_parameters_are_refused(spelling: str) -> None:
    with pytest.raises(ArgumentError, match=" is "):
        metric_of(spelling)
