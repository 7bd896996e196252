"""What holds for the metrics of counts and sizes whatever the masks are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError
from eisen.evaluation import CasePair, Measured, SegmentationMetric, metric_of, metrics_of
from eisen.evaluation.metrics import FMeasure, Precision, Sensitivity
from eisen.evaluation.metrics.counted import CountMetric
from eisen.evaluation.pairs.counts import Counts
from tests.evaluation.shapes import pairs_of_label_maps, pairs_of_masks, spacings

OF_COUNTS = [m for m in metrics_of("all") if isinstance(m, CountMetric)]
OTHERS = [metric_of("GCOERR(convention='martin')"), metric_of("FMEASR(beta=3.5)"), metric_of("NMI(convention='max')")]
ALL: list[Any] = [*OF_COUNTS, *OTHERS]
SYMMETRIC = (
    *("DICE", "JACRD", "FMEASR", "ACURCY", "VOLSMTY", "AVD", "TP", "TN", "KAPPA", "MCC", "ICCORR", "PROBDST"),
    *("GCOERR", "RNDIND", "ADJRIND", "MUTINF", "VARINFO", "NMI"),
)
MIRRORED = {"SNSVTY": "PRCISON", "FP": "FN", "PREDVOL": "REFVOL", "PREDAREA": "REFAREA"}
BLIND_TO_THE_COMPLEMENT = ("RNDIND", "ADJRIND", "MUTINF", "VARINFO", "NMI")
n_voxels = st.one_of(st.integers(0, 3), st.integers(0, 10**15))
counts = st.builds(Counts, n_voxels, n_voxels, n_voxels, n_voxels)


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def formulas(masks: tuple[np.ndarray, np.ndarray], names: Iterable[str]) -> dict[str, Measured]:
    pair, metrics = CasePair(*masks).label(1), {name: metric_of(name) for name in names}
    return {name: metric.formula(pair) for name, metric in metrics.items() if isinstance(metric, SegmentationMetric)}


@settings(deadline=None)
@given(counts)
def test_any_counts_have_a_value_in_the_range_or_a_reason(found: Counts) -> None:
    for metric in ALL:
        result = metric.of_counts(found)
        assert metric.low <= result.value <= metric.high if result.is_defined else result.reason, metric


@settings(deadline=None)
@given(pairs_of_masks())
def test_the_order_of_the_masks_does_not_matter(masks: tuple[np.ndarray, np.ndarray]) -> None:
    one, other = formulas(masks, SYMMETRIC), formulas(masks[::-1], SYMMETRIC)
    for name in SYMMETRIC:
        assert same(one[name].value, other[name].value), name


@settings(deadline=None)
@given(pairs_of_masks())
def test_some_metrics_are_mirror_images(masks: tuple[np.ndarray, np.ndarray]) -> None:
    one, other = formulas(masks, MIRRORED), formulas(masks[::-1], MIRRORED.values())
    for name, mirrored in MIRRORED.items():
        assert same(one[name].value, other[mirrored].value), name


@settings(deadline=None)
@given(pairs_of_masks(2))
def test_partitions_do_not_know_which_part_is_the_structure(masks: tuple[np.ndarray, np.ndarray]) -> None:
    plain = formulas(masks, BLIND_TO_THE_COMPLEMENT)
    turned = formulas((1 - masks[0], 1 - masks[1]), BLIND_TO_THE_COMPLEMENT)
    for name in BLIND_TO_THE_COMPLEMENT:
        if plain[name].is_defined and turned[name].is_defined:
            assert plain[name].value == pytest.approx(turned[name].value, abs=1e-12), name


@settings(deadline=None, max_examples=40)
@given(pairs_of_label_maps(), st.permutations(range(4)))
def test_renaming_labels_renames_results(maps: tuple[np.ndarray, np.ndarray], names: list[int]) -> None:
    renamed = [np.array(names, np.uint8)[side] for side in maps]
    one, other = CasePair(*maps), CasePair(renamed[0], renamed[1])
    for label, name in enumerate(names):
        for metric in ALL:
            assert same(metric.measure(one.label(label)).value, metric.measure(other.label(name)).value)


@settings(deadline=None, max_examples=40)
@given(pairs_of_masks(), st.tuples(*(st.tuples(st.integers(0, 3), st.integers(0, 3)),) * 3))
def test_moving_both_masks_changes_nothing(masks: tuple[np.ndarray, np.ndarray], room: Any) -> None:
    """The same masks in two places of a larger image."""
    other_room = [pair[::-1] for pair in room]
    one, other = (CasePair(*(np.pad(mask, r) for mask in masks)).label(1) for r in (room, other_room))
    for metric in ALL:
        assert same(metric.measure(one).value, metric.measure(other).value)


@settings(deadline=None, max_examples=40)
@given(pairs_of_masks(), spacings(), st.sampled_from([0.5, 2.0, 4.0]))
def test_volumes_grow_with_the_third_power_of_spacing_and_areas_with_the_second(
    masks: tuple[np.ndarray, np.ndarray], spacing: tuple[float, ...], factor: float
) -> None:
    finer, coarser = CasePair(*masks, spacing).label(1), CasePair(*masks, [s * factor for s in spacing]).label(1)
    for metric in metrics_of("size"):
        assert isinstance(metric, SegmentationMetric)
        power = {"mm³": 3, "mm²": 2, "": 0}[metric.unit]
        expected = metric.measure(finer).value * factor**power
        assert metric.measure(coarser).value == pytest.approx(expected, rel=1e-12, nan_ok=True)


@settings(deadline=None)
@given(pairs_of_masks())
def test_sums_that_must_be_one_are_one(masks: tuple[np.ndarray, np.ndarray]) -> None:
    found = formulas(masks, ("SNSVTY", "FNR", "SPCFTY", "FALLOUT", "DICE", "JACRD"))
    for one, other in (("SNSVTY", "FNR"), ("SPCFTY", "FALLOUT")):
        assert found[one].is_defined == found[other].is_defined
        if found[one].is_defined:
            assert found[one].value + found[other].value == pytest.approx(1, abs=1e-15)
    if found["DICE"].is_defined:
        assert found["JACRD"].value == pytest.approx(found["DICE"].value / (2 - found["DICE"].value))


@settings(deadline=None)
@given(counts)
def test_the_f_measure_lies_between_precision_and_sensitivity(found: Counts) -> None:
    precision, sensitivity = Precision().of_counts(found), Sensitivity().of_counts(found)
    if not precision.is_defined or not sensitivity.is_defined:
        return
    low, high = sorted((precision.value, sensitivity.value))
    for beta in (0.01, 0.5, 1, 2, 100, 1e200):
        assert low - 1e-12 <= FMeasure(beta=beta).of_counts(found).value <= high + 1e-12
    assert FMeasure(beta=1e200).of_counts(found).value == pytest.approx(sensitivity.value)


@pytest.mark.parametrize(
    "spelling",
    [
        *(f"FMEASR(beta={beta})" for beta in ("0", "-1", "'a'", "True", "1e999", "None")),
        *("GCOERR(convention='x')", "GCOERR(convention=1)", "NMI(convention=['max'])"),
        *(f"PREDAREA({given})" for given in ("slice_number=1.5", "slice_number=True", "axis=3", "axis=-1", "axis=[0]")),
        *("DICE(beta=1)", "PREDAREA(slice=3)"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(spelling: str) -> None:
    name = spelling.partition("(")[0]
    with pytest.raises(ArgumentError, match=name) as caught:
        metric_of(spelling)
    assert "Traceback" not in str(caught.value)
