"""Intervals, paired tests, corrections and rankings."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eisen._core.errors import ArgumentError, ShapeError
from eisen.evaluation.comparing.intervals import bootstrap_interval
from eisen.evaluation.comparing.paired import holm, paired_difference
from eisen.evaluation.comparing.ranking import bootstrap_ranking

nan = float("nan")


def test_the_interval_of_many_normal_values_is_that_of_the_textbook():
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    found = bootstrap_interval(values)
    half = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(2)
    found = [bootstrap_interval(rng.normal(0.0, 1.0, 25), n_draws=400, level=0.9) for _ in range(150)]
    assert 0.8 <= np.mean([one.low <= 0 <= one.high for one in found]) <= 0.97


def test_the_same_values_have_the_same_interval():
    values = np.random.default_rng(0).random(30)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values)


@pytest.mark.parametrize(("values", "end"), [([], nan), ([0.5], nan), ([nan, 0.5], nan), ([0.5, 0.5, nan], 0.5)])
def test_intervals_of_few_or_equal_values(values, end):
    found = bootstrap_interval(values)
    assert found.low == pytest.approx(end, nan_ok=True)
    assert found.high == pytest.approx(end, nan_ok=True)


def test_intervals_of_other_statistics():
    found = bootstrap_interval([1.0, 2.0, 3.0, 4.0, 100.0], np.median)
    assert 1 <= found.low <= 3 <= found.high <= 100


@pytest.mark.parametrize("level", [0, 1, 95, -0.1])
def test_a_level_that_is_none(level):
    with pytest.raises(ArgumentError, match="level"):
        bootstrap_interval([1.0, 2.0], level=level)


def test_signed_ranks_by_hand():
    # all 2^5 signs are equally likely; 5 differences of one sign: two of 32
    assert paired_difference([2, 4, 6, 8, 10], [1, 2, 3, 4, 5]).p == pytest.approx(2 / 32)


def test_signed_ranks_of_all_signs():
    difference = np.array([0.5, -1.0, 2.0, 3.0, -0.25, 4.0])
    ranks = stats.rankdata(np.abs(difference))
    of_signs = [np.dot(signs, ranks) for signs in itertools.product([-1, 1], repeat=6)]
    seen = np.dot(np.sign(difference), ranks)
    expected = np.mean(np.abs(of_signs) >= abs(seen) - 1e-9)
    assert paired_difference(difference, np.zeros(6)).p == pytest.approx(expected)


def test_only_cases_with_both_values_are_compared():
    found = paired_difference([1.0, nan, 3.0, math.inf], [0.5, 1.0, nan, 1.0])
    assert (found.n, found.n_left_out, found.mean, found.n_higher) == (1, 3, 0.5, 1)
    assert math.isnan(found.p)


def test_nothing_differs():
    found = paired_difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (found.p, found.mean, found.n_equal, found.interval.low) == (1.0, 0.0, 3, 0.0)


def test_no_case_at_all():
    found = paired_difference([nan], [1.0])
    assert found.n == 0
    assert math.isnan(found.mean)


def test_different_numbers_of_cases():
    with pytest.raises(ShapeError, match="shapes"):
        paired_difference([1.0], [1.0, 2.0])


def test_holm_of_a_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    found = holm([nan, 0.5, 0.6])
    assert math.isnan(found[0])
    assert found[1:] == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_nothing_and_bonferroni(p_values):
    for plain, corrected in zip(p_values, holm(p_values), strict=True):
        assert plain - 1e-12 <= corrected <= min(1.0, plain * len(p_values)) + 1e-12
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(holm(p_values))[order]) >= 0)


def test_a_clear_order_is_stable():
    base = np.random.default_rng(0).random(20)
    found = bootstrap_ranking({"b": base, "a": base + 0.5, "c": base - 0.5})
    assert found.order == ["a", "b", "c"]
    assert found.ranks == (2.0, 1.0, 3.0)
    assert found.stability == 1.0
    assert found.shares[1].tolist() == [1.0, 0.0, 0.0]
    assert found.wins[1, 0] == 1.0
    assert [(i.low, i.high) for i in found.intervals] == [(2, 2), (1, 1), (3, 3)]


def test_equal_methods_share_their_places():
    found = bootstrap_ranking({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [0.0, 0.0]})
    assert found.ranks == (1.5, 1.5, 3.0)
    assert found.shares[0].tolist() == [0.5, 0.5, 0.0]
    assert found.wins[0, 1] == 0.5


def test_lower_can_be_better():
    assert bootstrap_ranking({"far": [9.0, 8.0], "near": [1.0, 2.0]}, higher_is_better=False).order == ["near", "far"]


def test_leaving_out_a_hard_case_does_not_help():
    careful = [0.9, 0.8, 0.3]
    assert bootstrap_ranking({"skips": [0.9, 0.8, nan], "careful": careful}).order == ["careful", "skips"]
    assert bootstrap_ranking({"skips": [0.9, 0.8, nan], "careful": careful}, by="rank").order == ["careful", "skips"]


def test_ranks_in_each_case_resist_one_outlier():
    values = {"steady": [0.8, 0.8, 0.8, 0.0], "other": [0.7, 0.7, 0.7, 0.9]}
    assert bootstrap_ranking(values).order == ["other", "steady"]
    assert bootstrap_ranking(values, by="rank").order == ["steady", "other"]


def test_noise_is_not_stable():
    rng = np.random.default_rng(0)
    found = bootstrap_ranking({name: rng.random(12) for name in "abcd"})
    assert found.stability < 0.9
    assert found.shares.sum(axis=0) == pytest.approx(1.0)
    assert found.shares.sum(axis=1) == pytest.approx(1.0)


@settings(max_examples=20)
@given(st.integers(2, 5), st.integers(1, 6), st.integers(0, 100))
def test_ranks_add_up(n_methods, n_cases, seed):
    rng = np.random.default_rng(seed)
    values = {f"m{k}": rng.integers(0, 3, n_cases).astype(float) for k in range(n_methods)}
    found = bootstrap_ranking(values, n_draws=20)
    assert sum(found.ranks) == pytest.approx(n_methods * (n_methods + 1) / 2)


@pytest.mark.parametrize("values", [{}, {"a": [1.0]}, {"a": [], "b": []}])
def test_nothing_to_rank(values):
    with pytest.raises(ArgumentError, match="nothing to rank"):
        bootstrap_ranking(values)


def test_rankings_need_the_same_cases():
    with pytest.raises(ShapeError, match="different numbers"):
        bootstrap_ranking({"a": [1.0], "b": [1.0, 2.0]})
    with pytest.raises(ArgumentError, match="by is"):
        bootstrap_ranking({"a": [1.0], "b": [1.0]}, by="median")
