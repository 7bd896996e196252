"""Whole volumes from disk to disk."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eisen._core.errors import ArgumentError, ArtifactError, CorruptFileError, MissingFileError
from eisen_deploy.client import EisenServingClient, RefusedError, ServingError, UnansweredError
from eisen_deploy.client.bodies import Sending, file_body

from .client_servers import MASK, WARNING, WireServer, misbehaving, says, wire_server

SCAN = b"\x1f\x8b voxels of a scan" * 100


@pytest.fixture
def server() -> Iterator[WireServer]:
    with wire_server() as server:
        yield server


@pytest.fixture
def client(server: WireServer) -> EisenServingClient:
    return EisenServingClient(server.url, check=False)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "p.1.nii.gz"
    path.write_bytes(SCAN)
    return path


def write_series(folder: Path, n: int = 3) -> Path:
    """Write files that begin like DICOM, beside some that do not."""
    (folder / "inner").mkdir(parents=True)
    for i in range(n):
        (folder / "inner" / f"MUSTERMANN_{i}.dcm").write_bytes(bytes(128) + b"DICM" + bytes([i]) * 300_000)
    (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (folder / "notes.txt").write_text("no image", encoding="utf-8")
    return folder


def test_a_file_in_and_a_file_out(client: EisenServingClient, server: WireServer, scan: Path, tmp_path: Path) -> None:
    progress: list[tuple[str, int, int | None]] = []
    answer = client.predict_file(scan, tmp_path / "mask.nii.gz", progress=lambda *told: progress.append(told))
    assert (tmp_path / "mask.nii.gz").read_bytes() == MASK
    assert (answer.path, answer.size, answer.body) == (tmp_path / "mask.nii.gz", len(MASK), b"")
    assert (answer.warnings, answer.model, answer.content_type) == ((WARNING,), "toy/1.0", "application/x-nifti+gzip")
    headers, body, _ = server.seen[-1]
    assert body == SCAN
    assert headers["Content-Type"] == "application/x-nifti+gzip"
    assert headers["Content-Length"] == str(len(SCAN))
    assert headers["Accept"] == "*/*", "the format of the request comes back by itself"
    assert progress[0] == ("sending", 0, len(SCAN))
    assert ("sending", len(SCAN), len(SCAN)) in progress
    assert progress[-1] == ("receiving", len(MASK), len(MASK))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mask.nii.gz", "p.1.nii.gz"]


@pytest.mark.parametrize(
    ("output", "accept", "probabilities", "header"),
    [
        ("mask.nrrd", None, False, "application/x-nrrd"),
        ("mask.nrrd", "nrrd", True, "application/x-nrrd; content=probabilities"),
        (None, "json", False, "application/json"),
        (None, "application/x-metaimage", False, "application/x-metaimage"),
        (None, None, True, "application/x-nifti+gzip; content=probabilities"),
        ("mask", None, False, "*/*"),
    ],
)
def test_what_is_asked_for(
    client: EisenServingClient,
    server: WireServer,
    scan: Path,
    tmp_path: Path,
    output: str | None,
    accept: str | None,
    probabilities: bool,
    header: str,
) -> None:
    answer = client.predict_file(scan, output and tmp_path / output, accept, probabilities=probabilities)
    assert server.seen[-1][0]["Accept"] == header
    assert answer.size == len(answer.content())
    if accept == "json":
        assert answer.json()["volumes_ml"] == {"anterior": 1.61, "posterior": 1.48}


def test_into_a_folder_under_the_name_of_the_image(client: EisenServingClient, scan: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    assert client.predict_file(scan, tmp_path / "masks").path == tmp_path / "masks" / "p.1.nii.gz"
    assert client.predict_file(scan, tmp_path / "masks", "nrrd").path == tmp_path / "masks" / "p.1.nrrd"
    with pytest.raises(ArtifactError, match="is there already"):
        client.predict_file(scan, tmp_path / "masks", overwrite=False)


def test_an_image_is_never_written_over(client: EisenServingClient, server: WireServer, scan: Path) -> None:
    for output in (scan, scan.parent):
        with pytest.raises(ArgumentError, match=r"the answer would take the place of .*p.1.nii.gz, which is sent"):
            client.predict_file(scan, output)
    assert scan.read_bytes() == SCAN


@pytest.mark.parametrize("path", ["nowhere/mask.nii.gz", "p.1.nii.gz/mask.nii.gz"])
def test_a_place_that_cannot_be_written_is_noticed_before_anything_is_sent(
    client: EisenServingClient, server: WireServer, scan: Path, tmp_path: Path, path: str
) -> None:
    with pytest.raises(ArtifactError, match="does not exist"):
        client.predict_file(scan, tmp_path / path)
    (tmp_path / "mask.nii.gz").write_bytes(b"old")
    with pytest.raises(ArtifactError, match="is there already"):
        client.predict_file(scan, tmp_path / "mask.nii.gz", overwrite=False)
    assert server.seen == []


@pytest.mark.parametrize(
    ("name", "content", "error", "text"),
    [
        ("gone.nii.gz", None, MissingFileError, "cannot be read"),
        ("empty.nii.gz", b"", CorruptFileError, "is empty"),
        ("a.mhd", b"NDims = 3", CorruptFileError, "the voxels of a.mhd are in another file"),
        ("a.dcm", None, MissingFileError, "cannot be read"),
    ],
)
def test_images_that_cannot_be_sent(
    client: EisenServingClient, tmp_path: Path, name: str, content: bytes | None, error: type[Exception], text: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=text):
        client.predict_file(tmp_path / name)


def test_a_series_is_zipped_on_the_way_without_names(
    client: EisenServingClient, server: WireServer, tmp_path: Path
) -> None:
    folder = write_series(tmp_path / "series")
    (tmp_path / "masks").mkdir()
    client.predict_file(folder, tmp_path / "masks", "nii.gz")
    assert (tmp_path / "masks" / "series.nii.gz").read_bytes() == MASK
    headers, body, _ = server.seen[-1]
    assert headers["Content-Type"] == "application/zip"
    assert headers["Transfer-Encoding"] == "chunked"
    assert b"MUSTERMANN" not in body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["000001.dcm", "000002.dcm", "000003.dcm"]
        assert archive.read("000002.dcm") == bytes(128) + b"DICM" + b"\1" * 300_000
    client.predict_file(folder, accept="nii.gz")
    assert server.seen[-1][1] == body, "equal requests have equal bytes"
    packed = EisenServingClient(server.url, check=False, compression="gzip")
    packed.predict_file(folder, accept="nii.gz")
    assert len(server.seen[-1][1]) < len(body) / 50
    assert "Content-Encoding" not in server.seen[-1][0]


def test_one_dicom_file_and_a_folder_without_any(
    client: EisenServingClient, server: WireServer, tmp_path: Path
) -> None:
    file = write_series(tmp_path / "series", 1) / "inner" / "MUSTERMANN_0.dcm"
    client.predict_file(file, accept="dcm")
    with zipfile.ZipFile(io.BytesIO(server.seen[-1][1])) as archive:
        assert archive.namelist() == ["000001.dcm"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorruptFileError, match="there is no DICOM file"):
        client.predict_file(tmp_path / "empty")


def test_several_images_go_as_a_form(
    client: EisenServingClient, server: WireServer, scan: Path, tmp_path: Path
) -> None:
    other = tmp_path / 'a "quoted" name.nrrd'
    other.write_bytes(b"NRRD0004\r\n--eisen" * 50_000)
    answer = client.predict_file({"t1": scan, "t2": other}, accept="json")
    parts = answer.json()["parts"]
    assert parts[0] == ["t1", "p.1.nii.gz", "application/x-nifti+gzip", len(SCAN)]
    assert (parts[1][0], parts[1][2], parts[1][3]) == ("t2", "application/x-nrrd", other.stat().st_size)
    assert int(server.seen[-1][0]["Content-Length"]) == len(server.seen[-1][1])
    client.predict_file({"t1": scan, "t2": write_series(tmp_path / "series")}, accept="json")
    assert server.seen[-1][0]["Transfer-Encoding"] == "chunked"


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_only_what_is_not_compressed_yet_is_compressed(
    server: WireServer, scan: Path, tmp_path: Path, how: str
) -> None:
    client = EisenServingClient(server.url, check=False, compression=how)
    client.predict_file(scan, tmp_path / "mask.nii.gz")
    assert "Content-Encoding" not in server.seen[-1][0]
    plain = tmp_path / "scan.nii"
    plain.write_bytes(bytes(10_000_000))
    client.predict_file(plain, tmp_path / "mask.nii")
    headers, body, sent = server.seen[-1]
    assert (headers["Content-Encoding"], body) == (how, plain.read_bytes())
    assert sent < 100_000
    assert headers["Accept-Encoding"] == "identity", "what goes to disk is not compressed twice"


def test_nothing_half_written_stays(scan: Path, tmp_path: Path) -> None:
    target = tmp_path / "mask.nii.gz"
    target.write_bytes(b"the old one")
    cut = says("200 OK", MASK, "Content-Type: application/gzip", length=len(MASK) + 1)
    with misbehaving(cut) as server, pytest.raises(UnansweredError, match=r"it broke off after 0.2 MiB"):
        EisenServingClient(server.url, check=False).predict_file(scan, target)
    empty = says("200 OK", b"", "Content-Type: application/gzip")
    with misbehaving(empty) as server, pytest.raises(ServingError, match="answered with nothing"):
        EisenServingClient(server.url, check=False).predict_file(scan, target)
    assert target.read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mask.nii.gz", "p.1.nii.gz"]


@pytest.mark.parametrize("kind", ["application/json", "text/html; charset=utf-8"])
def test_something_else_is_not_written_under_the_name_of_a_mask(scan: Path, tmp_path: Path, kind: str) -> None:
    with misbehaving(says("200 OK", b"{}", f"Content-Type: {kind}")) as server:
        client = EisenServingClient(server.url, check=False)
        with pytest.raises(ServingError, match="nothing was written"):
            client.predict_file(scan, tmp_path / "mask.nii.gz")
        if "html" in kind:
            with pytest.raises(ServingError, match="not with"):
                client.predict_file(scan)
    assert not (tmp_path / "mask.nii.gz").exists()


def test_a_format_the_server_does_not_have(client: EisenServingClient, scan: Path) -> None:
    with pytest.raises(RefusedError, match="there is no application/pdf") as caught:
        client.predict_file(scan, accept="application/pdf")
    assert caught.value.status == 406
    with pytest.raises(ArgumentError, match="there is no format 'nifti'"):
        client.predict_file(scan, accept="nifti")


def test_a_file_that_becomes_shorter_while_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii"
    path.write_bytes(bytes(1_000_000))
    body = file_body(path)
    os.truncate(path, 10)
    with pytest.raises(CorruptFileError, match="became shorter while it was sent"):
        list(Sending(body))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_large_volume_is_never_in_memory(server: WireServer, tmp_path: Path) -> None:
    """A client with a few dozen MiB to spare sends 300 MiB, and writes as many."""
    with (tmp_path / "scan.npy").open("wb") as file:
        file.truncate(300 * 2**20)
    program = f"""
from eisen_deploy.client import EisenServingClient
client = EisenServingClient({server.url!r})
client.predict_file({str(tmp_path / "scan.npy")!r}, {str(tmp_path / "out.npy")!r})
lines = open("/proc/self/status").read().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100)
    assert (tmp_path / "out.npy").stat().st_size == 300 * 2**20
    assert int(done.stdout) < 100 * 1024, "KiB at most; the file alone would be 307 200"


def test_asking_loads_neither_torch_nor_the_server() -> None:
    program = """
import sys
from eisen_deploy.client import EisenServingClient
assert "requests" not in sys.modules
EisenServingClient("http://127.0.0.1:1/predictions/x", check=False)
assert not {"torch", "starlette", "numpy", "cryptography"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_json_of_something_else(scan: Path, client: EisenServingClient) -> None:
    answer = client.predict_file(scan)
    with pytest.raises(ServingError, match="not JSON"):
        answer.json()
    with pytest.raises(ServingError, match=r"not \.npy"):
        answer.array()
