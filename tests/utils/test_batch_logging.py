"""Numbers of single batches: reduced over windows, in every backend, and exactly continued."""

from __future__ import annotations

import csv
import json
from uuid import uuid4

import pytest
import torch

from eisen._core.errors import ArgumentError
from eisen.utils import EisenModuleWrapper
from eisen.utils.logging import BatchLoggingHook, CSVWriter
from eisen.utils.workflows import Training, Validation

VALUES = [4.0, 1.0, float("nan"), 3.0]


class Collector:
    """A backend of a user."""

    def __init__(self):
        self.rows = []

    def write(self, values, step):
        self.rows.append((step, values))

    def rewind(self, step):
        self.rows = [row for row in self.rows if row[0] < step]


def logged(tmp_path, values, **options):
    hook = BatchLoggingHook(uuid4(), "Training", tmp_path, **options)
    for value in values:
        hook.add({"loss/a": torch.tensor(value)})
    return hook


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [("mean", 8 / 3), ("median", 3.0), ("max", 4.0), ("min", 1.0), ("first", 4.0), ("last", 3.0)],
)
def test_a_window_becomes_one_number(tmp_path, reduction, expected):
    collector = Collector()
    logged(tmp_path, VALUES, every=4, reduction=reduction, writers=[collector])
    assert collector.rows == [(4, {"loss/a": pytest.approx(expected)})]


def test_every_kind_of_file_holds_the_same(tmp_path):
    logged(tmp_path, [1.0, 2.0, 3.0, 4.0], every=2, writers=["csv", "jsonl", "tensorboard"])
    rows = list(csv.DictReader((tmp_path / "batches_training.csv").read_text(encoding="utf-8").splitlines()))
    assert rows == [{"step": "2", "loss/a": "1.5"}, {"step": "4", "loss/a": "3.5"}]
    lines = [
        json.loads(line) for line in (tmp_path / "batches_training.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert lines == [{"step": 2, "loss/a": 1.5}, {"step": 4, "loss/a": 3.5}]
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "summaries" / "batches_training"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss/a")] == [(2, 1.5), (4, 3.5)]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("saved", range(7))
def test_a_resumed_run_writes_the_file_of_the_uninterrupted_one(tmp_path, kind, saved):
    name = f"batches_training.{kind}"
    values = [float(n) for n in range(7)]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    logged(tmp_path / "a", values, every=2, writers=[kind])
    first = BatchLoggingHook(uuid4(), "Training", tmp_path / "b", every=2, writers=[kind])
    state = first.state_dict()
    for number, value in enumerate(values[:6]):  # dies after 6 batches, the last checkpoint is older
        if number == saved:
            state = first.state_dict()
        first.add({"loss/a": torch.tensor(value)})
    with (tmp_path / "b" / name).open("a") as file:
        file.write("8,")  # a line torn by the crash
    second = BatchLoggingHook(uuid4(), "Training", tmp_path / "b", every=2, writers=[kind])
    second.load_state_dict(state)
    for value in values[state["step"] :]:
        second.add({"loss/a": torch.tensor(value)})
    assert (tmp_path / "a" / name).read_text(encoding="utf-8") == (tmp_path / "b" / name).read_text(encoding="utf-8")


def test_training_and_validation_count_their_own_batches(tmp_path):
    """Delira called every value of the training a validation value, and counted validation batches as iterations."""
    net = torch.nn.Linear(1, 1)
    model = EisenModuleWrapper(net, ["x"], ["p"])
    loss = EisenModuleWrapper(torch.nn.MSELoss(), ["p", "y"], ["mse"])
    batches = [{"x": torch.ones(2, 1), "y": torch.ones(2, 1)}] * 3
    train = Training(model, batches, [loss], torch.optim.SGD(net.parameters(), lr=0.1), gpu=False)
    valid = Validation(model, batches[:2], [loss], gpu=False)
    a, b = Collector(), Collector()
    BatchLoggingHook(train.id, "Training", tmp_path, every=2, writers=[a])
    BatchLoggingHook(valid.id, "Validation", tmp_path, every=2, writers=[b])
    for _ in range(2):
        train.run()
        valid.run()
    assert [step for step, _ in a.rows] == [2, 3, 5, 6], "a window ends with its epoch"
    assert [step for step, _ in b.rows] == [2, 4]
    assert sorted(a.rows[0][1]) == ["learning_rate", "loss/mse"]
    assert sorted(b.rows[0][1]) == ["loss/mse"]


def test_names_that_come_later_get_columns(tmp_path):
    writer = CSVWriter(tmp_path / "a.csv")
    writer.write({"a": 1.0}, 1)
    writer.write({"a": 2.0, "b": 3.0}, 2)
    assert writer.path.read_text(encoding="utf-8") == "step,a,b\n1,1.0,\n2,2.0,3.0\n"


def test_a_new_run_in_an_old_folder_starts_its_file_anew(tmp_path):
    logged(tmp_path, [1.0, 2.0], every=1)
    logged(tmp_path, [5.0], every=1)
    assert (tmp_path / "batches_training.csv").read_text(encoding="utf-8") == "step,loss/a\n1,5.0\n"


@pytest.mark.parametrize("wrong", [{"every": 0}, {"reduction": "sum"}, {"writers": ["cvs"]}, {"writers": "csv"}])
def test_wrong_arguments(tmp_path, wrong):
    with pytest.raises(ArgumentError):
        BatchLoggingHook(uuid4(), "Training", tmp_path, **wrong)
