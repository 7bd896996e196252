"""Whatever a request brings: it is refused with a reason, nothing is left behind, and nothing of the server is told."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from eisen._core.errors import ArgumentError, CorruptFileError
from eisen_deploy.packaging.layout import GoldenCase, ModelInput
from eisen_deploy.serving.messages import Refusal, Request
from eisen_deploy.serving.volumes import Limits, PackageBackend
from eisen_deploy.utils import pack
from tests.deploy.safe_packages import PLAIN, config_of, model_entry, oblique, phantom, safe_folder, step
from tests.deploy.volume_requests import dicom, itk, nifti, npy, request_of, zipped

GOOD = nifti(phantom(), oblique())
EYE = json.dumps(np.eye(4).tolist())


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    with PackageBackend(safe_folder(tmp_path_factory.mktemp("package"))) as opened:
        opened.limits = Limits(unpacked=3_000_000, members=50)
        yield opened


def refused(backend, request):
    """Return what a request is refused with; nothing of it stays on the disk, nothing of the server is told."""
    with pytest.raises(Refusal) as caught:
        backend.answer_one(request)
    text = caught.value.answer().body.decode()
    assert str(backend.model.scratch) not in text
    assert str(backend.folder) not in text
    assert "/tmp" not in text
    assert not list(backend.model.scratch.iterdir())
    return caught.value


def patched(offset, form, *values):
    changed = bytearray(GOOD)
    struct.pack_into(form, changed, offset, *values)
    return bytes(changed)


BOMB = gzip.compress(bytes(50_000_000), 9)
NRRD = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\nendian: little\n{}\n\n"
META = "ObjectType = Image\nNDims = 3\nBinaryData = True\nDimSize = 2 2 2\nElementType = MET_SHORT\n{}"
BODIES = {
    "noise": (b"\x07 what is this", 415, "UnknownFormat"),
    "text": (b"hello", 415, "UnknownFormat"),
    "json": (b'{"image": [1]}', 415, "UnknownFormat"),
    "html": (b"<html></html>", 415, "UnknownFormat"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), 415, "UnknownFormat"),
    "analyze header": (GOOD[:344] + b"ni1\0", 415, "UnknownFormat"),
    "analyze 7.5": (GOOD[:344] + bytes(4), 415, "UnknownFormat"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), 422, "Damaged"),
    "truncated": (GOOD[:-1], 422, "Damaged"),
    "header alone": (GOOD[:352], 422, "Damaged"),
    "half a header": (GOOD[:200], 415, "UnknownFormat"),
    "truncated gzip": (gzip.compress(GOOD)[:-9], 422, "Damaged"),
    "gzip of half": (gzip.compress(GOOD[:1000]), 422, "Damaged"),
    "wrong checksum": (gzip.compress(GOOD)[:-8] + b"\0\0\0\0" + gzip.compress(GOOD)[-4:], 422, "Damaged"),
    "gzip in gzip": (gzip.compress(gzip.compress(GOOD)), 415, "UnknownFormat"),
    "gzip bomb": (BOMB, 413, "TooLarge"),
    "huge shape": (patched(40, "<4h", 3, 32000, 32000, 32000), 413, "TooLarge"),
    "zero axis": (patched(40, "<4h", 3, 17, 0, 11), 422, "EmptyVolume"),
    "negative axis": (patched(40, "<4h", 3, 17, -5, 11), 422, "EmptyVolume"),
    "eight axes": (patched(40, "<h", 8), 422, "Damaged"),
    "no axes": (patched(40, "<h", 0), 422, "EmptyVolume"),
    "unknown type": (patched(70, "<h", 999), 422, "Damaged"),
    "complex": (nifti(phantom().astype(np.complex64), oblique()), 422, "WrongType"),
    "far offset": (patched(108, "<f", 1e9), 422, "Damaged"),
    "negative offset": (patched(108, "<f", -1e9), 422, "Damaged"),
    "4-D": (nifti(np.zeros((5, 4, 3, 2), "int16"), oblique()), 422, "WrongShape"),
    "flat affine": (patched(312, "<4f", 0, 0, 0, 0), 422, "BadAffine"),
    "nan affine": (patched(280, "<f", np.nan), 422, "BadAffine"),
    "nan voxels": (nifti(np.full((4, 4, 4), np.nan, "float32"), oblique()), 422, "VoxelValueError"),
    "nrrd elsewhere": (NRRD.format("data file: /etc/passwd").encode(), 422, "Damaged"),
    "nrrd elsewhere, other word": (NRRD.format("DataFile: /etc/passwd").encode(), 422, "Damaged"),
    "nrrd list": (NRRD.format("data file: LIST").encode() + b"/etc/passwd\n", 422, "Damaged"),
    "nrrd truncated": (NRRD.format("kinds: domain domain domain").encode() + bytes(15), 422, "Damaged"),
    "nrrd twice": (NRRD.format("sizes: 9 9 9").encode() + bytes(16), 422, "Damaged"),
    "nrrd huge": (NRRD.replace("2 2 2", "9999 9999 9999").format("#").encode() + bytes(16), 413, "TooLarge"),
    "nrrd of blocks": (NRRD.replace("short", "block").format("#").encode() + bytes(16), 422, "Damaged"),
    "nrrd without end": (b"NRRD0004\ntype: short\n", 422, "Damaged"),
    "nrrd skip": (NRRD.format("byte skip: -1").encode() + bytes(16), 422, "Damaged"),
    "nrrd cut gzip": (NRRD.replace("raw", "gzip").format("#").encode() + gzip.compress(bytes(16))[:8], 422, None),
    "mha elsewhere": (META.format("ElementDataFile = /etc/passwd\n").encode(), 422, "Damaged"),
    "mha list": (META.format("ElementDataFile = LIST\n/etc/passwd\n").encode(), 422, "Damaged"),
    "mha pattern": (META.format("ElementDataFile = s%03d.raw 1 2 1\n").encode(), 422, "Damaged"),
    "mha truncated": (META.format("ElementDataFile = LOCAL\n").encode() + bytes(15), 422, "Damaged"),
    "mha huge": (META.replace("2 2 2", "99999 9999 9").format("ElementDataFile = LOCAL\n").encode(), 413, "TooLarge"),
    "mha skip": (META.format("HeaderSize = 9\nElementDataFile = LOCAL\n").encode() + bytes(16), 422, "Damaged"),
    "zip of nothing": (b"PK\x05\x06" + bytes(18), 422, "Damaged"),
    "cut zip": (b"PK\x03\x04" + bytes(40), 422, "Damaged"),
    "npy without affine": (npy(phantom()), 400, "MissingAffine"),
    "msgpack without affine": (pack({"image": phantom()}), 400, "MissingAffine"),
    "msgpack without image": (pack({"scan": phantom()}), 400, "MissingField"),
    "msgpack of text": (pack({"image": "scan.nii"}), 400, "WrongType"),
    "msgpack of lists": (pack({"image": [[[1]]], "image_affine": np.eye(4)}), 400, "WrongType"),
    "msgpack, flat affine": (pack({"image": phantom(), "image_affine": np.zeros((4, 4))}), 422, "BadAffine"),
    "msgpack, small affine": (pack({"image": phantom(), "image_affine": np.eye(3)}), 422, "BadAffine"),
    "msgpack, two axes": (pack({"image": np.zeros((4, 4)), "image_affine": np.eye(4)}), 422, "WrongShape"),
    "msgpack, four axes": (pack({"image": np.zeros((2, 4, 4, 4)), "image_affine": np.eye(4)}), 422, "WrongShape"),
    "msgpack, no voxels": (pack({"image": np.zeros((4, 0, 4)), "image_affine": np.eye(4)}), 422, "EmptyVolume"),
    "msgpack, infinite": (
        pack({"image": np.full((4, 4, 4), np.inf), "image_affine": np.eye(4)}),
        422,
        "VoxelValueError",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_bad_bodies_are_refused_with_a_reason(backend, name):
    body, status, kind = BODIES[name]
    refusal = refused(backend, Request(body))
    assert refusal.status == status, refusal.what
    assert kind in (None, refusal.kind), refusal.what
    assert refusal.facts.get("field"), refusal.what


def test_damage_is_found_every_time_although_files_have_the_same_names(backend):
    for _ in range(3):
        assert refused(backend, Request(BODIES["nan voxels"][0])).kind == "VoxelValueError"
        assert backend.answer_one(Request(GOOD)).status == 200


def test_a_bomb_takes_no_memory(backend):
    tracemalloc.start()
    try:
        refused(backend, Request(BOMB))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def answered(backend, request):
    """Return the status of an answer; errors that are no refusals fail the test."""
    try:
        return backend.answer_one(request).status
    except Refusal as refusal:
        return refusal.status


def test_noise_and_cuts_at_every_byte_never_raise_anything_else(backend, tmp_path):
    rng = np.random.default_rng(0)
    volume, affine = phantom((4, 3, 2)), oblique()
    bodies = [
        request_of(kind, volume, affine, tmp_path) for kind in ("nii", "nii.gz", "nrrd", "mha.z", "npy", "msgpack")
    ]
    for request in bodies:
        for cut in range(0, len(request.body), max(1, len(request.body) // 25)):
            damaged = bytearray(request.body[: cut or 1])
            refused(backend, Request(bytes(damaged), request.headers))
        for _ in range(30):
            noisy = bytearray(request.body)
            noisy[int(rng.integers(0, min(len(noisy), 360)))] = int(rng.integers(0, 256))
            assert answered(backend, Request(bytes(noisy), request.headers)) < 500


def archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return file.getvalue()


def linked():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        info = zipfile.ZipInfo("image.dcm")
        info.external_attr = 0o120777 << 16
        target.writestr(info, "/etc/passwd")
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (archive(**{"../../evil.dcm": b"x"}), 422, "../../evil.dcm"),
        (archive(**{"/etc/evil.dcm": b"x"}), 422, "/etc/evil.dcm"),
        (archive(**{"..\\evil.dcm": b"x"}), 422, "evil.dcm"),
        (archive(**{"C:/evil.dcm": b"x"}), 422, "evil.dcm"),
        (archive(**{"notes.txt": b"no scan"}), 422, "no DICOM file"),
        (archive(**{str(i): b"" for i in range(60)}), 413, "too many members"),
        (archive(big=bytes(9_000_000)), 413, "too large"),
        (linked(), 422, "link"),
    ],
)
def test_hostile_zips_are_refused(backend, body, status, told):
    refusal = refused(backend, Request(body))
    assert refusal.status == status
    assert told in refusal.what


def test_a_zip_that_lies_about_the_size_of_a_member_is_refused(backend):
    body = bytearray(archive(a=b"\0" * 128 + b"DICM" + bytes(5_000_000)))
    place = body.rfind(b"PK\x01\x02")
    struct.pack_into("<I", body, place + 24, 1000)
    struct.pack_into("<I", body, 22, 1000)
    assert refused(backend, Request(bytes(body))).status in (413, 422)


def test_an_encrypted_zip_is_refused(backend):
    body = bytearray(archive(a=b"\0" * 128 + b"DICM"))
    place = body.rfind(b"PK\x01\x02")
    body[place + 8] |= 1
    assert "encrypted" in refused(backend, Request(bytes(body))).what


def test_two_series_in_a_zip_are_told_apart(backend, tmp_path):
    one, other = dicom(phantom((5, 4, 6)), oblique(), tmp_path / "a"), dicom(phantom(), np.eye(4), tmp_path / "b")
    refusal = refused(backend, Request(zipped([*one, *other])))
    assert refusal.kind == "GeometryError"
    assert "not one volume but 2" in refusal.what


def test_a_damaged_series_is_refused(backend, tmp_path):
    files = dicom(phantom((5, 4, 6)), oblique(), tmp_path / "a")
    files[3].write_bytes(files[3].read_bytes()[:-20])
    assert refused(backend, Request(zipped(files))).status == 422
    files[3].unlink()
    assert "gap" in refused(backend, Request(zipped([f for f in files if f.exists()]))).what


def test_curl_with_data_binary_is_told_what_to_do(backend):
    headers = {"content-type": "application/x-www-form-urlencoded", "content-length": "5000"}
    for request in (Request(GOOD, headers), Request(b"", headers, {})):
        refusal = refused(backend, request)
        assert refusal.status == 415
        assert "curl -T" in refusal.facts["to_do"]
    assert backend.answer_one(Request(b"", {**headers, "content-length": "0"})).status == 200


@pytest.mark.parametrize(
    "text", ["[1, 2", "5", "[[1, 2], [3, 4]]", '"x"', "[[1,0,0,0],[0,1,0,0],[0,0,NaN,0],[0,0,0,1]]"]
)
def test_affines_that_are_none_name_the_header(backend, text):
    refusal = refused(backend, Request(npy(phantom()), {"x-eisen-affine": text}))
    assert refusal.facts["field"] == "X-Eisen-Affine"
    assert refusal.status in (400, 422)


@pytest.mark.parametrize("array", [np.array([None]), np.zeros(3, "M8[s]"), np.zeros((2, 2, 2), "c8"), np.array(["x"])])
def test_arrays_of_no_numbers_are_refused(backend, array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    assert refused(backend, Request(file.getvalue(), {"x-eisen-affine": EYE})).status == 422


def test_the_chain_says_which_step_failed(tmp_path):
    with PackageBackend(safe_folder(tmp_path, config_of([PLAIN[0], PLAIN[0], PLAIN[1]]))) as backend:
        refusal = refused(backend, Request(GOOD))
    assert refusal.status == 422
    assert refusal.facts["step"] == "step 4 of 6: NiftiToNumpy"
    assert refusal.facts["field"] == "image"
    assert refusal.facts["expected"]


def test_images_that_the_network_cannot_compute_are_refused(tmp_path):
    steps = [step("NiftiToNumpy"), step("AddChannelDimension"), step("RepeatTensor", reps=[2, 1, 1, 1])]
    config = config_of(steps, model=model_entry(1))
    with PackageBackend(safe_folder(tmp_path, config)) as backend:
        refusal = refused(backend, Request(GOOD))
    assert refusal.kind in ("ModelError", "ShapeError")
    assert refusal.status == 422


def test_a_limit_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("EISEN_MAX_UNPACKED", "2KB")
    with PackageBackend(safe_folder(tmp_path)) as backend:
        assert refused(backend, Request(GOOD)).facts["expected"] == "at most 2 KB"


def test_damaged_packages_do_not_open(tmp_path):
    folder = safe_folder(tmp_path / "a", outputs=["image"])
    with pytest.raises(CorruptFileError, match="declares the outputs image"):
        PackageBackend(folder)
    (folder / "metadata.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(CorruptFileError, match="metadata"):
        PackageBackend(folder, scratch=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_golden_cases_that_drift_stop_a_server(tmp_path):
    np.save(tmp_path / "in.npy", phantom())
    with PackageBackend(safe_folder(tmp_path / "p")) as backend:
        labels = backend.model.predict_arrays({"image": phantom()}, {"image": oblique()}).verdict.labels()
    case = GoldenCase({"image": "in.npy"}, "out.npy", 0.01, {"image": oblique().tolist()})
    folder = safe_folder(tmp_path / "p", golden=[case])
    np.save(folder / "in.npy", phantom())
    np.save(folder / "out.npy", labels)
    PackageBackend(folder).close()
    np.save(folder / "out.npy", (labels + 1) % 3)
    with pytest.raises(Exception, match="drifted"):
        PackageBackend(folder)


def test_a_gate_that_is_none_is_an_error_at_load(tmp_path, monkeypatch):
    monkeypatch.setenv("EISEN_GATE", "open")
    with pytest.raises(ArgumentError, match="gate"):
        PackageBackend(safe_folder(tmp_path))


def test_names_of_fields_are_not_names_of_files(tmp_path):
    config = config_of([{**s, "params": {**s["params"], "fields": ["../../x"]}} for s in PLAIN])
    config["Prediction"]["Readers"][0]["params"]["fields"] = ["../../x"]
    config["General"]["Models"][0]["params"]["input_names"] = ["../../x"]
    with PackageBackend(safe_folder(tmp_path / "p", config, inputs=[ModelInput("../../x")])) as backend:
        assert backend.answer_one(Request(GOOD)).status == 200
        assert not list(backend.model.scratch.iterdir())


def test_metaimage_and_nrrd_of_other_programs_keep_their_place(backend, tmp_path):
    body = itk(phantom(), oblique(), "nrrd", tmp_path).replace(b"\n", b"\r\n", 12)
    start, _, rest = itk(phantom(), oblique(), "nrrd", tmp_path).partition(b"\n\n")
    body = start.replace(b"\n", b"\r\n") + b"\r\n# made by hand\r\nmy key:=its value\r\n\r\n" + rest
    expected = backend.answer_one(Request(itk(phantom(), oblique(), "nrrd", tmp_path))).body
    assert backend.answer_one(Request(body)).body == expected
    meta = itk(phantom(), oblique(), "mha", tmp_path)
    expected = backend.answer_one(Request(meta)).body
    assert backend.answer_one(Request(meta.replace(b"NDims", b"Comment = x\nNDims", 1))).body == expected
