"""Starting several processes, and how a run ends in which one of them fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from conftest import environment

from eisen._core.errors import ArgumentError
from eisen.experiments.interrupt import Interrupt
from eisen.utils import EisenModuleWrapper
from eisen.utils.distributed import Distribution, place_of, start_distribution
from eisen.utils.distributed.launch import Place
from eisen.utils.distributed.models import blocks_of
from eisen.utils.workflows import EMA, Training
from eisen_cli.devices import run_on_devices

RANK = {"RANK": "1", "WORLD_SIZE": "3", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


def train(folder, out, *options, devices="2"):
    """Train through the command line."""
    command = [sys.executable, "-m", "eisen_cli", "train", str(folder / "config.json"), "--data_dir"]
    command += [str(folder / "data"), "--artifact_dir", str(folder / out), "--devices", devices, *options]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["raise", pytest.param("kill", marks=pytest.mark.slow)])
def test_the_end_of_one_process_is_the_end_of_all_and_is_told_once(folder, how):
    loss = "Training.Losses[0]"
    picky = ("--set", f"{loss}.type=rank_parts.Picky", "--set", f"{loss}.params.how={how}")
    done = train(folder, f"failed-{how}", *picky)
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1, done.stderr
    assert "Traceback" not in done.stderr
    expected = "ValueError: I do not like this batch" if how == "raise" else "process 1 of 0 to 1 was ended by SIGKILL"
    assert expected in done.stderr
    assert done.stdout.count("epoch 1/2  Training") == 1
    record = json.loads((folder / f"failed-{how}" / "run.json").read_text(encoding="utf-8"))
    assert record["status"] == "failed"
    told = (
        "process 1: ValueError: I do not like this batch" if how == "raise" else "another process of this run has ended"
    )
    assert record["error"].startswith(told)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ctrl_c_ends_all_processes_in_order(folder):
    command = [sys.executable, "-m", "eisen_cli", "train", str(folder / "config.json"), "500", "--devices", "2"]
    command += ["--data_dir", str(folder / "data"), "--artifact_dir", str(folder / "stopped")]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch   2/500  Training"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(timeout=120) == 130
    assert rest.count("interrupted; --resume goes on") == 1
    assert json.loads((folder / "stopped" / "run.json").read_text(encoding="utf-8"))["status"] == "interrupted"


def test_torchrun_tells_a_process_its_place():
    assert place_of(RANK) == Place(1, 3, 1)
    assert place_of({**RANK, "RANK": "0"}).is_main
    assert place_of({key: value for key, value in RANK.items() if key != "MASTER_PORT"}).is_alone


@pytest.mark.parametrize(("name", "value"), [("RANK", "3"), ("RANK", "-1"), ("LOCAL_RANK", "x"), ("WORLD_SIZE", "")])
def test_a_place_that_cannot_be_is_refused(name, value):
    with pytest.raises(ArgumentError, match=f"{name}={value}"):
        place_of({**RANK, name: value})


def test_one_process_needs_no_others():
    alone = start_distribution("fsdp")
    assert alone.is_alone
    assert alone.is_main
    assert alone.gather(3) == [3]
    assert alone.broadcast("a") == "a"
    assert alone.any_of(True, False) == [True, False]
    assert alone.all_true(True)
    with pytest.raises(ArgumentError, match="the distribution is 'horovod'"):
        start_distribution("horovod")


@pytest.mark.parametrize("devices", [None, "1"])
def test_one_device_is_this_process(devices):
    assert run_on_devices(devices) is None


@pytest.mark.parametrize("devices", ["0", "two", "-1", "1.5", ""])
def test_a_wrong_number_of_devices_is_refused(devices):
    with pytest.raises(ArgumentError, match="--devices is"):
        run_on_devices(devices)


def test_the_processes_that_were_started_start_no_others(monkeypatch):
    for name, value in RANK.items():
        monkeypatch.setenv(name, value)
    assert run_on_devices("3") is None


def test_a_signal_that_comes_twice_at_once_counts_once():
    with Interrupt(lambda: None, deaf_seconds=0.3) as interrupt:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)  # torchrun passes on what the terminal has sent
        assert interrupt.requested
        time.sleep(0.35)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


class Spread(Distribution):
    """Says that weights are spread, and has nobody to spread them to."""

    kind = "fsdp"
    size = 2


def training(kind=Training, **options):
    net = torch.nn.Linear(2, 1)
    model = EisenModuleWrapper(net, ["x"], ["y"])
    loss = EisenModuleWrapper(torch.nn.MSELoss(), ["y", "target"], ["mse"])
    return kind(model, [], [loss], torch.optim.SGD(net.parameters(), lr=0.1), device="cpu", **options)


def test_an_average_of_spread_weights_is_refused():
    with pytest.raises(ArgumentError, match="EMA does not go together with distribution 'fsdp'"):
        training(average=EMA()).distribute(Spread())


def test_a_workflow_that_calls_parts_of_a_spread_model_is_refused():
    class Own(Training):
        def get_output_dictionary(self, batch):
            return {"y": self.model.module.weight.sum() * batch["x"]}

    with pytest.raises(ArgumentError, match="Own does not go together with distribution 'fsdp': it calls parts"):
        training(Own).distribute(Spread())


def test_blocks_have_a_forward_and_hold_every_weight_once():
    convolutions = torch.nn.ModuleList([torch.nn.Conv2d(8, 8, 3) for _ in range(3)])
    network = torch.nn.ModuleDict({"body": convolutions, "head": torch.nn.Sequential(torch.nn.Linear(4, 4))})
    blocks = blocks_of(network, limit=600)
    assert [type(block).__name__ for block in blocks] == ["Conv2d", "Conv2d", "Conv2d", "Sequential"]
    held = [id(weight) for block in blocks for weight in block.parameters()]
    assert sorted(held) == sorted(map(id, network.parameters()))
