"""``eisen evaluate`` as a user runs it."""

from __future__ import annotations

import csv
import json
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from eisen.evaluation import Results, SegmentationEvaluator
from eisen.io import write_nifti
from eisen_cli.main import cli

from .shapes import ball, box

AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])
SHAPE = (14, 12, 10)

Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three cases; the prediction of the last one misses a label."""
    for name in ("predictions", "labels"):
        (tmp_path / name).mkdir()
    for i in range(3):
        reference = ball(SHAPE, (5, 5, 4), 3) + box(SHAPE, (10, 1, 1), (13, 5, 5)) * 2
        prediction = np.roll(reference, i, axis=1)
        prediction[(prediction == 2) & (i == 2)] = 0
        write_nifti(tmp_path / "labels" / f"p{i}.nii.gz", reference, AFFINE)
        write_nifti(tmp_path / "predictions" / f"p{i}_pred.nii.gz", prediction, AFFINE)
    return tmp_path


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(data)

    def run(*words: object) -> Result:
        where = ["--prediction", "predictions", "--reference", "labels", "--no-report"]
        named = [] if "--prediction" in words else where
        return CliRunner().invoke(cli, ["evaluate", *named, *map(str, words)], prog_name="eisen")

    return run


def test_folders_are_measured_and_written(run: Run, data: Path) -> None:
    done = run("--labels", "1=ball,2=box,1+2=both", "--metrics", "DICE,PRCISON", "-o", "out")
    assert done.exit_code == 0, done.output
    found = Results.read(data / "out" / "results.json")
    assert (found.cases, found.labels) == (["p0", "p1", "p2"], ["ball", "box", "both"])
    same = SegmentationEvaluator(["DICE", "PRCISON"], {1: "ball", 2: "box", (1, 2): "both"})
    for i in range(3):
        same.evaluate(data / f"predictions/p{i}_pred.nii.gz", data / f"labels/p{i}.nii.gz", f"p{i}")
    assert repr(found.records) == repr(same.results.records)
    line = next(line for line in done.output.splitlines() if line.startswith("box") and "PRCISON" in line)
    assert "2/3" in line
    assert line.split()[6:8] == ["1", "1"]
    assert "out/statistics.csv" in done.output


def test_two_processes_write_the_same(run: Run, data: Path) -> None:
    for n in (1, 2):
        assert run("--metrics", "overlap", "-o", f"out{n}", "-j", n).exit_code == 0
    texts = [(data / f"out{n}/results.csv").read_text(encoding="utf-8") for n in (1, 2)]
    assert texts[0] == texts[1]


def test_missed_labels_can_be_charged(run: Run, data: Path) -> None:
    assert run("--metrics", "PRCISON", "--policy", "worst", "--labels", "2=box").exit_code == 0
    with (data / "results/statistics.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert (row["n"], row["n_missed"], row["n_charged"], row["n_undefined"]) == ("3", "1", "1", "0")


def test_files_without_counterpart_stop_it_unless_allowed(run: Run, data: Path) -> None:
    (data / "predictions/p1_pred.nii.gz").rename(data / "predictions/other.nii.gz")
    refused = run("--metrics", "DICE")
    assert refused.exit_code == 4
    assert "1 without a prediction: p1.nii.gz" in refused.output
    assert "other.nii.gz" in refused.output
    assert not (data / "results").exists()
    allowed = run("--metrics", "DICE", "--allow-missing", "--labels", "1=ball")
    assert allowed.exit_code == 0, allowed.output
    assert "1 without a prediction: p1.nii.gz" in allowed.output
    record = next(r for r in Results.read(data / "results/results.csv") if r.case == "p1")
    assert (record.value, record.presence, record.reason) == (0, "missed", "there is no prediction")


def test_a_case_that_cannot_be_measured_is_named_and_the_others_are_written(run: Run, data: Path) -> None:
    write_nifti(data / "predictions/p1_pred.nii.gz", np.zeros(SHAPE, np.uint8), AFFINE @ np.diag([1, 1, 2, 1]))
    done = run("--metrics", "DICE", "--labels", "1=ball")
    assert done.exit_code == 4
    assert "not measured: p1: GeometryError" in done.output
    assert "spacing" in done.output
    found = Results.read(data / "results/results.json")
    assert found.cases == ["p0", "p2"]
    assert list(found.failures) == ["p1"]


def test_machines_read_the_statistics(run: Run) -> None:
    done = run("--metrics", "DICE", "--labels", "1=ball", "--json")
    document = json.loads(done.stdout)
    assert document["status"] == "ok"
    assert document["cases"] == ["p0", "p1", "p2"]
    assert document["statistics"][0]["mean"] < 1
    assert document["statistics"][0]["n_missed"] == 0
    wrong = json.loads(run("--metrics", "NONSENSE", "--json").stdout)
    assert (wrong["status"], wrong["exit_code"]) == ("failed", 3)


def test_images_have_their_own_metrics_and_masks(run: Run, data: Path) -> None:
    for name, value in (("a", 3.0), ("b", 1.0)):
        (data / name).mkdir()
        write_nifti(data / name / "x.nii.gz", np.full(SHAPE, value, np.float32), AFFINE)
    sides = ("--prediction", "a", "--reference", "b", "--kind", "image", "--metrics", "MAE", "--no-report")
    assert run(*sides, "--mask", "b").exit_code == 0
    assert [r.value for r in Results.read(data / "results/results.csv")] == [2]
    assert run(*sides, "--labels", "1=x").exit_code == 2
    assert run("--data-range", 2).exit_code == 2


def test_single_files(run: Run, data: Path) -> None:
    done = run(
        "--prediction",
        "predictions/p0_pred.nii.gz",
        "--reference",
        "labels/p0.nii.gz",
        "--metrics",
        "DICE",
        "--no-report",
    )
    assert done.exit_code == 0, done.output
    assert {r.value for r in Results.read(data / "results/results.csv")} == {1}


def test_many_metrics_are_shown_in_part_and_written_whole(run: Run, data: Path) -> None:
    done = run("--labels", "1=ball")
    assert done.exit_code == 0, done.output
    assert "more metrics in statistics.csv" in done.output
    n = len(Results.read(data / "results/results.csv").metric_names)
    shown = sum(line.startswith("ball") for line in done.output.splitlines())
    assert shown < 12 < n
    assert f"and {n - shown} more" in done.output


def test_the_report_has_attributes_and_pictures(run: Run, data: Path) -> None:
    (data / "patients.csv").write_text("case,site\np0,north\np1,south\np2,north\n", encoding="utf-8")
    more = ("--attributes", "patients.csv", "--images", "labels", "--metrics", "DICE", "--report")
    done = run(*more)
    assert done.exit_code == 0, done.output
    page = (data / "results" / "report.html").read_text(encoding="utf-8")
    assert "north" in page
    assert "<img" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["evaluate_predictions.py", str(tmp_path)])
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "evaluate_predictions.py"), run_name="__main__")
    text = capsys.readouterr().out
    assert "1 without a prediction: phantom_5.nii.gz" in text
    means = [line.split() for line in text.splitlines() if line.startswith("posterior    PRCISON")]
    assert float(means[1][2]) < float(means[0][2])
    assert (tmp_path / "results" / "report.html").is_file()


def test_the_report_tells_of_the_run_that_predicted(run: Run, data: Path) -> None:
    (data / "run").mkdir()
    facts = {
        "command": "train",
        "config": {},
        "config_digest": "c0ffee",
        "data": {"Training": {"n_cases": 7, "digest": "da7a"}},
        "split": {"file": "split.json", "digest": "5e9a7a7e", "fold": 0},
        "weights_digest": {"best": "b357"},
        "git": {"commit": "abc", "dirty": True},
    }
    (data / "run" / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    done = run("--metrics", "DICE", "--run", "run", "--report", "-o", "out")
    assert done.exit_code == 0, done.output
    text = (data / "out" / "report.html").read_text(encoding="utf-8")
    for told in ("c0ffee", "da7a (7 cases)", "5e9a7a7e", "b357", "abc, with changes"):
        assert told in text


def test_a_run_that_is_not_there_is_said_before_anything_is_measured(run: Run, data: Path) -> None:
    done = run("--metrics", "DICE", "--run", "absent", "-o", "out")
    assert done.exit_code != 0
    assert "there is no run" in done.output
    assert not (data / "out").exists()
