"""Intervals hold what they promise, and know that scans of one patient are not independent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from eisen._core.errors import ArgumentError, ConfigError, EisenError, MissingFileError
from eisen.experiments.campaigns import spread_of, write_ensemble
from eisen.experiments.campaigns.failure import card_facts, raised_error


def test_the_interval_is_that_of_scipy():
    values = np.random.default_rng(5).normal(size=60)
    ours = spread_of(values).interval
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=5000, rng=1).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.05 * width)


def test_the_interval_over_groups_covers_the_truth_and_the_one_over_cases_does_not():
    rng, hits = np.random.default_rng(0), {"group": 0, "case": 0}
    groups = [str(number // 5) for number in range(100)]
    for _ in range(200):
        patients = rng.normal(size=20)
        values = np.repeat(patients, 5) + 0.3 * rng.normal(size=100)
        for how in (groups, None):
            interval = spread_of(values, how).interval
            hits[interval.unit] += interval.low <= 0 <= interval.high
    assert hits["group"] > 175
    assert hits["case"] < 150


def test_the_same_values_give_the_same_interval():
    values = np.random.default_rng(1).random(30)
    assert spread_of(values) == spread_of(values)


def test_one_group_has_no_interval_and_no_value_has_no_mean():
    assert math.isnan(spread_of([0.5, 0.6], ["a", "a"]).interval.low)
    empty = spread_of([math.nan, math.nan])
    assert math.isnan(empty.mean)
    assert (empty.n_cases, empty.n_missing) == (0, 2)


def test_every_value_needs_its_group():
    with pytest.raises(ArgumentError, match="2 values and 1 groups"):
        spread_of([0.1, 0.2], ["a"])


def test_cards_survive_the_way_between_processes():
    error = MissingFileError("there is no scan", file="a.nii", to_do="look for it")
    again = raised_error(card_facts(error))
    assert type(again) is MissingFileError
    assert str(again) == str(error)
    assert type(raised_error(card_facts(ConfigError([])))) is EisenError
    assert raised_error(card_facts(KeyError("x"))).card.what == "KeyError: 'x'"


def test_an_ensemble_needs_members_that_are_there(tmp_path):
    (tmp_path / "config.json").touch()
    with pytest.raises(ArgumentError, match="no members"):
        write_ensemble(tmp_path / "ensemble.json", [], tmp_path / "config.json")
    with pytest.raises(MissingFileError, match=r"gone\.pt"):
        write_ensemble(tmp_path / "ensemble.json", [tmp_path / "gone.pt"], tmp_path / "config.json")
