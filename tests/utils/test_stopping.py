"""Early stopping: stops when it shall, says why, and goes on exactly after a resume."""

from __future__ import annotations

import math
from uuid import uuid4

import pytest
import torch

from eisen._core.errors import ArgumentError
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import EarlyStopping, Validation


def judged(values, **options):
    """Return the number of epochs until it stops, and the hook."""
    options.setdefault("monitor", "dice")
    stopping = EarlyStopping(uuid4(), **options)
    for number, value in enumerate(values, start=1):
        stopping.judge(value, number - 1)
        if stopping.is_stop():
            return number, stopping
    return None, stopping


@pytest.mark.parametrize(
    ("values", "options", "epochs"),
    [
        ([1, 2, 3, 4, 5, 6], {"mode": "max", "patience": 2}, None),
        ([6, 5, 4, 3, 2, 1], {"mode": "min", "patience": 2}, None),
        ([-6, -5, -4, -3], {"mode": "max", "patience": 1}, None),  # Delira began at 0 and never saw these
        ([1, 2, 2, 2], {"mode": "max", "patience": 2}, 4),
        ([3, 4, 5], {"mode": "min", "patience": 1}, 2),
        ([0.5, 0.505, 0.509], {"mode": "max", "patience": 2, "min_delta": 0.01}, 3),
        ([0.5, 0.505, 0.511], {"mode": "max", "patience": 2, "min_delta": 0.01}, None),
        ([5, 1, 1, 1, 1], {"mode": "max", "patience": 2, "start_epoch": 1}, 4),
        ([0.1, 0.95], {"mode": "max", "threshold": 0.9}, 2),
        ([0.9, 0.05], {"mode": "min", "threshold": 0.1}, 2),
        ([math.nan, math.nan], {"mode": "max", "patience": 2}, 2),
        ([1, math.nan, 2, math.nan, 3], {"mode": "max", "patience": 2}, None),
    ],
)
def test_when_it_stops(values, options, epochs):
    assert judged(values, **options)[0] == epochs


def test_smoothing_looks_through_noise():
    rising = [0.2 * n + (0.5 if n % 3 == 1 else 0) for n in range(12)]
    assert judged(rising, mode="max", patience=2)[0] is not None
    assert judged(rising, mode="max", patience=2, smoothing=0.8)[0] is None


def test_the_smoothed_value_of_the_first_epoch_is_its_value():
    _, stopping = judged([0.4], mode="max", smoothing=0.9)
    assert stopping.best == pytest.approx(0.4)


def test_it_says_why():
    assert judged([0.7, 0.6], mode="max", patience=1)[1].reason == "dice has not got better than 0.7 for 1 epoch"
    assert judged([0.95], mode="max", threshold=0.9)[1].reason == "dice is 0.95 and has reached 0.9"
    assert "never been a number" in judged([math.nan], mode="max", patience=1)[1].reason


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_resumed_training_stops_in_the_same_epoch(cut, tmp_path):
    values = [0.1, 0.5, 0.4, 0.6, 0.55, 0.58, 0.57, 0.5, 0.4, 0.3, 0.2]
    options = {"mode": "max", "patience": 3, "smoothing": 0.5, "monitor": "dice"}
    expected, _ = judged(values, **options)
    before, after = EarlyStopping(uuid4(), **options), EarlyStopping(uuid4(), **options)
    for value in values[:cut]:
        before.judge(value)
    torch.save(before.state_dict(), tmp_path / "state.pt")
    after.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    n = cut
    while not after.is_stop():
        after.judge(values[n])
        n += 1
    assert n == max(expected, cut)


def test_more_patience_on_resume_lets_it_go_on():
    _, stopped = judged([1, 1, 1], mode="max", patience=2)
    patient = EarlyStopping(uuid4(), monitor="dice", mode="max", patience=5)
    patient.load_state_dict(stopped.state_dict())
    assert not patient.is_stop()


class Falling(torch.nn.Module):
    """A score that falls with every call."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return torch.tensor(1.0 / self.calls)


def validation():
    model = EisenModuleWrapper(torch.nn.Identity(), ["x"], ["y"])
    score = EisenModuleWrapper(Falling(), ["y"], ["score"])
    return Validation(model, [{"x": torch.zeros(1)}], None, [score], gpu=False)


@pytest.mark.parametrize(
    ("options", "stops"), [({}, True), ({"monitor": "score"}, True), ({"monitor": "score", "mode": "min"}, False)]
)
def test_as_a_hook_larger_metrics_are_better_unless_it_is_told_otherwise(options, stops):
    workflow = validation()
    stopping = EarlyStopping(workflow.id, "Validation", None, patience=2, **options)
    for _ in range(3):
        workflow.run()
    assert stopping.is_stop() is stops


def test_a_value_that_is_not_there_is_named_with_the_nearest():
    workflow = validation()
    EarlyStopping(workflow.id, "Validation", None, monitor="scroe")
    with pytest.raises(ArgumentError, match="'scroe'") as caught:
        workflow.run()
    assert "score" in caught.value.card.to_do


@pytest.mark.parametrize(
    "wrong", [{"patience": 0}, {"min_delta": -1}, {"smoothing": 1.0}, {"start_epoch": -1}, {"mode": "up"}]
)
def test_wrong_arguments(wrong):
    with pytest.raises(ArgumentError):
        EarlyStopping(uuid4(), **wrong)
