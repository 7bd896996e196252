"""Whatever happens while a store is made: the old file stays, nothing half done has its name, nothing is done twice."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from eisen._core.errors import ArgumentError, ArtifactError, DataError
from eisen.datasets import ListDataset
from eisen.storage import StoreObserver, create_store, summarise_store
from eisen.storage.creation import slabs
from eisen.storage.creation.anonymous import anonymous_names
from eisen.storage.creation.locking import only_writer
from tests.storage.making import dataset_of, text_at, write_cases

ROOT = Path(__file__).parents[2]


class Reused(StoreObserver):
    def __init__(self) -> None:
        self.names: list[str] = []

    def on_case(self, name: str, done: int, n_cases: int, reused: bool) -> None:
        if reused:
            self.names.append(name)


def leftovers(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.name.startswith("store"))


def test_a_full_disk_leaves_the_old_store_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = create_store(ListDataset([{"a": np.ones((1, 4))}]), tmp_path / "store.h5").read_bytes()
    written: list[int] = []

    def pwrite(handle: int, content: Any, offset: int) -> int:
        written.append(offset)
        if len(written) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(content)

    monkeypatch.setattr(slabs.os, "pwrite", pwrite)
    with pytest.raises(ArtifactError, match="the disk is full") as caught:
        create_store(dataset_of(tmp_path, write_cases(tmp_path)), tmp_path / "store.h5")
    assert caught.value.card.file.endswith("store.h5")
    assert (tmp_path / "store.h5").read_bytes() == old
    assert leftovers(tmp_path) == ["store.h5"]


def test_a_file_size_limit_in_workers_is_one_clear_error(tmp_path: Path) -> None:
    program = f"""
import resource, sys, numpy as np
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
from eisen.datasets import ListDataset
from eisen.storage import create_store
cases = ListDataset([{{"a": np.ones((1, 50, 50, 50), "float32")}}] * 3)
try:
    create_store(cases, {str(tmp_path / "store.h5")!r}, n_workers=2)
except OSError as error:
    sys.exit(f"{{type(error).__name__}}: {{error}}")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith("ArtifactError: ")
    assert "File too large" in done.stderr
    assert leftovers(tmp_path) == []


def test_two_writers_at_once_the_second_is_refused(tmp_path: Path) -> None:
    with only_writer(tmp_path / "store.h5"):
        with pytest.raises(ArtifactError, match="being written already") as caught:
            create_store(ListDataset([{"a": 1}]), tmp_path / "store.h5")
        assert str(os.getpid()) in str(caught.value)
    create_store(ListDataset([{"a": 1}]), tmp_path / "store.h5")
    assert leftovers(tmp_path) == ["store.h5"]


def test_an_unwritable_folder_is_told_before_anything_is_read(tmp_path: Path) -> None:
    class Untouched(ListDataset):
        def __getitem__(self, index: Any) -> Any:
            raise AssertionError("was read")

    cases = Untouched([{"a": 1}])
    with pytest.raises(ArtifactError, match="there is no folder"):
        create_store(cases, tmp_path / "absent" / "store.h5")
    with pytest.raises(ArtifactError, match="is a folder"):
        create_store(cases, tmp_path)
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        with pytest.raises(ArtifactError, match="may not write"):
            create_store(cases, tmp_path / "store.h5")
        tmp_path.chmod(0o700)


def test_what_was_done_before_an_error_is_not_done_again(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, 4)
    broken, whole = tmp_path / cases[3]["image"], (tmp_path / cases[3]["image"]).read_bytes()
    broken.write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        create_store(dataset_of(tmp_path, cases), tmp_path / "store.h5")
    assert "the same call goes on" in "".join(caught.value.__notes__)
    assert not (tmp_path / "store.h5").exists()
    broken.write_bytes(whole)
    reused = Reused()
    path = create_store(dataset_of(tmp_path, cases), tmp_path / "store.h5", observer=reused)
    assert reused.names == ["smith_000", "smith_001", "smith_002"]
    assert summarise_store(path, verify=True).damaged == []
    assert leftovers(tmp_path) == ["store.h5"]


@pytest.mark.parametrize("change", ["source", "config", "listing", "resume", "bytes", "form"])
def test_a_part_is_used_again_only_if_nothing_has_changed(tmp_path: Path, change: str) -> None:
    cases, how = write_cases(tmp_path, 2), {"config": {"a": 1}}
    stop = {**cases[1], "image": "absent.nii.gz"}
    with pytest.raises(DataError):
        create_store(dataset_of(tmp_path, [cases[0], stop]), tmp_path / "store.h5", **how)
    if change == "source":
        (tmp_path / cases[0]["image"]).write_bytes((tmp_path / cases[1]["image"]).read_bytes())
        (tmp_path / cases[0]["label"]).write_bytes((tmp_path / cases[1]["label"]).read_bytes())
    elif change == "bytes":
        data = next((tmp_path / "store.h5.parts").glob("data-*.h5"))
        data.write_bytes(bytes(data.stat().st_size))
    elif change == "listing":
        cases[0]["age"] = 99
    how |= {"config": {"config": {"a": 2}}, "resume": {"resume": False}, "form": {"form": "blosc2"}}.get(change, {})
    reused = Reused()
    path = create_store(dataset_of(tmp_path, cases), tmp_path / "store.h5", observer=reused, **how)
    assert reused.names == []
    assert summarise_store(path, verify=True).damaged == []


def test_compressed_parts_are_used_again(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, 2)
    with pytest.raises(DataError):
        create_store(
            dataset_of(tmp_path, [cases[0], {**cases[1], "image": "absent.nii.gz"}]),
            tmp_path / "store.h5",
            form="blosc2",
        )
    reused = Reused()
    path = create_store(dataset_of(tmp_path, cases), tmp_path / "store.h5", form="blosc2", observer=reused)
    assert reused.names == ["smith_000"]
    assert summarise_store(path, verify=True).damaged == []


KILLED = """
import sys, time
from pathlib import Path
from eisen.storage import StoreObserver, create_store
from tests.storage.making import dataset_of, write_cases
folder = Path(sys.argv[1])
class Say(StoreObserver):
    def on_case(self, name, done, n_cases, reused):
        print("case", done, flush=True)
        if done >= 3 and not (folder / "go").exists():
            time.sleep(60)
cases = write_cases(folder, 6) if not (folder / "smith_000.nii.gz").exists() else None
cases = cases or [{"image": f"smith_{i:03d}.nii.gz", "label": f"smith_{i:03d}_seg.nii.gz", "age": 50 + i,
    "report": f"finding {i}"} for i in range(6)]
create_store(dataset_of(folder, cases), folder / "store.h5", observer=Say(), n_workers=2, config={"a": 1})
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert first.stdout is not None
    for line in first.stdout:
        if line.startswith("case 3"):
            break
    first.send_signal(signal.SIGKILL)
    first.wait(30)
    first.stdout.close()
    assert not (tmp_path / "store.h5").exists()
    cases = [
        {
            "image": f"smith_{i:03d}.nii.gz",
            "label": f"smith_{i:03d}_seg.nii.gz",
            "age": 50 + i,
            "report": f"finding {i}",
        }
        for i in range(6)
    ]
    reused, deadline = Reused(), time.monotonic() + 20
    while True:
        try:
            path = create_store(dataset_of(tmp_path, cases), tmp_path / "store.h5", observer=reused, config={"a": 1})
            break
        except ArtifactError:  # a reader of the killed process may still be at work, and then holds the lock
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert len(reused.names) >= 3
    assert summarise_store(path, verify=True).verified == 12
    assert summarise_store(path, verify=True).damaged == []
    assert leftovers(tmp_path) == ["store.h5"]


def test_a_dead_worker_is_one_clear_error(tmp_path: Path) -> None:
    def die(point: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(DataError, match="SIGKILL"):
        create_store(ListDataset([{"a": 1}] * 3, transform=die), tmp_path / "store.h5", n_workers=2)
    assert leftovers(tmp_path) == []


def test_damage_and_changed_sources_are_found(tmp_path: Path) -> None:
    cases = write_cases(tmp_path, 2)
    path = create_store(dataset_of(tmp_path, cases), tmp_path / "store.h5")
    with h5py.File(path) as file:
        offset = file["data/label/1"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[offset + 10] ^= 1
    path.write_bytes(content)
    (tmp_path / cases[0]["image"]).write_bytes(b"other")
    summary = summarise_store(path, verify=True)
    assert summary.damaged == ["smith_001: label"]
    assert summary.changed == ["smith_000: image"]


@pytest.mark.parametrize("anonymous", [True, "our secret"])
@pytest.mark.parametrize("form", ["raw", "blosc2"])
def test_an_anonymous_store_holds_no_name_of_a_source(tmp_path: Path, anonymous: Any, form: Any) -> None:
    folder = tmp_path / "hospital_of_york"
    folder.mkdir()
    cases = [{**case, "patient_id": 4711 + i, "name": f"Smith{i}"} for i, case in enumerate(write_cases(folder))]
    path = create_store(
        dataset_of(folder, cases), tmp_path / "s.h5", anonymous=anonymous, form=form, config={"dir": str(folder)}
    )
    content = path.read_bytes().lower()
    for word in (b"smith", b"hospital", b"nii", b"finding", str(tmp_path).encode().lower(), b"our secret", b"patient"):
        assert word not in content
    with h5py.File(path) as file:
        assert list(file["values"]) == ["age"]
        assert set(text_at(file, "meta/source_digests/image")) == {""}
        assert text_at(file, "meta/cases") == anonymous_names(["smith_000", "smith_001", "smith_002"], anonymous)


def test_a_text_that_tells_is_refused_in_an_anonymous_store(tmp_path: Path) -> None:
    cases = [{**case, "note": f"see {case['image']}"} for case in write_cases(tmp_path)]
    fields = ["image", "report"]
    path = create_store(dataset_of(tmp_path, cases), tmp_path / "s.h5", fields=fields, anonymous=True)
    assert [entry.name for entry in summarise_store(path).fields] == fields
    with pytest.raises(DataError, match="'note' names the case"):
        create_store(dataset_of(tmp_path, cases), tmp_path / "t.h5", fields=["image", "note"], anonymous=True)


def test_hashed_names_depend_on_the_secret(tmp_path: Path) -> None:
    assert anonymous_names(["anna"], "one") != anonymous_names(["anna"], "two")
    with pytest.raises(ArgumentError, match="anonymous is ''"):
        anonymous_names(["anna"], "")
