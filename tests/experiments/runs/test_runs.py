"""Runs that are there: found, compared, repeated bit for bit, and continued only as what they are."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from experiment_parts import Recorder, entry, save, set_hyper

from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError, TrainingError
from eisen.experiments.provenance import NAMES_FILE, weights_digest
from eisen.experiments.runs import compare_runs, compare_weights, find_runs, read_run, reproduce_run, sorted_runs


@pytest.fixture
def trained(config, make_run, tmp_path):
    """The folder of a complete run of one epoch; the model and noise are random."""
    set_hyper(config, ".Epochs", 1)
    make_run(config).train()
    return tmp_path / "artifacts"


def edit(path, **facts):
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | facts))


def test_a_record_says_what_the_run_was_made_of_and_its_weights(trained, data_dir):
    record = json.loads((trained / "run.json").read_text(encoding="utf-8"))
    assert {"config_digest", "seed", "data", "split", "code", "versions", "machine", "config"} <= set(record)
    best = torch.load(trained / "models" / "best.pt", weights_only=True)
    assert record["weights_digest"]["best"] == weights_digest(best)
    assert set(record["weights_digest"]) == {"best", "final"}
    assert "tiny_parts.py" in record["code"]["files"]
    text = (trained / "run.json").read_text(encoding="utf-8")
    assert str(data_dir) not in text
    assert "case_0" not in text
    assert "images/case_0.nii.gz" in (trained / NAMES_FILE).read_text(encoding="utf-8")
    assert read_run(trained).data_dir == data_dir


def test_a_run_is_repeated_with_identical_weights(trained, tmp_path):
    recorder = Recorder()
    made = reproduce_run(trained, observer=recorder)
    assert made.identical
    assert made.same_history
    assert made.changes == []
    assert made.folder == tmp_path / "artifacts-reproduced"
    assert [pair.which for pair in made.weights] == ["best", "final"]
    assert not [text for text in recorder.messages if "not what it was" in text]
    first, second = (json.loads((place / "run.json").read_text(encoding="utf-8")) for place in (trained, made.folder))
    assert first["weights_digest"] == second["weights_digest"]


def test_a_run_that_started_from_weights_is_repeated_from_them_as_long_as_they_are_there(
    config, make_run, trained, tmp_path
):
    start = tmp_path / "start.pt"
    shutil.copy(trained / "models" / "best.pt", start)
    make_run(config, "tuned", model=start).train()
    assert reproduce_run(tmp_path / "tuned").identical
    state = torch.load(start, weights_only=True)
    torch.save({name: value + 1 for name, value in state.items()}, start)
    with pytest.raises(TrainingError, match="other ones now"):
        reproduce_run(tmp_path / "tuned", tmp_path / "third")
    start.unlink()
    with pytest.raises(MissingFileError, match="not there any more"):
        reproduce_run(tmp_path / "tuned", tmp_path / "fourth")


def test_a_repetition_with_other_data_says_what_changed_and_that_weights_differ(trained, data_dir):
    save(data_dir / "labels/case_3.nii.gz", np.ones((12, 10, 8), "uint8"))
    recorder = Recorder()
    made = reproduce_run(trained, observer=recorder)
    assert not made.identical
    assert "the data is not what it was: Training: 1 file changed: labels/case_3.nii.gz" in recorder.messages
    final = next(pair for pair in made.weights if pair.which == "final")
    assert final.largest > 0
    assert final.where in final.different


def test_the_digest_is_enough_where_the_weights_were_deleted(trained, tmp_path):
    (trained / "checkpoint.pt").unlink()
    (trained / "checkpoint.previous.pt").unlink()
    assert reproduce_run(trained, tmp_path / "again").identical
    edit(trained / "run.json", weights_digest={"final": "0" * 64})
    made = reproduce_run(trained, tmp_path / "third")
    assert [(pair.which, pair.identical) for pair in made.weights] == [("best", True), ("final", False)]


def test_as_many_threads_are_used_as_then(trained, tmp_path):
    machine = json.loads((trained / "run.json").read_text(encoding="utf-8"))["machine"]
    edit(trained / "run.json", machine={**machine, "threads": 2})
    recorder = Recorder()
    made = reproduce_run(trained, tmp_path / "again", observer=recorder)
    assert "computing with 2 threads, as then" in recorder.messages
    assert json.loads((made.folder / "run.json").read_text(encoding="utf-8"))["machine"]["threads"] == 2
    assert torch.get_num_threads() == 1


def test_what_cannot_be_repeated_is_refused_with_a_reason(trained, tmp_path, data_dir):
    with pytest.raises(ArgumentError, match="not empty"):
        reproduce_run(trained, trained)
    with pytest.raises(MissingFileError, match="there is no folder"):
        reproduce_run(trained, data_dir=tmp_path / "nowhere")
    (trained / NAMES_FILE).unlink()
    with pytest.raises(MissingFileError, match="not noted"):
        reproduce_run(trained)
    assert reproduce_run(trained, data_dir=data_dir).identical
    edit(trained / "run.json", status="interrupted")
    with pytest.raises(TrainingError, match="interrupted after 1 of 1 epochs"):
        reproduce_run(trained)
    (trained / "config.json").unlink()
    with pytest.raises(MissingFileError, match=r"config\.json"):
        reproduce_run(trained)


def test_a_run_that_was_continued_with_other_values_says_so(trained, config, make_run, tmp_path):
    make_run(config, resume=True).train(2)
    recorder = Recorder()
    reproduce_run(trained, observer=recorder)
    assert any("continued with another number of epochs" in text for text in recorder.messages)


def test_a_changed_label_is_named_and_refuses_to_be_continued_with(trained, config, make_run, data_dir):
    before = (trained / "checkpoint.pt").read_bytes()
    save(data_dir / "labels/case_3.nii.gz", np.ones((12, 10, 8), "uint8"))
    with pytest.raises(TrainingError, match=r"Training: 1 file changed: labels/case_3\.nii\.gz"):
        make_run(config, resume=True).train(2)
    assert (trained / "checkpoint.pt").read_bytes() == before
    forced = make_run(config, resume=True, force=True)
    assert forced.train(2).n_epochs == 2
    assert any("labels/case_3.nii.gz" in text for text in forced.observer.messages)
    assert make_run(config, resume=True).train(3).n_epochs == 3


def test_a_changed_learning_rate_refuses_and_more_epochs_do_not(trained, config, make_run):
    faster = copy.deepcopy(config)
    faster["Training"]["Optimizer"][0]["params"]["lr"] = 0.5
    with pytest.raises(TrainingError, match=r"Training\.Optimizer\[0\]\.params\.lr: 0\.05 -> 0\.5") as caught:
        make_run(faster, resume=True).train(2)
    assert "--force" in caught.value.card.to_do
    set_hyper(config, ".NumWorkers", 1)
    again = make_run(config, resume=True)
    assert again.train(2).n_epochs == 2
    assert any("NumWorkers: 0 -> 1" in text for text in again.observer.messages)


def test_checkpoints_of_before_are_compared_by_configuration_and_seed(trained, config, make_run):
    state = torch.load(trained / "checkpoint.pt", weights_only=True)
    del state["fingerprint"]
    torch.save(state, trained / "checkpoint.pt")
    set_hyper(config, ".Seed", 4)
    with pytest.raises(TrainingError, match="seed: 3 -> 4"):
        make_run(config, resume=True).train(2)


def test_a_run_is_equal_to_itself(trained):
    run = read_run(trained)
    compared = compare_runs(run, run)
    assert compared.is_same
    assert compared.changes == []
    assert compared.same_weights
    assert {pair.name for pair in compared.results} >= {"best mean metric", "Validation dice_metric", "epochs"}


def test_two_runs_are_compared_by_what_went_in_and_what_came_out(trained, config, make_run, tmp_path):
    set_hyper(config, ".Seed", 4)
    config["Training"]["Transforms"].append(entry("tiny_parts.RandomNoise", fields=["image"]))
    make_run(config, "other").train()
    compared = compare_runs(read_run(trained), read_run(tmp_path / "other"))
    lines = [str(change) for change in compared.changes]
    assert lines == ["seed: 3 -> 4", "Training.Transforms[4] (RandomNoise) was added"]
    assert not compared.is_same
    assert compared.same_weights is False


def test_runs_are_found_among_garbage(trained, tmp_path):
    root = tmp_path / "all"
    for name, value, started in (("b/fold-0", 0.5, "2026-02"), ("b/fold-1", 0.9, "2026-01"), ("a", 0.7, "2026-03")):
        shutil.copytree(trained, root / name)
        edit(root / name / "run.json", started=started, best={"name": "mean metric", "value": value})
    for name, text in (("torn", '{"command": "tr'), ("list", "[1]"), ("other", '{"command": "serve"}')):
        (root / name).mkdir()
        (root / name / "run.json").write_text(text)
    (root / "a" / "models" / "run.json").write_text("{}")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "run.json").write_text((trained / "run.json").read_text(encoding="utf-8"))
    (root / "run.json").mkdir()
    found = list(find_runs(root))
    assert [run.folder.relative_to(root).as_posix() for run in found] == ["a", "b/fold-0", "b/fold-1", "torn"]
    assert found[-1].status == "unreadable"
    whole = found[:-1]
    assert [run.name for run in sorted_runs(whole, "best")] == ["fold-1", "a", "fold-0"]
    assert [run.name for run in sorted_runs(whole, "started")] == ["fold-1", "fold-0", "a"]
    with pytest.raises(ArgumentError):
        sorted_runs(whole, "size")
    with pytest.raises(MissingFileError):
        list(find_runs(root / "nowhere"))


def test_losses_are_better_when_smaller(trained):
    runs = []
    for value in (0.5, 0.2):
        edit(trained / "run.json", best={"name": "mean loss", "value": value})
        runs.append(read_run(trained))
    assert [run.best for run in sorted_runs(runs, "best")] == [0.2, 0.5]


def test_a_run_whose_process_is_gone_is_dead(trained):
    edit(trained / "run.json", status="running")
    assert read_run(trained).status == "running"
    names = json.loads((trained / NAMES_FILE).read_text(encoding="utf-8"))
    for process, status in (
        ({**names["process"], "started": "1"}, "dead"),
        ({**names["process"], "pid": 2**22 + 5}, "dead"),
        ({**names["process"], "machine": "another"}, "running?"),
    ):
        (trained / NAMES_FILE).write_text(json.dumps({**names, "process": process}))
        assert read_run(trained).status == status
    record = json.loads((trained / "run.json").read_text(encoding="utf-8"))
    del record["epochs_complete"]
    (trained / "run.json").write_text(json.dumps(record))
    assert read_run(trained).epochs == (1, 1)


def test_what_is_no_run_is_refused(tmp_path, trained):
    with pytest.raises(MissingFileError, match="there is no run") as caught:
        read_run(tmp_path)
    assert "artifacts" in caught.value.card.to_do
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(CorruptFileError, match="cannot be read"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(CorruptFileError, match="no record"):
        read_run(tmp_path)
    assert read_run(trained / "run.json").folder == trained


def test_different_weights_are_named_with_the_largest_difference():
    one = {"a": torch.zeros(2), "b": torch.ones(3), "n": torch.tensor(1)}
    assert compare_weights("best", one, {k: v.clone() for k, v in one.items()}).identical
    other = {**one, "a": torch.tensor([0.0, 1e-3]), "b": torch.tensor([1.0, 1.0, 1.5])}
    found = compare_weights("best", one, other)
    assert (found.different, found.largest, found.where) == (("a", "b"), 0.5, "b")
    assert str(compare_weights("best", one, {"a": one["a"]})) == "best: 2 of 3 tensors are different: b, n"
    assert not compare_weights("best", one, {**one, "a": -torch.zeros(2)}).identical
    assert str(compare_weights("x", one, {**one, "b": torch.ones(4)})) == "x: 1 of 3 tensors are different: b"


def test_the_folder_of_the_data_is_kept_as_it_was_given(config, make_run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run = make_run(config)
    run.data_dir = Path("data")
    run.train(1)
    assert json.loads((tmp_path / "artifacts" / NAMES_FILE).read_text(encoding="utf-8"))["data_dir"] == "../data"
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    shutil.copytree(tmp_path, moved)
    assert read_run(moved / "artifacts").data_dir == moved / "data"
