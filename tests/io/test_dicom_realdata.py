from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK

from eisen._core.errors import GeometryError, VoxelValueError
from eisen.io import (
    LoadDICOMSegmentation,
    LoadDICOMSeries,
    list_dicom_series,
    read_dicom_seg,
    read_dicom_series,
    write_dicom_seg,
)
from eisen.io.itk import itk_geometry

pytestmark = pytest.mark.realdata
DWI = "prostatex_dicom/ProstateX-0000/dwi_3bvalues_one_series"
SERIES = [
    "totalseg_ct_dicom/series",
    "prostatex_dicom/ProstateX-0000/t2_tse_tra",
    "prostatex_dicom/ProstateX-0000/adc",
    "dicom_seg_ct/ct-3slice",
    "hippocrop_dicom/Study1/13_HCropVolume",
]


def folder_of(realdata, name):
    """Return the folder of a series; some lie one level deeper in some copies of the data."""
    path = realdata / name
    return path if path.is_dir() else path.parent


def array_of(image) -> np.ndarray:
    return np.asanyarray(image.dataobj)


@pytest.mark.parametrize("name", SERIES)
def test_a_series_of_a_scanner_is_where_itk_has_it(realdata, name):
    folder = folder_of(realdata, name)
    image = read_dicom_series(folder)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    reference = reader.Execute()
    assert np.array_equal(array_of(image), SimpleITK.GetArrayFromImage(reference).T)
    assert np.allclose(image.affine, itk_geometry(reference).affine, atol=1e-4)


def test_the_liver_of_a_jpeg_2000_series_is_where_its_nifti_label_says(realdata):
    image = read_dicom_series(realdata / "totalseg_ct_dicom" / "series")
    label = nibabel.load(realdata / "totalseg_ct_dicom" / "example_seg_dicom.nii.gz")
    from eisen.io import geometry_of
    from eisen.io.dicom.grids import placed

    on_image = placed(np.asanyarray(label.dataobj).astype("uint8"), label.affine, geometry_of(image), "the label map")
    assert image.get_data_dtype() == np.int16
    assert array_of(image)[on_image == 5].mean() == pytest.approx(89.3, abs=0.1)


def test_three_b_values_in_one_series_are_refused_or_split(realdata):
    with pytest.raises(GeometryError, match="differ in b") as caught:
        read_dicom_series(realdata / DWI)
    assert "1-57.dcm" in caught.value.card.what
    data = LoadDICOMSeries(["dwi"], realdata, split="channels")({"dwi": DWI})
    assert data["dwi"].shape == (84, 128, 19, 3)
    assert data["dwi_channels"] == "b=50; b=400; b=800"
    assert data["dwi_meta"].spacing == pytest.approx((2, 2, 3))
    means = array_of(data["dwi"]).mean(axis=(0, 1, 2))
    assert (np.diff(means) < 0).all()  # the higher b, the weaker the signal
    assert np.array_equal(array_of(read_dicom_series(realdata / DWI, split="b=800")), array_of(data["dwi"])[..., 2])


def test_the_scan_lists_what_is_there(realdata):
    found = {(s.description, s.n_files, s.shape) for s in list_dicom_series(realdata / "prostatex_dicom")}
    assert found == {
        ("t2_tse_tra", 19, (384, 384, 19)),
        ("ep2d_diff_tra_DYNDIST", 57, None),
        ("ep2d_diff_tra_DYNDIST_ADC", 19, (84, 128, 19)),
    }


def test_a_segmentation_of_another_program_equals_its_nrrd_mask(realdata):
    folder = realdata / "dicom_seg_ct"
    data = LoadDICOMSeries(["ct"], folder)({"ct": "ct-3slice", "liver": "liver.dcm"})
    data = LoadDICOMSegmentation(["liver"], folder, reference="ct")(data)
    mask = SimpleITK.ReadImage(folder / "liver_seg.nrrd")
    assert np.array_equal(array_of(data["liver"]), SimpleITK.GetArrayFromImage(mask).T)
    assert np.allclose(data["liver_meta"].affine, itk_geometry(mask).affine, atol=1e-4)


def test_overlapping_segments_of_another_program_equal_their_nrrd_masks(realdata):
    path = realdata / "dicom_seg_ct" / "partial_overlaps.dcm"
    with pytest.raises(VoxelValueError, match="overlap"):
        read_dicom_seg(path)
    found = read_dicom_seg(path, channels=True)
    for n in (1, 2, 3):
        mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path.with_name(f"partial_overlaps-{n}.nrrd"))).T
        for value in set(np.unique(mask)) - {0}:
            assert np.array_equal(array_of(found.image)[..., value - 1], mask == value)


def test_a_series_without_identifiers_cannot_be_referred_to(realdata, tmp_path):
    folder = realdata / "totalseg_ct_dicom" / "series"
    image = read_dicom_series(folder)
    with pytest.raises(GeometryError, match="no SOPInstanceUID"):
        write_dicom_seg(tmp_path / "seg.dcm", array_of(image) > 0, image.affine, folder, {1: "Bone"})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", SERIES[1:])
def test_a_segmentation_of_a_real_series_is_written_and_read_back(realdata, tmp_path, name):
    folder = folder_of(realdata, name)
    image = read_dicom_series(folder)
    label = (array_of(image) > np.median(array_of(image))).astype("uint8")
    flipped = image.affine @ np.array([[-1, 0, 0, label.shape[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    write_dicom_seg(tmp_path / "seg.dcm", label[::-1], flipped, folder, {1: "Tissue"})
    assert np.array_equal(array_of(read_dicom_seg(tmp_path / "seg.dcm").image), label)


def test_a_segmentation_of_one_of_several_volumes_is_written(realdata, tmp_path):
    image = read_dicom_series(realdata / DWI, split="b=400")
    write_dicom_seg(tmp_path / "seg.dcm", array_of(image) > 50, image.affine, realdata / DWI, {1: "Prostate"})
    assert np.array_equal(array_of(read_dicom_seg(tmp_path / "seg.dcm").image), array_of(image) > 50)
