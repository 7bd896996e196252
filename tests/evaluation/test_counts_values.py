"""Every metric of the four counts equals its definition, written out voxel by voxel or by scikit-learn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from sklearn import metrics as sk

from eisen.evaluation import CasePair, LabelPair, metric_of
from tests.evaluation.shapes import ALL_PAIRS, S3, Pair, ball, box, empty, full, voxel

UNDEFINED = math.nan
Formula = Callable[[np.ndarray, np.ndarray, tuple[float, ...]], float]


def places(mask: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, np.argwhere(mask).tolist()))


def divide(above: float, below: float) -> float:
    return above / below if below else UNDEFINED


def of_sets(formula: Callable[[set, set, set], float]) -> Formula:
    """Give a formula the places of the prediction, of the reference and of the whole image."""
    return lambda p, r, _: formula(places(p), places(r), places(np.ones_like(p)))


def flat(formula: Callable[[np.ndarray, np.ndarray], float]) -> Formula:
    """Give a formula the two masks as lists of ratings; reference first, as scikit-learn wants it."""
    return lambda p, r, _: float(formula(r.ravel().astype(int), p.ravel().astype(int)))


def is_constant(values: np.ndarray) -> bool:
    return len(set(values.tolist())) < 2


def constants(r: np.ndarray, p: np.ndarray) -> float:
    """Two constant masks: 1 where both are full, else there is nothing to say."""
    return 1.0 if len(r) and r.all() and p.all() else UNDEFINED


def kappa(r: np.ndarray, p: np.ndarray) -> float:
    return constants(r, p) if is_constant(r) and is_constant(p) and _same(r, p) else sk.cohen_kappa_score(r, p)


def _same(r: np.ndarray, p: np.ndarray) -> bool:
    return set(r.tolist()) == set(p.tolist())


def matthews(r: np.ndarray, p: np.ndarray) -> float:
    if is_constant(r) and is_constant(p):
        return constants(r, p) if not len(r) or _same(r, p) else -1.0
    return sk.matthews_corrcoef(r, p)


def adjusted_rand(r: np.ndarray, p: np.ndarray) -> float:
    return constants(r, p) if is_constant(r) and is_constant(p) else sk.adjusted_rand_score(r, p)


def rand(r: np.ndarray, p: np.ndarray) -> float:
    return constants(r, p) if len(r) < 2 else sk.rand_score(r, p)


def bits(r: np.ndarray, p: np.ndarray) -> float:
    return sk.mutual_info_score(r, p) / math.log(2) if len(r) else UNDEFINED


def entropy(values: np.ndarray) -> float:
    shares = np.unique(values, return_counts=True)[1] / max(len(values), 1)
    return float(-(shares * np.log2(shares)).sum())


def variation(r: np.ndarray, p: np.ndarray) -> float:
    return entropy(r) + entropy(p) - 2 * bits(r, p)


def normalised(mean: str) -> Callable[[np.ndarray, np.ndarray], float]:
    def value(r: np.ndarray, p: np.ndarray) -> float:
        if is_constant(r) and is_constant(p):
            return constants(r, p)
        return sk.normalized_mutual_info_score(r, p, average_method=mean)

    return value


def intraclass(r: np.ndarray, p: np.ndarray) -> float:
    """Analysis of variance with one row per voxel and two ratings each, as in Shrout and Fleiss."""
    ratings, n = np.stack([r, p], axis=1).astype(float), len(r)
    if n < 2 or np.ptp(ratings) == 0:
        return constants(r, p)
    means = ratings.mean(axis=1)
    between = 2 * ((means - ratings.mean()) ** 2).sum() / (n - 1)
    within = ((ratings - means[:, None]) ** 2).sum() / n
    return (between - within) / (between + within)


def consistency_martin(r: np.ndarray, p: np.ndarray) -> float:
    """Per voxel: which share of its segment in one mask lies outside of its segment in the other mask."""
    if not len(r):
        return UNDEFINED

    def error(one: np.ndarray, other: np.ndarray) -> float:
        total = 0.0
        for a, b in itertools.product((0, 1), repeat=2):
            here = (one == a) & (other == b)
            if here.any():
                total += here.sum() * ((one == a) & (other != b)).sum() / (one == a).sum()
        return total

    return min(error(r, p), error(p, r)) / len(r)


def consistency_taha(r: np.ndarray, p: np.ndarray) -> float:
    """The four-count form of the paper, where a part that has no voxels has no error."""
    if not len(r):
        return UNDEFINED
    tp, fp, fn, tn = (int(((p == a) & (r == b)).sum()) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0)))

    def part(x: int, y: int) -> float:
        return x * (x + 2 * y) / (x + y) if x + y else 0.0

    return min(part(fn, tp) + part(fp, tn), part(fp, tp) + part(fn, tn)) / len(r)


def volume(mask: np.ndarray, spacing: tuple[float, ...]) -> float:
    return float(sum(math.prod(spacing) for _ in places(mask)))


def area(mask: np.ndarray, spacing: tuple[float, ...], number: int | None, axis: int = 0) -> float:
    if mask.ndim == 2:
        return volume(mask, spacing)
    chosen = mask.shape[axis] // 2 if number is None else number
    if not -mask.shape[axis] <= chosen < mask.shape[axis]:
        return UNDEFINED
    return float(np.moveaxis(mask, axis, 0)[chosen].sum()) * math.prod(np.delete(spacing, axis))


def rate(score: Callable[..., float]) -> Formula:
    return flat(lambda r, p: score(r, p, zero_division=np.nan) if len(r) else UNDEFINED)


def balanced(p: np.ndarray, r: np.ndarray, _: tuple[float, ...]) -> float:
    return divide(divide((p & r).sum(), r.sum()) + divide((~p & ~r).sum(), (~r).sum()), 2)


@cache
def labels_of_all_pairs() -> list[tuple[str, LabelPair, tuple[np.ndarray, np.ndarray]]]:
    """Return every label of every pair, also with prediction and reference exchanged, and its masks."""
    found = []
    for pair in itertools.chain(ALL_PAIRS, (pair.swapped for pair in ALL_PAIRS)):
        case = CasePair(pair.prediction, pair.reference, pair.spacing)
        found += [(f"{pair} {label}", case.label(label), pair.masks(label)) for label in pair.labels]
    return found


FORMULAS: dict[str, Formula] = {
    "DICE": of_sets(lambda p, r, _: divide(2 * len(p & r), len(p) + len(r))),
    "JACRD": of_sets(lambda p, r, _: divide(len(p & r), len(p | r))),
    "SNSVTY": rate(lambda r, p, **k: sk.recall_score(r, p, **k)),
    "SPCFTY": of_sets(lambda p, r, i: divide(len(i - p - r), len(i - r))),
    "FALLOUT": of_sets(lambda p, r, i: divide(len(p - r), len(i - r))),
    "FNR": of_sets(lambda p, r, _: divide(len(r - p), len(r))),
    "PRCISON": rate(lambda r, p, **k: sk.precision_score(r, p, **k)),
    "ACURCY": flat(lambda r, p: sk.accuracy_score(r, p) if len(r) else UNDEFINED),
    "AUC": balanced,
    "TP": of_sets(lambda p, r, _: float(len(p & r))),
    "FP": of_sets(lambda p, r, _: float(len(p - r))),
    "TN": of_sets(lambda p, r, i: float(len(i - p - r))),
    "FN": of_sets(lambda p, r, _: float(len(r - p))),
    "FMEASR": rate(lambda r, p, **k: sk.fbeta_score(r, p, beta=1, **k)),
    "FMEASR(beta=0.5)": rate(lambda r, p, **k: sk.fbeta_score(r, p, beta=0.5, **k)),
    "FMEASR(beta=2)": rate(lambda r, p, **k: sk.fbeta_score(r, p, beta=2, **k)),
    "GCOERR": flat(consistency_taha),
    "GCOERR(convention='martin')": flat(consistency_martin),
    "VOLSMTY": of_sets(lambda p, r, _: 1 - divide(abs(len(p) - len(r)), len(p) + len(r))),
    "RVD": of_sets(lambda p, r, _: divide(len(p) - len(r), len(r))),
    "RAVD": of_sets(lambda p, r, _: divide(abs(len(p) - len(r)), len(r))),
    "AVD": lambda p, r, mm: abs(volume(p, mm) - volume(r, mm)),
    "RNDIND": flat(rand),
    "ADJRIND": flat(adjusted_rand),
    "MUTINF": flat(bits),
    "VARINFO": flat(variation),
    "NMI": flat(normalised("arithmetic")),
    "NMI(convention='geometric')": flat(normalised("geometric")),
    "NMI(convention='max')": flat(normalised("max")),
    "ICCORR": flat(intraclass),
    "PROBDST": of_sets(lambda p, r, _: divide(len(p ^ r), 2 * len(p & r))),
    "KAPPA": flat(kappa),
    "MCC": flat(matthews),
    "PREDVOL": lambda p, r, mm: volume(p, mm),
    "REFVOL": lambda p, r, mm: volume(r, mm),
    "PREDAREA": lambda p, r, mm: area(p, mm, None),
    "REFAREA": lambda p, r, mm: area(r, mm, None),
    "PREDAREA(slice_number=2)": lambda p, r, mm: area(p, mm, 2),
    "REFAREA(slice_number=-3, axis=2)": lambda p, r, mm: area(r, mm, -3, 2),
    "PREDAREA(slice_number=-1, axis=1)": lambda p, r, mm: area(p, mm, -1, 1),
}


@pytest.mark.filterwarnings("ignore:A single label was found", "ignore:invalid value encountered")
@pytest.mark.parametrize("spelling", FORMULAS)
def test_a_metric_is_its_definition(spelling: str) -> None:
    metric, formula, n_defined = metric_of(spelling), FORMULAS[spelling], 0
    for name, pair, masks in labels_of_all_pairs():
        found, expected = metric.formula(pair), formula(*masks, pair.spacing)
        assert found.value == pytest.approx(expected, abs=1e-12, nan_ok=True), f"{spelling} of {name}"
        assert found.is_defined or found.reason
        n_defined += found.is_defined
    assert n_defined > len(ALL_PAIRS), "hardly anything was compared"


def test_the_definitions_cover_every_metric_of_counts_and_sizes() -> None:
    from eisen.evaluation import metrics
    from eisen.evaluation.metrics.counted import CountMetric

    classes = {cls for cls in vars(metrics).values() if isinstance(cls, type)} | {
        getattr(metrics, name) for name in metrics.__all__
    }
    needed = {c.abbreviation for c in classes if issubclass(c, CountMetric) or {"counts", "size"} & set(c.groups)}
    assert needed <= {metric_of(spelling).abbreviation for spelling in FORMULAS}


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        *((name, 1) for name in ("DICE", "JACRD", "FMEASR", "ACURCY", "VOLSMTY", "KAPPA", "MCC", "ICCORR", "NMI")),
        *((name, 1) for name in ("RNDIND", "ADJRIND")),
        *((name, 0) for name in ("GCOERR", "VARINFO", "PROBDST", "RAVD", "AVD")),
    ],
)
@pytest.mark.parametrize("make", [full, empty])
def test_constant_masks_that_are_equal_agree_perfectly(
    spelling: str, value: float, make: Callable[[tuple[int, ...]], np.ndarray]
) -> None:
    assert metric_of(spelling)(make(S3), make(S3)) == value


@pytest.mark.parametrize(
    ("spelling", "prediction", "reference", "reason"),
    [
        ("SNSVTY", full(S3), empty(S3), "the reference is empty"),
        ("SNSVTY", empty(S3), empty(S3), "the reference is empty"),
        ("PRCISON", empty(S3), full(S3), "the prediction is empty"),
        ("SPCFTY", empty(S3), full(S3), "the reference fills the image"),
        ("AUC", empty(S3), empty(S3), "the reference is empty"),
        ("AUC", full(S3), full(S3), "the reference fills the image"),
        ("PROBDST", voxel(S3, (1, 1, 1)), voxel(S3, (2, 2, 2)), "the masks do not overlap"),
        ("RVD", full(S3), empty(S3), "the reference is empty"),
        ("ADJRIND", full(S3), empty(S3), "one mask is empty and the other fills the image"),
        ("PREDAREA(slice_number=12)", full(S3), full(S3), "there is no slice 12: the image has 12 along axis 0"),
        ("REFAREA(slice_number=-13)", full(S3), full(S3), "there is no slice -13: the image has 12 along axis 0"),
    ],
)
def test_what_is_undefined_says_why(spelling: str, prediction: np.ndarray, reference: np.ndarray, reason: str) -> None:
    found = metric_of(spelling).measure(CasePair(prediction, reference).label(1))
    assert math.isnan(found.value)
    assert found.reason == reason


def test_the_last_slice_can_be_asked_for_and_the_middle_one_is_the_default() -> None:
    mask = empty((5, 4, 3))
    for number in range(5):
        mask[number, 0, : number % 3 + 1] = 1
    areas = [metric_of(f"PREDAREA(slice_number={i})")(mask, mask, (9, 2, 3)) for i in range(-5, 5)]
    assert areas == [6, 12, 18, 6, 12] * 2
    assert metric_of("PREDAREA")(mask, mask, (9, 2, 3)) == areas[2] == 18
    assert metric_of("REFAREA(axis=2, slice_number=-1)")(mask, mask, (9, 2, 3)) == 18


@pytest.mark.parametrize("reference", [ball(S3, (5, 6, 5), 3), box(S3, (0, 0, 0), (7, 8, 9)), full(S3)])
def test_many_voxels_do_not_wrap(reference: np.ndarray) -> None:
    """Counts 10¹² times as large change nothing where a metric is a ratio; squares of them exceed 64 bits."""
    from eisen.evaluation.metrics.counted import CountMetric
    from eisen.evaluation.pairs.counts import Counts

    counts = CasePair(ball(S3, (6, 7, 5), 4), reference).label(1).counts
    huge = Counts(*(n * 10**12 for n in vars(counts).values()))
    for spelling in ("DICE", "JACRD", "ACURCY", "GCOERR", "MCC", "KAPPA", "MUTINF", "VARINFO", "NMI", "PROBDST", "AUC"):
        metric = metric_of(spelling)
        assert isinstance(metric, CountMetric)
        small, large = metric.of_counts(counts), metric.of_counts(huge)
        assert large.value == pytest.approx(small.value, rel=1e-12, nan_ok=True)
    for spelling in ("RNDIND", "ADJRIND", "ICCORR"):  # of pairs or of n - 1, so equal in the limit only
        metric = metric_of(spelling)
        assert isinstance(metric, CountMetric)
        assert metric.of_counts(huge).value == pytest.approx(metric.of_counts(counts).value, abs=2e-3)


def test_summed_counts_give_the_pooled_value() -> None:
    from eisen.evaluation.metrics import Dice
    from eisen.evaluation.pairs.counts import Counts

    pairs = [p for p in ALL_PAIRS if p.prediction.ndim == 3]
    parts = [CasePair(p.prediction, p.reference).label(1).counts for p in pairs]
    pooled = Counts(*(sum(getattr(c, name) for c in parts) for name in ("tp", "fp", "fn", "tn")))
    together = [np.concatenate([getattr(p, side).ravel() for p in pairs])[None] for side in ("prediction", "reference")]
    assert Dice().of_counts(pooled).value == Dice()(*together)


def test_pairs_can_be_swapped_by_name() -> None:
    pair = Pair("a", full((2, 2)), empty((2, 2)))
    assert pair.swapped.prediction is pair.reference
    assert str(pair.swapped) == "a, swapped"
