"""The pieces of what a run says about itself: curve, pace, memory, and the record that others read."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import psutil
import pytest
import torch

from eisen._core.errors import ArtifactError
from eisen._core.types import Batch
from eisen.datasets.sharing import Share
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.progress import is_alive, read_progress, request_stop
from eisen.experiments.progress.curve import Curve
from eisen.experiments.progress.memory import Memory, device_bytes
from eisen.experiments.progress.outlook import Outlook, Pace, PassPlan
from eisen.experiments.progress.present import n_samples_of
from eisen.experiments.progress.record import identity, put
from eisen.experiments.progress.values import detached, read
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import AdversarialTraining, Training, Validation


@pytest.fixture
def child():
    """Another process that lives."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


# -- the curve ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 499, 500, 501, 5000, 12345])
def test_a_curve_is_evenly_spaced_and_never_longer_than_it_may_be(n_steps):
    curve = Curve()
    for step in range(n_steps):
        if step % curve.stride == 0:
            curve.add(step, [{"loss": float(step)}])
    plain = curve.plain()
    assert plain["step"] == list(range(0, n_steps, plain["stride"]))
    assert plain["losses"]["loss"] == [float(f"{step:.6g}") for step in plain["step"]]
    assert min(n_steps, 250) <= len(plain["step"]) <= 500


def test_a_curve_goes_on_as_if_it_had_never_stopped():
    whole, first = Curve(most=10), Curve(most=10)
    for step in range(100):
        for curve in (whole, first) if step < 40 else (whole,):
            if step % curve.stride == 0:
                curve.add(step, [{"loss": torch.tensor(1.0 / (step + 1))}])
    rest = Curve(most=10)
    rest.restore(json.loads(json.dumps(first.plain())), before=33)
    assert max(rest.plain()["step"]) < 33
    for step in range(33, 100):
        if step % rest.stride == 0:
            rest.add(step, [{"loss": 1.0 / (step + 1)}])
    assert rest.plain() == whole.plain()


@pytest.mark.parametrize(
    "saved",
    [None, "a", {}, {"step": [1], "losses": {"loss": []}}, {"step": ["x"], "losses": {}}, {"step": [1], "losses": 3}],
)
def test_a_damaged_curve_is_none(saved):
    curve = Curve()
    curve.restore(saved)
    assert curve.plain() == {"step": [], "losses": {}, "stride": 1}


def test_losses_that_come_and_go_leave_gaps():
    curve = Curve()
    curve.add(0, [{"a": 1.0}])
    curve.add(1, [{"a": 2.0}, {"b": 3.0}])
    curve.add(1, [{"a": 9.0}])
    assert curve.plain()["losses"] == {"a": [1.0, 2.0], "b": [None, 3.0]}


class OnDevice:
    """Stands for a tensor on a device that this machine has not; None is one that cannot be read any more."""

    device, is_cpu, ndim = "far away", False, 0

    def __init__(self, value):
        self.value = value

    def detach(self):
        return self

    def float(self):
        if self.value is None:
            raise RuntimeError("the device has failed")
        return torch.tensor(self.value)


def test_losses_on_a_device_are_read_together_or_not_at_all():
    numbers = [{"a": OnDevice(0.5), "b": 3.0}, {"a": OnDevice(0.25)}]
    assert read(numbers) == [{"a": 0.5, "b": 3.0}, {"a": 0.25}]
    assert read([*numbers, {"a": OnDevice(None)}]) == [{"b": 3.0}, {}, {}]


def test_kept_losses_hold_no_gradients_and_what_cannot_be_read_is_left_out():
    weight = torch.ones(3, requires_grad=True)
    kept = detached([{"mean": (2 * weight).sum()}, {"each": weight * torch.tensor([1.0, 2.0, 3.0]), "text": "x"}])
    assert not kept["mean"].requires_grad
    assert read([kept, {"nothing": [], "known": 1}]) == [
        {"mean": 6.0, "each": 2.0},
        {"known": 1.0},
    ]


# -- how long it will take ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_epochs", [1, 4, 7])
@pytest.mark.parametrize("every", [1, 2, 3, 10])
@pytest.mark.parametrize("first", [0, 1, 3, 9])
def test_passes_are_counted_as_the_training_makes_them(n_epochs, every, first):
    expected = sum((epoch + 1) % every == 0 or epoch + 1 == n_epochs for epoch in range(first, n_epochs))
    assert PassPlan("Validation", 5, every).passes(first, n_epochs) == expected


def test_the_pace_is_not_disturbed_by_bursts_a_slow_start_and_a_checkpoint():
    pace = Pace()
    pace.begin()
    for seconds, n_batches in [(20.0, 1), (4.0, 4), (4.0, 4), (31.0, 1), (4.0, 4), (4.0, 4)]:
        pace.add(seconds, n_batches)
    assert pace.per_batch() == 1.0


def test_the_pace_is_not_known_after_one_batch():
    pace = Pace()
    pace.begin()
    pace.add(60.0, 1)
    assert pace.per_batch() is None
    pace.add(3.0, 1)
    assert pace.per_batch() == 3.0


def test_the_rest_of_a_run_is_what_its_passes_will_take():
    """8 epochs of 10 batches of 2 s, and of 4 batches of 3 s every third epoch and in the last: 3 times."""
    outlook = Outlook([PassPlan("Training", 10), PassPlan("Validation", 4, 3)], 8)
    outlook.pace("Training").begin()
    outlook.pace("Training").add(9.0, 1)
    assert outlook.left_of_pass("Training", 9) is None
    outlook.pace("Training").add(4.0, 2)
    assert outlook.left_of_pass("Training", 7) == 14.0
    assert outlook.left("Training", 0, 7) is None, "nobody knows how long the validation takes"
    outlook.passed("Validation", 12.0)
    assert outlook.left("Training", 0, 7) == 14.0 + 7 * 20 + 3 * 12
    assert outlook.left("Validation", 2, 2) == 6.0 + 5 * 20 + 2 * 12
    assert outlook.left("Training", 7, 1) == 2.0 + 12
    assert outlook.left("Validation", 7, 0) == 0.0
    assert outlook.known() == {"Training": 20.0, "Validation": 12.0}


def test_a_run_that_goes_on_knows_how_long_the_passes_took_before():
    outlook = Outlook([PassPlan("Training", 10), PassPlan("Validation", 4)], 2, {"Training": 20.0, "Validation": 8.0})
    assert outlook.left("Training", 1, 5) == 10.0 + 8.0
    for seconds in (31.0, 30.0, 29.0):
        outlook.passed("Training", seconds)
    assert outlook.left("Training", 1, 5) == 15.0 + 8.0, "what it sees itself counts more"


# -- samples, memory, time --------------------------------------------------------------------------------------------


def test_samples_are_counted_once_for_all_processes():
    tensors = {"number": 3, "image": torch.zeros(5, 1)}
    divided = Batch(tensors, ["a", "b"])
    divided.share = Share(0, (0, 1), 6)
    empty = Batch(tensors, ["a"])
    empty.share = Share(0, (0,), 1, counts=False)
    for inputs, expected in ((tensors, 5), (Batch(tensors, ["a", "b", "c"]), 3), (divided, 6), (empty, 0), ({}, 0)):
        assert n_samples_of(inputs) == expected


def test_memory_is_that_of_the_process_and_of_those_it_started(child):
    memory = Memory()
    n_bytes = memory.read()
    own = psutil.Process().memory_info().rss
    assert n_bytes > 0.9 * own + 0.5 * psutil.Process(child.pid).memory_info().rss
    assert memory.peak == n_bytes
    child.kill()
    child.wait()
    assert 0 < memory.read() < n_bytes, "one that has ended takes nothing"
    assert device_bytes(torch.device("cpu")) is None


class SlowLoader(list):
    """Takes its time for every batch."""

    def __iter__(self):
        for batch in super().__iter__():
            time.sleep(0.01)
            yield dict(batch)


def slow_transform(batch):
    time.sleep(0.02)
    return batch


def parts():
    net = torch.nn.Linear(2, 1)
    model = EisenModuleWrapper(net, ["x"], ["y"])
    loss = EisenModuleWrapper(torch.nn.MSELoss(), ["y", "x"], ["mse"])
    return net, model, loss, SlowLoader([{"x": torch.zeros(1, 2)}] * 5)


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("trains", [True, False])
def test_the_time_of_a_pass_is_divided_among_loader_transfer_and_computing(trains):
    net, model, loss, loader = parts()
    options = {"gpu": False, "batch_transform": slow_transform}
    if trains:
        workflow = Training(model, loader, [loss], torch.optim.SGD(net.parameters(), 0.1), **options)
    else:
        workflow = Validation(model, loader, [loss], **options)
    for _ in range(2):  # the second pass starts from nothing
        started = time.perf_counter()
        workflow.run()
        whole = time.perf_counter() - started
    timing = workflow.timing
    assert timing.seconds_loader >= 0.05
    assert timing.seconds_compute >= 0.1
    assert 0 < timing.seconds_transfer < 0.05
    assert 0.8 * whole < sum(timing.seconds().values()) <= whole


def test_workflows_with_a_step_of_their_own_are_timed_too():
    from eisen.models import GAN, DCGANDiscriminator, DCGANGenerator

    gan = GAN(DCGANGenerator(image_size=16, n_filters=2), DCGANDiscriminator(image_size=16, n_filters=2))
    model = EisenModuleWrapper(gan, ["latent"], ["generated"])
    loader = SlowLoader([{"image": torch.zeros(2, 1, 16, 16)}] * 3)
    names = ("generator", "discriminator")
    optimizers = {name: torch.optim.SGD(getattr(gan, name).parameters(), 0.01) for name in names}
    workflow = AdversarialTraining(model, loader, None, optimizers, gpu=False)
    workflow.run()
    assert workflow.timing.seconds_loader >= 0.03
    assert workflow.timing.seconds_compute > 0


# -- the record -------------------------------------------------------------------------------------------------------


def test_a_process_is_told_from_one_that_has_its_number_now(child):
    record = {"host": identity()["host"], "pid": child.pid, "process_started": psutil.Process(child.pid).create_time()}
    assert is_alive(record) is True
    assert is_alive({**record, "process_started": record["process_started"] - 60}) is False
    assert is_alive({**record, "host": "another"}) is None
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.005)
    assert is_alive(record) is False, "a process that nobody has waited for is dead"
    child.wait()
    assert is_alive(record) is False
    assert is_alive({"host": record["host"], "pid": "text"}) is False


def test_a_record_that_cannot_be_written_disturbs_nobody(tmp_path):
    path = tmp_path / "progress.json"
    assert put(path, {"format": 1, "loss": float("nan"), "path": tmp_path})
    assert json.loads(path.read_text(encoding="utf-8")) == {"format": 1, "loss": None, "path": str(tmp_path)}
    assert not put(tmp_path / "gone" / "progress.json", {"format": 1})
    (tmp_path / "taken").mkdir()
    assert not put(tmp_path / "taken", {"format": 1})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["progress.json", "taken"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}'])
def test_a_record_that_says_nothing_is_none(tmp_path, text):
    Artifacts(tmp_path).progress.write_text(text, encoding="utf-8")
    assert read_progress(tmp_path) is None


def test_asking_to_stop_leaves_a_file_with_who_asks(tmp_path):
    path = request_stop(tmp_path, "the run page")
    assert path == Artifacts(tmp_path).stop_request
    assert path.read_text(encoding="utf-8") == "the run page"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ArtifactError, match="its folder does not exist"):
        request_stop(tmp_path / "gone")
