"""Nothing that was edited is lost: recovery, and files that somebody else has written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eisen_cli.builder.canvas.keeping import Keeper
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.workspace import Workspace


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration file with one setting."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "config.json"
    path.write_text('{"General": {"Hyperparameters": [{"type": ".Seed", "params": {"value": 1}}]}}', encoding="utf-8")
    return path


def opened(file: Path) -> Workspace:
    """Return a workspace with a file."""
    return Workspace(Document.open(file), Folders([file.parent]), file.parent, file.parent)


def test_what_was_not_saved_is_offered_and_taken(file: Path) -> None:
    first = opened(file)
    keeper = Keeper(first)
    first.document.set_hyper("General", "Seed", 7)
    keeper.close()

    second = opened(file)
    keeper = Keeper(second)
    assert keeper.recovery is not None
    assert second.document.hyper("General") == {"Seed": 1}
    keeper.recover()
    assert second.document.hyper("General") == {"Seed": 7}
    assert not second.document.is_saved
    assert keeper.recovery is None
    keeper.close()


def test_what_was_thrown_away_is_not_offered_again(file: Path) -> None:
    first = opened(file)
    keeper = Keeper(first)
    first.document.set_hyper("General", "Seed", 7)
    keeper.close()
    keeper = Keeper(opened(file))
    keeper.forget()
    keeper.close()
    assert Keeper(opened(file)).recovery is None


def test_nothing_is_left_over_after_saving(file: Path) -> None:
    workspace = opened(file)
    keeper = Keeper(workspace)
    workspace.document.set_hyper("General", "Seed", 7)
    workspace.document.save()
    keeper.close()
    assert Keeper(opened(file)).recovery is None


def test_a_file_written_by_others_is_noticed_each_time(file: Path) -> None:
    workspace = opened(file)
    keeper = Keeper(workspace)
    assert keeper.change_by_others() is None
    file.write_text('{"General": {}}', encoding="utf-8")
    os.utime(file, ns=(1, 10**18))
    first = keeper.change_by_others()
    os.utime(file, ns=(1, 2 * 10**18))
    assert None not in (first, keeper.change_by_others())
    assert keeper.change_by_others() != first
    keeper.reload()
    assert workspace.document.data == {"General": {}}
    assert keeper.change_by_others() is None
    keeper.close()


def test_a_document_that_is_opened_later_is_kept_as_well(file: Path) -> None:
    workspace = opened(file)
    keeper = Keeper(workspace)
    other = file.with_name("other.json")
    other.write_text("{}", encoding="utf-8")
    workspace.open(Document.open(other))
    workspace.document.set_hyper("General", "Seed", 3)
    keeper.close()
    assert file.with_name(".other.json.autosave").exists()
