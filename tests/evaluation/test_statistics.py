"""Statistics: counts always stand beside the mean, and no mean is better because a case was missed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError
from eisen.evaluation import (
    CaseFacts,
    EmptyPolicy,
    Measured,
    Record,
    Results,
    SegmentationEvaluator,
    SegmentationMetric,
    aggregate,
    charged,
    undefined,
)
from eisen.evaluation.metrics import Dice
from eisen.evaluation.policies import policy_of

NAN = math.nan


class Length(SegmentationMetric):
    """A distance: mean difference of the centres, undefined where one is empty."""

    abbreviation, better, high, unit = "LENGTH", "lower", math.inf, "mm"

    def formula(self, pair):
        if pair.presence != "both":
            return undefined("a mask is empty")
        a, b = (np.argwhere(mask).mean(axis=0) for mask in (pair.prediction, pair.reference))
        return Measured(float(np.linalg.norm((a - b) * pair.spacing)))


class Ratio(Length):
    """Unbounded, and no length: there is no diagonal to charge."""

    abbreviation, unit = "RATIO", ""


METRICS = {m.name: m for m in (Dice(), Length(), Ratio())}


def results(values: list[tuple[float, str]], metric: str = "LENGTH", diagonal: float = 50.0) -> Results:
    records = [
        Record(f"c{i}", "lung", metric, v, "empty" if math.isnan(v) else "", p) for i, (v, p) in enumerate(values)
    ]
    return Results(records, {r.case: CaseFacts(diagonal_mm=diagonal) for r in records}, METRICS)


def test_means_are_those_of_numpy_and_counts_stand_beside_them() -> None:
    found = results([(1.0, "both"), (4.0, "both"), (NAN, "missed"), (NAN, "extra"), (NAN, "both"), (0.0, "absent")])
    one = aggregate(found)[0]
    known = np.array([1.0, 4.0, 0.0])
    assert (one.mean, one.std, one.median) == pytest.approx((known.mean(), known.std(ddof=1), 1.0))
    assert (one["q25"], one["q75"], one["min"], one["max"]) == (0.5, 2.5, 0, 4)
    counts = (one.n_cases, one.n, one.n_undefined, one.n_missed, one.n_extra, one.n_absent)
    assert counts == (6, 3, 3, 1, 1, 1)
    assert {"n_undefined", "n_missed"} < set(one.row())


def test_own_functions_follow_and_see_defined_values_only() -> None:
    one = aggregate(results([(1.0, "both"), (NAN, "missed"), (3.0, "both")]), {"range": np.ptp, "n3": len})[0]
    assert (one["range"], one["n3"]) == (2, 2)
    assert list(one.statistics)[-2:] == ["range", "n3"]


def test_nothing_to_average_is_not_zero() -> None:
    one = aggregate(results([(NAN, "missed")]))[0]
    assert math.isnan(one.mean)
    assert (one.n, one.n_missed) == (0, 1)
    assert math.isnan(aggregate(results([(2.0, "both")]))[0].std)
    assert aggregate(Results()) == []


def test_cases_that_failed_are_counted() -> None:
    found = results([(1.0, "both")])
    found.failures["bad"] = "ShapeError: ..."
    assert aggregate(found)[0].n_failed == 1


def test_a_missed_case_is_charged_the_diagonal_of_its_image_or_the_worst_value() -> None:
    one = aggregate(results([(2.0, "both"), (NAN, "missed")]), policy="worst")[0]
    assert (one.mean, one.n, one.n_undefined, one.n_missed, one.n_charged) == (26, 2, 0, 1, 1)
    assert aggregate(results([(1.0, "both"), (NAN, "missed")], "DICE"), policy="worst")[0].mean == 0.5
    assert aggregate(results([(1.0, "both"), (NAN, "missed")], "RATIO"), policy="worst")[0].mean == math.inf
    number = EmptyPolicy(prediction=7, reference="worst", both="nan")
    assert aggregate(results([(1.0, "both"), (NAN, "missed")]), policy=number)[0].mean == 4


def test_charging_leaves_values_and_other_reasons_alone() -> None:
    found = results([(0.3, "missed"), (NAN, "both"), (NAN, "absent"), (NAN, "extra")], "DICE")
    assert [r.value for r in charged(found)] == pytest.approx([0.3, NAN, 1.0, 0.0], nan_ok=True)
    assert charged(found).records[3].reason == "empty: charged"
    assert found.records[3].reason == "empty"
    with pytest.raises(ArgumentError):
        charged(found, "best")
    unknown = Results([Record("a", "lung", "OTHER", NAN, "", "missed")])
    assert math.isnan(charged(unknown).records[0].value)


def test_charging_afterwards_is_charging_at_once() -> None:
    reference = np.zeros((5, 6, 7), int)
    reference[1:3, 2, 2] = 1
    cases = [(reference, reference, "a"), (None, reference, "b"), (reference, reference * 0, "c")]
    policy = policy_of("worst")
    metrics = [Length(), "DICE", "SNSVTY", "PRCISON"]
    at_once = SegmentationEvaluator(metrics, {1: "lung"}, policy).evaluate_many(cases)
    after = charged(SegmentationEvaluator(metrics, {1: "lung"}).evaluate_many(cases), policy)
    assert [r.value for r in at_once] == [r.value for r in after]
    assert at_once.values("lung", "LENGTH").tolist() == pytest.approx([0, math.sqrt(110), math.sqrt(110)])


values = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=12)


@settings(deadline=None, max_examples=200)
@given(values, st.sampled_from(["DICE", "LENGTH", "RATIO"]))
def test_no_mean_is_better_because_a_case_was_missed(found: list[tuple[float, bool]], metric: str) -> None:
    scale = 1.0 if metric == "DICE" else 50.0
    seen = results([(value * scale, "both") for value, _ in found], metric)
    missed = results([(NAN, "missed") if is_missed else (v * scale, "both") for v, is_missed in found], metric)
    before, after = (aggregate(each, policy="worst")[0].mean for each in (seen, missed))
    better = 1 if metric == "DICE" else -1
    assert better * after <= better * before + 1e-9


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.lists(st.booleans(), min_size=4, max_size=4))
def test_no_mean_of_real_masks_is_better_because_a_case_was_missed(seed: int, is_missed: list[bool]) -> None:
    random = np.random.default_rng(seed)
    pairs = random.random((4, 2, 4, 5)) < random.random((4, 1, 1, 1))
    evaluators = [SegmentationEvaluator(["DICE", Length(), "SNSVTY"], [1]) for _ in range(2)]
    for i, (prediction, reference) in enumerate(pairs):
        evaluators[0].evaluate(prediction, reference, f"c{i}", (1, 2))
        evaluators[1].evaluate(None if is_missed[i] and reference.any() else prediction, reference, f"c{i}", (1, 2))
    before, after = (aggregate(e.results, policy="worst") for e in evaluators)
    for seen, lost in zip(before, after, strict=True):
        sign = -1 if seen.metric == "LENGTH" else 1
        assert sign * lost.mean <= sign * seen.mean + 1e-9, (seen, lost)


def test_policies_are_spelt() -> None:
    assert policy_of("count") == EmptyPolicy()
    assert policy_of("prediction=3, both=nan") == EmptyPolicy(prediction=3.0, both="nan")
    assert policy_of({"reference": "worst"}) == EmptyPolicy(reference="worst")
    for wrong in ("never", "left=worst", "prediction=best", {"predictions": 1}):
        with pytest.raises(ArgumentError):
            policy_of(wrong)
