"""The page of a run reads what a run writes: every line once, also torn ones, replaced files and slow folders."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import pytest

from eisen_cli.builder.board.alive import mark_of
from eisen_cli.builder.board.finding import Finder
from eisen_cli.builder.board.following import FollowedJson, FollowedLines
from eisen_cli.builder.board.reading import RunReader
from eisen_cli.builder.board.watching import Watches

START = {"event": "start", "command": "train", "epochs": 3, "first_epoch": 0}


def append(path: Path, *events: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)


def row(epoch: int, phase: str = "Training", loss: float = 0.5, **more: Any) -> dict[str, Any]:
    losses, metrics = {"dice_ce": loss}, {"dice": 1 - loss, "dice[anterior]": 0.5}
    return {
        "event": "epoch",
        "epoch": epoch,
        "phase": phase,
        "losses": losses,
        "metrics": metrics,
        "best": False,
        **more,
    }


def progress(folder: Path, **facts: Any) -> None:
    mark = mark_of(os.getpid())
    assert mark is not None
    whole = {"format": 1, "command": "train", "status": "running", "n_epochs": 3, **mark.facts(), **facts}
    temporary = folder / ".progress"
    temporary.write_text(json.dumps(whole), encoding="utf-8")
    temporary.replace(folder / "progress.json")


def test_lines_are_read_once_and_a_torn_one_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = FollowedLines(path)
    assert lines.poll() == []
    path.write_text("one\ntw", encoding="utf-8")
    assert lines.poll() == ["one"]
    assert lines.poll() == []
    path.write_text("one\ntwo\nthree\n", encoding="utf-8")
    assert lines.poll() == ["two", "three"]
    assert lines.restarts == 0


@pytest.mark.parametrize("content", ["new\n", "other beginning, and longer\nthan what was there before\n"])
def test_a_replaced_file_is_read_from_its_beginning(tmp_path: Path, content: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("first line\nsecond line\n", encoding="utf-8")
    lines = FollowedLines(path)
    lines.poll()
    (tmp_path / "next").write_text(content, encoding="utf-8")
    (tmp_path / "next").replace(path)
    assert lines.poll() == content.splitlines()
    assert lines.restarts == 1


def test_a_file_replaced_by_itself_and_more_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text("a\nb\n", encoding="utf-8")
    lines = FollowedLines(path)
    lines.poll()
    (tmp_path / "next").write_text("a\nb\nc\n", encoding="utf-8")
    (tmp_path / "next").replace(path)
    assert lines.poll() == ["c"]
    assert lines.restarts == 0


def test_of_a_long_output_the_end_is_read_with_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_text("".join(f"line {i:04}\n" for i in range(1000)), encoding="utf-8")
    assert FollowedLines(path, last=25).poll() == ["line 0998", "line 0999"]


def test_json_is_not_opened_again_while_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "progress.json"
    path.write_text('{"epoch": 1}', encoding="utf-8")
    followed = FollowedJson(path)
    assert followed.poll()
    assert followed.content == {"epoch": 1}
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("it was opened"))
    assert not followed.poll()


def test_json_that_is_half_written_leaves_what_was_known(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"seed": 3}', encoding="utf-8")
    followed = FollowedJson(path)
    followed.poll()
    path.write_text('{"seed": 3, "sta', encoding="utf-8")
    assert not followed.poll()
    assert followed.content == {"seed": 3}


def test_curves_have_every_loss_and_metric_of_every_phase(tmp_path: Path) -> None:
    seconds = {"seconds": 4.0, "seconds_loader": 1.0, "seconds_transfer": 0.5, "seconds_compute": 2.0, "n_samples": 8}
    validation = row(0, "Validation", 0.6, seconds=2.0)
    append(tmp_path / "log.jsonl", START, row(0, **seconds, learning_rates=[0.01], memory_bytes=7), validation)
    append(tmp_path / "history.jsonl", {"epoch": 0, "phase": "Training", "learning_rates": {"adam": [0.01, 0.1]}})
    reader = RunReader(tmp_path)
    assert reader.poll()
    curves = reader.view.curves
    assert curves.losses == {("Training", "dice_ce"): [(1, 0.5)], ("Validation", "dice_ce"): [(1, 0.6)]}
    assert curves.metrics["Validation", "dice[anterior]"] == [(1, 0.5)]
    assert curves.rates == {("Training", "adam 1"): [(1, 0.01)], ("Training", "adam 2"): [(1, 0.1)]}
    assert curves.times["Training", "other"] == [(1, 0.5)]
    assert curves.times["Validation", "all"] == [(1, 2.0)]
    assert curves.rate["Training", "samples_per_second"] == [(1, 2.0)]
    assert not reader.poll()


def test_a_new_training_in_the_folder_forgets_the_old_one_and_a_resumed_one_does_not(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append(log, START, row(0, loss=0.9), row(1, loss=0.8), row(2, loss=0.7))
    reader = RunReader(tmp_path)
    reader.poll()
    before = reader.view.generation
    append(log, {**START, "first_epoch": 2, "epochs": 9}, row(2, loss=0.1))
    reader.poll()
    assert [y for _, y in reader.view.curves.losses["Training", "dice_ce"]] == [0.9, 0.8, 0.1]
    assert (reader.view.n_epochs, reader.view.generation) == (9, before)
    append(log, START, row(0, loss=0.3))
    reader.poll()
    assert reader.view.curves.losses["Training", "dice_ce"] == [(1, 0.3)]
    assert reader.view.generation > before


def test_a_validation_of_its_own_is_no_point_of_the_curves(tmp_path: Path) -> None:
    alone = {name: value for name, value in row(0, "Validation", 0.2).items() if name != "best"}
    append(tmp_path / "log.jsonl", START, row(0), {"event": "start", "command": "validate"}, alone)
    reader = RunReader(tmp_path)
    reader.poll()
    assert set(reader.view.curves.losses) == {("Training", "dice_ce")}


def test_progress_gives_status_place_and_time_left(tmp_path: Path) -> None:
    append(tmp_path / "log.jsonl", START, row(0))
    facts = {"phase": "Training", "epoch": 1, "batch": 5, "n_batches": 10, "eta_seconds": 12.5}
    progress(tmp_path, **facts, curve={"step": [0, 1, 2], "losses": {"dice_ce": [0.9, None, 0.7]}})
    reader = RunReader(tmp_path)
    reader.poll()
    view = reader.view
    assert (view.status, view.eta_seconds, view.n_done, view.n_epochs) == ("running", 12.5, 1, 3)
    assert view.fraction == pytest.approx((1 + 0.475) / 3)
    assert view.batch_losses == {("Training", "dice_ce"): [(0, 0.9), (2, 0.7)]}


@pytest.mark.parametrize("status", ["complete", "interrupted", "failed"])
def test_the_end_of_a_run_is_known(tmp_path: Path, status: str) -> None:
    progress(tmp_path, status=status)
    (tmp_path / "run.json").write_text(
        json.dumps({"command": "train", "status": status, "error": "no"}), encoding="utf-8"
    )
    reader = RunReader(tmp_path)
    reader.poll()
    assert reader.view.status == status
    assert reader.view.verdict.words == ("no" if status == "failed" else "")


def test_a_run_whose_process_is_gone_is_dead_also_when_its_number_was_given_away(tmp_path: Path) -> None:
    progress(tmp_path, process_started=1000.0)
    reader = RunReader(tmp_path)
    reader.poll()
    assert reader.view.status == "dead"
    assert not reader.view.verdict.is_busy


def test_a_run_of_another_machine_is_alive_while_it_gives_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress(tmp_path, host=f"not-{platform.node()}")
    reader = RunReader(tmp_path)
    reader.poll()
    assert reader.view.status == "running"
    now = time.monotonic()
    monkeypatch.setattr("eisen_cli.builder.board.reading.monotonic", lambda: now + 120)
    assert reader.poll()
    assert "no sign of life for 2 min" in reader.view.verdict.words
    monkeypatch.setattr("eisen_cli.builder.board.reading.monotonic", lambda: now + 1200)
    reader.poll()
    assert reader.view.status == "dead"


def test_without_progress_the_record_and_the_log_say_what_they_know(tmp_path: Path) -> None:
    append(tmp_path / "log.jsonl", START, row(0), row(1, best=True), row(1, "Validation", 0.3, best=True))
    record = {"command": "train", "status": "interrupted", "epochs": 3, "config": {}, "best": {}}
    (tmp_path / "run.json").write_text(json.dumps(record), encoding="utf-8")
    reader = RunReader(tmp_path)
    reader.poll()
    assert (reader.view.status, reader.view.n_done, reader.view.n_epochs) == ("interrupted", 2, 3)
    assert reader.view.best == {"epoch": 1, "phase": "Validation", "name": "mean metric", "value": pytest.approx(0.7)}


def test_the_list_has_every_run_and_leaves_predictions_alone(tmp_path: Path) -> None:
    for name in ("a", "deep/b", "a/predictions/no"):
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        record = {"command": "train", "status": "complete", "config": {}, "epochs": 3, "epochs_complete": 3}
        (folder / "run.json").write_text(json.dumps({**record, "best": {"value": 0.5, "name": "x"}}), encoding="utf-8")
    progress(tmp_path / "deep" / "b", n_epochs=7)
    append(tmp_path / "deep" / "b" / "log.jsonl", START, row(0, best=True))
    rows = {found.name: found for found in Finder([tmp_path]).rows()}
    assert set(rows) == {"a", "deep/b"}
    assert (rows["a"].verdict.status, rows["a"].best, rows["a"].n_done) == ("complete", 0.5, 3)
    assert (rows["deep/b"].verdict.status, rows["deep/b"].n_done, rows["deep/b"].n_epochs) == ("running", 1, 7)


def test_everybody_who_looks_shares_one_reader_and_it_ends_with_the_last(tmp_path: Path) -> None:
    async def look() -> None:
        watches, seen = Watches(), {"one": 0, "other": 0}

        def count(who: str) -> Any:
            return lambda view: seen.update({who: view.n_done})

        ends = [watches.watch(tmp_path, count(who)) for who in seen]
        append(tmp_path / "log.jsonl", START, row(0))
        watches.look_now(tmp_path)
        await _until(lambda: set(seen.values()) == {1})
        assert watches.folders == [tmp_path]
        for end in ends:
            end()
        assert watches.folders == []

    asyncio.run(look())


def test_a_folder_that_hangs_holds_up_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poll = RunReader.poll

    def slow(self: RunReader) -> bool:
        if self.folder.name == "slow":
            time.sleep(1.0)
        return poll(self)

    monkeypatch.setattr(RunReader, "poll", slow)

    async def look() -> None:
        watches, seen = Watches(), []
        ends = [watches.watch(tmp_path / name, lambda view: seen.append(view.name)) for name in ("slow", "quick")]
        began = time.monotonic()
        await _until(lambda: seen == ["quick"])
        assert time.monotonic() - began < 0.9
        for end in ends:
            end()

    asyncio.run(look())


def test_looking_at_a_run_of_a_thousand_epochs_costs_next_to_nothing(tmp_path: Path) -> None:
    append(
        tmp_path / "log.jsonl",
        START,
        *(row(epoch, phase) for epoch in range(1000) for phase in ("Training", "Validation")),
    )
    progress(tmp_path, epoch=999)
    reader = RunReader(tmp_path)
    reader.poll()
    began = time.process_time()
    for _ in range(50):
        assert not reader.poll()
    assert (time.process_time() - began) / 50 < 0.005  # of the second between two looks


async def _until(condition: Any, seconds: float = 8.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.02)
