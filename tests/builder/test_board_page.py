"""The pages of runs in a real browser, and the page beside a training in a terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("nicegui")
pytest.importorskip("playwright.sync_api")
sys.path.append(str(Path(__file__).parent))

from browser import CHROMIUM, browser_page, serving

from eisen_cli.builder.board.charts import lines_of, time_lines
from eisen_cli.builder.board.live_chart import Line, LiveChart
from eisen_cli.builder.board.page_server import PageServer
from eisen_cli.builder.board.passes import Passes
from eisen_cli.builder.board.tail import added
from eisen_cli.main import cli
from eisen_cli.show.screen import Screen

needs_browser = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="there is no chromium")


def write_run(folder: Path, n_epochs: int, seed: int, loss: float) -> None:
    """Write what a finished training of some epochs leaves."""
    folder.mkdir(parents=True)
    config = {"General": {"Hyperparameters": [{"type": ".Seed", "params": {"value": seed}}]}}
    best = {"epoch": 0, "phase": "Validation", "name": "mean metric", "value": 1 - loss}
    record = {"command": "train", "status": "complete", "epochs": n_epochs, "epochs_complete": n_epochs, "best": best}
    record |= {"config": config, "seed": seed, "started": "2026-01-02T10:00:00+00:00"}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    log(folder, {"event": "start", "command": "train", "epochs": n_epochs, "first_epoch": 0})
    for epoch in range(n_epochs):
        log_epoch(folder, epoch, loss)


def log(folder: Path, event: dict[str, Any]) -> None:
    with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"time": "2026-01-02T10:00:00+00:00", **event}) + "\n")


def log_epoch(folder: Path, epoch: int, loss: float) -> None:
    for phase in ("Training", "Validation"):
        row = {"event": "epoch", "epoch": epoch, "phase": phase, "losses": {"ce": loss}, "metrics": {"dice": 1 - loss}}
        log(folder, {**row, "best": False, "seconds": 1.0})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "first", 3, 7, 0.4)
    write_run(folder / "<b>second", 2, 8, 0.3)
    return folder


@pytest.fixture(scope="module")
def page(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    errors: list[str] = []
    with (
        serving(["board", runs], tmp_path_factory.mktemp("server") / "log") as server,
        browser_page(errors=errors) as opened,
    ):
        opened.goto(server.url)
        opened.wait_for_selector("[data-table=runs] tbody tr")
        yield opened
    assert errors == []


def address(page: Any, path: str) -> str:
    return f"http://{page.url.split('/')[2]}{path}"


@needs_browser
def test_the_list_shows_every_run_and_compares_those_that_are_marked(page: Any, runs: Path) -> None:
    assert page.locator("[data-run]").all_inner_texts() == ["first", "<b>second"]
    assert page.locator("[data-action=compare]").is_disabled()
    for box in page.locator("tbody .q-checkbox").all():
        box.click()
    page.locator("[data-action=compare]").click()
    page.wait_for_selector("[data-table=results] tbody tr")
    assert page.locator("[data-chart=metrics]").get_attribute("aria-label") == "Metric: first, <b>second"
    page.wait_for_selector("[data-table=changes] >> text=seed")
    row = page.locator("[data-table=results] tr", has_text="best mean metric").inner_text().split()
    assert row == ["best", "mean", "metric", "0.6000", "0.7000"]


@needs_browser
def test_a_new_epoch_moves_the_curves_while_the_page_is_open(page: Any, runs: Path) -> None:
    page.goto(address(page, f"/run?artifacts={runs / 'first'}"))
    losses = page.locator("[data-chart=losses]")
    page.wait_for_selector("[data-chart=losses][data-points='6']", state="attached")
    assert page.locator("[data-tile=best] .b-value").inner_text() == "0.6000"
    assert page.locator(".e-chip[data-status]").inner_text() == "complete"
    canvas = losses.locator("canvas").element_handle()
    log_epoch(runs / "first", 3, 0.2)
    page.wait_for_selector("[data-chart=losses][data-points='8']", state="attached")
    assert canvas.evaluate("canvas => canvas.isConnected")  # it was not built anew
    page.click("[data-tab=log]")
    assert "epoch 4 Validation" in page.locator("[data-lines=log]").inner_text()
    page.click("[data-tab=config]")
    page.wait_for_selector("text=Hyperparameters")


@needs_browser
def test_a_folder_that_is_not_allowed_shows_a_card_and_nothing_else(page: Any) -> None:
    page.goto(address(page, "/run?artifacts=/etc"))
    assert "outside of the folders" in page.locator(".e-error-card").inner_text()
    assert page.locator("[data-tile]").count() == 0


def test_only_new_points_are_sent_to_the_browser() -> None:
    class Quiet(LiveChart):
        def __init__(self) -> None:
            self._sent: dict[str, Any] = {}

    chart, points = Quiet(), [(1.0, 0.5), (2.0, 0.4)]
    assert chart._changes([Line("a", "a", points)])["lines"][0]["points"] == [[1, 0.5], [2, 0.4]]
    assert chart._changes([Line("a", "a", points)]) == {}
    assert chart._changes([Line("a", "a", [*points, (3.0, 0.3)])]) == {"points": {"a": [[3, 0.3]]}}
    assert "lines" in chart._changes([Line("a", "a", [(1.0, 0.9), *points])])
    assert chart._changes([]) == {"gone": ["a"]}


def test_lines_of_a_log_are_added_and_never_sent_twice() -> None:
    lines = [f"line {i}" for i in range(50)]
    assert added(lines, [*lines, "new"]) == ["new"]
    assert added(lines, [*lines[10:], "new"]) == ["new"]
    assert added(lines, lines) == []
    assert added(lines, ["another"]) is None


def test_training_is_dashed_and_each_loss_has_one_colour() -> None:
    series = {("Training", "a"): [(1.0, 1.0)], ("Validation", "a"): [], ("Training", "b"): [], ("Validation", "b"): []}
    lines = {line.name: (line.colour, line.dashed) for line in lines_of(series)}
    assert lines["a · Training"] == (0, True)
    assert lines["a · Validation"] == (0, False)
    assert lines["b · Validation"] == (1, False)
    assert [line.name for line in lines_of({("Training", "a"): []})] == ["a"]


def test_the_parts_of_an_epoch_add_up_to_its_time() -> None:
    parts = {"seconds": 10.0, "seconds_loader": 3.0, "seconds_transfer": 1.0, "seconds_compute": 5.0}
    passes = Passes()
    passes.take([{"event": "epoch", "epoch": 0, "phase": "Training", "best": True, **parts}])
    passes.take([{"event": "epoch", "epoch": 0, "phase": "Validation", "best": True, "seconds": 2.0}])
    lines = {line.name: line.points for line in time_lines(passes.curves())}
    assert sum(points[0][1] for points in lines.values()) == 12.0
    assert lines["waiting for data"] == [(1.0, 3.0)]


def test_the_page_beside_a_training_ends_with_it_when_there_is_no_terminal(tmp_path: Path) -> None:
    server = PageServer(Screen(terminal=False), tmp_path / "run", tmp_path, is_terminal=False)
    server.start()
    process = server._server
    assert process is not None
    with server:
        end = time.monotonic() + 40
        while not server.url and time.monotonic() < end:
            time.sleep(0.1)
    assert server.url.startswith("http://127.0.0.1:")
    assert "/run?artifacts=" in server.url
    assert process.returncode is not None


def test_without_nicegui_a_card_names_the_extra_and_nothing_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)
    words = ["train", str(tmp_path / "config.json"), "--artifact_dir", str(tmp_path / "run"), "--page"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 1
    assert "pip install 'eisen[builder]'" in result.output
    assert not (tmp_path / "run").exists()
