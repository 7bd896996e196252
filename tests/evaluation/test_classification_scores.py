"""Ranking and calibration: values of scikit-learn, bins written out, maps of voxels, and scores that are none."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from eisen._core.errors import ArgumentError, ShapeError
from eisen.evaluation import ScorePair, metric_of, metrics_of
from tests.evaluation.test_classification import draw

RANKING = ["AUROC", "AP", "SENSATSPEC"]
PROBABILITIES = ["LOGLOSS", "BRIER", "ECE", "MCE", 'ECE(equal="mass")', "ECE(classwise=True)"]


def binary(seed: int, n: int = 200, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities with many ties, and classes."""
    random = np.random.default_rng(seed)
    classes = (random.random(n) < 0.3).astype(int)
    scores = 1 / (1 + np.exp(-random.normal(2 * classes - 1, 1.5)))
    return scores.round(digits), classes


def sensitivity_at(scores: np.ndarray, classes: np.ndarray, specificity: float) -> float:
    """Try every threshold."""
    thresholds = [*np.unique(scores), math.inf]
    rates = [((scores[classes == 1] >= t).mean(), (scores[classes == 0] < t).mean()) for t in thresholds]
    return float(max(found for found, rejected in rates if rejected >= specificity - 1e-12))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("digits", [1, 2, 12])
def test_ranking_equals_scikit_learn(seed: int, digits: int) -> None:
    scores, classes = binary(seed, digits=digits)
    assert metric_of("AUROC")(scores, classes) == pytest.approx(sk.roc_auc_score(classes, scores), rel=1e-12)
    assert metric_of("AP")(scores, classes) == pytest.approx(sk.average_precision_score(classes, scores), rel=1e-12)
    for specificity in (0, 0.5, 0.9, 0.95, 1):
        found = metric_of(f"SENSATSPEC(specificity={specificity})")(scores, classes)
        assert found == sensitivity_at(scores, classes, specificity)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_ranking_of_several_classes_equals_scikit_learn(average: Any) -> None:
    scores, classes = draw(150, 4, seed=3)
    expected = sk.roc_auc_score(classes, scores, multi_class="ovr", average=average)
    assert metric_of(f"AUROC(average={average!r})")(scores, classes) == pytest.approx(expected, rel=1e-12)
    expected = sk.average_precision_score(np.eye(4)[classes], scores, average=average)
    assert metric_of(f"AP(average={average!r})")(scores, classes) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_probabilities_equal_scikit_learn(n_classes: int) -> None:
    scores, classes = draw(150, n_classes, seed=n_classes)
    assert metric_of("LOGLOSS")(scores, classes) == pytest.approx(sk.log_loss(classes, scores), rel=1e-12)
    if n_classes == 2:
        expected = sk.brier_score_loss(classes, scores[:, 1])
        assert metric_of("LOGLOSS")(scores[:, 1], classes) == pytest.approx(sk.log_loss(classes, scores), rel=1e-12)
        assert metric_of("BRIER")(scores[:, 1], classes) == pytest.approx(expected, rel=1e-12)
    else:
        expected = float(((scores - np.eye(n_classes)[classes]) ** 2).sum(axis=1).mean())
    assert metric_of("BRIER")(scores, classes) == pytest.approx(expected, rel=1e-12)


def test_certain_and_wrong_costs_a_lot_but_not_everything() -> None:
    assert metric_of("LOGLOSS")(np.array([1.0, 0.0]), np.array([0, 1])) == pytest.approx(36.0437, abs=1e-3)
    assert metric_of("LOGLOSS")(np.array([0.0, 1.0]), np.array([0, 1])) == pytest.approx(0, abs=1e-15)


def gaps(sure: np.ndarray, right: np.ndarray, groups: list[np.ndarray]) -> list[tuple[float, float]]:
    return [(len(g) / len(sure), abs(sure[g].mean() - right[g].mean())) for g in groups if len(g)]


def of_width(sure: np.ndarray, n_bins: int) -> list[np.ndarray]:
    edges = [i / n_bins for i in range(n_bins + 1)]
    bins = [np.flatnonzero((sure > low) & (sure <= high)) for low, high in itertools.pairwise(edges)]
    bins[0] = np.concatenate([bins[0], np.flatnonzero(sure == 0)])
    return bins


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration_equals_bins_written_out(n_classes: int, bins: int) -> None:
    scores, classes = draw(300, n_classes, seed=5)
    sure, right = scores.max(axis=1), scores.argmax(axis=1) == classes
    found = gaps(sure, right, of_width(sure, bins))
    expected = sum(share * gap for share, gap in found)
    assert metric_of(f"ECE(bins={bins})")(scores, classes) == pytest.approx(expected, rel=1e-9)
    assert metric_of(f"MCE(bins={bins})")(scores, classes) == pytest.approx(max(gap for _, gap in found), rel=1e-9)
    masses = gaps(sure, right, np.array_split(np.argsort(sure), bins))
    expected = sum(share * gap for share, gap in masses)
    if len(sure) % bins == 0:
        assert metric_of(f'ECE(bins={bins}, equal="mass")')(scores, classes) == pytest.approx(expected, rel=1e-9)
    each = []
    for class_ in [1] if n_classes == 2 else range(n_classes):
        p, y = scores[:, class_], classes == class_
        each.append(sum(share * gap for share, gap in gaps(p, y, of_width(p, bins))))
    assert metric_of(f"ECE(bins={bins}, classwise=True)")(scores, classes) == pytest.approx(np.mean(each), rel=1e-9)


def test_bins_of_equal_mass_do_not_depend_on_the_order_of_cases() -> None:
    scores, classes = binary(3, digits=1)
    order = np.random.default_rng(0).permutation(len(scores))
    metric: Any = metric_of('ECE(equal="mass")')
    assert metric(scores[order], classes[order]) == pytest.approx(metric(scores, classes), rel=1e-12)


def test_probabilities_that_are_frequencies_are_calibrated() -> None:
    scores = np.repeat([0.25, 0.75], 400)
    classes = np.concatenate([np.tile([1, 0, 0, 0], 100), np.tile([1, 1, 1, 0], 100)])
    for spelling in PROBABILITIES[2:]:
        assert metric_of(spelling)(scores, classes) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("spelling", [*RANKING, *PROBABILITIES])
def test_voxels_of_a_map_are_cases(spelling: str) -> None:
    random = np.random.default_rng(0)
    scores, labels = random.random((3, 9, 8, 7)), random.integers(0, 3, (9, 8, 7))
    scores /= scores.sum(axis=0)
    mask = random.random(labels.shape) > 0.4
    metric: Any = metric_of(spelling)
    whole = metric(scores.reshape(3, -1).T, labels.ravel())
    assert metric.measure(ScorePair.of_maps(scores, labels)).value == pytest.approx(whole, rel=1e-12)
    strange = np.asfortranarray(np.moveaxis(scores, 0, -1))
    assert metric.measure(ScorePair.of_maps(np.moveaxis(strange, -1, 0), labels)).value == pytest.approx(whole)
    inside = metric(scores[:, mask].T, labels[mask])
    assert metric.measure(ScorePair.of_maps(scores, labels, mask)).value == pytest.approx(inside, rel=1e-12)
    one = ScorePair.of_maps(scores[1], labels == 1, mask.astype(float))
    assert metric.measure(one).value == pytest.approx(metric(scores[1][mask], labels[mask] == 1), rel=1e-12)


def test_a_million_voxels_are_exact_and_need_little_memory() -> None:
    import tracemalloc

    random = np.random.default_rng(0)
    labels = random.random(1_200_000) < 0.1
    scores = np.clip(random.normal(0.3 + 0.3 * labels, 0.2), 0, 1).astype("f4")
    pair = ScorePair.of_maps(scores.reshape(100, 120, 100), labels.reshape(100, 120, 100))
    tracemalloc.start()
    metrics: list[Any] = metrics_of("AUROC, AP, ECE, BRIER, LOGLOSS", kind="classification")
    values = [metric.measure(pair).value for metric in metrics]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values[0] == pytest.approx(sk.roc_auc_score(labels, scores), rel=1e-12)
    assert values[1] == pytest.approx(sk.average_precision_score(labels, scores), rel=1e-9)
    assert values[3] == pytest.approx(((scores.astype(float) - labels) ** 2).mean(), rel=1e-9)
    assert peak < 6 * scores.nbytes


def test_scores_that_are_no_probabilities_still_rank_and_have_a_reason_elsewhere() -> None:
    logits, classes = np.array([-2.0, 3.0, 0.4, 0.1]), np.array([0, 1, 0, 1])
    assert metric_of("AUROC")(logits, classes) == 0.75
    for spelling in (*PROBABILITIES, "ACC", "F1"):
        metric: Any = metric_of(spelling)
        found = metric.measure(ScorePair(logits, classes))
        assert math.isnan(found.value)
        assert found.reason == "scores from -2 to 3 are no probabilities: apply a softmax or a sigmoid first"
    assert metric_of("ACC")(np.stack([-logits, logits], axis=1), classes) == 0.75


def test_rows_that_do_not_add_up_have_a_reason() -> None:
    metric: Any = metric_of("ECE")
    found = metric.measure(ScorePair(np.array([[0.5, 0.5], [0.5, 0.75]]), np.array([0, 1])))
    assert found.reason == "the scores of a case do not add up to 1, but 0.25 off: apply a softmax first"
    half = np.array([[1 / 3, 1 / 3, 1 / 3]], "f2")
    assert metric.measure(ScorePair(half, np.array([1]))).reason == ""


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_has_a_reason(bad: float) -> None:
    metrics: list[Any] = metrics_of("all", kind="classification")
    for scores in (np.array([0.5, bad]), np.array([[0.5, 0.5], [bad, 1]])):
        for metric in metrics:
            found = metric.measure(ScorePair(scores, np.array([0, 1])))
            assert (math.isnan(found.value), found.reason) == (True, "1 scores are NaN or infinite")


def test_decisions_have_no_scores() -> None:
    pair = ScorePair(None, np.array([0, 1]), predicted=np.array([0, 1]))
    for spelling in (*RANKING, *PROBABILITIES):
        metric: Any = metric_of(spelling)
        assert metric.measure(pair).reason == "there are decisions only, no scores"


@pytest.mark.parametrize("spelling", RANKING)
def test_one_class_has_no_ranking(spelling: str) -> None:
    metric: Any = metric_of(spelling)
    scores = np.array([0.5, 0.2])
    assert metric.measure(ScorePair(scores, np.array([0, 0]))).reason == "no case is of the class"
    assert metric.measure(ScorePair(scores, np.array([1, 1]))).reason == "all cases are of the class"
    three = np.array([[0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]])
    found = metric.measure(ScorePair(three, np.array([0, 1, 0])))
    assert not math.isnan(found.value)
    assert found.reason == "1 of 3 classes left out: class 2: no case is of the class"


def test_calibration_looks_at_scores_whatever_was_decided() -> None:
    scores, classes = binary(1)
    other = ScorePair(scores, classes, predicted=scores > 0.2)
    metric: Any = metric_of("ECE")
    assert metric.measure(other).value == metric(scores, classes)
    sensitivity: Any = metric_of("SENS")
    assert sensitivity.measure(other).value > sensitivity(scores, classes)


def test_per_class_ranking_is_that_of_each_class() -> None:
    scores, classes = draw(80, 3, seed=2)
    metric: Any = metric_of("AUROC")
    found = metric.per_class(ScorePair(scores, classes))
    for class_ in range(3):
        assert found[class_].value == pytest.approx(sk.roc_auc_score(classes == class_, scores[:, class_]), rel=1e-12)
    two = metric.per_class(ScorePair(*binary(2)))
    assert two[0].value == pytest.approx(two[1].value, rel=1e-12)


@pytest.mark.parametrize(
    "spelling", ["ECE(bins=0)", "ECE(bins=1.5)", 'MCE(equal="area")', "ECE(classwise=1)", "SENSATSPEC(specificity=2)"]
)
def test_wrong_parameters_are_refused(spelling: str) -> None:
    with pytest.raises(ArgumentError, match=" is "):
        metric_of(spelling)
    with pytest.raises(ShapeError, match="classes"):
        ScorePair(np.zeros((2, 3)), np.zeros(3, int))


@settings(max_examples=60)
@given(st.data())
def test_bounds_and_monotone_scores(data: Any) -> None:
    cases = data.draw(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=20))
    scores, classes = np.array([a for a, _ in cases]) / 20, np.array([b for _, b in cases])
    for spelling in (*RANKING, *PROBABILITIES):
        metric: Any = metric_of(spelling)
        value = metric(scores, classes)
        assert math.isnan(value) or metric.low <= value <= metric.high
        if spelling in RANKING:
            assert metric(scores**3 - 7, classes) == pytest.approx(value, nan_ok=True)
    auroc: Any = metric_of("AUROC")
    assert auroc(1 - scores, ~classes) == pytest.approx(auroc(scores, classes), nan_ok=True)
    assert auroc(1 - scores, classes) == pytest.approx(1 - auroc(scores, classes), nan_ok=True)
