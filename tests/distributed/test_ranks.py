"""The same experiment with one, two and three processes, which torchrun starts."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from eisen.experiments.checkpoint import load_weights
from eisen.experiments.progress import read_progress

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def one(folder):
    """What one process finds; it leaves weights to validate and predict with."""
    from rank_worker import Scenarios

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    scenarios = Scenarios(folder)
    found = {"train": scenarios.train(), "accumulate": scenarios.accumulate()}
    shutil.copy(folder / "train-1" / "models" / "best.pt", folder / "weights.pt")
    found |= {"validate": scenarios.validate(), "predict": scenarios.predict()}
    yield found
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def two(one, do):
    del one  # it makes the weights
    return do(2, "train", "accumulate", "fsdp", "validate", "predict", "adversaries", "stopped", "asked", "leave")


@pytest.fixture(scope="module")
def three(two, do):
    del two  # it leaves the checkpoints
    return do(3, "train", "fsdp", "validate", "elsewhere")


@pytest.fixture(params=["two", pytest.param("three", marks=pytest.mark.slow)])
def many(request):
    """What each of several processes finds."""
    return request.getfixturevalue(request.param)


def close(found, expected, *, to):
    """Compare rows of losses and metrics."""
    assert len(found) == len(expected)
    for mine, his in zip(found, expected, strict=True):
        assert mine[:2] == his[:2]
        assert mine[4] == his[4], "number of batches"
        assert mine[2] == pytest.approx(his[2], abs=to)
        assert mine[3] == pytest.approx(his[3], abs=300 * to), "Dice counts voxels, so it moves in steps"


def test_metrics_of_the_same_weights_are_equal_bit_for_bit(one, many):
    for rank in many:
        assert rank["validate"] == one["validate"]
    assert set(one["validate"][0][3]) >= {"dice_metric", "sensitivity", "psnr"}


def test_training_gives_the_same_losses(one, many):
    # The first step is taken on the same weights, so all later ones differ by rounding alone.
    for rank in many:
        close(rank["train"], one["train"], to=1e-5)
    assert many[0]["train"][0][2]["mse"] == pytest.approx(one["train"][0][2]["mse"], abs=1e-6)


def test_gradients_of_several_batches_are_clipped_and_averaged_over_steps_as_in_one_process(one, two):
    for rank in two:
        close(rank["accumulate"], one["accumulate"], to=1e-5)


def test_weights_spread_over_processes_learn_the_same(one, many):
    for rank in many:
        close(rank["fsdp"], one["train"], to=1e-5)


def test_all_processes_agree_on_every_number(many):
    assert all(rank == many[0] for rank in many)


def test_networks_that_train_against_each_other_have_the_same_weights_everywhere(two):
    (rows, digest), (other_rows, other_digest) = (rank["adversaries"] for rank in two)
    assert digest == other_digest
    assert rows == other_rows
    assert set(rows[0][2]) == {"generator_loss", "discriminator_loss"}


def test_hooks_and_logs_are_written_once(folder, two):
    assert (folder / "train-2" / "Training.txt").read_text(encoding="utf-8") == "0 3\n1 3\n"
    log = [json.loads(line) for line in (folder / "train-2" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in log] == ["start", "epoch", "epoch", "epoch", "epoch", "end"]
    assert json.loads((folder / "train-2" / "run.json").read_text(encoding="utf-8"))["status"] == "complete"
    progress = read_progress(folder / "train-2")
    assert (progress["status"], progress["n_processes"], progress["phase"]) == ("complete", 2, "Validation")


def test_checkpoints_hold_the_same_whatever_made_them(folder, two, three):
    def shape(value):
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__

    names = ["train-1", "train-2", "train-3", "fsdp-2", "fsdp-3"]
    states = [load_weights(folder / name / "checkpoint.pt") for name in names]
    for state in states[1:]:
        for part in ("model", "optimizers"):
            assert shape(state[part]) == shape(states[0][part])
        assert state["epoch"] == 2
        for name, weight in state["model"].items():
            assert torch.allclose(weight, states[0]["model"][name], atol=1e-3), name


def test_a_file_beside_the_results_stops_all_processes(folder, two):
    assert [rank["asked"] for rank in two] == [[True, 0]] * 2
    assert not (folder / "asked-2" / "stop").exists()
    assert read_progress(folder / "asked-2")["status"] == "interrupted"


def test_a_run_that_one_process_stopped_goes_on_with_the_same_bits(folder, two):
    whole, stopped = folder / "whole-2", folder / "stopped-2"
    assert (stopped / "history.jsonl").read_bytes() == (whole / "history.jsonl").read_bytes()
    expected, found = (load_weights(path / "checkpoint.pt")["model"] for path in (whole, stopped))
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_checkpoints_of_two_processes_go_on_with_three_and_with_one(folder, one, three):
    from rank_worker import Scenarios

    found = {**three[0]["elsewhere"], **Scenarios(folder).elsewhere()}
    assert len(found) == 3 * 2 + 3
    for name, rows in found.items():
        assert [row[:2] for row in rows][-1] == ["Validation", 1], name
        close(rows, one["train"][2:], to=1e-5)


def test_predictions_are_dealt_out_and_all_written(folder, one, two):
    assert two[0]["predict"] == one["predict"]
    tables = [(folder / f"predict-{n}" / "predictions" / "predictions.csv").read_bytes() for n in (1, 2)]
    assert tables[0] == tables[1]
