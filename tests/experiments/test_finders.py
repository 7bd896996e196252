"""Finders: they find what is known, leave everything as it was, and never bring the machine to its limit."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from eisen._core.errors import ArgumentError, TrainingError
from eisen.config import read_config
from eisen.experiments.finders import (
    SizeTrial,
    find_batch_size,
    find_lr,
    plot_rates,
    plot_sizes,
    range_test,
)
from eisen.experiments.finders.batch_size import _Steps, _with_forecast
from eisen.experiments.finders.memory import available_bytes, resident_peak
from eisen.experiments.finders.rates import _finding
from eisen.experiments.finders.sizes import largest_by_trying
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import Training


def quadratic(curvature=1.0, lr=0.1, **options):
    """A training whose loss is ``curvature * w^2``: it explodes with rates above 1 / curvature."""
    net = torch.nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(1.0)
    model = EisenModuleWrapper(net, ["x"], ["p"])

    class Square(torch.nn.Module):
        def forward(self, p):
            return curvature * (p**2).mean()

    loss = EisenModuleWrapper(Square(), ["p"], ["square"])
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    return Training(model, [{"x": torch.ones(2, 1)}] * 3, [loss], optimizer, gpu=False, **options)


@pytest.mark.parametrize("curvature", [0.1, 1.0, 100.0])
def test_the_suggestion_lies_below_the_rate_that_explodes_and_not_far(curvature):
    finding = range_test(quadratic(curvature), low=1e-5 / curvature, high=100 / curvature, n_steps=100)
    assert 0.02 / curvature < finding.suggestion < 1 / curvature
    assert 0.9 / curvature < finding.diverged_at < 30 / curvature
    assert len(finding.rates) == len(finding.losses) < 100


def test_weights_optimizer_and_mode_are_what_they_were():
    training = quadratic(lr=0.25)
    training.optimizer = torch.optim.Adam(training.model.parameters(), lr=0.25)
    training.run()
    training.model.eval()
    rng = torch.get_rng_state()
    before = {k: v.clone() for k, v in training.model.state_dict().items()}
    state = json.dumps(training.optimizer.state_dict(), default=lambda v: v.tolist(), sort_keys=True)
    range_test(training, n_steps=20)
    after = training.model.state_dict()
    assert all((after[name] == value).all() for name, value in before.items())
    assert json.dumps(training.optimizer.state_dict(), default=lambda v: v.tolist(), sort_keys=True) == state
    assert not training.model.training
    assert (torch.get_rng_state() == rng).all()
    assert training.epoch == 1


def test_groups_keep_the_ratio_of_their_rates():
    training = quadratic()
    other = torch.nn.Parameter(torch.zeros(1))
    training.optimizer.add_param_group({"params": [other], "lr": 0.01})
    seen = []
    original = training.optimizer.step
    training.optimizer.step = lambda *a, **k: (
        seen.append([g["lr"] for g in training.optimizer.param_groups]),
        original(),
    )[1]
    range_test(training, low=1e-4, high=1e-2, n_steps=10)
    assert [first for first, _ in seen] == pytest.approx(np.geomspace(1e-4, 1e-2, 10))
    assert all(second == pytest.approx(first / 10) for first, second in seen)


def test_a_loss_that_does_not_fall_has_no_suggestion():
    rates = np.geomspace(1e-5, 1, 50)
    noise = np.random.default_rng(0).normal(1, 0.1, 50)
    finding = _finding(rates, np.sort(noise), None, 0)
    assert finding.suggestion is None
    assert finding.setting == ""


def test_a_loss_that_is_no_number_from_the_start_is_an_error():
    with pytest.raises(TrainingError, match="from the first step on"):
        range_test(quadratic(float("nan")))


@pytest.mark.parametrize("wrong", [{"low": 0}, {"low": 1, "high": 0.1}, {"n_steps": 3}, {"optimizer": "generator"}])
def test_wrong_arguments_of_the_range_test(wrong):
    with pytest.raises(ArgumentError):
        range_test(quadratic(), **wrong)


def test_find_lr_of_a_configuration_writes_nothing(config, data_dir, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    finding = find_lr(read_config(config), data_dir, low=1e-5, high=10, n_steps=20)
    assert sorted(tmp_path.rglob("*")) == before
    assert len(finding.rates) <= 20
    assert all(a < b for a, b in pairwise(finding.rates))
    again = find_lr(read_config(config), data_dir, low=1e-5, high=10, n_steps=20)
    assert again == finding, "the same seed finds the same"
    plot_rates(finding, tmp_path / "lr.png")
    assert (tmp_path / "lr.png").read_bytes().startswith(b"\x89PNG")


# -- batch size -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("true", [0, 1, 2, 3, 7, 8, 9, 63, 64, 100])
@pytest.mark.parametrize("maximum", [1, 5, 64])
def test_trying_finds_the_largest_size_exactly(true, maximum):
    tried = []
    trials = largest_by_trying(lambda size: (tried.append(size), SizeTrial(size, size <= true))[1], maximum)
    assert max((t.size for t in trials if t.fits), default=0) == min(true, maximum)
    assert len(tried) == len(set(tried)) <= 2 * max(maximum, 2).bit_length()


class Machine:
    """Steps on a machine that dies when they take too much."""

    def __init__(self, fixed, per_case, limit, seconds=0.001):
        self.fixed, self.per_case, self.limit, self.seconds = fixed, per_case, limit, seconds
        self.tried = []

    def __call__(self, size):
        self.tried.append(size)
        needed = self.fixed + self.per_case * size
        assert needed <= self.limit, "the machine was brought to its limit"
        return SizeTrial(size, True, needed, self.seconds * size)


@pytest.mark.parametrize("limit_cases", [3, 10, 33, 1000])
def test_on_a_cpu_memory_is_computed_and_never_provoked(limit_cases, monkeypatch):
    import eisen.experiments.finders.batch_size as module

    monkeypatch.setattr(module, "resident_bytes", lambda: 5000)
    machine = Machine(5000, 100, 5000 + 100 * limit_cases)
    trials = _with_forecast(machine, 256, machine.limit, 100.0)
    largest = max(t.size for t in trials if t.fits)
    assert largest <= limit_cases
    assert largest >= min(256, int(limit_cases * 0.85))
    if limit_cases < 256:
        assert not trials[-1].fits
        assert trials[-1].is_forecast


def test_sizes_that_take_too_long_are_computed(monkeypatch):
    import eisen.experiments.finders.batch_size as module

    monkeypatch.setattr(module, "resident_bytes", lambda: 5000)
    machine = Machine(5000, 1, 10**9, seconds=1.0)
    trials = _with_forecast(machine, 256, machine.limit, 30.0)
    assert max(machine.tried) == 8
    assert max(t.size for t in trials if t.fits) == 256


def test_find_batch_size_of_a_configuration(config, data_dir, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    finding = find_batch_size(read_config(config), data_dir)
    assert sorted(tmp_path.rglob("*")) == before
    assert [trial.size for trial in finding.trials] == [1, 2, 4]
    assert finding.largest == finding.n_cases == 4
    assert finding.fastest in (1, 2, 4)
    assert all(trial.peak_bytes > 10**7 and trial.seconds > 0 for trial in finding.trials)
    plot_sizes(finding, tmp_path / "sizes.png")
    assert (tmp_path / "sizes.png").read_bytes().startswith(b"\x89PNG")


def test_memory_of_a_step_grows_with_its_batch():
    with resident_peak() as small:
        torch.ones(1_000_000)
    with resident_peak() as large:
        torch.ones(150_000_000).sum()
    assert large.n_bytes - small.n_bytes > 100_000_000
    assert available_bytes() > 0


def test_a_size_that_does_not_fit_a_gpu_is_one(monkeypatch):
    """What a GPU says is said here by a loss on the CPU."""

    class Full(torch.nn.Module):
        def forward(self, p):
            if len(p) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
            return (p**2).mean()

    from eisen._core.types import Batch

    training = quadratic()
    training.losses = [EisenModuleWrapper(Full(), ["p"], ["full"])]
    for name in ("empty_cache", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: None)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda *_: 1)
    steps = _Steps(training, Batch({"x": torch.ones(2, 1)}, ["#0", "#1"], [0, 1]), None)
    trials = largest_by_trying(steps.on_cuda, 64)
    assert max(t.size for t in trials if t.fits) == 5
    assert [t.size for t in trials if not t.fits] == [6, 8]


@pytest.mark.gpu
def test_the_largest_batch_of_a_gpu_fits_and_one_more_does_not():
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    from eisen._core.types import Batch

    torch.cuda.set_per_process_memory_fraction(0.02)
    try:
        net = torch.nn.Sequential(torch.nn.Conv3d(1, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv3d(16, 1, 1))
        model = EisenModuleWrapper(net, ["x"], ["p"])
        loss = EisenModuleWrapper(torch.nn.MSELoss(), ["p", "x"], ["mse"])
        training = Training(model, [], [loss], torch.optim.Adam(net.parameters()), device="cuda")
        steps = _Steps(training, Batch({"x": torch.ones(1, 1, 64, 64, 64)}, ["#0"], [0]), None)
        trials = largest_by_trying(steps.on_cuda, 4096)
        largest = max(t.size for t in trials if t.fits)
        assert 1 <= largest < 4096
        assert steps.on_cuda(largest).fits
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


# -- commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "options"), [("find-lr", ["--steps", "12"]), ("find-batch-size", ["--max", "2"])])
def test_the_commands_print_a_setting_and_draw(command, options, config, data_dir, tmp_path):
    from eisen_cli.main import cli

    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    words = [command, str(file), "--data_dir", str(data_dir), "-o", str(tmp_path / "a.png"), *options]
    shown = CliRunner().invoke(cli, words)
    assert shown.exit_code == 0, shown.output
    assert "--set Training." in shown.output or "did not fall" in shown.output
    assert (tmp_path / "a.png").is_file()
    document = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)
    assert document["status"] == "ok"
    setting = document["setting"]
    if setting:
        read_config(config, [setting])


def test_a_wrong_range_is_a_card(config, data_dir, tmp_path):
    from eisen_cli.main import cli

    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    shown = CliRunner().invoke(cli, ["find-lr", str(file), "--data_dir", str(data_dir), "--min", "1", "--max", "0.1"])
    assert shown.exit_code == 3
    assert "0 < min < max" in shown.output
