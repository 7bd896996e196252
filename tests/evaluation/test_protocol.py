"""What every metric of masks keeps to, whoever wrote it: all of the registry, and parameters worth trying."""

from __future__ import annotations

import inspect
import itertools
import math
import pickle
import re
from functools import cache
from typing import Any

import numpy as np
import pytest

from eisen.evaluation import CasePair, EmptyPolicy, LabelPair, SegmentationMetric, metric_of, metrics_of
from eisen.evaluation.spelling import registry
from tests.evaluation.shapes import ALL_PAIRS, DEGENERATE, MM, ORDINARY, Pair, blobs

VARIANTS = (
    "AVGDIST(convention='max')",
    "BETTI(number=1)",
    "BETTI(number=2)",
    "FMEASR(beta=2)",
    "GCOERR(convention='martin')",
    "HDRFDST(percentile=95)",
    "HDRFDST(convention='voxels')",
    "HDRFDST(convention='boundary', percentile=95)",
    "LESF1(matching='iou', one_to_one=True)",
    "LESF1(matching='distance')",
    "NMI(convention='geometric')",
    "PREDAREA(slice_number=-1, axis=1)",
    "PQ(instances='values')",
    "SURFDICE(tolerance=3.0)",
    "SURFOVLP(tolerance=0)",
)
METRICS: list[Any] = [*metrics_of("all"), *map(metric_of, VARIANTS)]
BEST_DEPENDS_ON_THE_MASKS = {"MUTINF"}
"""Metrics that equal masks do not bring to their best value, but to the entropy of the mask."""
NOT_THE_SAME_ALONG_ALL_AXES = {"PREDAREA", "REFAREA", "CLDICE"}
"""Metrics that look at slices of one axis, or at skeletons, which are thinned axis by axis."""
KNOWN_GROUPS = {"overlap", "distance", "counts", "size", "agreement", "lesions", "topology", "pymia"}

every_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


@cache
def labels_of_all_pairs() -> list[tuple[str, LabelPair]]:
    """Return every label of every pair, both ways round; shared, so that what metrics share is shared here, too."""
    found = []
    for pair in itertools.chain(ALL_PAIRS, (pair.swapped for pair in ALL_PAIRS)):
        case = CasePair(pair.prediction, pair.reference, pair.spacing)
        found += [(f"{pair} {label}", case.label(label)) for label in pair.labels]
    return found


@cache
def formulas(metric: SegmentationMetric) -> dict[str, Any]:
    return {name: metric.formula(pair) for name, pair in labels_of_all_pairs()}


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@every_metric
def test_it_says_what_it_is(metric: SegmentationMetric) -> None:
    assert isinstance(metric, SegmentationMetric)
    assert metric.kind == "segmentation"
    assert metric.abbreviation == metric.abbreviation.upper()
    assert metric.better in ("higher", "lower", "neither")
    assert metric.low < metric.high
    assert metric.groups
    assert set(metric.groups) <= KNOWN_GROUPS


@every_metric
def test_its_docstring_defines_it(metric: SegmentationMetric) -> None:
    doc = inspect.getdoc(type(metric)) or ""
    for word in (">>>", "Source:", "pacing", "[Ee]mpty|ndefined"):
        assert re.search(word, doc), f"the docstring says nothing about {word!r}"
    for name in inspect.signature(type(metric)).parameters:
        assert f"{name}: " in doc, f"the parameter {name} is not explained"


@every_metric
def test_its_spelling_is_read_back(metric: SegmentationMetric) -> None:
    assert metric_of(metric.name) == metric
    assert metric_of(metric.name).parameters == metric.parameters
    assert hash(metric_of(metric.name)) == hash(metric)
    assert pickle.loads(pickle.dumps(metric)) == metric


def test_no_two_metrics_have_one_name() -> None:
    classes = set(registry().values())
    for names in ([cls.abbreviation for cls in classes], [cls.__name__.lower() for cls in classes]):
        assert sorted(set(names)) == sorted(names)
    for name, cls in registry().items():
        assert type(metric_of(name)) is cls
        assert name == cls.__name__ or type(metric_of(name.lower().replace("_", "-"))) is cls


@every_metric
def test_any_masks_have_a_value_in_the_range_or_a_reason(metric: SegmentationMetric) -> None:
    for name, found in formulas(metric).items():
        if found.is_defined:
            assert metric.low <= found.value <= metric.high, name
            assert isinstance(found.value, float), name
        else:
            assert found.reason, name


@every_metric
def test_it_tells_ordinary_masks_apart(metric: SegmentationMetric) -> None:
    found = [metric.measure(CasePair(p.prediction, p.reference, p.spacing).label(p.labels[0])) for p in ORDINARY]
    if metric.name != "BETTI(number=2)":  # none of them has a cavity
        assert len({f.value for f in found if f.is_defined}) > 1


@every_metric
def test_equal_masks_have_the_best_value(metric: SegmentationMetric) -> None:
    for pair, mask in itertools.product(ALL_PAIRS, ("prediction", "reference")):
        values = getattr(pair, mask)
        found = metric.measure(CasePair(values, values, pair.spacing).label(pair.labels[0]))
        inside = np.isin(values, pair.labels[0])
        if metric.best is None or metric.abbreviation in BEST_DEPENDS_ON_THE_MASKS or not inside.any():
            continue
        if inside.all():
            assert found.value == metric.best or found.reason, pair
        elif not (pair.prediction.ndim == 2 and metric.name == "BETTI(number=2)"):
            assert found.value == metric.best, f"{pair}: {found}"


@every_metric
@pytest.mark.parametrize("both", ["perfect", "nan", 0.25])
def test_the_policy_speaks_only_where_the_formula_says_nothing(metric: SegmentationMetric, both: float | str) -> None:
    policy = EmptyPolicy(prediction=0.125, reference="worst", both=both)
    for name, pair in labels_of_all_pairs():
        formula, found = formulas(metric)[name], metric.measure(pair, policy)
        if formula.is_defined or pair.presence == "both":
            assert same(found.value, formula.value), name
        elif pair.presence == "missed":
            assert found.value == 0.125, name
            assert found.reason.startswith(formula.reason), name
        elif pair.presence == "extra":
            allowed = (metric.worst, pair.case.diagonal_mm if metric.unit == "mm" else math.nan, formula.value)
            assert any(expected is not None and same(found.value, expected) for expected in allowed), name
        elif both == "perfect":
            perfect = metric.best if metric.perfect_when_absent and metric.best is not None else math.nan
            assert same(found.value, perfect), name
        else:
            assert same(found.value, math.nan if both == "nan" else 0.25), name


@every_metric
def test_what_is_shared_between_metrics_is_not_changed_by_them(metric: SegmentationMetric) -> None:
    """A metric on its own, and after all others on the same pair."""
    chosen = [pair for pair in ALL_PAIRS if pair.name in ("two balls, anisotropic", "several labels", "two lines")]
    for pair in chosen:
        alone = metric.measure(CasePair(pair.prediction, pair.reference, pair.spacing).label(pair.labels[0]))
        assert same(after_all_others(pair.name, pair.labels[0]).get(metric.name, alone.value), alone.value)


@cache
def after_all_others(name: str, label: Any) -> dict[str, float]:
    pair = next(pair for pair in ALL_PAIRS if pair.name == name)
    case = CasePair(pair.prediction, pair.reference, pair.spacing).label(label)
    for metric in METRICS:
        metric.measure(case)
    return {metric.name: metric.measure(case).value for metric in reversed(METRICS)}


@every_metric
def test_axes_may_be_exchanged_together_with_their_spacing(metric: SegmentationMetric) -> None:
    if metric.abbreviation in NOT_THE_SAME_ALONG_ALL_AXES:
        pytest.skip("looks at one axis")
    prediction, reference = blobs((9, 8, 10), 11, 1, 5), blobs((9, 8, 10), 12, 1, 5)
    expected = metric(prediction, reference, MM)
    for axes in itertools.permutations(range(3)):
        turned = metric(prediction.transpose(axes), reference.transpose(axes), [MM[axis] for axis in axes])
        assert turned == pytest.approx(expected, rel=1e-9, nan_ok=True), axes
    assert metric(prediction[::-1], reference[::-1], MM) == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_every_kind_of_emptiness_is_among_the_pairs() -> None:
    kinds = {CasePair(p.prediction, p.reference).label(1).presence for p in DEGENERATE}
    assert kinds == {"both", "missed", "extra", "absent"}
    assert any(isinstance(pair, Pair) and pair.prediction.ndim == 2 for pair in DEGENERATE)
