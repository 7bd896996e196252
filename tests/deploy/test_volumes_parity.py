"""A server says about a file what ``eisen predict`` says about it, whatever format the file has."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest

from eisen_deploy.packaging.layout import ModelInput
from eisen_deploy.serving.messages import Request
from eisen_deploy.serving.volumes import PackageBackend
from tests.deploy.safe_packages import BUSY, PLAIN, WINDOW, config_of, oblique, phantom, safe_folder, step
from tests.deploy.volume_requests import predicted, request_of, voxels

AFFINES = {
    "straight": np.diag([1.0, 1.0, 1.0, 1.0]),
    "oblique": oblique(),
    "flipped": oblique((0.9, 0.9, 3.0), (-1, 1, -1)),
    "swapped": oblique()[:, [2, 0, 1, 3]],
}
RAW = ("nii", "nii.gz", "big", "second", "nrrd", "nrrd.z", "mha", "mha.z", "dicom", "npy", "msgpack")
ITK = [{"type": "eisen.io.LoadITKFromFilename", "params": {"fields": ["image"]}}]
DICOM = [{"type": "eisen.io.LoadDICOMSeries", "params": {"fields": ["image"]}}]


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def known(config, name, folder):
    image = nibabel.load(predicted(config, name, folder, folder).predictions[0])
    return np.asarray(image.dataobj), image.affine


@pytest.mark.parametrize(
    ("chain", "place"),
    [("plain", "flipped"), ("windows", "oblique"), ("windows", "flipped"), *(("busy", place) for place in AFFINES)],
)
def test_every_format_gives_the_label_map_of_predict(tmp_path, chain, place):
    array, affine = phantom(), AFFINES[place]
    nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "scan.nii.gz")
    steps, hyper = (PLAIN if chain == "plain" else BUSY), ([WINDOW] if chain == "windows" else [])
    config = config_of(steps, hyper=hyper)
    labels, where = known(config, "scan.nii.gz", tmp_path)
    assert len(np.unique(labels)) == 3
    with PackageBackend(safe_folder(tmp_path / "package", config_of(steps, hyper=hyper))) as backend:
        for kind in RAW:
            (tmp_path / kind).mkdir()
            answer = backend.answer_one(request_of(kind, array, affine, tmp_path / kind))
            found, found_at = voxels(answer.body, answer.content_type, tmp_path / kind)
            assert np.array_equal(found, labels), kind
            if found_at is not None:
                assert np.abs(found_at - where).max() < 2e-5, kind
    assert not backend.model.scratch.exists()


def test_answers_of_nifti_are_the_bytes_that_predict_writes(tmp_path):
    nibabel.save(nibabel.Nifti1Image(phantom(), oblique()), tmp_path / "scan.nii.gz")
    written = predicted(config_of(BUSY), "scan.nii.gz", tmp_path, tmp_path).predictions[0]
    with PackageBackend(safe_folder(tmp_path / "package", config_of(BUSY))) as backend:
        answer = backend.answer_one(Request((tmp_path / "scan.nii.gz").read_bytes()))
    assert answer.body == written.read_bytes()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tiny_labels.nii.gz"'
    assert answer.headers["X-Eisen-Model"] == "tiny/1.0"


@pytest.mark.parametrize("kind", ["nii", "nrrd", "mha", "dicom", "msgpack"])
def test_a_chain_that_reads_with_itk_gives_the_same_as_predict(tmp_path, kind):
    steps = [step("ITKToNumpy"), *BUSY[1:]]
    array, affine = phantom(), oblique()
    nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "scan.nii.gz")
    labels, where = known(config_of(steps, ITK), "scan.nii.gz", tmp_path)
    folder = safe_folder(tmp_path / "package", config_of(steps, ITK), inputs=[ModelInput("image", "itk")])
    with PackageBackend(folder) as backend:
        answer = backend.answer_one(request_of(kind, array, affine, tmp_path))
    found, found_at = voxels(answer.body, answer.content_type, tmp_path)
    assert np.array_equal(found, labels)
    assert found_at is None or np.abs(found_at - where).max() < 2e-5


@pytest.mark.parametrize("kind", ["dicom", "nii.gz", "mha", "npy"])
def test_a_chain_that_reads_dicom_takes_volumes_too(tmp_path, kind):
    array, affine = phantom(), AFFINES["flipped"]
    request = request_of("dicom", array, affine, tmp_path)
    labels, where = known(config_of(BUSY, DICOM), "series", tmp_path)
    folder = safe_folder(tmp_path / "package", config_of(BUSY, DICOM), inputs=[ModelInput("image", "dicom")])
    with PackageBackend(folder) as backend:
        answer = backend.answer_one(request if kind == "dicom" else request_of(kind, array, affine, tmp_path))
    found, found_at = voxels(answer.body, answer.content_type, tmp_path)
    assert answer.content_type == {"dicom": "application/gzip", "nii.gz": "application/gzip"}.get(
        kind, answer.content_type
    )
    assert found_at is None or np.abs(found_at - where).max() < 2e-5
    assert np.array_equal(found, labels)


@pytest.mark.parametrize("given_as", ["array", "numpy"])
@pytest.mark.parametrize("kind", ["nii.gz", "nrrd", "npy", "msgpack", "dicom"])
def test_chains_that_start_from_arrays(tmp_path, given_as, kind):
    array, affine = phantom(), oblique()
    nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "scan.nii.gz")
    labels, _ = known(config_of(BUSY), "scan.nii.gz", tmp_path)
    readers = [] if given_as == "array" else [step("eisen.io.LoadNumpyFromFilename", affine_field="affine")]
    given = ModelInput("image", given_as, dtype="float32")
    backend = PackageBackend(safe_folder(tmp_path / "package", config_of(BUSY[1:], readers), inputs=[given]))
    with backend:
        answer = backend.answer_one(request_of(kind, array, affine, tmp_path))
    found, _ = voxels(answer.body, answer.content_type, tmp_path)
    assert np.array_equal(found, labels)


def test_probabilities_are_those_of_predict_with_the_channels_last(tmp_path):
    nibabel.save(nibabel.Nifti1Image(phantom(), oblique()), tmp_path / "scan.nii.gz")
    written = predicted(config_of(BUSY), "scan.nii.gz", tmp_path, tmp_path, probabilities=True).predictions[1]
    with PackageBackend(safe_folder(tmp_path / "package", config_of(BUSY))) as backend:
        body = (tmp_path / "scan.nii.gz").read_bytes()
        answer = backend.answer_one(Request(body, {"accept": "application/gzip; content=probabilities"}))
        assert answer.body == written.read_bytes()
        for media in ("application/x-nrrd", "application/x-metaimage", "application/x-npy"):
            other = backend.answer_one(Request(body, {"accept": f"{media};content=probabilities"}))
            (tmp_path / "o").mkdir(exist_ok=True)
            found, _ = voxels(other.body, other.content_type, tmp_path / "o")
            assert np.array_equal(found, np.asarray(nibabel.load(written).dataobj)), media


def test_a_budget_of_memory_gives_the_same_label_map_and_still_probabilities_where_there_is_room(tmp_path):
    nibabel.save(nibabel.Nifti1Image(phantom(), oblique()), tmp_path / "scan.nii.gz")
    body = (tmp_path / "scan.nii.gz").read_bytes()
    memory = {"type": ".Memory", "params": {"value": "1GB"}}
    with PackageBackend(safe_folder(tmp_path / "a", config_of(BUSY, hyper=[WINDOW]))) as plain:
        expected = plain.answer_one(Request(body)).body
    with PackageBackend(safe_folder(tmp_path / "b", config_of(BUSY, hyper=[WINDOW, memory]))) as saving:
        assert saving.answer_one(Request(body)).body == expected
        likely = saving.answer_one(Request(body, {"accept": "application/x-npy;content=probabilities"}))
        assert voxels(likely.body, likely.content_type, tmp_path)[0].shape == (17, 13, 11, 3)
        assert saving.answer_one(Request(body)).body == expected


def test_voxels_in_memory_go_the_same_way(tmp_path):
    with PackageBackend(safe_folder(tmp_path / "package", config_of(BUSY))) as backend:
        body = request_of("npy", phantom(), oblique(), tmp_path)
        array, _ = voxels(backend.answer_one(body).body, "application/x-npy", tmp_path)
        verdict = backend.model.predict_arrays({"image": phantom()}, {"image": oblique()}).verdict
        assert np.array_equal(verdict.labels(), array)
        affine = json.loads(backend.answer_one(body).headers["X-Eisen-Affine"])
        assert np.allclose(affine, oblique(), atol=1e-6)
        assert not list(backend.model.scratch.iterdir())
