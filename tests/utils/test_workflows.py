"""The loop and the step."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from eisen._core.errors import (
    ArgumentError,
    DataError,
    EmptyDatasetError,
    MissingExtraError,
    MissingFieldError,
    NonFiniteLossError,
    ShapeError,
    TrainingError,
)
from eisen._core.types import Batch
from eisen.utils import EisenModuleWrapper
from eisen.utils.events import BatchEnd, BestLoss, BestMetric, EpochEnd
from eisen.utils.workflows import (
    GenericWorkflow,
    Precision,
    Schedule,
    Testing,
    Training,
    TrainingAMP,
    TrainingApexAMP,
    Validation,
)
from eisen.utils.workflows.guard import NonFiniteGuard

Make = Callable[..., Training]


def weights(workflow: GenericWorkflow) -> list[torch.Tensor]:
    return [value.clone() for value in workflow.model.state_dict().values()]


def test_training_finds_the_line(make_training: Make) -> None:
    training = make_training()
    for _ in range(60):
        training.run()
    assert training.epoch == 60
    assert training.model.module.weight.item() == pytest.approx(2, abs=0.01)
    assert training.epoch_aggregator.best_avg_loss < 1e-3


def test_one_backward_of_the_sum_equals_separate_ones(make_training: Make, mse: Any, difference: Any) -> None:
    training = make_training(losses=[mse, difference])
    batch = training.data_loader[0]  # type: ignore[index]
    prediction = training.model(x=batch["x"])["prediction"]
    for loss in (mse, difference):
        for value in loss(prediction=prediction, y=batch["y"]).values():
            value.backward(retain_graph=True)
    expected = [p.grad.clone() for p in training.model.parameters()]
    training(batch)
    found = [p.grad for p in training.model.parameters()]
    torch.testing.assert_close(found, expected)


def test_a_call_returns_outputs_losses_and_metrics(make_training: Make, batches: list[Batch]) -> None:
    training = make_training()
    before = weights(training)
    outputs, losses, metrics = training(batches[0])
    assert set(outputs) == {"prediction"}
    assert [set(row) for row in losses] == [{"mse"}]
    assert [set(row) for row in metrics] == [{"difference"}]
    assert not metrics[0]["difference"].requires_grad
    assert not torch.equal(before[0], weights(training)[0])


def test_outputs_win_over_fields_of_the_same_name(mse: Any, batches: list[Batch]) -> None:
    model = EisenModuleWrapper(torch.nn.Identity(), ["x"], ["y"])
    same = EisenModuleWrapper(torch.nn.MSELoss(), ["x", "y"], ["mse"])
    _, losses, _ = Validation(model, batches, [same], device="cpu")(batches[0])
    assert losses[0]["mse"].item() == 0


def test_a_batch_is_not_changed(make_training: Make, batches: list[Batch]) -> None:
    make_training()(batches[0])
    assert set(batches[0]) == {"x", "y", "age", "name"}


@pytest.mark.parametrize("kind", [Validation, Testing])
def test_validation_and_testing_change_nothing(kind: Any, model: Any, batches: list[Batch], difference: Any) -> None:
    workflow = kind(model, batches, metrics=[difference], device="cpu")
    modes = []
    workflow.on(BatchEnd)(lambda event: modes.append((model.training, event.outputs["prediction"].requires_grad)))
    before = weights(workflow)
    model.train()
    workflow.run()
    assert modes == [(False, False)] * 4
    torch.testing.assert_close(before, weights(workflow))
    assert torch.is_grad_enabled()


def test_epochs_are_counted_where_there_are_any(model: Any, batches: list[Batch], difference: Any) -> None:
    validation, testing = Validation(model, batches, device="cpu"), Testing(model, batches, [difference])
    validation.run()
    validation.run()
    assert validation.epoch == 2
    heard: list[int] = []
    testing.on(EpochEnd)(lambda event: heard.append(event.epoch))
    testing.run()
    testing.run()
    assert heard == [0, 0]
    assert not hasattr(testing, "epoch")


def test_absent_losses_and_metrics_are_empty(model: Any, batches: list[Batch], caplog: Any) -> None:
    training = Training(model, batches, None, torch.optim.SGD(model.parameters(), lr=1), None, device="cpu")
    training.run()
    assert (training.losses, training.metrics) == ([], [])
    assert "weights will not change" in caplog.text
    Validation(model, batches, None, device="cpu").run()
    Testing(model, batches).run()


def test_equal_is_best_and_nan_never_is(model: Any, batches: list[Batch], mse: Any, difference: Any) -> None:
    validation = Validation(model, batches, [mse], [difference], device="cpu")
    heard: list[str] = []
    validation.on(BestLoss)(lambda event: heard.append("L"))
    validation.on(BestMetric)(lambda event: heard.append("M"))
    validation.run()
    validation.run()
    assert heard == ["L", "M", "L", "M"]
    best = validation.epoch_aggregator.best_avg_loss
    with torch.no_grad():
        model.module.weight.fill_(math.nan)
    results: list[Any] = []
    validation.on(EpochEnd)(lambda event: results.append(event.mean_loss))
    validation.run()
    assert len(heard) == 4
    assert math.isnan(results[0])
    assert validation.epoch_aggregator.best_avg_loss == best


class PerClass(torch.nn.Module):
    class_names = ("low", "high")

    def forward(self, prediction: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(prediction), torch.ones_like(prediction)], dim=1)


def test_a_metric_per_class_has_a_column_per_class(model: Any, batches: list[Batch]) -> None:
    dice = EisenModuleWrapper(PerClass(), ["prediction"], ["dice"])
    testing = Testing(model, batches, [dice])
    heard: list[EpochEnd] = []
    testing.on(EpochEnd)(heard.append)
    testing.run()
    assert heard[0].metrics == {"dice": 0.5, "dice[low]": 0.0, "dice[high]": 1.0}
    assert heard[0].mean_metric == 0.5


# -- what goes wrong ----------------------------------------------------------------------------------------------


def test_a_missing_field_names_module_cases_and_the_nearest_field(make_training: Make, batches: list[Batch]) -> None:
    model = EisenModuleWrapper(torch.nn.Linear(1, 1), ["xx"], ["prediction"])
    batches[0]["x_x"] = batches[0]["x"]
    with pytest.raises(MissingFieldError, match="Linear needs the field 'xx'") as caught:
        make_training(model=model, optimizer=None).run()
    assert "did you mean 'x_x'" in caught.value.card.to_do
    assert caught.value.card.case == "#0, #1, #2, #3"


def test_a_loss_that_names_a_wrong_field_says_so(make_training: Make) -> None:
    loss = EisenModuleWrapper(torch.nn.MSELoss(), ["predictions", "y"], ["mse"])
    with pytest.raises(MissingFieldError, match="MSELoss needs the field 'predictions'") as caught:
        make_training(losses=[loss]).run()
    assert "did you mean 'prediction'" in caught.value.card.to_do


def test_a_batch_without_names_is_explained(make_training: Make) -> None:
    with pytest.raises(DataError, match="gave a list") as caught:
        make_training(data_loader=[[torch.ones(1)]]).run()
    assert "EisenDatasetWrapper" in caught.value.card.to_do


def test_a_loss_that_is_not_a_number_stops_before_the_weights_change(make_training: Make, batches: list[Batch]) -> None:
    batches[2]["y"] = batches[2]["y"] * math.nan
    training = make_training()
    after: list[list[torch.Tensor]] = []
    training.on(BatchEnd)(lambda event: after.append(weights(training)))
    with pytest.raises(NonFiniteLossError, match=r"mse became nan in epoch 0, batch 2 .*not changed") as caught:
        training.run()
    torch.testing.assert_close(after[-1], weights(training))
    assert len(after) == 2
    assert caught.value.card.case == "#8, #9, #10, #11"
    assert "learning rate" in caught.value.card.to_do


def test_a_loss_that_is_not_a_number_can_be_ignored(make_training: Make, batches: list[Batch]) -> None:
    batches[2]["y"] = batches[2]["y"] * math.inf
    make_training(on_non_finite="ignore").run()
    with pytest.raises(ArgumentError, match="on_non_finite"):
        make_training(on_non_finite="explode")


class _Elsewhere(torch.Tensor):
    """A tensor that says it is not on the CPU."""

    is_cpu = False  # type: ignore[assignment]


def test_on_another_device_losses_are_looked_at_together() -> None:
    guard = NonFiniteGuard(every=3)
    good, bad = (torch.tensor(v).as_subclass(_Elsewhere) for v in (1.0, math.nan))
    guard.check(good, [{"a": good}], Batch({}, ["one"]), 0, 0)
    guard.check(bad, [{"a": bad}], Batch({}, ["two"]), 0, 1)
    with pytest.raises(NonFiniteLossError, match=r"batch 1 .*damaged") as caught:
        guard.check(good, [{"a": good}], Batch({}, ["three"]), 0, 2)
    assert caught.value.card.case == "two"
    guard.check(bad, [{"a": bad}], {}, 0, 3)
    with pytest.raises(NonFiniteLossError, match="batch 3"):
        guard.flush()
    guard.check(bad, [{"a": bad}], {}, 0, 4)
    guard.forget()
    guard.flush()


def test_losses_that_reach_no_weight_are_refused(make_training: Make, model: Any) -> None:
    loss = EisenModuleWrapper(torch.nn.MSELoss(), ["x", "y"], ["mse"])
    with pytest.raises(TrainingError, match="do not depend on any weight"):
        make_training(losses=[loss]).run()


def test_nothing_to_iterate_over_is_an_error(make_training: Make) -> None:
    with pytest.raises(EmptyDatasetError, match="gave no batch"):
        make_training(data_loader=[]).run()
    training = make_training(data_loader=iter(make_training().data_loader or []))
    training.run()
    with pytest.raises(EmptyDatasetError, match="Training"):
        training.run()


def test_a_generic_workflow_needs_data(model: Any, batches: list[Batch]) -> None:
    workflow = GenericWorkflow(model, False)
    with pytest.raises(ArgumentError, match="no data"):
        workflow.run()
    assert set(workflow(batches[0])[0]) == {"prediction"}


def test_bare_modules_are_refused_with_the_way_out(make_training: Make, mse: Any) -> None:
    for wrong in ({"model": torch.nn.Linear(1, 1)}, {"losses": [torch.nn.MSELoss()]}):
        with pytest.raises(ArgumentError, match="does not name its inputs"):
            make_training(**wrong, optimizer=None)
    with pytest.raises(ArgumentError, match="a list"):
        make_training(losses=mse)


def test_foreign_errors_keep_their_type_and_gain_a_place(make_training: Make, batches: list[Batch]) -> None:
    batches[1]["x"] = torch.ones(4, 3)
    with pytest.raises(RuntimeError) as caught:
        make_training().run()
    assert "epoch 0, batch 1, cases #4, #5, #6, #7; x (4, 3)" in caught.value.__notes__[0]


def test_our_errors_gain_cases_and_shapes(make_training: Make, batches: list[Batch]) -> None:
    class Refuses(torch.nn.Module):
        def forward(self, _: torch.Tensor) -> torch.Tensor:
            raise ShapeError("no")

    with pytest.raises(ShapeError) as caught:
        make_training(losses=[EisenModuleWrapper(Refuses(), ["x"], ["l"])]).run()
    assert caught.value.card.case == "#0, #1, #2, #3"
    assert "x (4, 1)" in caught.value.card.shapes


# -- the parts passed in ------------------------------------------------------------------------------------------


@pytest.fixture
def cpu_with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eisen.utils.workflows.precision._cpu_computes_bf16", lambda: True)


@pytest.mark.usefixtures("cpu_with_bf16")
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_runs_and_gives_full_outputs(make_training: Make, precision: str) -> None:
    training = make_training(precision=precision)
    heard: list[BatchEnd] = []
    training.on(BatchEnd)(heard.append)
    training.run()
    assert heard[0].outputs["prediction"].dtype == torch.float32
    assert heard[0].losses[0]["mse"].dtype == torch.float32


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ArgumentError, match="precision is 'bf61'") as caught:
        Precision("bf61")
    assert "bf16" in caught.value.card.to_do


@pytest.mark.usefixtures("cpu_with_bf16")
def test_the_model_really_runs_in_16_bits(make_training: Make) -> None:
    training = make_training(precision="bf16")
    kinds: list[torch.dtype] = []
    training.model.module.register_forward_hook(lambda module, given, result: kinds.append(result.dtype))
    training.run()
    assert set(kinds) == {torch.bfloat16}


def test_a_cpu_without_bf16_computes_in_32_bits_and_says_so(
    make_training: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("eisen.utils.workflows.precision._cpu_computes_bf16", lambda: False)
    assert make_training(precision="bf16").precision.name == "fp32"
    assert "no instructions for bf16" in caplog.text


@pytest.mark.usefixtures("cpu_with_bf16")
def test_amp_is_training_with_a_precision(make_training: Make, model: Any, mse: Any, batches: list[Batch]) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    training = TrainingAMP(model, batches, [mse], optimizer, device="cpu")
    assert training.precision.name == "bf16"
    training.run()
    assert TrainingAMP(model, batches, [mse], optimizer, device="cpu", precision="fp32").precision.name == "fp32"


def test_apex_that_is_absent_is_named(model: Any, mse: Any, batches: list[Batch]) -> None:
    with pytest.raises(MissingExtraError, match="Apex") as caught:
        TrainingApexAMP(model, batches, [mse], torch.optim.SGD(model.parameters(), lr=0.1), opt_level="O2")
    assert "TrainingAMP" in caught.value.card.to_do


def test_apex_that_is_present_is_used(model: Any, mse: Any, batches: list[Batch], monkeypatch: Any) -> None:
    import contextlib
    import sys
    import types

    levels = []

    def initialize(model: Any, optimizer: Any, opt_level: str) -> tuple[Any, Any]:
        levels.append(opt_level)
        return model, optimizer

    amp = types.ModuleType("apex.amp")
    amp.initialize, amp.scale_loss = initialize, lambda loss, optimizer: contextlib.nullcontext(loss)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "apex", types.ModuleType("apex"))
    monkeypatch.setitem(sys.modules, "apex.amp", amp)
    training = TrainingApexAMP(model, batches, [mse], torch.optim.SGD(model.parameters(), lr=0.1), device="cpu")
    before = weights(training)
    training.run()
    assert levels == ["O1"]
    assert not torch.equal(before[0], weights(training)[0])


def learning_rates(training: Training) -> list[float]:
    rates: list[float] = []
    training.on(BatchEnd)(lambda event: rates.append(training.optimizer.param_groups[0]["lr"]))
    training.run()
    training.run()
    return [round(rate, 6) for rate in rates]


def test_a_scheduler_is_stepped_per_epoch(make_training: Make, model: Any) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)
    assert learning_rates(make_training(optimizer=optimizer, scheduler=scheduler)) == [0.1] * 4 + [0.01] * 4


def test_a_scheduler_can_be_stepped_per_batch(make_training: Make, model: Any) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.1)
    rates = learning_rates(make_training(optimizer=optimizer, scheduler=Schedule(scheduler, "batch")))
    assert rates == [0.1] * 3 + [0.01] * 4 + [0.001]


def test_a_plateau_scheduler_receives_the_mean_loss(make_training: Make, model: Any, monkeypatch: Any) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    training = make_training(optimizer=optimizer, scheduler=scheduler)
    training.run()
    assert scheduler.best == training.epoch_aggregator.mean_loss
    with pytest.raises(ArgumentError, match="per batch"):
        Schedule(scheduler, "batch")


def test_wrong_schedules_are_refused(model: Any) -> None:
    with pytest.raises(ArgumentError, match="no scheduler"):
        Schedule(3)
    scheduler = torch.optim.lr_scheduler.StepLR(torch.optim.SGD(model.parameters(), lr=0.1), 1)
    with pytest.raises(ArgumentError, match="every is 'week'"):
        Schedule(scheduler, "week")


def test_without_a_gpu_the_cpu_is_used_and_said_once(make_training: Make, monkeypatch: Any, caplog: Any) -> None:
    from eisen.utils.workflows import device as device_module

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    device_module._say_once.cache_clear()
    with caplog.at_level(logging.INFO):
        assert make_training(device=None).device.type == "cpu"
        make_training(device=None)
    assert caplog.text.count("there is no GPU") == 1
    assert make_training(device="auto").device.type == "cpu"
    with pytest.raises(ArgumentError, match="'gpux' cannot be used"):
        make_training(device="gpux")


def test_tensors_of_a_batch_are_moved_in_place(make_training: Make) -> None:
    from eisen.utils.workflows.device import place_on

    batch = Batch({"x": torch.ones(2), "name": ["a"]}, ["c"])
    place_on(torch.device("meta"), batch)
    assert batch["x"].device.type == "meta"
    assert batch["name"] == ["a"]
    assert batch.cases == ["c"]


def test_data_parallel_is_accepted_with_a_warning(make_training: Make) -> None:
    with pytest.warns(DeprecationWarning, match="data_parallel"):
        make_training(data_parallel=False)


# -- the epoch ----------------------------------------------------------------------------------------------------


def test_stop_ends_the_epoch_after_the_batch(make_training: Make) -> None:
    training = make_training()
    ends: list[EpochEnd] = []
    training.on(EpochEnd)(ends.append)
    training.on(BatchEnd)(lambda event: event.number == 1 and training.stop())
    training.run()
    assert ends[0].n_batches == 2
    assert training.is_stopped
    training._hub.listeners[BatchEnd].clear()
    training.run()
    assert ends[1].n_batches == 4
    assert not training.is_stopped


def test_the_loader_is_told_the_epoch(make_training: Make, batches: list[Batch]) -> None:
    class Loader(list[Batch]):
        epochs: list[int] = []  # noqa: RUF012

        def set_epoch(self, epoch: int) -> None:
            self.epochs.append(epoch)

    training = make_training(data_loader=Loader(batches))
    training.run()
    training.run()
    assert Loader.epochs == [0, 1]


def test_a_workflow_goes_on_from_its_state(make_training: Make, model: Any) -> None:
    def make() -> Training:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)
        return make_training(optimizer=optimizer, scheduler=scheduler, precision="fp16")

    first, second = make(), make()
    first.run()
    second.load_state_dict(first.state_dict())
    assert second.epoch == 1
    assert second.epoch_aggregator.best_avg_loss == first.epoch_aggregator.best_avg_loss
    assert second.state_dict() == first.state_dict()
    assert "epoch" not in Testing(model, []).state_dict()


def test_the_host_never_waits_for_the_device_within_an_epoch(make_training: Make, monkeypatch: Any) -> None:
    training = make_training(on_non_finite="ignore")
    training.on(BatchEnd)(lambda event: None)
    reads: list[str] = []
    done = False

    def watch(name: str) -> None:
        original = getattr(torch.Tensor, name)

        def watched(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            if not done:
                reads.append(name)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(torch.Tensor, name, watched)

    for name in ("item", "cpu", "numpy", "tolist", "__float__", "__bool__", "__int__", "nonzero"):
        watch(name)
    add = training.epoch_aggregator.add

    def count(*args: Any) -> None:
        nonlocal done
        add(*args)
        done = training.epoch_aggregator.n_batches == 4

    monkeypatch.setattr(training.epoch_aggregator, "add", count)
    training.run()
    assert done
    assert reads == []


def test_what_users_override_is_used(model: Any, mse: Any, batches: list[Batch]) -> None:
    class Mine(Training):
        def get_output_dictionary(self, batch: dict[str, Any]) -> dict[str, Any]:
            return {"prediction": self.model(x=batch["x"])["prediction"] * 0 + 5}

        def compute_losses(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
            return [{"mine": arguments["prediction"].mean()}]

    training = Mine(model, batches, [mse], torch.optim.SGD(model.parameters(), lr=0.1), device="cpu")
    ends: list[EpochEnd] = []
    training.on(EpochEnd)(ends.append)
    training.run()
    assert ends[0].losses == {"mine": 5.0}


def test_a_vector_loss_trains_with_its_mean(make_training: Make) -> None:
    vector = EisenModuleWrapper(torch.nn.MSELoss(reduction="none"), ["prediction", "y"], ["mse"])
    scalar = EisenModuleWrapper(torch.nn.MSELoss(), ["prediction", "y"], ["mse"])
    state = {name: value.clone() for name, value in make_training().model.state_dict().items()}
    results = []
    for loss in (vector, scalar):
        training = make_training(losses=[loss])
        training.model.load_state_dict(state)
        training.run()
        results.append(weights(training))
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_hooks_on_a_wrapper_are_called_by_the_loop(make_training: Make, register: str) -> None:
    """The loop saves the bookkeeping around `forward` only where nobody watches."""
    training = make_training()
    seen: list[int] = []
    handle = getattr(training.model, register)(lambda *_: seen.append(1))
    training.run()
    n_batches = len(training.data_loader)  # type: ignore[arg-type]
    assert len(seen) == n_batches
    handle.remove()
    training.run()
    assert len(seen) == n_batches
