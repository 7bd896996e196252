"""What comes back: the format that is accepted, the voxels in their place, and the same bytes for the same request."""

from __future__ import annotations

import gzip
import io
import json
import logging

import nibabel
import numpy as np
import pytest
from PIL import Image

from eisen.io import read_dicom_seg, read_dicom_series
from eisen_deploy.packaging.layout import Label, ModelInput
from eisen_deploy.serving.messages import Refusal, Request
from eisen_deploy.serving.volumes import PackageBackend
from eisen_deploy.serving.volumes.accepting import negotiated
from eisen_deploy.serving.volumes.progress import Progress
from eisen_deploy.utils import pack, unpack
from tests.deploy.safe_packages import BUSY, WINDOW, config_of, model_entry, oblique, phantom, safe_folder, step
from tests.deploy.volume_requests import itk, nifti, npy, request_of, voxels

GOOD = nifti(phantom(), oblique())
FLAT = {"kind": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 2, "kernel_size": 3, "padding": 1}
PIL = [step("eisen.io.LoadPILImageFromFilename")]
DICOM = [{"type": "eisen.io.LoadDICOMSeries", "params": {"fields": ["image"]}}]


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    with PackageBackend(safe_folder(tmp_path_factory.mktemp("package"), config_of(BUSY, hyper=[WINDOW]))) as opened:
        yield opened


def asked(backend, body, accept="", fields=None, **headers):
    return backend.answer_one(Request(body, {"accept": accept, **headers}, fields))


def test_an_empty_request_gets_the_metadata(backend):
    assert json.loads(asked(backend, b"").body) == backend.metadata


@pytest.mark.parametrize("kind", ["nii", "nii.gz", "nrrd", "mha", "dicom", "npy", "msgpack"])
def test_answers_have_the_format_of_the_request_and_are_the_same_bytes_again(backend, tmp_path, kind):
    request = request_of(kind, phantom(), oblique(), tmp_path)
    answer = backend.answer_one(request)
    expected = {
        "nii": "application/x-nifti",
        "nii.gz": "application/gzip",
        "nrrd": "application/x-nrrd",
        "mha": "application/x-metaimage",
        "dicom": "application/gzip",
        "npy": "application/x-npy",
        "msgpack": "application/msgpack",
    }
    assert answer.content_type == expected[kind]
    assert backend.answer_one(request) == answer


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/gzip"),
        ("*/*", "application/gzip"),
        ("application/octet-stream", "application/gzip"),
        ("application/*", "application/gzip"),
        ("application/x-nifti", "application/x-nifti"),
        ("application/x-nifti+gzip", "application/gzip"),
        ("Application/X-NRRD", "application/x-nrrd"),
        ("application/json;q=0.2, application/x-metaimage;q=0.9", "application/x-metaimage"),
        ("application/json, */*;q=0.1", "application/json"),
        ("text/html, application/x-npy;q=0.3, */*;q=0.1", "application/x-npy"),
        ("*/*, application/gzip;q=0", "application/x-nifti"),
        ("application/x-msgpack", "application/msgpack"),
    ],
)
def test_accept_decides(backend, accept, expected):
    assert asked(backend, gzip.compress(GOOD), accept).content_type == expected


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/png",
        "application/dicom",
        "application/json;content=probabilities",
        "*/*;content=colours",
        "application/gzip;q=0",
        "application/gzip;q=high",
    ],
)
def test_what_cannot_be_answered_is_406_with_a_list(backend, accept):
    with pytest.raises(Refusal) as caught:
        asked(backend, GOOD, accept)
    assert caught.value.status == 406
    assert "application/x-nrrd" in caught.value.facts["expected"]


def test_a_summary_tells_volumes_without_voxels(backend):
    array = np.asarray(nibabel.Nifti1Image.from_bytes(asked(backend, GOOD).body).dataobj)
    found = json.loads(asked(backend, GOOD, "application/json").body)
    assert found["kind"] == "labels"
    assert [row["name"] for row in found["labels"]] == ["anterior", "posterior"]
    for row in found["labels"]:
        assert row["voxels"] == int((array == row["value"]).sum())
        assert row["volume_ml"] == pytest.approx(row["voxels"] * 0.9 * 1.3 * 2.5 / 1000, rel=1e-5)
    assert found["shape"] == [17, 13, 11]
    assert found["warnings"] == []
    assert set(found) >= {"entropy", "spacing_mm", "affine"}


def test_a_message_has_exactly_the_declared_outputs(tmp_path, backend):
    message = pack({"image": phantom(), "image_affine": oblique(), "unknown": 1})
    assert set(unpack(asked(backend, message).body)) == {"labels", "warnings"}
    outputs = ["labels", "probabilities", "classes"]
    with PackageBackend(safe_folder(tmp_path, config_of(BUSY), outputs=outputs)) as other:
        found = unpack(asked(other, message).body)
        assert set(found) == {*outputs, "warnings"}
        assert found["probabilities"].shape == (3, 17, 13, 11)
        assert found["classes"] == ["background", "anterior", "posterior"]
        assert found["labels"].shape == (17, 13, 11)


def test_a_message_with_a_file_and_affines_as_lists(backend):
    expected = unpack(asked(backend, pack({"image": phantom(), "image_affine": oblique()})).body)["labels"]
    as_lists = pack({"image": phantom(), "image_affine": oblique().tolist()})
    assert np.array_equal(unpack(asked(backend, as_lists).body)["labels"], expected)
    answer = asked(backend, pack({"image": GOOD}), "application/msgpack")
    assert np.array_equal(unpack(answer.body)["labels"], expected)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A package that looks at two volumes."""
    fields = ["t1", "t2"]
    steps = [
        {"type": f"eisen.transforms.{name}", "params": {"fields": fields, **more}}
        for name, more in (("NiftiToNumpy", {}), ("StackImagesChannelwise", {"dst_field": "image"}))
    ]
    config = config_of(
        steps, [{"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": fields}}], model_entry(2)
    )
    inputs = [ModelInput(field) for field in fields]
    with PackageBackend(safe_folder(tmp_path_factory.mktemp("pair"), config, inputs=inputs)) as opened:
        yield opened


def test_a_form_has_a_part_for_every_image(pair, tmp_path):
    other = phantom(seed=1)
    answer = asked(pair, b"", fields={"t1": bytearray(GOOD), "t2": nifti(other, oblique()), "note": "x"})
    assert answer.content_type == "application/x-nifti"
    mixed = {"t1": gzip.compress(GOOD), "t2": itk(other, oblique(), "nrrd", tmp_path)}
    found = asked(pair, b"", "application/x-nifti", fields=mixed)
    assert found.body == answer.body
    arrays = {"t1": npy(phantom()), "t2": npy(other)}
    affines = {"t1_affine": json.dumps(oblique().tolist()).encode(), "t2_affine": json.dumps(oblique().tolist())}
    assert asked(pair, b"", "application/x-nifti", fields=arrays | affines).body == answer.body
    header = json.dumps({"t1": oblique().tolist(), "t2": oblique().tolist()})
    assert asked(pair, b"", "application/x-nifti", fields=arrays, **{"x-eisen-affine": header}).body == answer.body


def test_a_form_that_lacks_an_image_is_refused(pair):
    with pytest.raises(Refusal, match="no 't2'"):
        asked(pair, b"", fields={"t1": GOOD})
    with pytest.raises(Refusal, match="no file"):
        asked(pair, b"", fields={"t1": GOOD, "t2": "scan.nii"})
    with pytest.raises(Refusal, match="2 images together") as caught:
        asked(pair, GOOD)
    assert "-F t1=@t1.nii.gz -F t2=@t2.nii.gz" in caught.value.facts["to_do"]


def test_images_on_different_grids_are_refused(pair):
    with pytest.raises(Refusal) as caught:
        asked(pair, b"", fields={"t1": GOOD, "t2": nifti(phantom((9, 8, 7)), oblique())})
    assert caught.value.status == 422


def test_a_dicom_segmentation_belongs_to_the_series_that_was_sent(tmp_path):
    names = [Label(1, "Liver", "#ff0000"), Label(2, "Tumor", "#00ff00"), Label(7, "Spleen", "#0000ff")]
    folder = safe_folder(
        tmp_path / "p", config_of(BUSY, DICOM), inputs=[ModelInput("image", "dicom")], labels=names, channels=[0, 1, 7]
    )
    request = request_of("dicom", phantom(), oblique(), tmp_path)
    with PackageBackend(folder) as backend:
        labels, where = voxels(backend.answer_one(request).body, "application/gzip", tmp_path)
        wants = Request(request.body, {"accept": "application/dicom"})
        answer = backend.answer_one(wants)
        assert backend.answer_one(wants).body == answer.body
        assert not list(backend.model.scratch.iterdir())
    assert set(np.unique(labels)) == {0, 1, 7}
    assert answer.headers["Content-Disposition"].endswith('.dcm"')
    (tmp_path / "seg.dcm").write_bytes(answer.body)
    found = read_dicom_seg(tmp_path / "seg.dcm")
    assert found.names == {1: "Liver", 2: "Tumor", 3: "Spleen"}
    series = read_dicom_series(tmp_path / "series")
    assert np.abs(series.affine - where).max() < 1e-4
    import pydicom

    header = pydicom.dcmread(tmp_path / "seg.dcm")
    assert header.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.3.4"
    assert header.ContentDate == "20240229"
    assert header.file_meta.MediaStorageSOPInstanceUID == header.SOPInstanceUID


def png(array, suffix="PNG"):
    file = io.BytesIO()
    Image.fromarray(array).save(file, suffix)
    return file.getvalue()


def flat(tmp_path, given, *, readers=(), steps=None, kind="labels", **params):
    steps = steps or [step("PilToNumpy"), step("AddChannelDimension")]
    return safe_folder(tmp_path, config_of(steps, readers, model_entry(**(FLAT | params))), kind=kind, inputs=[given])


def test_pictures_in_pictures_out(tmp_path):
    picture = phantom((24, 19, 1)).clip(0, 255).astype("uint8")[..., 0]
    with PackageBackend(flat(tmp_path, ModelInput("image", "picture", 2, "", 2, 1), readers=PIL)) as backend:
        answer = asked(backend, png(picture))
        assert answer.content_type == "image/png"
        labels = np.asarray(Image.open(io.BytesIO(answer.body)))
        assert labels.shape == (24, 19)
        assert set(np.unique(labels)) == {0, 1}
        for body in (png(picture, "TIFF"), npy(picture), pack({"image": picture})):
            found = asked(backend, body, "application/x-npy")
            assert np.array_equal(np.load(io.BytesIO(found.body)), labels)
        likely = asked(backend, png(picture), "*/*;content=probabilities")
        assert np.load(io.BytesIO(likely.body)).shape == (24, 19, 2)
        assert json.loads(asked(backend, png(picture), "application/json").body)["shape"] == [24, 19]
        for body, kind in ((png(np.zeros((5, 5, 3), "uint8")), "WrongShape"), (GOOD, "WrongKind")):
            with pytest.raises(Refusal) as caught:
                asked(backend, body)
            assert caught.value.kind == kind


def test_pictures_for_a_data_set_of_arrays(tmp_path):
    picture = phantom((24, 19, 1)).clip(0, 255).astype("uint8")[..., 0]
    given = ModelInput("image", "array", 3, "float32", 2, 1)
    with PackageBackend(flat(tmp_path, given, steps=[step("ToTensor")])) as backend:
        labels = unpack(asked(backend, pack({"image": picture[None]})).body)["labels"]
        answer = asked(backend, png(picture))
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.body))), labels)
        with pytest.raises(Refusal) as caught:
            asked(backend, png(np.zeros((5, 5, 3), "uint8")))
        assert caught.value.status == 422


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_classes_and_values_are_json(tmp_path, kind):
    steps = [step("NiftiToNumpy"), step("AddChannelDimension")]
    model = model_entry(kind="torch.nn.Conv3d", in_channels=1, out_channels=3, kernel_size=[17, 13, 11])
    labels = [Label(0, "none", "#000000"), Label(1, "mild", "#ff0000"), Label(2, "severe", "#00ff00")]
    more = {"labels": labels} if kind == "classes" else {}
    with PackageBackend(safe_folder(tmp_path, config_of(steps, model=model), kind=kind, **more)) as backend:
        answer = asked(backend, GOOD)
        found = json.loads(answer.body)
        assert answer.content_type == "application/json"
        message = unpack(asked(backend, pack({"image": phantom(), "image_affine": oblique()})).body)
        if kind == "classes":
            assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)
            assert found["predicted"] == max(found["probabilities"], key=found["probabilities"].get)
            assert set(message) == {"probabilities", "classes", "warnings"}
            assert message["classes"] == list(found["probabilities"]) == ["none", "mild", "severe"]
            assert message["probabilities"] == pytest.approx(list(found["probabilities"].values()), rel=1e-4)
        else:
            assert message["values"] == pytest.approx(found["values"], rel=1e-4)
        with pytest.raises(Refusal):
            asked(backend, GOOD, "application/gzip")


def test_images_come_back_as_images(tmp_path):
    config = config_of(BUSY, model=model_entry(1, 1))
    with PackageBackend(safe_folder(tmp_path / "p", config, kind="image")) as backend:
        found, where = voxels(asked(backend, GOOD).body, "application/x-nifti", tmp_path)
        assert found.dtype == np.float32
        assert found.shape == (17, 13, 11)
        assert np.allclose(where, oblique(), atol=1e-5)
        message = unpack(asked(backend, pack({"image": phantom(), "image_affine": oblique()})).body)
        assert np.array_equal(message["image"], found)
        assert set(json.loads(asked(backend, GOOD, "application/json").body)["intensity"]) == {"min", "mean", "max"}
        with pytest.raises(Refusal):
            asked(backend, GOOD, "*/*;content=probabilities")


def test_volumes_with_channels_have_them_last_in_files_and_first_in_arrays(tmp_path):
    steps = [step("NiftiToNumpy", multichannel=True)]
    config = config_of(steps, model=model_entry(2))
    both = np.stack([phantom(), phantom(seed=1)])
    with PackageBackend(safe_folder(tmp_path, config)) as backend:
        message = pack({"image": both, "image_affine": oblique()})
        expected = unpack(asked(backend, message).body)["labels"]
        answer = asked(backend, nifti(np.moveaxis(both, 0, -1), oblique()), "application/x-npy")
        assert np.array_equal(np.load(io.BytesIO(answer.body)), expected)
        with pytest.raises(Refusal) as caught:
            asked(backend, GOOD)
        assert caught.value.kind == "WrongShape"
        assert "channels" in caught.value.facts["expected"]


def test_progress_is_told_about_once_per_tenth(backend, monkeypatch, caplog):
    lines, seconds = [], iter(range(0, 10**6, 5))
    backend.model.watch(Progress("tiny", lines.append, lambda: next(seconds)))
    asked(backend, GOOD)
    backend.model.watch(Progress("tiny"))
    assert 5 <= len(lines) <= 11
    assert lines[-1].startswith("tiny: ")
    done, total = (int(n) for n in lines[-1].split()[1:4:2])
    assert done == total
    with caplog.at_level(logging.INFO, "eisen_deploy"):
        asked(backend, GOOD)
    assert "windows" not in caplog.text  # it was quick


def test_negotiation_prefers_what_says_more():
    assert negotiated("*/*, application/json", ["nii", "json"]).format == "json"
    assert negotiated("application/json;q=0.5, */*;q=0.6", ["nii", "json"]).format == "nii"


def test_a_header_without_a_place_is_warned_about(backend):
    body = bytearray(GOOD)
    body[252:256] = bytes(4)
    answer = asked(backend, bytes(body))
    assert "neither sform nor qform" in json.loads(answer.headers["X-Eisen-Warnings"])[0]
    assert "X-Eisen-Warnings" not in asked(backend, GOOD).headers
