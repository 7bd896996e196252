"""Real scans as requests: answers lie where the files say, in the eyes of another library."""

from __future__ import annotations

import io

import nibabel
import numpy as np
import pytest

from eisen.io import read_dicom_series
from eisen_deploy.serving.messages import Refusal, Request
from eisen_deploy.serving.volumes import PackageBackend
from tests.deploy.safe_packages import config_of, model_entry, safe_folder, step
from tests.deploy.volume_requests import voxels, zipped

pytestmark = pytest.mark.realdata

STEPS = [step("NiftiToNumpy"), step("Reorient", axes="RAS"), step("AddChannelDimension")]
TALL = model_entry(in_channels=1, out_channels=2, kernel_size=1)


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    with PackageBackend(safe_folder(tmp_path_factory.mktemp("package"), config_of(STEPS, model=TALL))) as opened:
        yield opened


@pytest.mark.parametrize("name", ["bigendian_nifti/anatomical.nii", "oblique_nifti/CT_pitch.nii.gz"])
def test_answers_to_nifti_lie_on_the_scan(backend, realdata, tmp_path, name):
    answer = backend.answer_one(Request((realdata / name).read_bytes()))
    scan = nibabel.load(realdata / name)
    found, where = voxels(answer.body, answer.content_type, tmp_path)
    assert found.shape == scan.shape[:3]
    assert np.abs(where - scan.affine).max() < 1e-3


@pytest.mark.parametrize("name", ["nrrd_mr/brain1_image.nrrd", "mha/derived_ProstateX-0000_adc.mha"])
def test_answers_to_files_of_itk_lie_on_the_scan(backend, realdata, tmp_path, name):
    import SimpleITK

    path = realdata / name
    answer = backend.answer_one(Request(path.read_bytes()))
    (tmp_path / f"answer{path.suffix}").write_bytes(answer.body)
    scan, found = SimpleITK.ReadImage(str(path)), SimpleITK.ReadImage(str(tmp_path / f"answer{path.suffix}"))
    assert found.GetSize() == scan.GetSize()
    for get in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert np.allclose(getattr(found, get)(), getattr(scan, get)(), atol=1e-4)


@pytest.mark.parametrize("name", ["hippocrop_dicom/Study1", "totalseg_ct_dicom/series", "dicom_seg_ct/ct-3slice"])
def test_answers_to_series_lie_on_the_series(backend, realdata, tmp_path, name):
    series = read_dicom_series(realdata / name)
    body = zipped(sorted((realdata / name).iterdir()), "DICOM/PAT0/SER1/IM")
    answer = backend.answer_one(Request(body))
    found, where = voxels(answer.body, answer.content_type, tmp_path)
    assert found.shape == series.shape
    assert np.abs(where - series.affine).max() < 1e-3
    array = np.load(io.BytesIO(backend.answer_one(Request(body, {"accept": "application/x-npy"})).body))
    assert np.array_equal(found, array)


def test_several_volumes_in_a_series_are_refused(backend, realdata):
    folder = realdata / "prostatex_dicom/ProstateX-0000/dwi_3bvalues_one_series"
    with pytest.raises(Refusal, match="not one volume but 3") as caught:
        backend.answer_one(Request(zipped(sorted(folder.iterdir()))))
    assert caught.value.status == 422
    assert "/tmp" not in caught.value.answer().body.decode()
