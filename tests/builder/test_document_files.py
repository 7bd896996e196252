"""Saving never loses what somebody else wrote, and what nobody saved survives a crash."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import ArgumentError, ArtifactError
from eisen_cli.builder.document import autosave
from eisen_cli.builder.document.autosave import Autosave, copy_of, recoveries_without_file, recovery_for, state_folder
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.document.files import FileInTheWay

TEXT = '{\n  "Training": {\n    "Losses": []\n  }\n}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.json"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


def test_a_document_is_saved_until_it_is_changed_and_again_when_that_is_undone(path: Path) -> None:
    document = Document.open(path)
    assert document.is_saved
    document.set(("Training", "Options"), {"a": 1})
    assert not document.is_saved
    document.undo()
    assert document.is_saved
    document.redo()
    assert document.save() == path
    assert document.is_saved
    document.undo()
    assert not document.is_saved


def test_an_empty_new_document_has_nothing_to_lose_but_one_with_data_has() -> None:
    assert Document().is_saved
    assert not Document({"General": {}}).is_saved


def test_diff_is_against_the_file(path: Path) -> None:
    document = Document.open(path)
    assert document.diff() == ""
    document.set(("Training", "Losses"), [{"type": "torch.nn.MSELoss", "params": {}}])
    assert document.diff() == (
        '--- experiment.json (saved)\n+++ experiment.json (edited)\n@@ -1,5 +1,7 @@\n {\n   "Training": {\n'
        '-    "Losses": []\n+    "Losses": [\n+      {"type": "torch.nn.MSELoss", "params": {}}\n+    ]\n   }\n }\n'
    )
    assert Document({"General": {}}).diff().splitlines()[:2] == ["--- nothing", "+++ new.json (edited)"]


def test_a_file_that_somebody_else_changed_is_not_overwritten_silently(path: Path) -> None:
    document = Document.open(path)
    document.set(("Training", "Options"), {})
    theirs = TEXT.replace("[]", "[1]")
    path.write_text(theirs, encoding="utf-8")
    assert document.is_changed_on_disk
    with pytest.raises(FileInTheWay, match="changed by somebody else") as error:
        document.save()
    assert "overwrite" in error.value.card.to_do
    assert path.read_text(encoding="utf-8") == theirs
    assert not document.is_saved
    assert '-    "Losses": [1]' in document.diff()
    document.save(force=True)
    assert not document.is_changed_on_disk
    assert Document.open(path).data == {"Training": {"Losses": [], "Options": {}}}


def test_what_somebody_else_wrote_can_be_loaded_as_one_step(path: Path) -> None:
    document = Document.open(path)
    document.set(("Training", "Options"), {})
    path.write_text(TEXT.replace("[]", "[1.0]"), encoding="utf-8")
    document.reload()
    assert document.data == {"Training": {"Losses": [1.0]}}
    assert document.is_saved
    assert not document.is_changed_on_disk
    assert document.undo() == "load again"
    assert document.data == {"Training": {"Losses": [], "Options": {}}}
    assert not document.is_saved


def test_saving_under_another_name_asks_before_it_overwrites(path: Path, tmp_path: Path) -> None:
    document, other = Document.open(path), tmp_path / "other.json"
    other.write_text("{}", encoding="utf-8")
    with pytest.raises(FileInTheWay, match=r"there is a other.json already"):
        document.save(other)
    assert document.path == path
    assert document.save(tmp_path / "third.json") == tmp_path / "third.json"
    document.set(("Training", "Options"), {})
    document.save()
    assert path.read_text(encoding="utf-8") == TEXT
    new = Document({"General": {}}, path)
    with pytest.raises(FileInTheWay):
        new.save()


def test_a_removed_file_is_written_again(path: Path) -> None:
    document = Document.open(path)
    path.unlink()
    assert not document.is_changed_on_disk
    document.save()
    assert path.read_text(encoding="utf-8") == TEXT


def test_what_cannot_be_written_is_a_card_and_the_document_stays_unsaved(path: Path, tmp_path: Path) -> None:
    document = Document({"General": {}})
    with pytest.raises(ArtifactError, match="folder does not exist"):
        document.save(tmp_path / "nowhere" / "a.json")
    assert document.path is None
    assert not document.is_saved
    with pytest.raises(ArgumentError, match="no file yet"):
        document.save()


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    document = Document.open(link)
    document.set(("Training", "Losses"), [1])
    document.save()
    assert link.is_symlink()
    assert "[1]" in path.read_text(encoding="utf-8")


def test_saving_is_told_to_listeners(path: Path) -> None:
    document, seen = Document.open(path), []
    document.subscribe(lambda change: seen.append((change.kind, document.is_saved)))
    document.set(("Training", "Losses"), [1])
    document.save()
    assert seen == [("set", False), ("save", True)]


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_copy_is_written_a_moment_after_a_change_and_removed_when_saved(path: Path) -> None:
    document = Document.open(path)
    saver = Autosave(document, after=0.05)
    document.set(("Training", "Losses"), [1])
    assert not copy_of(path).exists()
    wait_for(copy_of(path).exists)
    assert path.read_text(encoding="utf-8") == TEXT
    wait_for(lambda: '"Losses": [1]' in copy_of(path).read_text(encoding="utf-8"))
    document.save()
    assert not copy_of(path).exists()
    saver.close()
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["experiment.json"]


def test_a_copy_follows_when_the_document_gets_a_file_and_goes_when_all_is_undone(path: Path, tmp_path: Path) -> None:
    document = Document()
    saver = Autosave(document, after=1000)
    document.set_hyper("General", "BatchSize", 2)
    first = saver.write_now()
    assert first is not None
    assert first.parent == state_folder()
    document.save(tmp_path / "new.json")
    assert not first.exists()
    document.set_hyper("General", "BatchSize", 3)
    second = saver.write_now()
    assert second == copy_of(tmp_path / "new.json")
    document.undo()
    assert saver.write_now() is None
    assert not second.exists()
    saver.close()


def test_work_that_was_not_saved_is_offered_and_comes_back(path: Path) -> None:
    document = Document.open(path)
    saver = Autosave(document, after=1000)
    document.set(("Training", "Losses"), [1])
    saver.close()  # the server ends without saving
    recovery = recovery_for(path)
    assert recovery is not None
    recovered = recovery.document()
    assert recovered.data == {"Training": {"Losses": [1]}}
    assert recovered.path == path
    assert not recovered.is_saved
    assert recovered.undo() == "recover what was not saved"
    assert recovered.is_saved
    recovery.discard()
    assert recovery_for(path) is None


def test_a_copy_that_is_older_than_the_file_or_says_the_same_is_not_offered(path: Path) -> None:
    copy_of(path).write_text("{}", encoding="utf-8")
    os.utime(copy_of(path), (1, 1))
    assert recovery_for(path) is None
    copy_of(path).write_text(TEXT, encoding="utf-8")
    assert recovery_for(path) is None
    assert recovery_for(path.with_name("other.json")) is None


def test_a_pending_copy_is_not_lost_by_opening_and_closing(path: Path) -> None:
    copy_of(path).write_text('{"Training": {}}', encoding="utf-8")
    Autosave(Document.open(path)).close()
    assert recovery_for(path) is not None


def test_a_pending_copy_is_put_aside_by_a_new_one_but_not_by_that_of_the_recovered_work(path: Path) -> None:
    aside = copy_of(path).with_name(f".{path.name}.autosave.old")
    copy_of(path).write_text('{"Training": {}}', encoding="utf-8")
    recovery = recovery_for(path)
    assert recovery is not None
    recovered = recovery.document()
    copy_of(path).write_text(recovered.text(), encoding="utf-8")
    saver = Autosave(recovered, after=1000)
    recovered.set(("Training", "Losses"), [2])
    saver.close()
    assert not aside.exists()
    document = Document.open(path)
    saver = Autosave(document, after=1000)
    document.set(("Training", "Losses"), [3])
    saver.close()
    assert "[2]" in aside.read_text(encoding="utf-8")
    assert "[3]" in copy_of(path).read_text(encoding="utf-8")


def test_opening_a_file_that_needed_repairs_leaves_no_copy(path: Path) -> None:
    path.write_text('{"Training": {},}', encoding="utf-8")
    Autosave(Document.open(path)).close()
    assert not copy_of(path).exists()


def test_documents_without_a_file_are_offered_once_their_process_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document()
    saver = Autosave(document, after=1000)
    document.set_hyper("General", "BatchSize", 2)
    saver.close()
    assert recoveries_without_file() == [], "this process may still be working on it"
    monkeypatch.setattr(autosave, "_is_in_use", lambda copy: False)
    (recovery,) = recoveries_without_file()
    recovered = recovery.document()
    assert recovered.hyper("General") == {"BatchSize": 2}
    assert (recovered.path, recovered.is_saved) == (None, False)
    again = Autosave(recovered, own=recovery.copy)
    recovered.set_hyper("General", "BatchSize", 3)
    assert again.write_now() == recovery.copy
    again.discard()
    again.close()
    assert recoveries_without_file() == []


def test_names_of_copies_tell_whether_their_process_lives() -> None:
    alive = Path(autosave._new_name())
    dead = Path(alive.name.replace(f"-{os.getpid()}-", "-999999999-"))
    elsewhere = Path(alive.name.replace(autosave._host(), "elsewhere"))
    assert [autosave._is_in_use(copy) for copy in (alive, dead, elsewhere, Path("odd.autosave"))] == [
        True, False, False, False,
    ]  # fmt: skip


def test_where_no_copy_can_be_written_editing_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = path.parent / "file"
    blocked.write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    document = Document()
    saver = Autosave(document, after=1000)
    document.set_hyper("General", "BatchSize", 2)
    assert saver.write_now() is None
    assert saver.failure
    saver.close()


def test_what_opening_repairs_is_not_kept_as_if_somebody_had_edited(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_bytes((Path(__file__).parents[1] / "legacy/builder_export.json").read_bytes())
    document = Document.open(path, repairs=False)
    autosave = Autosave(document, after=60)
    assert document.repair()
    assert autosave.write_now() is None
    document.set_hyper("General", "Seed", 7)
    assert autosave.write_now() == copy_of(path)
    autosave.close()


def test_an_experiment_without_a_file_goes_on_in_its_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    copy = tmp_path / "eisen/autosave/20260101-000000-elsewhere-1-abcd.autosave"
    copy.parent.mkdir(parents=True)
    copy.write_text('{"General": {}}', encoding="utf-8")
    [recovery] = recoveries_without_file()
    document = recovery.document()
    assert (document.kept_in, document.is_saved) == (copy, False)
    autosave = Autosave(document, own=document.kept_in)
    document.set_hyper("General", "Seed", 7)
    assert autosave.write_now() == copy
    document.save(tmp_path / "named.json")
    autosave.close()
    assert not copy.exists()
