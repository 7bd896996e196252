"""Dropped files, stored files, and making a new experiment the one that is edited."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from eisen._core.errors import ArgumentError
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.start.adopting import adopt, configurations_in
from eisen_cli.builder.start.reading import Dropped, find_dropped, found_together, store_dropped
from eisen_cli.builder.start.templates import template
from eisen_cli.builder.workspace import Workspace

CONTENT = b'{"training": []}'


def tree(root: Path) -> Folders:
    for name, content in {
        "a/Task01/dataset.json": CONTENT,
        "a/Task02/dataset.json": b'{"training": [1]}',
        "a/Task01/imagesTr/x.nii.gz": b"1234",
        "a/Task02/imagesTr/x.nii.gz": b"1234",
        "b/copy/dataset.json": CONTENT,
        "outside/secret.csv": b"a,b\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return Folders([root / "a", root / "b"])


def test_a_dropped_file_is_found_by_name_and_content(tmp_path: Path) -> None:
    folders = tree(tmp_path)
    found = find_dropped(Dropped.of("dataset.json", b'{"training": [1]}'), folders)
    assert found == tmp_path / "a" / "Task02" / "dataset.json"
    assert find_dropped(Dropped.of("dataset.json", b"other content!!!"), folders) is None
    assert find_dropped(Dropped("dataset.json", 999), folders) is None
    assert find_dropped(Dropped("", 0), folders) is None


def test_folders_in_the_name_tell_copies_apart(tmp_path: Path) -> None:
    folders = tree(tmp_path)
    assert find_dropped(Dropped("copy/dataset.json", len(CONTENT)), folders) == tmp_path / "b" / "copy" / "dataset.json"
    assert find_dropped(Dropped("Task02/imagesTr/x.nii.gz", 4), folders).parts[-3] == "Task02"


def test_a_dropped_folder_is_found_by_its_list(tmp_path: Path) -> None:
    folders = tree(tmp_path)
    dropped = [Dropped("Task01/imagesTr/x.nii.gz", 4), Dropped.of("Task01/dataset.json", CONTENT)]
    assert found_together(dropped, folders) == tmp_path / "a" / "Task01"
    assert found_together(dropped[:1], folders) == tmp_path / "a" / "Task01"
    assert found_together([Dropped("Task09/imagesTr/y.nii.gz", 4)], folders) is None


def test_nothing_outside_is_found(tmp_path: Path) -> None:
    folders = tree(tmp_path)
    assert find_dropped(Dropped.of("secret.csv", b"a,b\n"), folders) is None
    assert find_dropped(Dropped.of("../../outside/secret.csv", b"a,b\n"), folders) is None
    (tmp_path / "a" / "link").symlink_to(tmp_path / "outside")
    assert find_dropped(Dropped.of("link/secret.csv", b"a,b\n"), folders) is None


def test_storing_never_overwrites(tmp_path: Path) -> None:
    folders = tree(tmp_path)
    stored = store_dropped("drop/cases.csv", b"image\n", tmp_path / "a", folders)
    assert stored == tmp_path / "a" / "cases.csv"
    assert store_dropped("cases.csv", b"image\n", tmp_path / "a", folders) == stored
    with pytest.raises(ArgumentError, match="not overwritten"):
        store_dropped("cases.csv", b"label\n", tmp_path / "a", folders)
    assert stored.read_bytes() == b"image\n"
    for name in ("../cases.csv", "..\\..\\cases.csv", "/etc/cases.csv"):
        assert store_dropped(name, b"image\n", tmp_path / "a", folders) == stored
    with pytest.raises(ArgumentError, match="not stored"):
        store_dropped("code.py", b"import os", tmp_path / "a", folders)
    with pytest.raises(ArgumentError, match="outside"):
        store_dropped("cases.csv", b"image\n", tmp_path / "outside", folders)


def test_a_new_experiment_does_not_take_the_file_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text('{"General": {}}', encoding="utf-8")
    workspace = Workspace(Document.open(path), Folders([tmp_path]), tmp_path, tmp_path)
    (tmp_path / "data").mkdir()

    async def create() -> None:
        adopt(workspace, template("gan").make(template("gan").default()).data, "GAN", tmp_path / "data")
        await asyncio.sleep(0)

    asyncio.run(create())
    assert workspace.document.path is None
    assert not workspace.document.is_saved
    assert workspace.data_dir == tmp_path / "data"
    assert json.loads(path.read_text(encoding="utf-8")) == {"General": {}}


def test_an_empty_document_with_a_name_keeps_it(tmp_path: Path) -> None:
    workspace = Workspace(Document(None, tmp_path / "new.json"), Folders([tmp_path]), tmp_path, tmp_path)
    adopt(workspace, {"General": {}}, "empty")
    assert workspace.document.path == tmp_path / "new.json"
    assert workspace.document.undo() == "empty"


def test_configurations_are_listed_newest_first(tmp_path: Path) -> None:
    import os

    for age, name in enumerate(("new.json", "old.json")):
        (tmp_path / name).write_text('{"General": {}}', encoding="utf-8")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "dataset.json").write_text('{"training": []}', encoding="utf-8")
    (tmp_path / "broken.json").write_text('{"General": ', encoding="utf-8")
    assert [path.name for path in configurations_in(Folders([tmp_path]))] == ["new.json", "old.json"]


def test_scripts_are_saved_inside_of_the_folders_and_never_over_others(tmp_path: Path) -> None:
    pytest.importorskip("nicegui")
    from eisen_cli.builder.start.export_dialog import save_script

    workspace = Workspace(Document(), Folders([tmp_path]), tmp_path, tmp_path)
    path = save_script(workspace, str(tmp_path / "a.py"), "print(1)\n")
    assert save_script(workspace, "a.py", "print(1)\n") == path
    for name, words in (
        ("a.py", "not overwritten"),
        ("a.txt", "no name"),
        ("../a.py", "outside"),
        ("x/a.py", "folder"),
    ):
        with pytest.raises(ArgumentError, match=words):
            save_script(workspace, name, "print(2)\n")
    assert path.read_text(encoding="utf-8") == "print(1)\n"
