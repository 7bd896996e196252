"""The core of a worker: whatever comes, as many answers as requests."""

from __future__ import annotations

import gzip
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, CorruptFileError, ShapeError, StepError
from eisen_deploy.packaging import EisenServingMAR, create_metadata
from eisen_deploy.serving import Answer, Refusal, Request, Service
from eisen_deploy.serving.faults import without_folders
from eisen_deploy.utils import pack, unpack
from tests.deploy.packages import plain_step, scaled_archive, unpacked

IMAGE = np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2)
BODY = pack({"image": IMAGE, "note": "0815"})


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    root = tmp_path_factory.mktemp("scaled")
    return Service.open(unpacked(scaled_archive(root), root / "unpacked"))


class Raising:
    def __init__(self, error: Exception) -> None:
        self.error, self.metadata = error, {"inputs": [], "outputs": []}

    def answer_one(self, request: Request) -> Answer:
        raise self.error


def one(service: Service, *args: Any, **kwargs: Any) -> Answer:
    [answer] = service.answer([Request(*args, **kwargs)])
    return answer


def test_as_many_answers_as_requests(service: Service) -> None:
    assert service.answer([]) == []
    answers = service.answer([Request(BODY), Request(b"\xc1"), Request(), Request(BODY)])
    assert [answer.status for answer in answers] == [200, 400, 200, 200]
    assert answers[0].body == answers[3].body
    assert json.loads(answers[2].body) == service.metadata


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bodies_of_every_kind(kind: Any, service: Service) -> None:
    assert np.array_equal(unpack(one(service, kind(BODY)).body)["image"], IMAGE * 2)


@given(
    body=st.binary(max_size=80) | st.binary(max_size=20).map(lambda noise: BODY[:100] + noise + BODY[120:]),
    kind=st.sampled_from(
        ["", "application/json", "application/msgpack", "multipart/form-data", "text/plain", "image/png", "\x00"]
    ),
    coding=st.sampled_from(["", "gzip", "zstd", "br", "identity", "gzip, zstd"]),
    accept=st.sampled_from(["", "application/json", "*/*", "a/b"]),
)
def test_noise_gets_an_answer(body: bytes, kind: str, coding: str, accept: str, service: Service) -> None:
    headers = {"content-type": kind, "content-encoding": coding, "accept": accept}
    answer = one(service, body, headers)
    assert answer.status in (200, 400, 406, 413, 415)
    if answer.status != 200:
        assert json.loads(answer.body)["code"] == answer.status


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "zstd", "identity", " GZIP "])
def test_compressed_bodies(coding: str, service: Service) -> None:
    packed = {"gzip": gzip.compress(BODY), "zstd": zstandard.compress(BODY), "identity": BODY}
    body = packed[coding.strip().lower().removeprefix("x-")]
    assert unpack(one(service, body, {"content-encoding": coding}).body)["note"] == "0815"


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_bomb_is_refused_before_it_fills_the_memory(coding: str, service: Service) -> None:
    zeros = bytes(50_000_000)
    bomb = gzip.compress(zeros) if coding == "gzip" else zstandard.compress(zeros)
    [answer] = Service(service.backend, max_bytes=1_000_000).answer([Request(bomb, {"content-encoding": coding})])
    assert (answer.status, json.loads(answer.body)["type"]) == (413, "TooLarge")


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_cut_off_and_damaged_streams_are_refused(coding: str, service: Service) -> None:
    whole = gzip.compress(BODY) if coding == "gzip" else zstandard.compress(BODY)
    for body in (whole[:-1], whole[:20], whole + b"junk", b"junk", whole[:15] + bytes(3) + whole[18:]):
        assert one(service, body, {"content-encoding": coding}).status == 400


def test_answers_are_compressed_only_where_one_coding_is_asked_for(service: Service) -> None:
    body = pack({"image": np.zeros((4, 1, 32, 32)), "note": ""})
    plain = one(service, body).body
    assert one(service, body, {"accept-encoding": "gzip, deflate, br, zstd"}).body == plain
    for coding, undo in (("gzip", gzip.decompress), ("zstd", zstandard.decompress)):
        answer = one(service, body, {"accept-encoding": coding})
        assert answer.headers["Content-Encoding"] == coding
        assert undo(answer.body) == plain
        assert answer.body == one(service, body, {"accept-encoding": coding}).body


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Refusal("no", 418, "Teapot"), 418, "Teapot"),
        (ShapeError("the image is flat", field="image", file="/srv/a/b.nii"), 422, "ShapeError"),
        (StepError("step 1 failed: /srv/models/x"), 500, "ServerFault"),
        (ArgumentError("mistake"), 500, "ServerFault"),
        (RuntimeError("/srv/models/x"), 500, "ServerFault"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 507, "OutOfMemory"),
        (torch.OutOfMemoryError("CUDA out of memory"), 507, "OutOfMemory"),
        (MemoryError(), 507, "OutOfMemory"),
        (RecursionError(), 500, "ServerFault"),
        (KeyError("image"), 500, "ServerFault"),
    ],
)
def test_errors_become_answers_that_tell_no_secrets(error: Exception, status: int, kind: str) -> None:
    answer = one(Service(Raising(error)), b"x")
    value = json.loads(answer.body)
    assert (answer.status, value["code"], value["type"]) == (status, status, kind)
    assert b"/srv" not in answer.body
    assert b"Traceback" not in answer.body


def test_a_fault_has_a_number_that_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answer = one(Service(Raising(RuntimeError("the disk of /srv/models is full"))), b"x")
    number = json.loads(answer.body)["fault"]
    assert number in caplog.text
    assert "the disk of /srv/models is full" in caplog.text


def test_paths_are_told_by_their_last_part() -> None:
    assert without_folders("/srv/a/b.nii cannot be read") == "b.nii cannot be read"
    assert without_folders(r"C:\data\b.nii is 1/2 of '/x/y/z'") == "b.nii is 1/2 of 'z'"
    assert without_folders("axes 1/2, see a/b") == "axes 1/2, see a/b"


def test_one_array_alone_is_enough_for_one_input(tmp_path: Path) -> None:
    metadata = create_metadata(["x"], ["ndarray:int64"], [[-1]], ["y"], ["ndarray"], [[-1, 4]])
    EisenServingMAR(plain_step, plain_step, metadata).pack(torch.nn.Embedding(3, 4), tmp_path, "words", "1")
    service = Service.open(unpacked(tmp_path / "words.mar", tmp_path / "unpacked"))
    np.save(tmp_path / "x.npy", np.array([0, 2], np.int32))
    answer = one(service, (tmp_path / "x.npy").read_bytes())
    assert unpack(answer.body)["y"].shape == (2, 4), "an index stays a whole number where one is declared"
    np.save(tmp_path / "x.npy", np.array([0.0, 2.0]))
    answer = one(service, (tmp_path / "x.npy").read_bytes())
    assert json.loads(answer.body) == {
        "code": 400,
        "type": "WrongField",
        "message": "the field 'x' is not what the model takes",
        "field": "x",
        "expected": "ndarray int64 of shape [-1]",
        "got": "ndarray float64 of shape [2]",
    }
    np.save(tmp_path / "x.npy", np.array([{}]), allow_pickle=True)
    assert one(service, (tmp_path / "x.npy").read_bytes()).status == HTTPStatus.BAD_REQUEST
    assert one(service, b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 400).status == HTTPStatus.BAD_REQUEST


def test_several_inputs_need_names(service: Service, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGE)
    answer = one(service, (tmp_path / "x.npy").read_bytes())
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert "image, note" in json.loads(answer.body)["expected"]


def test_numbers_that_json_does_not_know_are_not_acceptable(service: Service) -> None:
    body = pack({"image": np.full((1, 1, 1, 1), np.inf), "note": ""})
    assert one(service, body, {"accept": "application/json"}).status == HTTPStatus.NOT_ACCEPTABLE


def test_a_package_whose_outputs_do_not_come_is_a_fault_of_the_server(tmp_path: Path) -> None:
    metadata = create_metadata(["x"], ["ndarray"], [[-1]], ["y", "z"], ["ndarray"] * 2, [[-1]] * 2, ["x"], ["y"])
    EisenServingMAR(plain_step, plain_step, metadata).pack(torch.nn.ReLU(), tmp_path, "a", "1")
    answer = one(Service.open(unpacked(tmp_path / "a.mar", tmp_path / "unpacked")), pack({"x": np.ones(2)}))
    value = json.loads(answer.body)
    assert (value["code"], value["type"], value["field"]) == (500, "MissingOutput", "z")


def test_a_package_with_another_handler_is_not_served_without_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def handle(data, context): return data")
    mar = EisenServingMAR(plain_step, plain_step, {"inputs": [], "outputs": []}, handler=tmp_path / "mine.py")
    mar.pack(torch.nn.ReLU(), tmp_path, "a", "1")
    with pytest.raises(ArgumentError, match=r"mine\.py"):
        Service.open(unpacked(tmp_path / "a.mar", tmp_path / "unpacked"))


def test_a_file_that_was_not_packed_is_found(tmp_path: Path) -> None:
    folder = unpacked(scaled_archive(tmp_path), tmp_path / "unpacked")
    (folder / "torch.py").write_text("raise SystemExit")
    with pytest.raises(CorruptFileError, match=r"torch\.py"):
        Service.open(folder)
    Service.open(folder, allow_more=True).close()
