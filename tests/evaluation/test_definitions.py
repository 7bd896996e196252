"""What is said about metrics is read from them, and shown by `eisen metrics` and on the page of definitions."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eisen.evaluation import LabelPair, Measured, Metric, SegmentationMetric, metrics_of, undefined
from eisen.evaluation.definitions import KINDS, definition_of, definitions
from eisen_cli.main import cli

DOCS = Path(__file__).parents[2] / "docs"
ALL = [metric for kind in KINDS for metric in metrics_of("all", kind)]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["metrics", *arguments])


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_every_metric_is_defined(metric: Metric) -> None:
    found = definition_of(metric)
    assert found.summary.endswith(".")
    assert found.text
    assert found.source
    assert "\n" not in found.formula
    assert all(parameter.doc for parameter in found.parameters)
    assert (len(found.on_empty) == 3) == (metric.kind == "segmentation")
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_docstring_is_taken_apart() -> None:
    class Halves(SegmentationMetric):
        """Half of it all: ``TP / 2 |`` of
        two.

        It is what it is.

        Source: A book,
            second edition.

        Args:
            first: What comes
                first.
            then: What comes ``then``.

        Example:
            >>> 1
            1
        """

        abbreviation, better, groups, unit = "HALVES", "neither", ("mine",), "mm"

        def __init__(self, first: int = 1, then: str = "b") -> None:
            self.first, self.then = first, then

        def formula(self, pair: LabelPair) -> Measured:
            return Measured(pair.counts.predicted / 2) if pair.counts.actual else undefined("nothing there")

    found = definition_of(Halves(then="c"))
    assert (found.name, found.plain_name) == ("HALVES(then='c')", "Halves")
    assert found.summary == "Half of it all: ``TP / 2 |`` of two."
    assert (found.formula, found.text, found.source) == ("TP / 2 |", "It is what it is.", "A book, second edition.")
    assert [(p.name, p.default, p.doc) for p in found.parameters] == [
        ("first", 1, "What comes first."),
        ("then", "b", "What comes ``then``."),
    ]
    assert found.range == "0 to 1 mm"
    assert found.on_empty == {"empty prediction": "0", "empty reference": "undefined", "both empty": "undefined"}


def test_values_for_empty_masks_are_measured() -> None:
    assert definition_of("DICE").on_empty == {"empty prediction": "0", "empty reference": "0", "both empty": "1"}
    assert definition_of("ACURCY").on_empty["empty prediction"] == "value"
    assert definition_of("PRCISON").on_empty["empty prediction"] == "undefined"


def test_a_group_is_a_part_of_all() -> None:
    assert {d.name for d in definitions("counts")} == {"TP", "FP", "TN", "FN"}
    assert {d.kind for d in definitions("image")} == {"image"}
    assert len(definitions()) == len(ALL)
    assert definitions("DICE") == []


def test_the_command_lists_all_metrics() -> None:
    done = invoke()
    assert done.exit_code == 0
    for metric in ALL:
        assert re.search(rf"^{re.escape(metric.name)} ", done.stdout, re.MULTILINE)


def test_the_command_shows_one_definition() -> None:
    text = " ".join(invoke("fmeasr(beta=2)").stdout.split())
    for part in ("FMEASR(beta=2) FMeasure", "(1 + beta²) TP", "0 to 1, higher is better", "both empty 1", "beta = 1.0"):
        assert part in text


def test_the_command_speaks_json() -> None:
    (found,) = json.loads(invoke("AVD", "--json").stdout)["metrics"]
    assert found["name"] == "AVD"
    assert found["high"] is None
    assert found["unit"] == "mm³"
    assert len(json.loads(invoke("counts", "--json").stdout)["metrics"]) == 4


@pytest.mark.parametrize(
    ("spelling", "advice"), [("dcie", "did you mean 'DICE'"), ("FMEASR(beta=0)", "a positive number")]
)
def test_a_wrong_name_is_a_card(spelling: str, advice: str) -> None:
    done = invoke(spelling)
    assert done.exit_code == 3
    assert advice in done.output
    assert "Traceback" not in done.output


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(DOCS / "_ext"), *sys.path])
    return importlib.import_module("metric_tables")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_a_row_for_every_metric(kind: str, tables: Any) -> None:
    head, line, *rows = tables.table(kind).splitlines()
    cells = [re.split(r"(?<!\\)\|", row) for row in (head, line, *rows)]
    assert len({len(row) for row in cells}) == 1
    assert [row[1].split("`")[1] for row in cells[2:]] == sorted(m.name for m in ALL if m.kind == kind)
    assert tables.file_of(kind) in (DOCS / "evaluation-metrics.md").read_text(encoding="utf-8")


def test_the_tables_are_written_beside_the_pages(tables: Any, tmp_path: Path) -> None:
    app = type("App", (), {"srcdir": tmp_path})
    tables.write_tables(app)
    written = {kind: tmp_path / tables.file_of(kind) for kind in KINDS}
    times = {kind: path.stat().st_mtime_ns for kind, path in written.items()}
    tables.write_tables(app)
    assert times == {kind: path.stat().st_mtime_ns for kind, path in written.items()}
    assert all(path.read_text(encoding="utf-8") == tables.table(kind) for kind, path in written.items())
