"""Decisions of classifiers: scikit-learn's values, counts written out, and classes that are absent."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen.evaluation import ScorePair, metric_of, metrics_of

DECISIONS = [
    "ACC",
    "BACC",
    "F1",
    "SENS",
    "SPEC",
    "PPV",
    "CKAPPA",
    'CKAPPA(weights="linear")',
    'CKAPPA(weights="quadratic")',
    "CMCC",
]


def decided(predicted: Any, classes: Any, n_classes: int | None = None) -> ScorePair:
    return ScorePair(None, np.asarray(classes), np.asarray(predicted), n_classes)


def draw(n: int, n_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random scores and classes; scores lean to the true class."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, n_classes, n)
    scores = random.random((n, n_classes)) + 0.4 * np.eye(n_classes)[classes]
    return scores / scores.sum(axis=1, keepdims=True), classes


def theirs(name: str, true: np.ndarray, said: np.ndarray, n_classes: int, average: str) -> float:
    """Return scikit-learn's value."""
    if name == "SPEC":
        table = sk.confusion_matrix(true, said, labels=range(n_classes))
        tn = [np.delete(np.delete(table, c, 0), c, 1).sum() for c in range(n_classes)]
        each = [t / (len(true) - table[c].sum()) for c, t in enumerate(tn)]
        weights = np.bincount(true, minlength=n_classes) if average == "weighted" else None
        return float(each[1] if average == "binary" else np.average(each, weights=weights))
    averaged = {"F1": sk.f1_score, "SENS": sk.recall_score, "PPV": sk.precision_score}
    if name in averaged:
        return float(averaged[name](true, said, average=average))
    plain = {"ACC": sk.accuracy_score, "BACC": sk.balanced_accuracy_score, "CMCC": sk.matthews_corrcoef}
    if name in plain:
        return float(plain[name](true, said))
    weights = name.partition('"')[2].strip('")') or None
    return float(sk.cohen_kappa_score(true, said, weights=weights, labels=range(n_classes)))


@pytest.mark.parametrize("spelling", DECISIONS)
@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("average", ["auto", "macro", "weighted"])
def test_equals_scikit_learn(spelling: str, n_classes: int, average: str) -> None:
    scores, classes = draw(150, n_classes, seed=n_classes)
    metric: Any = metric_of(spelling)
    if hasattr(metric, "average"):
        metric = type(metric)(average=average)
    said = scores.argmax(axis=1)
    their_average = ("binary" if n_classes == 2 else "macro") if average == "auto" else average
    expected = theirs(spelling, classes, said, n_classes, their_average)
    assert metric(scores, classes) == pytest.approx(expected, rel=1e-12)
    assert metric.measure(decided(said, classes)).value == pytest.approx(expected, rel=1e-12)
    assert metric.measure(ScorePair(scores * 30 - 4, classes)).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("spelling", DECISIONS)
def test_one_probability_per_case_is_that_of_class_1(spelling: str) -> None:
    scores, classes = draw(90, 2, seed=1)
    metric: Any = metric_of(spelling)
    assert metric(scores[:, 1], classes) == pytest.approx(metric(scores, classes), rel=1e-12)
    assert metric(scores[:, 1].astype("f4"), classes.astype(bool)) == pytest.approx(metric(scores, classes), rel=1e-12)


@pytest.mark.parametrize("spelling", ["F1", "SENS", "SPEC", "PPV"])
def test_per_class_equals_scikit_learn_of_each_class(spelling: str) -> None:
    scores, classes = draw(120, 4, seed=7)
    metric: Any = metric_of(spelling)
    found = metric.per_class(ScorePair(scores, classes))
    said = scores.argmax(axis=1)
    for class_ in range(4):
        expected = theirs(spelling, (classes == class_).astype(int), (said == class_).astype(int), 2, "binary")
        assert found[class_].value == pytest.approx(expected, rel=1e-12)


def test_classes_that_are_absent_are_left_out_and_named() -> None:
    pair = decided([0, 0, 1, 0], [0, 0, 1, 1], n_classes=4)
    for spelling, expected in (("BACC", 0.75), ("SENS", 0.75), ("F1", (0.8 + 2 / 3) / 2)):
        metric: Any = metric_of(spelling)
        found = metric.measure(pair)
        assert found.value == pytest.approx(expected)
        assert "2 of 4 classes" in found.reason


def test_a_class_that_is_never_predicted_has_precision_0_in_a_mean() -> None:
    metric: Any = metric_of("PPV")
    found = metric.measure(decided([0, 0, 1, 1], [0, 0, 1, 2]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sk.precision_score([0, 0, 1, 2], [0, 0, 1, 1], average="macro")
    assert found.value == pytest.approx(expected)
    assert found.reason == "class 2: never predicted, counts 0"
    assert math.isnan(metric.per_class(decided([0, 0, 1, 1], [0, 0, 1, 2]))[2].value)


@pytest.mark.parametrize(
    ("spelling", "predicted", "classes", "reason"),
    [
        ("SENS", [0, 1], [0, 0], "no case is of the class"),
        ("SPEC", [0, 1], [1, 1], "all cases are of the class"),
        ("PPV", [0, 0], [0, 1], "the class was never predicted"),
        ("F1", [0, 0], [0, 0], "the class neither occurs nor was predicted"),
        ("CKAPPA", [1, 1], [1, 1], "all cases are of one class, and it was always predicted"),
        ("CMCC", [0, 1], [1, 1], "all cases are of one class"),
        ("CMCC", [1, 1], [0, 1], "one class was always predicted"),
    ],
)
def test_what_is_not_defined_has_a_reason(spelling: str, predicted: Any, classes: Any, reason: str) -> None:
    metric: Any = metric_of(spelling)
    found = metric.measure(decided(predicted, classes))
    assert (math.isnan(found.value), found.reason) == (True, reason)


def test_constant_decisions_are_chance() -> None:
    pair = decided(np.zeros(10, int), [0] * 7 + [1] * 3)
    metrics: list[Any] = metrics_of("BACC, CKAPPA, SENS", kind="classification")
    assert [metric.measure(pair).value for metric in metrics] == [0.5, 0, 0]


@pytest.mark.parametrize("arguments", [(np.zeros(3), np.zeros(2, int)), (np.zeros((3, 2, 2)), np.zeros(3, int))])
def test_shapes_are_compared(arguments: Any) -> None:
    with pytest.raises(ShapeError, match="shape"):
        ScorePair(*arguments)


@pytest.mark.parametrize(
    "classes", [np.array([0, 1, 3]), np.array([-1, 0, 1]), np.array([0, 0.5, 1]), np.array([0, np.nan, 1])]
)
def test_classes_that_cannot_be_are_refused(classes: np.ndarray) -> None:
    with pytest.raises(VoxelValueError, match="class"):
        ScorePair(np.zeros((3, 3)), classes)


def test_wrong_shapes_of_decisions_and_maps_are_refused() -> None:
    with pytest.raises(ShapeError, match="predicted"):
        decided([0, 1, 1], [0, 1])
    with pytest.raises(ShapeError, match="one axis"):
        ScorePair(np.zeros(4), np.zeros((2, 2), int))
    with pytest.raises(ShapeError, match="a mask of"):
        ScorePair.of_maps(np.zeros((2, 2)), np.zeros((2, 2), int), mask=np.zeros(4))
    with pytest.raises(VoxelValueError, match="complex"):
        ScorePair(np.zeros(2, complex), np.zeros(2, int))


@pytest.mark.parametrize("spelling", ['F1(average="micro")', 'CKAPPA(weights="cubic")', "SENS(average=1)"])
def test_wrong_parameters_are_refused(spelling: str) -> None:
    with pytest.raises(ArgumentError, match=" is "):
        metric_of(spelling)


@settings(max_examples=60)
@given(st.data())
def test_bounds_and_permutation_of_classes(data: Any) -> None:
    n_classes = data.draw(st.integers(2, 4))
    cases = data.draw(st.lists(st.tuples(*(st.integers(0, n_classes - 1),) * 2), min_size=1, max_size=12))
    predicted, classes = np.array(cases).T
    order = np.array(data.draw(st.permutations(range(n_classes))))
    metrics: list[Any] = [metric_of(name) for name in DECISIONS if "weights" not in name]
    for metric in metrics:
        if hasattr(metric, "average"):
            metric = type(metric)(average="macro")
        found = metric.measure(decided(predicted, classes, n_classes))
        assert math.isnan(found.value) or metric.low <= found.value <= metric.high
        assert found.reason or not math.isnan(found.value)
        renamed = metric.measure(decided(order[predicted], order[classes], n_classes)).value
        assert renamed == pytest.approx(found.value, nan_ok=True)
        if metric.abbreviation in ("ACC", "CKAPPA", "CMCC", "F1"):
            swapped = metric.measure(decided(classes, predicted, n_classes)).value
            assert swapped == pytest.approx(found.value, nan_ok=True)
