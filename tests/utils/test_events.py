"""Listening: typed events, and the PyDispatcher signals of the original."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import torch
from pydispatch import dispatcher

import eisen
from eisen._core.errors import ArgumentError
from eisen.utils.events import BatchEnd, BestLoss, BestMetric, EpochEnd, EpochStart, Event
from eisen.utils.hub import attach
from eisen.utils.workflows import EpochDataAggregator, GenericWorkflow, PatienceHook, Training

Make = Callable[..., Training]
SIGNALS = {
    "batch": eisen.EISEN_END_BATCH_EVENT,
    "loss": eisen.EISEN_BEST_MODEL_LOSS,
    "metric": eisen.EISEN_BEST_MODEL_METRIC,
    "epoch": eisen.EISEN_END_EPOCH_EVENT,
}


class LegacyHook:
    """A hook as third parties wrote them for the original."""

    def __init__(self, workflow_id: Any, phase: str, artifacts_dir: Any) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        for name, signal in SIGNALS.items():
            dispatcher.connect(getattr(self, name), signal=signal, sender=workflow_id)

    def batch(self, message: dict[str, Any]) -> None:
        self.heard.append(("batch", message))

    def loss(self, message: dict[str, Any]) -> None:
        self.heard.append(("loss", message))

    def metric(self, message: dict[str, Any]) -> None:
        self.heard.append(("metric", message))

    def epoch(self, message: dict[str, Any]) -> None:
        self.heard.append(("epoch", message))


class Recorder:
    """An object with a method for every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_epoch_start(self, event: EpochStart) -> None:
        self.events.append(event)

    on_batch_end = on_best_loss = on_best_metric = on_epoch_end = on_epoch_start  # type: ignore[assignment]


def test_events_come_in_order(make_training: Make) -> None:
    training, recorder = make_training(), Recorder()
    training.subscribe(recorder)
    training.run()
    kinds = [type(event) for event in recorder.events]
    assert kinds == [EpochStart, *[BatchEnd] * 4, BestLoss, BestMetric, EpochEnd]
    assert [e.number for e in recorder.events if isinstance(e, BatchEnd)] == [0, 1, 2, 3]
    assert all((e.workflow, e.phase, e.epoch) == (training, "Training", 0) for e in recorder.events)
    assert recorder.events[0].n_batches == 4  # type: ignore[attr-defined]


def test_a_decorated_function_hears_its_event(make_training: Make) -> None:
    training = make_training()
    heard = []

    @training.on(EpochEnd)
    def report(event: EpochEnd) -> None:
        heard.append(event)

    training.run()
    training.run()
    assert [event.epoch for event in heard] == [0, 1]
    assert set(heard[0].losses) == {"mse"}
    assert set(heard[0].metrics) == {"difference"}
    assert heard[0].n_batches == 4
    assert heard[0].seconds > 0
    assert report.__name__ == "report"


def test_a_subscription_can_be_removed(make_training: Make) -> None:
    training, recorder = make_training(), Recorder()
    handle = training.subscribe(recorder)
    handle.remove()
    handle.remove()
    training.run()
    assert not recorder.events


def test_a_listener_may_unsubscribe_itself(make_training: Make) -> None:
    training = make_training()
    numbers: list[int] = []

    def once(event: BatchEnd) -> None:
        numbers.append(event.number)
        handle.remove()

    handle = training.subscribe(once, BatchEnd)
    training.run()
    assert numbers == [0]


def test_events_cannot_be_changed(make_training: Make) -> None:
    training, recorder = make_training(), Recorder()
    training.subscribe(recorder)
    training.run()
    with pytest.raises(AttributeError):
        recorder.events[0].epoch = 3  # type: ignore[misc]


class Misspelled:
    def on_epoch_ends(self, event: Event) -> None:
        """Never heard."""


class TooMany:
    def on_epoch_end(self, event: Event, other: int) -> None:
        """Cannot be called with an event alone."""


@pytest.mark.parametrize(
    ("subscriber", "kind", "message"),
    [
        (lambda: None, EpochEnd, "cannot be called with one event"),
        (lambda event, more: None, BatchEnd, "cannot be called with one event"),
        (TooMany(), None, "on_epoch_end cannot be called"),
        (Misspelled(), None, "did you mean 'on_epoch_end'"),
        (lambda event: None, None, "name the event"),
        (lambda event: None, int, "did you|not an event"),
        (3, EpochEnd, "cannot be called"),
    ],
)
def test_a_wrong_subscriber_is_refused_at_once(make_training: Make, subscriber: Any, kind: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make_training().subscribe(subscriber, kind)


def test_a_builtin_may_listen(make_training: Make) -> None:
    training = make_training()
    heard: list[Any] = []
    training.on(EpochEnd)(heard.append)
    training.on(EpochEnd)(type)  # has no signature to check
    training.run()
    assert len(heard) == 1


def test_a_legacy_hook_hears_everything_in_order(make_training: Make) -> None:
    training = make_training()
    hook = LegacyHook(training.id, "Training", None)
    training.run()
    assert [name for name, _ in hook.heard] == ["batch"] * 4 + ["loss", "metric", "epoch"]
    keys = {"inputs", "outputs", "losses", "metrics", "epoch", "model"}
    assert all(set(message) == keys for _, message in hook.heard)
    assert all(message["model"] is training.model and message["epoch"] == 0 for _, message in hook.heard)


def test_the_message_of_a_batch_holds_live_tensors(make_training: Make) -> None:
    training = make_training()
    hook = LegacyHook(training.id, "Training", None)
    training.run()
    message = hook.heard[0][1]
    assert set(message["inputs"]) == {"x", "y", "age", "name"}
    assert message["outputs"]["prediction"].grad_fn is not None
    assert isinstance(message["losses"][0]["mse"], torch.Tensor)
    assert isinstance(message["metrics"][0]["difference"], torch.Tensor)


def test_the_message_of_an_epoch_follows_the_rule(make_training: Make, batches: list[Any]) -> None:
    training = make_training()
    hook = LegacyHook(training.id, "Training", None)
    training.run()
    loss, metric, message = (message for _, message in hook.heard[-3:])
    assert loss is metric is message
    assert set(message["inputs"]) == {"x", "y", "age"}
    np.testing.assert_array_equal(message["inputs"]["age"], np.arange(16))
    np.testing.assert_array_equal(message["inputs"]["x"], batches[-1]["x"].numpy())
    assert message["outputs"]["prediction"].shape == (4, 1)
    assert message["losses"][0]["mse"].shape == (4,)
    assert message["metrics"][0]["difference"].shape == (4,)
    assert message["losses"][0]["mse"].dtype == np.float32


def test_values_without_axes_are_collected_over_the_epoch(make_training: Make) -> None:
    training = make_training(
        data_loader=[{"x": torch.ones(2, 1), "y": torch.ones(2, 1), "t": np.float64(i)} for i in range(3)]
    )
    hook = LegacyHook(training.id, "Training", None)
    training.run()
    np.testing.assert_array_equal(hook.heard[-1][1]["inputs"]["t"], [0, 1, 2])


def test_a_dispatched_dict_is_not_changed_afterwards(make_training: Make) -> None:
    training = make_training()
    hook = LegacyHook(training.id, "Training", None)
    training.run()
    assert all(isinstance(m["inputs"]["x"], torch.Tensor) for name, m in hook.heard if name == "batch")


def test_a_legacy_hook_is_kept_weakly(make_training: Make) -> None:
    training = make_training()
    LegacyHook(training.id, "Training", None)
    gc.collect()
    training.run()
    assert id(training.id) not in dispatcher.connections


def test_a_receiver_of_any_sender_hears_us(make_training: Make) -> None:
    heard: list[Any] = []

    def receive(message: dict[str, Any]) -> None:
        heard.append(message)

    dispatcher.connect(receive, signal=eisen.EISEN_END_BATCH_EVENT)
    try:
        make_training().run()
    finally:
        dispatcher.disconnect(receive, signal=eisen.EISEN_END_BATCH_EVENT)
    assert len(heard) == 4


def test_a_hook_of_ours_need_not_be_kept(make_training: Make) -> None:
    training = make_training()
    kept = weakref.ref(PatienceHook(training.id, 3))
    gc.collect()
    training.run()
    hook = kept()
    assert hook is not None
    assert hook.patience_counter == 0


def test_a_workflow_and_its_hooks_are_freed_together(make_training: Make) -> None:
    training = make_training()
    kept = weakref.ref(PatienceHook(training.id, 3)), weakref.ref(training)
    training.run()
    del training
    gc.collect()
    assert kept[0]() is None
    assert kept[1]() is None


def test_nothing_is_built_when_nobody_listens(make_training: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("built for nobody")

    training = make_training()
    monkeypatch.setattr("eisen.utils.workflows.workflows.BatchEnd", fail)
    monkeypatch.setattr("eisen.utils.dispatch.send", fail)
    monkeypatch.setattr("eisen.utils.workflows.message.to_numpy", fail)
    training.run()


def test_inputs_are_not_converted_for_a_hook_that_only_wants_numbers(
    make_training: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = make_training()
    monkeypatch.setattr("eisen.utils.workflows.message.to_numpy", None)
    training.on(EpochEnd)(lambda event: event.losses)
    training.run()


def test_nothing_is_emitted_when_the_epoch_fails(make_training: Make) -> None:
    training, recorder = make_training(), Recorder()
    training.subscribe(recorder)

    @training.on(BatchEnd)
    def fail(event: BatchEnd) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        training.run()
    assert [type(e) for e in recorder.events] == [EpochStart, BatchEnd]
    assert training.epoch == 0


class ForeignWorkflow(GenericWorkflow):
    """A workflow of a user who wrote the loop as the original did."""

    def run(self) -> None:
        with self.epoch_aggregator as aggregator:
            for batch in self.data_loader or []:
                outputs, losses, metrics = self(batch)
                message = {"inputs": batch, "outputs": outputs, "losses": losses, "metrics": metrics}
                message.update({"model": self.model, "epoch": 7})
                dispatcher.send(message=message, signal=eisen.EISEN_END_BATCH_EVENT, sender=self.id)
                aggregator(message)


def test_a_loop_written_as_in_the_original_works(model: Any, mse: Any, batches: list[Any]) -> None:
    workflow = ForeignWorkflow(model, device="cpu")
    workflow.data_loader, workflow.losses = batches, [mse]
    legacy, recorder = LegacyHook(workflow.id, "Mine", None), Recorder()
    workflow.subscribe(recorder)
    workflow.run()
    assert [name for name, _ in legacy.heard] == ["batch"] * 4 + ["loss", "epoch"]
    assert [type(event) for event in recorder.events] == [BestLoss, EpochEnd]
    assert recorder.events[-1].workflow is workflow
    assert recorder.events[-1].epoch == 7


def test_our_hooks_hear_the_signals_of_somebody_elses_workflow() -> None:
    sender, recorder = uuid4(), Recorder()
    attach(sender, recorder)
    message = {"inputs": {}, "outputs": {}, "losses": [{"a": np.ones(3)}], "metrics": [], "epoch": 2, "model": "m"}
    for signal in SIGNALS.values():
        dispatcher.send(message=message, signal=signal, sender=sender)
    batch, loss, metric, end = recorder.events
    assert isinstance(batch, BatchEnd)
    assert isinstance(loss, BestLoss)
    assert isinstance(metric, BestMetric)
    assert isinstance(end, EpochEnd)
    assert loss.value == 1.0
    assert metric.value == -np.inf
    assert end.message is message
    assert end.epoch == 2
    assert end.workflow.model == "m"
    assert batch.message["losses"] is message["losses"]


def test_the_aggregator_works_alone() -> None:
    sender = uuid4()
    heard: list[dict[str, Any]] = []

    def receive(message: dict[str, Any]) -> None:
        heard.append(message)

    dispatcher.connect(receive, signal=eisen.EISEN_END_EPOCH_EVENT, sender=sender)
    aggregator = EpochDataAggregator(sender)
    with aggregator:
        for value in (1.0, 2.0):
            row = [{"a": torch.tensor(value)}]
            aggregator(
                {"inputs": {"v": torch.ones(2)}, "outputs": {}, "losses": row, "metrics": row, "epoch": 3, "model": 1}
            )
    assert (aggregator.best_avg_loss, aggregator.best_avg_metric) == (1.5, 1.5)
    assert heard == [aggregator.epoch_data]
    assert heard[0]["inputs"]["v"].shape == (4,)
    assert (heard[0]["epoch"], heard[0]["model"]) == (3, 1)
