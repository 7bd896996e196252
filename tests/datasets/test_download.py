"""Downloading from a server of our own on this machine: interruptions, damage, refusals."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eisen._core.errors import ArgumentError, ArtifactError, CorruptFileError, MissingFileError
from eisen.datasets import MSDDataset, download, msd_tasks
from eisen.datasets.download import fetch

CONTENT = bytes(range(256)) * 2000
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; `breaks` transfers stop in the middle; without `ranges` it always sends all."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/data.bin": CONTENT}
        self.breaks = 0
        self.ranges = True
        self.requests = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.requests.append((self.path, asked))
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
        if start >= len(content) > 0 and start:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        rest = content[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if server.breaks > 0:
            server.breaks -= 1
            rest = rest[: len(rest) // 2]
        self.wfile.write(rest)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def archive(members, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


LISTING = json.dumps({"training": [{"image": "./imagesTr/a.nii.gz"}], "test": []}).encode()
TASK = {
    "./._Task04_Hippocampus": b"mac",
    "Task04_Hippocampus/dataset.json": LISTING,
    "Task04_Hippocampus/._dataset.json": b"mac",
    "Task04_Hippocampus/imagesTr/a.nii.gz": b"voxels",
}


@pytest.fixture
def mirror(server, monkeypatch):
    """The task on our server, as the decathlon has it."""
    content = archive(TASK)
    server.files["/Task04_Hippocampus.tar"] = content
    monkeypatch.setattr(msd_tasks, "MIRROR", server.url)
    monkeypatch.setitem(msd_tasks.TASKS, "Task04_Hippocampus", hashlib.md5(content).hexdigest())
    return server


def test_a_file_arrives_and_nothing_else_is_left(server, tmp_path):
    path = fetch(f"{server.url}/data.bin", tmp_path / "data.bin", MD5)
    assert path.read_bytes() == CONTENT
    assert [p.name for p in tmp_path.iterdir()] == ["data.bin"]


@pytest.mark.parametrize("checksum", ["", MD5.upper(), hashlib.sha256(CONTENT).hexdigest()])
def test_an_interrupted_transfer_goes_on_where_it_stopped(server, tmp_path, checksum):
    server.breaks = 2
    assert fetch(f"{server.url}/data.bin", tmp_path / "x", checksum).read_bytes() == CONTENT
    starts = [asked for _, asked in server.requests]
    assert starts == [None, f"bytes={len(CONTENT) // 2}-", f"bytes={len(CONTENT) * 3 // 4}-"]


def test_a_later_call_goes_on_where_the_last_one_gave_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_ATTEMPTS", 1)
    server.breaks = 1
    with pytest.raises(MissingFileError, match="broke off") as caught:
        fetch(f"{server.url}/data.bin", tmp_path / "x", MD5)
    assert "run again" in caught.value.card.to_do
    assert not (tmp_path / "x").exists()
    assert fetch(f"{server.url}/data.bin", tmp_path / "x", MD5).read_bytes() == CONTENT
    assert server.requests[-1][1] == f"bytes={len(CONTENT) // 2}-"


def test_a_server_that_cannot_resume_sends_all_again(server, tmp_path):
    server.ranges = False
    server.breaks = 1
    assert fetch(f"{server.url}/data.bin", tmp_path / "x", MD5).read_bytes() == CONTENT


def test_a_part_that_was_complete_is_not_downloaded_again(server, tmp_path):
    (tmp_path / "x.part").write_bytes(CONTENT)
    assert fetch(f"{server.url}/data.bin", tmp_path / "x", MD5).read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_part_that_is_too_long_is_thrown_away(server, tmp_path):
    (tmp_path / "x.part").write_bytes(CONTENT + b"more")
    assert fetch(f"{server.url}/data.bin", tmp_path / "x", MD5).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_the_file_removed(server, tmp_path):
    (tmp_path / "x.part").write_bytes(b"something else")
    with pytest.raises(CorruptFileError, match="is damaged") as caught:
        fetch(f"{server.url}/data.bin", tmp_path / "x", MD5)
    assert MD5 in caught.value.card.expected
    assert list(tmp_path.iterdir()) == []


def test_what_the_server_does_not_have_is_said_at_once(server, tmp_path):
    with pytest.raises(FileNotFoundError, match="404 Not Found"):
        fetch(f"{server.url}/nothing", tmp_path / "x")
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_error_says_what_to_do(tmp_path):
    with Server() as gone:
        url = gone.url
    with pytest.raises(MissingFileError, match="refused") as caught:
        fetch(f"{url}/data.bin", tmp_path / "x")
    assert str(tmp_path / "x") in caught.value.card.to_do


@pytest.mark.parametrize("url", ["ftp://a/b", "file:///etc/passwd", "data.bin", "http://"])
def test_only_web_addresses_are_taken(url, tmp_path):
    with pytest.raises(ArgumentError, match="is not an address"):
        fetch(url, tmp_path / "x")


@pytest.mark.parametrize("checksum", ["abc", "g" * 32, "0" * 33])
def test_a_checksum_that_is_none_is_refused_before_anything_is_sent(checksum, tmp_path):
    with pytest.raises(ArgumentError, match="checksum is"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x", checksum)


def test_a_folder_that_cannot_be_written_is_an_artifact_error(server, tmp_path):
    with pytest.raises(ArtifactError, match="could not be written"):
        fetch(f"{server.url}/data.bin", tmp_path / "nowhere" / "x")


def test_a_task_is_downloaded_once_and_nothing_is_left_beside_it(mirror, tmp_path):
    folder = tmp_path / "data" / "Task04_Hippocampus"
    for _ in range(2):
        cases = MSDDataset(folder, "dataset.json", "training", download=True)
    assert cases[0] == {"image": "./imagesTr/a.nii.gz"}
    assert (folder / "imagesTr" / "a.nii.gz").read_bytes() == b"voxels"
    assert [p.name for p in folder.parent.iterdir()] == ["Task04_Hippocampus"]
    assert not list(folder.rglob("._*"))
    assert len(mirror.requests) == 1


def test_a_task_of_ones_own_comes_from_ones_own_server(server, tmp_path):
    server.files["/mine.tar.gz"] = archive({"deep/mine/dataset.json": LISTING}, "w:gz")
    (tmp_path / "mine").mkdir()
    cases = MSDDataset(tmp_path / "mine", "dataset.json", "training", download=f"{server.url}/mine.tar.gz")
    assert len(cases) == 1


def test_an_archive_that_was_put_there_by_hand_is_used_if_it_is_right(mirror, tmp_path):
    (tmp_path / "Task04_Hippocampus.tar").write_bytes(b"half an archive")
    with pytest.raises(CorruptFileError, match="is damaged"):
        MSDDataset(tmp_path / "Task04_Hippocampus", "dataset.json", "training", download=True)
    (tmp_path / "Task04_Hippocampus.tar").write_bytes(mirror.files["/Task04_Hippocampus.tar"])
    assert len(MSDDataset(tmp_path / "Task04_Hippocampus", "dataset.json", "training", download=True)) == 1
    assert mirror.requests == []


def test_two_that_ask_at_once_download_once(mirror, tmp_path):
    done = []

    def ask():
        done.append(len(MSDDataset(tmp_path / "Task04_Hippocampus", "dataset.json", "training", download=True)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [1] * 4
    assert len(mirror.requests) == 1


def test_the_name_of_the_folder_says_which_task(tmp_path):
    with pytest.raises(ArgumentError, match="'Task04_Hipocampus'") as caught:
        MSDDataset(tmp_path / "Task04_Hipocampus", "dataset.json", "training", download=True)
    assert caught.value.card.to_do == "did you mean 'Task04_Hippocampus'?"


def test_a_folder_with_something_in_it_is_never_written_into(mirror, tmp_path):
    (tmp_path / "Task04_Hippocampus").mkdir()
    (tmp_path / "Task04_Hippocampus" / "notes.txt").touch()
    with pytest.raises(ArgumentError, match=r"without dataset\.json"):
        MSDDataset(tmp_path / "Task04_Hippocampus", "dataset.json", "training", download=True)
    assert mirror.requests == []


@pytest.mark.parametrize("name", ["../outside", "Task04_Hippocampus/../../outside"])
def test_an_archive_that_reaches_outside_is_refused_and_leaves_no_folder(mirror, tmp_path, name):
    content = archive(TASK | {name: b"evil"})
    mirror.files["/Task04_Hippocampus.tar"] = content
    folder = tmp_path / "a" / "Task04_Hippocampus"
    with pytest.raises(CorruptFileError, match="cannot be unpacked") as caught:
        MSDDataset(folder, "dataset.json", "training", download=True, checksum=hashlib.md5(content).hexdigest())
    assert "Task04_Hippocampus.tar" in caught.value.card.file
    assert not folder.exists()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["Task04_Hippocampus.tar", "a"]


def test_an_archive_that_is_cut_off_leaves_no_folder(server, tmp_path):
    server.files["/x.tar"] = archive(TASK | {"Task04_Hippocampus/big": bytes(50_000)})[:30_000]
    with pytest.raises(CorruptFileError, match="cannot be unpacked"):
        MSDDataset(tmp_path / "x", "dataset.json", "training", download=f"{server.url}/x.tar")
    assert not (tmp_path / "x").exists()


def test_an_archive_without_the_list_of_cases_is_refused(server, tmp_path):
    server.files["/x.tar"] = archive({"readme": b""})
    with pytest.raises(CorruptFileError, match=r"holds no dataset\.json"):
        MSDDataset(tmp_path / "x", "dataset.json", "training", download=f"{server.url}/x.tar")


def test_the_ten_tasks_are_known():
    assert [name[:6] for name in msd_tasks.TASKS] == [f"Task{n:02d}" for n in range(1, 11)]
    assert all(download.algorithm(checksum) == "md5" for checksum in msd_tasks.TASKS.values())
