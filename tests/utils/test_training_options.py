"""Accumulation, clipping, averages, frozen parts, memory format, compilation, skipped batches."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from eisen._core.errors import ArgumentError, NonFiniteLossError
from eisen.utils import EisenModuleWrapper
from eisen.utils.events import BatchEnd
from eisen.utils.workflows import EMA, SWA, Precision, Training, TrainingAMP, Update, Validation


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def batches(n=6, size=2, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, size, 3, generator=generator)
    return [{"x": each, "y": each.sum(1, keepdim=True)} for each in x]


def training(net, data, optimizer=None, **options):
    model = EisenModuleWrapper(net, ["x"], ["prediction"])
    loss = EisenModuleWrapper(nn.MSELoss(), ["prediction", "y"], ["mse"])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1) if optimizer is None else optimizer
    return Training(model, data, [loss], optimizer, device="cpu", **options)


def weights(net):
    return torch.cat([weight.detach().reshape(-1) for weight in net.parameters()])


def test_accumulating_two_batches_equals_one_of_twice_the_size():
    small = batches(6, 2)
    large = [{k: torch.cat([small[i][k], small[i + 1][k]]) for k in ("x", "y")} for i in range(0, 6, 2)]
    first, second = network(), network()
    training(first, small, accumulate=2).run()
    training(second, large).run()
    torch.testing.assert_close(weights(first), weights(second))


def test_the_last_group_is_averaged_over_what_it_has():
    data = batches(3, 2)
    first, second = network(), network()
    training(first, data, accumulate=2).run()
    whole = {k: torch.cat([data[0][k], data[1][k]]) for k in ("x", "y")}
    training(second, [whole, data[2]]).run()
    torch.testing.assert_close(weights(first), weights(second))


def test_schedules_and_averages_count_changes_of_the_weights():
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=3)
    average = EMA(0.9)
    training(net, batches(5), optimizer, accumulate=2, scheduler=schedule, average=average).run()
    assert schedule.last_epoch == 3
    assert average.n_averaged == 3


def test_clipping_by_norm_takes_all_gradients_together():
    net = network()
    seen = []
    work = training(net, batches(1), clip_norm=0.01)
    work.optimizer.register_step_pre_hook(
        lambda *_: seen.append(torch.cat([w.grad.reshape(-1) for w in net.parameters()]).norm().item())
    )
    work.run()
    assert seen == [pytest.approx(0.01, rel=1e-3)]


def test_clipping_by_value_limits_each_gradient():
    net = network()
    seen = []
    work = training(net, batches(1), clip_value=0.003)
    work.optimizer.register_step_pre_hook(lambda *_: seen.extend(w.grad.abs().max().item() for w in net.parameters()))
    work.run()
    assert max(seen) == pytest.approx(0.003)


def test_half_precision_clips_gradients_of_their_true_size():
    net, seen = network(), []
    work = training(net, batches(8), clip_norm=0.01, precision="fp16")
    work.optimizer.register_step_pre_hook(
        lambda *_: seen.append(torch.cat([w.grad.reshape(-1) for w in net.parameters()]).norm().item())
    )
    work.run()
    assert seen, "the scale comes down until gradients are finite"
    assert seen == [pytest.approx(0.01, rel=2e-2)] * len(seen)


def test_an_overflow_changes_neither_weights_nor_schedule_nor_average():
    net = network()
    before = weights(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 1.0)
    work = training(net, batches(1), optimizer, precision="fp16", scheduler=schedule, average="ema")
    work.precision.scaler._init_scale = 3e38
    work.run()
    assert torch.equal(weights(net), before)
    assert schedule.last_epoch == 0
    assert work.average.n_averaged == 0


@pytest.mark.parametrize(
    ("option", "value"), [("accumulate", 0), ("accumulate", 1.5), ("clip_norm", 0.0), ("clip_value", -1.0)]
)
def test_numbers_out_of_range_are_refused(option, value):
    with pytest.raises(ArgumentError, match=option):
        training(network(), batches(1), **{option: value})


def test_ema_follows_its_formula():
    net, data = network(), batches(4)
    work = training(net, data, average=EMA(0.8, warmup=False))
    expected = None

    @work.on(BatchEnd)
    def follow(_event):
        nonlocal expected
        expected = weights(net) if expected is None else 0.8 * expected + 0.2 * weights(net)

    work.run()
    own = weights(net)
    with work.average.applied():
        torch.testing.assert_close(weights(net), expected)
        with work.average.suspended():
            assert torch.equal(weights(net), own)
        with work.average.applied():  # twice is once
            torch.testing.assert_close(weights(net), expected)
    assert torch.equal(weights(net), own)


def test_swa_is_the_mean_of_the_last_epochs():
    net, ends = network(), []
    work = training(net, batches(2), average=SWA(start_epoch=1))
    for _ in range(3):
        work.run()
        ends.append(weights(net))
    with work.average.applied():
        torch.testing.assert_close(weights(net), (ends[1] + ends[2]) / 2)


def test_averages_go_on_from_their_state():
    first, second = network(), network(7)
    one = training(first, batches(3), average="ema")
    one.run()
    other = training(second, batches(3), average="ema")
    other.load_state_dict(one.state_dict())
    with one.average.applied(), other.average.applied():
        assert torch.equal(weights(first), weights(second))


def test_batch_statistics_are_averaged_and_counters_are_kept_whole():
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
    work = training(net, batches(3), average=EMA(0.5))
    work.run()
    with work.average.applied():
        assert net[0].num_batches_tracked.item() == 3
        assert net[0].num_batches_tracked.dtype == torch.int64


def test_an_average_before_the_first_step_is_the_model_itself():
    net = network()
    work = training(net, batches(1), average=SWA(5))
    work.run()
    before = weights(net)
    with work.average.applied():
        assert torch.equal(weights(net), before)


def test_frozen_parts_do_not_change_and_stay_in_evaluation_mode():
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    work = training(net, batches(3), torch.optim.AdamW(net.parameters(), weight_decay=0.1), freeze=["0", "1.*"])
    work.run()
    after = net.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"3.weight", "3.bias"}
    assert [part.training for part in net] == [False, False, True, True]


def test_freezing_what_is_not_there_names_what_is():
    with pytest.raises(ArgumentError, match="'encoder'") as caught:
        training(network(), batches(1), freeze=["encoder"])
    assert "0, 2" in str(caught.value)


@pytest.mark.parametrize("dims", [2, 3])
def test_channels_last_changes_strides_and_not_results(dims):
    conv = (nn.Conv2d, nn.Conv3d)[dims - 2]
    data = [{"x": torch.randn(2, 2, *(6,) * dims), "y": torch.randn(2, 1, *(6,) * dims)} for _ in range(2)]
    nets = [nn.Sequential(conv(2, 3, 3, padding=1), nn.ReLU(), conv(3, 1, 1)) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    seen = []
    plain, last = training(nets[0], data), training(nets[1], data, channels_last=True)
    nets[1].register_forward_pre_hook(lambda _, args: seen.append(args[0].stride(1)))
    plain.run()
    last.run()
    assert seen == [1, 1]
    assert nets[1][0].weight.stride(1) == 1
    torch.testing.assert_close(weights(nets[0]), weights(nets[1]))


def test_a_compiled_model_keeps_its_names_and_learns_the_same():
    first, second = network(), network()
    training(first, batches(3)).run()
    training(second, batches(3), compile={"backend": "eager"}).run()
    assert list(second.state_dict()) == list(first.state_dict())
    torch.testing.assert_close(weights(first), weights(second))


def test_compilation_without_a_compiler_is_refused_at_once(monkeypatch):
    monkeypatch.setattr("eisen.utils.workflows.layout.shutil.which", lambda name: None)
    with pytest.raises(ArgumentError, match=r"C\+\+ compiler"):
        training(network(), batches(1), compile=True)


def with_a_bad_batch(n=4, bad=1):
    data = batches(n)
    data[bad]["x"][0, 0] = math.nan
    return data


def test_a_batch_without_a_finite_loss_is_left_out_and_counted():
    data = with_a_bad_batch()
    first, second = network(), network()
    work = training(first, data, on_non_finite="skip")
    work.run()
    training(second, [data[0], data[2], data[3]]).run()
    assert torch.equal(weights(first), weights(second))
    assert work.guard.n_skipped == 1
    assert math.isfinite(work.epoch_aggregator.mean_loss)
    assert work.epoch_aggregator.n_batches == 3
    work.data_loader = batches(2)
    work.run()
    assert work.guard.n_skipped == 0, "each epoch counts its own"


def test_an_epoch_of_bad_batches_is_an_error():
    with pytest.raises(NonFiniteLossError, match="no batch of epoch 0"):
        training(network(), with_a_bad_batch(1, 0), on_non_finite="skip").run()


def test_several_optimizers_step_together_or_by_name():
    net = network()
    optimizers = {
        "first": torch.optim.SGD(net[0].parameters(), lr=0.1),
        "second": torch.optim.SGD(net[2].parameters(), lr=0.1),
    }
    single = network()
    training(single, batches(2)).run()
    work = training(net, batches(2), optimizers)
    work.run()
    assert torch.equal(weights(net), weights(single))
    before = net[0].weight.detach().clone()
    batch = batches(1)[0]
    assert work.update(work.compute_losses({**batch, **work.get_output_dictionary(batch)})[0]["mse"], "second")
    assert torch.equal(net[0].weight, before)
    with pytest.raises(ArgumentError, match="no optimizer 'third'"):
        work.update(torch.zeros(()), "third")


def test_each_optimizer_has_its_own_schedule():
    net = network()
    optimizers = {name: torch.optim.SGD(net[i].parameters(), lr=1.0) for name, i in (("a", 0), ("b", 2))}
    schedules = {"a": torch.optim.lr_scheduler.ExponentialLR(optimizers["a"], 0.5)}
    training(net, batches(1), optimizers, scheduler=schedules).run()
    assert [each.param_groups[0]["lr"] for each in optimizers.values()] == [0.5, 1.0]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_precision_trains_on_the_cpu(precision):
    net = network()
    work = training(net, batches(30), precision=precision)
    work.run()
    first = work.epoch_aggregator.mean_loss
    work.run()
    assert work.epoch_aggregator.mean_loss < 0.5 * first


def test_training_amp_takes_the_options_of_training():
    net = network()
    model = EisenModuleWrapper(net, ["x"], ["prediction"])
    loss = EisenModuleWrapper(nn.MSELoss(), ["prediction", "y"], ["mse"])
    work = TrainingAMP(model, batches(2), [loss], torch.optim.SGD(net.parameters(), lr=0.1), device="cpu", accumulate=2)
    work.run()
    assert work.stepping.accumulate == 2


def test_one_run_can_be_continued_in_the_middle_of_an_epoch():
    from eisen.datasets import ListDataset
    from eisen.datasets.loading import Loader

    cases = [{"x": torch.randn(3), "y": torch.randn(1)} for _ in range(8)]
    make = lambda: Loader(ListDataset(cases), batch_size=1, shuffle=True, seed=4)  # noqa: E731
    first_net, second_net = network(), network()
    first = training(first_net, make())
    saved = {}

    @first.on(BatchEnd)
    def keep(event):
        if event.number == 4:
            saved.update(progress=first.progress(), net={k: v.clone() for k, v in first_net.state_dict().items()})

    first.run()
    second = training(second_net, make())
    second_net.load_state_dict(saved["net"])
    second.continue_at(saved["progress"])
    second.run()
    assert torch.equal(weights(first_net), weights(second_net))
    assert second.epoch_aggregator.mean_loss == first.epoch_aggregator.mean_loss
    assert second.epoch_aggregator.n_batches == 8


def test_there_is_no_going_on_while_gradients_wait():
    seen = []
    work = training(network(), batches(4), accumulate=2)

    @work.on(BatchEnd)
    def look(_event):
        seen.append(work.progress() is None)

    work.run()
    assert seen == [True, False, True, False]


def test_an_update_that_was_interrupted_leaves_nothing_behind():
    update, net = Update(accumulate=2), network()
    optimizers = {"default": torch.optim.SGD(net.parameters(), lr=0.1)}
    update(net(torch.ones(1, 3)).sum(), optimizers, Precision())
    assert update.is_pending
    update.forget()
    assert not update.is_pending
    assert update.flush(optimizers, Precision()) == []


def test_validation_with_averaged_weights_sees_them():
    net, data = network(), batches(3)
    work = training(net, data, average=EMA(0.99, warmup=False))
    work.run()
    loss = EisenModuleWrapper(nn.MSELoss(), ["prediction", "y"], ["mse"])
    validation = Validation(work.model, data, [loss], device="cpu")
    values = []
    validation.run()
    values.append(validation.epoch_aggregator.mean_loss)
    with work.average.applied():
        validation.run()
    values.append(validation.epoch_aggregator.mean_loss)
    assert values[0] != values[1]
