"""The model card says what is known, and says so where nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from eisen.evaluation import Record, Results
from eisen.evaluation.comparing.intervals import bootstrap_interval
from eisen_deploy.packaging.card import CardFacts, card_text
from eisen_deploy.packaging.layout import Label, ModelInput, Package
from eisen_deploy.packaging.measured import measures_of

PACKAGE = Package(
    "liver", "1.0", "labels", [ModelInput("image")], ["weights/0.safetensors"], labels=[Label(1, "li|ver", "#ff0000")]
)
RECORD = {
    "status": "complete",
    "epochs": 3,
    "epochs_complete": 3,
    "seed": 4,
    "best": {"epoch": 1, "phase": "Validation", "name": "mean metric", "value": 0.875},
    "config_digest": "c" * 64,
    "data": {"Training": {"n_cases": 40, "digest": "d" * 64}, "Validation": {"n_cases": 9, "digest": "e" * 64}},
    "split": {"file": "secret/split.json", "fold": "0", "digest": "f" * 64},
    "code": {"digest": "a" * 64},
    "git": {"commit": "b" * 40, "dirty": True},
    "versions": {"eisen": "0.1.0", "torch": "2.9"},
    "results": [{"epoch": 1, "phase": "Validation", "losses": {}, "metrics": {"dice": 0.875, "dice[liver]": 0.9}}],
    "config_file": "secret.json",
}


def evaluated(folder: Path) -> list[float]:
    values = [0.8, 0.9, 0.85, 0.7, 0.95]
    (folder / "evaluation" / "testing").mkdir(parents=True)
    records = [Record(f"secret_{i}", "liver", "DICE", value) for i, value in enumerate(values)]
    Results([*records, Record("secret_5", "liver", "DICE", float("nan"))]).write(
        folder / "evaluation" / "testing" / "results.json"
    )
    return values


def test_an_evaluation_gives_confidence_intervals(tmp_path: Path) -> None:
    values = evaluated(tmp_path)
    found = measures_of(tmp_path, RECORD)
    interval = bootstrap_interval(values)
    (row,) = found.rows
    assert (row.mean, row.low, row.high) == pytest.approx((0.84, interval.low, interval.high))
    assert (row.n, row.n_undefined) == (5, 1)
    card = card_text(CardFacts(PACKAGE, [RECORD], found))
    assert "Measured on the cases of Testing." in card
    assert f"| liver | DICE | 0.84 [{interval.low:.4g}, {interval.high:.4g}] | 5 | 1 |" in card
    assert "95 % confidence interval" in card


def test_the_validation_has_none_and_the_card_says_so(tmp_path: Path) -> None:
    card = card_text(CardFacts(PACKAGE, [RECORD], measures_of(tmp_path, RECORD)))
    assert "These values have no confidence interval, and the epoch was chosen by them" in card
    assert "| liver | dice | 0.9 | 9 | - |" in card


def test_nothing_measured_is_said_too() -> None:
    assert "Nothing is known" in card_text(CardFacts(PACKAGE))


def test_data_and_training_are_told_by_digests(tmp_path: Path) -> None:
    card = card_text(CardFacts(PACKAGE, [RECORD]))
    assert f"| Training | 40 | `{'d' * 16}` |" in card
    assert f"Frozen split: digest `{'f' * 16}`." in card
    assert "- epochs: 3 of 3\n- best epoch: 2, by mean metric of Validation: 0.875" in card
    assert f"commit `{'b' * 12}` with changes" in card


def test_a_card_names_no_file_and_no_case(tmp_path: Path) -> None:
    evaluated(tmp_path)
    assert "secret" not in card_text(CardFacts(PACKAGE, [RECORD], measures_of(tmp_path, RECORD)))


def test_intended_use_is_what_was_given_or_an_honest_default() -> None:
    assert "no medical device" in card_text(CardFacts(PACKAGE))
    given = card_text(CardFacts(PACKAGE, intended_use="Livers.", limits="No kidneys."))
    assert "Livers." in given
    assert "No kidneys." in given
    assert "Not stated" not in given


def test_names_cannot_break_tables() -> None:
    assert "| 1 | li/ver | #ff0000 |" in card_text(CardFacts(PACKAGE))


def test_several_trainings_are_told_apart() -> None:
    card = card_text(CardFacts(PACKAGE, [RECORD, {**RECORD, "seed": 5}]))
    assert "| model | phase | cases | digest of the data |" in card
    assert "- model 2\n- epochs: 3 of 3" in card
