"""What the page starts lives on without it, is found again, stopped, and never started twice in one folder."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from eisen._core.errors import ArgumentError
from eisen_cli.builder.board.board import Board
from eisen_cli.builder.board.commands import Order
from eisen_cli.builder.board.processes import OUTPUT_FILE, STOP_FILE, Processes, verdict_of
from eisen_cli.builder.board.reading import RunReader
from eisen_cli.builder.board.status import PROCESS_FILE
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.workspace import Workspace

_RUN = """
import json, os, platform, signal, sys, time, psutil
folder, ends = sys.argv[1], []
signal.signal(signal.SIGINT, lambda *_: ends.append("interrupted"))
def write(status):
    facts = {"command": "train", "status": status, "pid": os.getpid(), "host": platform.node(), "n_epochs": 3,
             "process_started": psutil.Process().create_time()}
    open(folder + "/.p", "w").write(json.dumps(facts))
    os.replace(folder + "/.p", folder + "/progress.json")
print("\\x1b[31mreading the data\\x1b[0m", flush=True)
write("running")
while not ends and not os.path.exists(folder + "/stop"):
    time.sleep(0.02)
write("interrupted")
"""


class _Fake(Order):
    """An order that runs a few lines of Python in place of a training."""

    code = _RUN

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-c", self.code, str(self.artifact_dir)]


class _Failing(_Fake):
    code = "print('problem: General.Models is absent'); raise SystemExit(3)"


def order(folder: Path, kind: type[Order] = _Fake, command: str = "train") -> Order:
    return kind(command, Path("config.json"), Path("data"), folder)


def until(folder: Path, *statuses: str) -> str:
    end = time.monotonic() + 15
    while (status := verdict_of(folder).status) not in statuses:
        assert time.monotonic() < end, f"it is {status}, not {statuses}"
        time.sleep(0.02)
    return status


@pytest.fixture
def processes() -> Any:
    """Processes of which none outlives the test."""
    made = Processes()
    yield made
    for child in made._children.values():
        if child.poll() is None:
            child.kill()
        child.wait()


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(Workspace(None, Folders([tmp_path]), tmp_path / "data", tmp_path / "run", runs=[tmp_path]))


def test_a_started_run_is_stopped_as_by_ctrl_c_and_leaves_no_zombie(tmp_path: Path, processes: Processes) -> None:
    folder = tmp_path / "runs" / "first"
    mark = processes.start(order(folder))
    until(folder, "running")
    child = psutil.Process(mark.pid)
    assert os.getsid(mark.pid) == mark.pid != os.getsid(0)
    assert processes.stop(folder) == "it stops after this batch"
    until(folder, "interrupted")
    assert processes.wait(folder, 10) == 0
    assert not child.is_running()
    reader = RunReader(folder)
    reader.poll()
    assert reader.view.output[-2:] == (f"$ {order(folder).text}", "reading the data")


def test_a_run_is_found_again_by_a_server_that_did_not_start_it(tmp_path: Path, processes: Processes) -> None:
    processes.start(order(tmp_path))
    until(tmp_path, "running")
    another = Processes()
    with pytest.raises(ArgumentError, match=r"'eisen train' works in .* already"):
        another.start(order(tmp_path))
    another.stop(tmp_path)
    assert until(tmp_path, "interrupted") == "interrupted"
    assert processes.wait(tmp_path, 10) == 0


def test_two_cannot_be_started_in_one_folder_not_even_before_the_first_has_begun(
    tmp_path: Path, processes: Processes
) -> None:
    processes.start(order(tmp_path))
    with pytest.raises(ArgumentError, match="already"):
        processes.start(order(tmp_path, command="review"))
    until(tmp_path, "running")
    processes.stop(tmp_path)


def test_a_run_can_go_on_right_after_its_end(tmp_path: Path, processes: Processes) -> None:
    for _ in range(2):
        processes.start(order(tmp_path))
        assert verdict_of(tmp_path).is_busy
        until(tmp_path, "running")
        processes.stop(tmp_path)
        assert processes.wait(tmp_path, 10) == 0


def test_what_could_not_start_is_failed_and_its_output_says_why(tmp_path: Path, processes: Processes) -> None:
    processes.start(order(tmp_path, _Failing))
    assert processes.wait(tmp_path, 10) == 3
    until(tmp_path, "failed")
    end = time.monotonic() + 5
    while "exit_code" not in json.loads((tmp_path / PROCESS_FILE).read_text(encoding="utf-8")):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert (
        verdict_of(tmp_path).words == "the training ended with exit code 3 before its first epoch; its output says why"
    )
    assert "General.Models is absent" in (tmp_path / OUTPUT_FILE).read_text(encoding="utf-8")


def test_a_run_of_another_machine_is_stopped_by_a_file(tmp_path: Path) -> None:
    facts = {"command": "train", "status": "running", "pid": os.getpid(), "process_started": 5.0}
    (tmp_path / "progress.json").write_text(json.dumps({**facts, "host": f"not-{platform.node()}"}), encoding="utf-8")
    assert "file" in Processes().stop(tmp_path)
    assert (tmp_path / STOP_FILE).exists()


def test_a_process_that_only_has_the_number_of_a_run_is_left_alone(tmp_path: Path) -> None:
    facts = {"command": "train", "status": "running", "pid": os.getpid(), "host": platform.node()}
    (tmp_path / "progress.json").write_text(json.dumps({**facts, "process_started": 5.0}), encoding="utf-8")
    with pytest.raises(ArgumentError, match="nothing works"):
        Processes().stop(tmp_path)  # a signal would end this test


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"command": "rm"}, "cannot run 'rm'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"devices": "all"}, "devices is 'all'"),
        ({"overrides": ("General",)}, "overrides nothing"),
    ],
)
def test_wrong_orders_are_refused(facts: dict[str, Any], what: str) -> None:
    with pytest.raises(ArgumentError, match=what):
        replace(Order("train", Path("c"), Path("d"), Path("a")), **facts)


def test_an_order_becomes_the_words_of_the_command_line() -> None:
    place = (Path("c.json"), Path("d"), Path("a"))
    whole = Order("train", *place, 5, resume=True, force=True, devices="2", seed=7, overrides=("General.Seed=1",))
    places = ["--data_dir", "d", "--artifact_dir", "a"]
    more = ["--resume", "--force", "--devices", "2", "--seed", "7", "--set", "General.Seed=1"]
    assert whole.words == ["train", "c.json", "5", *places, *more]
    assert Order("review", *place, 5, resume=True).words == ["review", "c.json", *places]


def test_a_run_is_extended_with_its_own_configuration_data_and_devices(tmp_path: Path, board: Board) -> None:
    folder = tmp_path / "run"
    (folder / "models").mkdir(parents=True)
    (tmp_path / "scans").mkdir()
    reader = RunReader(folder)
    with pytest.raises(ArgumentError, match=r"no config\.json"):
        board.again(reader.view)
    for name in ("config.json", "checkpoint.pt", "models/best.pt"):
        (folder / name).write_text("{}", encoding="utf-8")
    (folder / "run.json").write_text('{"command": "train", "status": "complete", "epochs": 5}', encoding="utf-8")
    (folder / "provenance.json").write_text('{"data_dir": "../scans"}', encoding="utf-8")
    (folder / PROCESS_FILE).write_text('{"command": "train", "devices": "2"}', encoding="utf-8")
    reader.poll()
    extended = board.again(reader.view, more=3)
    assert (extended.config, extended.data_dir) == (folder / "config.json", tmp_path / "scans")
    assert (extended.epochs, extended.resume, extended.devices) == (8, True, "2")
    assert board.again(reader.view, "predict").words[0] == "predict"


def test_folders_outside_of_those_allowed_are_refused(tmp_path: Path, board: Board) -> None:
    assert board.folder(str(tmp_path / "x")) == tmp_path / "x"
    with pytest.raises(ArgumentError, match="outside"):
        board.folder("/etc")


def test_a_new_run_is_proposed_a_folder_that_is_free(tmp_path: Path, board: Board) -> None:
    assert board.free_folder(tmp_path / "run") == tmp_path / "run"
    for name in ("run", "run-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").touch()
    assert board.free_folder(tmp_path / "run") == tmp_path / "run-3"
    assert board.free_folder(tmp_path / "run-2") == tmp_path / "run-3"


def test_a_resume_that_was_refused_can_be_forced_with_the_same_number_of_epochs(tmp_path: Path, board: Board) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.json", "checkpoint.pt"):
        (folder / name).write_text("{}", encoding="utf-8")
    mark = {"pid": os.getpid(), "host": platform.node(), "process_started": 5.0}
    words = ["train", "config.json", "9", "--resume"]
    facts = {**mark, "command": "train", "words": words, "exit_code": 1}
    (folder / PROCESS_FILE).write_text(json.dumps(facts), encoding="utf-8")
    said = "error: the seed has changed\n    to do  --force goes on with it; or put it back\n"
    (folder / OUTPUT_FILE).write_text(said, encoding="utf-8")
    reader = RunReader(folder)
    reader.poll()
    assert reader.view.is_refused
    order = board.forced(reader.view)
    assert (order.epochs, order.resume, order.force) == (9, True, True)
