"""``eisen compare``: methods on the same cases."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from eisen.evaluation import Record, Results
from eisen.evaluation.metrics import Dice, Precision

from .conftest import Invoke


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder with results of three methods on twelve cases."""
    base = np.random.default_rng(0).uniform(0.5, 0.8, 12)
    noise = np.random.default_rng(1).normal(0, 0.005, (3, 12))
    for name, shift, of in zip(("base", "good", "same"), (0.0, 0.1, 0.0), noise, strict=True):
        records = [Record(f"case {k}", "lung", "DICE", float(v)) for k, v in enumerate(base + shift + of)]
        records += [Record(f"case {k}", "lung", "PRCISON", float(v)) for k, v in enumerate(base + shift + of)]
        (tmp_path / name).mkdir()
        Results(records, metrics={"DICE": Dice(), "PRCISON": Precision()}).write(tmp_path / name / "results.json")
    return tmp_path


@pytest.fixture
def compare(invoke: Invoke, runs: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function from arguments to the result, in the folder of the methods."""
    monkeypatch.chdir(runs)

    def compare(*words: object) -> Result:
        return invoke("compare", *words)

    return compare


def test_methods_are_named_by_their_folders(compare, runs: Path) -> None:
    done = compare("base", "good")
    assert done.exit_code == 0, done.output
    assert "good is better" in done.output
    rows = list(csv.DictReader((runs / "comparison" / "comparison.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["first"], row["second"], row["metric"]) for row in rows] == [
        ("base", "good", "DICE"),
        ("base", "good", "PRCISON"),
    ]
    assert float(rows[0]["difference"]) == pytest.approx(-0.1, abs=0.01)
    assert "<title>base and good</title>" in (runs / "comparison" / "comparison.html").read_text(encoding="utf-8")


def test_three_methods_with_names_of_your_own(compare, runs: Path) -> None:
    Results.read(runs / "base" / "results.json").write(runs / "a.csv")
    done = compare("old=a.csv", "good", "same=same/results.json", "--metrics", "dice", "--json", "-o", "out")
    document = json.loads(done.stdout)
    assert len(document["pairs"]) == 3
    assert document["ranks"][0]["ranks"]["good"] == 1.0
    verdicts = {(pair["first"], pair["second"]): pair["p_holm"] for pair in document["pairs"]}
    assert verdicts["old", "good"] < 0.01 < verdicts["old", "same"]


def test_a_missed_case_costs_what_it_is_worth(compare, runs: Path) -> None:
    found = Results.read(runs / "good" / "results.json")
    found.records = [
        Record(r.case, r.label, r.metric, math.nan, "empty", "missed") if r.metric == "PRCISON" else r
        for r in found.records
    ]
    found.write(runs / "good" / "results.json")
    charged = json.loads(compare("base", "good", "--metrics", "PRCISON", "--json").stdout)["pairs"][0]
    assert charged["better"] == "base"
    assert charged["mean_second"] == 0.0
    counted = compare("base", "good", "--policy", "count")
    assert "12 values are left out" in counted.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["base"], "two or more"),
        (["base", "base"], "two methods are called"),
        (["base", "absent"], "there is no absent"),
        (["base", "."], "holds no results"),
        (["base", "good", "--metrics", "DICEX"], "did you mean 'DICE'"),
        (["base", "good", "--metrics", "SNSVTY"], "not all methods have the metric"),
        (["base", "good", "--policy", "odd"], "policy"),
    ],
)
def test_what_cannot_be_compared_is_said(compare, runs: Path, words: list[str], said: str) -> None:
    done = compare(*words)
    assert done.exit_code != 0
    assert said in done.output
    assert "Traceback" not in done.output
    assert not (runs / "comparison").exists()
