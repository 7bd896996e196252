"""Writers: what is written is read back, by us, by pandas, and in the form that pymia writes."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from eisen._core.errors import ArgumentError, ArtifactError, CorruptFileError, MissingExtraError, MissingFileError
from eisen.evaluation import Record, Results, SegmentationEvaluator, aggregate
from eisen.evaluation.attributes import read_attributes
from eisen.evaluation.writers import (
    print_results,
    print_statistics,
    write_csv,
    write_parquet,
    write_results,
    write_statistics,
)


@pytest.fixture
def results() -> Results:
    evaluator = SegmentationEvaluator(
        ["DICE", "FMEASR(beta=2)", "PRCISON", "PREDVOL"], {1: "left, lung", (2, 3): "größer"}
    )
    a, b = np.array([[0, 1, 1], [2, 2, 3]]), np.array([[1, 1, 0], [2, 0, 0]])
    evaluator.evaluate(a, b, "p1", (1, 2))
    evaluator.evaluate(None, b, "p2", (1, 2))
    evaluator.results.failures["p3"] = "ShapeError: other shapes"
    return evaluator.results


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter=delimiter))


def same(a: Results, b: Results) -> bool:
    return repr(a.records) == repr(b.records)  # NaN is not equal to itself


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_what_is_written_is_read_back(results: Results, tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"results.{ending}"
    results.write(path)
    found = Results.read(path)
    assert same(found, results)
    assert found.metrics == results.metrics
    if ending != "csv":
        assert (found.facts, found.failures) == (results.facts, results.failures)
        assert aggregate(found, policy="worst") == aggregate(results, policy="worst")


def test_infinite_values_survive(tmp_path: Path) -> None:
    results = Results([Record("a", "", "PSNR", math.inf), Record("b", "", "PSNR", -math.inf)])
    for name in ("r.csv", "r.json"):
        results.write(tmp_path / name)
        assert same(Results.read(tmp_path / name), results)
    assert "Inf" in (tmp_path / "r.csv").read_text(encoding="utf-8")


def test_the_tidy_table_is_numbers_for_pandas(results: Results, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    write_csv(results, tmp_path / "r.csv", algorithm="unet")
    table = pandas.read_csv(tmp_path / "r.csv")
    assert list(table) == ["algorithm", "case", "label", "metric", "value", "reason", "presence"]
    assert table.value.dtype == np.float64
    assert len(table) == len(results)
    assert set(table.algorithm) == {"unet"}
    assert "größer" in set(table.label)
    np.testing.assert_array_equal(table.value, results.to_pandas().value)


def test_wide_tables_have_a_column_per_metric(results: Results, tmp_path: Path) -> None:
    write_csv(results, tmp_path / "wide.csv", "wide")
    rows = table(tmp_path / "wide.csv")
    assert list(rows[0]) == ["case", "label", "DICE", "FMEASR(beta=2)", "PRCISON", "PREDVOL"]
    assert [float(row["DICE"]) for row in rows] == [r.value for r in results if r.metric == "DICE"]
    assert rows[2]["PRCISON"] == "NaN"


def test_the_layout_of_pymia_is_that_of_pymia(tmp_path: Path) -> None:
    """Against its own writer, on values that both compute."""
    evaluation = pytest.importorskip("pymia.evaluation.evaluator")
    metric, writer = (pytest.importorskip(f"pymia.evaluation.{n}") for n in ("metric", "writer"))
    maps = {f"s{i}": np.random.default_rng(i).integers(0, 3, (2, 5, 6, 7)).astype(np.uint8) for i in range(3)}
    theirs = [
        evaluation.Result(case, name, m().metric if callable(m) else m, 0.0)
        for case in maps
        for name in ("one", "two")
        for m in (metric.JaccardCoefficient, metric.DiceCoefficient)
    ]
    ours = SegmentationEvaluator(["JACRD", "DICE"], {1: "one", 2: "two"})
    for case, (a, b) in maps.items():
        ours.evaluate(a, b, case)
    for result, record in zip(theirs, ours.results, strict=True):
        assert (result.id_, result.label, result.metric) == (record.case, record.label, record.metric)
        result.value = record.value
    writer.CSVWriter(str(tmp_path / "theirs.csv")).write(theirs)
    write_csv(ours.results, tmp_path / "ours.csv", "pymia")
    ours_read, theirs_read = (table(tmp_path / name, ";") for name in ("ours.csv", "theirs.csv"))
    assert ours_read == theirs_read


def test_statistics_have_their_counts(results: Results, tmp_path: Path) -> None:
    write_statistics(aggregate(results, {"range": np.ptp}), tmp_path / "s.csv")
    rows = table(tmp_path / "s.csv")
    precision = next(r for r in rows if r["metric"] == "PRCISON" and r["label"] == "left, lung")
    assert (precision["n"], precision["n_undefined"], precision["n_missed"], precision["n_failed"]) == (
        "1",
        "1",
        "1",
        "1",
    )
    assert float(precision["mean"]) == 0.5
    assert precision["std"] == "NaN"
    assert "range" in precision
    write_statistics(aggregate(results), tmp_path / "p.csv", "pymia")
    lines = (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "LABEL;METRIC;STATISTIC;VALUE"
    assert "left, lung;DICE;MEAN;0.25" in lines


def test_json_is_json(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "r.json")

    def fail(word: str) -> None:
        raise AssertionError(word)

    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"), parse_constant=fail)
    dice = document["metrics"][0]
    assert (dice["name"], dice["better"], dice["best"]) == ("DICE", "higher", 1.0)
    assert document["cases"]["p1"]["spacing_mm"] == [1.0, 2.0]


def test_tables_show_what_is_missing(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    print_results(results)
    print_statistics(aggregate(results))
    text = capsys.readouterr().out
    assert "missed" in text
    assert "undefined" in text
    line = next(line for line in text.splitlines() if line.startswith("left, lung  PRCISON"))
    assert line.split()[3:8] == ["0.5000", "1/2", "1", "–", "1"]


def test_a_folder_has_everything(results: Results, tmp_path: Path) -> None:
    files = write_results(results, tmp_path / "new" / "folder", {"range": np.ptp})
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == sorted(p.name for p, _ in files)
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError):
        write_results(results, tmp_path / "file")


def test_wrong_files_and_names_are_cards(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError):
        results.write(tmp_path / "r.xlsx")
    with pytest.raises(ArgumentError):
        write_csv(results, tmp_path / "r.csv", "long")
    with pytest.raises(MissingFileError):
        Results.read(tmp_path / "none.csv")
    for name, text in (
        ("a.csv", "x,y\n1,2\n"),
        ("a.json", "{}"),
        ("b.json", "[1]"),
        ("b.csv", "case,label,metric,value\na,b,c,x\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(CorruptFileError):
            Results.read(tmp_path / name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError):
        write_parquet(results, tmp_path / "r.parquet")
    assert not list(tmp_path.glob("*.parquet"))


def test_names_in_a_file_import_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("case,label,metric,value\na,,os.remove,1\na,,DICE(x=3),1\n", encoding="utf-8")
    assert Results.read(path).metrics == {}


def test_attributes_are_found_by_case(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sex,case,age\nf,p1,61\nm,p2,\n", encoding="utf-8")
    assert read_attributes(path) == {"p1": {"sex": "f", "age": "61"}, "p2": {"sex": "m", "age": ""}}
    for text in ("", "case\np1\n", "case,sex\np1,f\np1,m\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(CorruptFileError):
            read_attributes(path)
