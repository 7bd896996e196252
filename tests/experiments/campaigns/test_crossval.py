"""A cross-validation measures every case once, can be continued, and says how sure its figures are."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from campaign_parts import part

from eisen._core.errors import ArgumentError, ConfigError
from eisen.config import read_config
from eisen.experiments import Run
from eisen.experiments.campaigns import CampaignObserver, CrossValidation, Plan, SplitWish
from eisen.experiments.campaigns.measured import Measured
from eisen.experiments.splits import Splits, explicit

THREE, TWO = (SplitWish(folds=n, group="patient") for n in (3, 2))


class Ends(CampaignObserver):
    """Writes down how runs ended, and what was said."""

    def __init__(self):
        self.ends, self.said = [], []

    def on_task_end(self, outcome):
        self.ends.append((outcome.name, "reused" if outcome.reused else outcome.status))

    def on_message(self, text):
        self.said.append(text)


@pytest.fixture
def crossval(tmp_path, data_dir, config):
    """Return a function from a configuration to the result of its cross-validation."""

    def run(document=None, wish=THREE, seeds=1, out="cv", **options):
        file = tmp_path / "config.json"
        file.write_text(json.dumps(document or config))
        return CrossValidation(Plan(file, data_dir, tmp_path / out, **options), wish, seeds).run()

    return run


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_case_is_measured_exactly_once_by_a_model_that_never_saw_its_patient(complete):
    folder, result = complete
    assert result.is_complete
    scores, membership = rows_of(folder / "scores.csv"), rows_of(folder / "membership.csv")
    assert sorted(row["case"] for row in scores) == sorted(f"p{p}_{scan}" for p in range(9) for scan in range(2))
    for row in scores:
        trained = {m["group"] for m in membership if m["fold"] == row["fold"] and m["part"] != "test"}
        assert row["group"] not in trained
        assert {"case": row["case"], "group": row["group"], "fold": row["fold"], "part": "test"} in membership


def test_the_scores_are_those_of_the_best_model_of_the_fold(complete, data_dir):
    import torch

    folder, _ = complete
    cases = {case["name"]: case for case in json.loads((data_dir / "cases.json").read_text(encoding="utf-8"))}
    for row in rows_of(folder / "scores.csv"):
        weights = torch.load(folder / f"fold-{row['fold']}/models/best.pt", weights_only=True)
        case = cases[row["case"]]
        predicted = float(weights["linear.weight"]) * case["x"] + float(weights["linear.bias"])
        assert float(row["error"]) == pytest.approx(abs(predicted - case["y"]), abs=1e-5)


def test_the_summary_is_the_mean_over_cases_with_an_interval_over_patients(complete):
    folder, result = complete
    line = result.metrics[0]
    scores = rows_of(folder / "scores.csv")
    values = [float(row["error"]) for row in scores]
    assert line.value == pytest.approx(np.mean(values))
    assert line.sd == pytest.approx(np.std(values, ddof=1))
    assert (line.interval.unit, line.interval.n_units) == ("group", 9)
    assert line.interval.low < line.value < line.interval.high
    for fold, value in line.folds.items():
        assert value == pytest.approx(np.mean([float(row["error"]) for row in scores if row["fold"] == fold]))
    assert line.sd_folds == pytest.approx(np.std(list(line.folds.values()), ddof=1))
    document = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert document["metrics"][0]["value"] == line.value
    assert document["split_digest"] == Splits.load(folder / "split.json").digest
    assert any("groups (patient)" in note for note in document["notes"])


def test_a_fold_is_an_ordinary_run(copied, data_dir):
    folder = copied / "fold-1"
    experiment = read_config(folder / "config.json")
    again = Run(experiment, data_dir, folder, resume=True).train(3)
    assert again.n_epochs == 3
    assert [row.epoch for row in again.rows] == [2, 2]


def test_the_ensemble_names_every_model_relative_to_itself(complete):
    folder, _ = complete
    document = json.loads((folder / "ensemble.json").read_text(encoding="utf-8"))
    assert document["format"] == "eisen-ensemble"
    assert document["members"] == [f"fold-{n}/models/best.pt" for n in range(3)]
    assert document["config"] == "fold-0/config.json"
    assert all((folder / name).is_file() for name in [*document["members"], document["config"]])


def test_a_second_call_does_nothing_again_and_gives_the_same_bytes(crossval, copied):
    files = ["scores.csv", "summary.json", "membership.csv", "ensemble.json", "split.json"]
    before = {name: (copied / name).read_bytes() for name in files}
    stamp = (copied / "fold-0/checkpoint.pt").stat().st_mtime_ns
    ends = Ends()
    crossval(wish=SplitWish(), observer=ends)
    assert ends.ends == [(f"fold-{n}", "reused") for n in range(3)]
    assert {name: (copied / name).read_bytes() for name in files} == before
    assert (copied / "fold-0/checkpoint.pt").stat().st_mtime_ns == stamp


def test_more_epochs_continue_every_fold(crossval, copied, tmp_path):
    outcomes = crossval(epochs=3).outcomes
    assert [outcome.n_epochs for outcome in outcomes] == [3, 3, 3], [outcome.error for outcome in outcomes]
    crossval(out="whole", epochs=3)
    assert (copied / "scores.csv").read_bytes() == (tmp_path / "whole/scores.csv").read_bytes()


def test_a_failing_fold_is_reported_and_the_others_go_on(crossval, complete, config, tmp_path, data_dir):
    splits = Splits.load(complete[0] / "split.json")
    case = splits["1"].validation[0]
    value = next(c["x"] for c in json.loads((data_dir / "cases.json").read_text(encoding="utf-8")) if c["name"] == case)
    broken = tmp_path / "broken"
    broken.touch()
    config["Testing"] = {
        k: json.loads(json.dumps(config["Validation"][k])) for k in ("Datasets", "Transforms", "Metrics")
    }
    fails = part("campaign_parts.FailsOn", fields=["x"], value=value, when=str(broken))
    config["Validation"]["Transforms"].insert(0, fails)
    frozen = complete[0] / "split.json"
    expected = {f"fold-{fold.name}" for fold in splits if case in fold.validation}
    result = crossval(config, SplitWish(frozen))
    assert {outcome.name for outcome in result.failures} == expected
    assert sum(outcome.is_complete for outcome in result.outcomes) == 3 - len(expected)
    assert "this case is broken" in result.failures[0].error["what"]
    assert case in result.failures[0].error["case"]
    assert not result.metrics
    assert not (tmp_path / "cv/ensemble.json").exists()

    broken.unlink()
    ends = Ends()
    assert crossval(config, SplitWish(frozen), observer=ends).is_complete
    assert {name for name, how in ends.ends if how == "complete"} == expected
    assert (tmp_path / "cv/scores.csv").read_bytes() == (complete[0] / "scores.csv").read_bytes()


def test_ctrl_c_stops_after_the_batch_and_the_same_call_continues(crossval, complete, tmp_path):
    import signal

    from eisen.experiments import Observer

    class CtrlC(Observer):
        def on_batch(self, done, n_batches):
            signal.raise_signal(signal.SIGINT)

    class InSecond(Ends):
        def run_observer(self, task):
            return CtrlC() if task.name == "fold-1" else Observer()

    ends = InSecond()
    result = crossval(observer=ends)
    assert result.interrupted
    assert ends.ends == [("fold-0", "complete"), ("fold-1", "interrupted")]
    assert not (tmp_path / "cv/scores.csv").exists()
    assert crossval().is_complete
    assert (tmp_path / "cv/scores.csv").read_bytes() == (complete[0] / "scores.csv").read_bytes()


def test_another_configuration_is_refused_unless_forced(crossval, copied, config):
    config["Training"]["Optimizer"][0]["params"]["lr"] = 0.2
    with pytest.raises(ArgumentError, match=r"Optimizer\[0\]\.params\.lr: 0\.1 -> 0\.2"):
        crossval(config)
    ends = Ends()
    assert crossval(config, force=True, observer=ends).is_complete
    assert any("lr: 0.1 -> 0.2" in text for text in ends.said)


def test_another_split_is_refused(crossval, copied):
    with pytest.raises(ArgumentError, match="another split"):
        crossval(wish=SplitWish(folds=2, group="patient"))


def test_groups_must_be_named_or_declared_absent(crossval):
    with pytest.raises(ArgumentError, match="belong together"):
        crossval(wish=SplitWish(folds=3))
    result = crossval(wish=SplitWish(folds=3, no_group=True))
    assert result.metrics[0].interval.unit == "case"
    assert result.metrics[0].interval.n_units == 18


def test_one_fold_can_be_done_by_itself(crossval):
    first = crossval(wish=TWO, only=["fold-1"])
    assert [outcome.name for outcome in first.outcomes] == ["fold-1"]
    assert not first.is_complete
    assert not first.metrics
    assert crossval(wish=TWO).is_complete
    with pytest.raises(ArgumentError, match="there is no run 'fold-7'"):
        crossval(wish=TWO, only=["fold-7"])


def test_seeds_show_how_much_chance_does(crossval, complete, tmp_path):
    result = crossval(seeds=2)
    line = result.metrics[0]
    assert sorted(line.seeds) == ["3", "4"]
    assert line.sd_seeds == pytest.approx(abs(line.seeds["3"] - line.seeds["4"]) / math.sqrt(2))
    assert line.n_values == 36
    assert line.interval.n_units == 9, "more seeds are not more patients"
    rows = rows_of(tmp_path / "cv/scores.csv")
    assert len({(row["case"], row["seed"]) for row in rows}) == len(rows) == 36
    for seed, value in line.seeds.items():
        folds = [np.mean([float(r["error"]) for r in rows if (r["seed"], r["fold"]) == (seed, f)]) for f in line.folds]
        assert value == pytest.approx(np.mean(folds))
    assert line.seeds["3"] == pytest.approx(np.mean(list(complete[1].metrics[0].folds.values())))


def test_repeats_measure_every_case_once_in_each(crossval, tmp_path):
    result = crossval(wish=SplitWish(folds=2, group="patient", repeats=2))
    rows = rows_of(tmp_path / "cv/scores.csv")
    assert len(rows) == 36
    assert all(sum(row["case"] == case for row in rows) == 2 for case in {row["case"] for row in rows})
    assert result.metrics[0].interval.n_units == 9


def test_cases_without_a_value_are_counted_beside_the_mean(crossval, config, data_dir, tmp_path):
    cases = json.loads((data_dir / "cases.json").read_text(encoding="utf-8"))
    for case in cases[:3]:
        case["y"] = 0.0
    (data_dir / "cases.json").write_text(json.dumps(cases))
    config["Validation"]["Metrics"][0]["params"]["skip_zero"] = True
    config["General"]["Hyperparameters"].append(part(".Best", value="min mse"))
    line = crossval(config, TWO).metrics[0]
    assert (line.n_values, line.n_missing) == (18, 3)
    values = [float(row["error"]) for row in rows_of(tmp_path / "cv/scores.csv")]
    assert sum(map(math.isnan, values)) == 3
    assert line.value == pytest.approx(np.nanmean(values))


def test_classes_have_columns_of_their_own(crossval, config, tmp_path):
    per_class = part("campaign_parts.PerClass", input_names=["predictions", "y"], output_names=["gap"])
    config["Validation"]["Metrics"].append(per_class)
    names = [line.name for line in crossval(config, TWO).metrics]
    assert names == ["error", "gap", "gap[low]", "gap[high]"]
    for row in rows_of(tmp_path / "cv/scores.csv"):
        assert float(row["gap[low]"]) == pytest.approx(float(row["error"]))
        assert float(row["gap[high]"]) == pytest.approx(float(row["error"]) ** 2, rel=1e-4)
        assert float(row["gap"]) == pytest.approx((float(row["gap[low]"]) + float(row["gap[high]"])) / 2)


def test_metrics_of_all_cases_are_computed_over_the_cases_of_all_folds(crossval, config, data_dir, tmp_path):
    from sklearn.metrics import roc_auc_score

    cases = json.loads((data_dir / "cases.json").read_text(encoding="utf-8"))
    for number, case in enumerate(cases):
        case["sick"] = int(case["x"] > 0.2) if number % 4 else number % 3 % 2
    (data_dir / "cases.json").write_text(json.dumps(cases))
    for name in ("Training", "Validation"):
        config[name]["Transforms"][0]["params"]["fields"] = ["x", "y", "sick"]
    wires = {"input_names": ["predictions", "sick"]}
    config["Validation"]["Metrics"] = [
        part("eisen.ops.metrics.AUROC", activation="sigmoid", **wires, output_names=["auroc"]),
        part("eisen.ops.metrics.Accuracy", n_classes=2, activation="sigmoid", **wires, output_names=["accuracy"]),
    ]
    config["General"]["Hyperparameters"].append(part(".Best", value="min mse"))
    result = crossval(config, TWO)
    line = next(line for line in result.metrics if line.name == "auroc")
    assert line.how == "all cases together"
    truth, scores = {case["name"]: case["sick"] for case in cases}, {}
    for number in range(2):
        measured = Measured.read(tmp_path / f"cv/fold-{number}")
        scores |= dict(zip(measured.cases, measured.arrays["0.input0"][:, 0], strict=True))
    expected = roc_auc_score([truth[case] for case in scores], list(scores.values()))
    assert line.value == pytest.approx(expected)
    assert line.interval.low < expected <= line.interval.high <= 1
    both = {line.how: line.value for line in result.metrics if line.name == "accuracy"}
    assert both["all cases together"] == pytest.approx(both["mean of the cases"])


def test_a_fold_without_a_test_part_is_measured_on_its_validation_and_says_so(crossval, data_dir, tmp_path):
    names = [case["name"] for case in json.loads((data_dir / "cases.json").read_text(encoding="utf-8"))]
    folds = [{"name": "a", "training": names[6:], "validation": names[:6]}]
    folds.append({"name": "b", "training": names[:12], "validation": names[12:]})
    explicit(folds, names, no_group=True).save(tmp_path / "frozen.json")
    result = crossval(wish=SplitWish(tmp_path / "frozen.json"))
    assert result.metrics[0].n_values == 12
    assert any("optimistic" in note for note in result.notes)
    assert any("6 of 18 cases are in no test part" in note for note in result.notes)


def test_testing_measures_with_its_own_metrics(crossval, config):
    config["Testing"] = json.loads(json.dumps(config["Validation"]))
    del config["Testing"]["Losses"]
    config["Testing"]["Metrics"][0]["params"]["output_names"] = ["test_error"]
    result = crossval(config, TWO)
    assert [line.name for line in result.metrics] == ["test_error"]
    assert not any("Validation" in note for note in result.notes)


def test_without_metrics_the_losses_are_measured(crossval, config):
    del config["Validation"]["Metrics"]
    assert [line.name for line in crossval(config, TWO).metrics] == ["mse"]


def test_without_anything_to_measure_nothing_runs(crossval, config, tmp_path):
    del config["Validation"]
    with pytest.raises(ConfigError, match="nothing to measure"):
        crossval(config)
    assert not (tmp_path / "cv").exists()


def test_a_configuration_from_python_works(config, data_dir, tmp_path):
    assert CrossValidation(Plan(config, data_dir, tmp_path / "cv", 1), TWO).run().is_complete
