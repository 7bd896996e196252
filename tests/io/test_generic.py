from __future__ import annotations

import gzip

import h5py
import numpy as np
import pytest
import SimpleITK

from eisen._core.errors import CorruptFileError, DataError, MissingFileError
from eisen.io import (
    LoadDICOMSeries,
    LoadHDF5FromFilename,
    LoadImageFromFilename,
    LoadITKFromFilename,
    LoadNiftiFromFilename,
    LoadNumpyFromFilename,
    LoadPILImageFromFilename,
    write_dicom_series,
    write_image,
    write_nifti,
    write_numpy,
)
from eisen.io.generic import format_of

AFFINE = np.diag([-1.0, -1.0, 2.5, 1.0])
ARRAY = np.arange(120, dtype="int16").reshape(4, 5, 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("formats")
    for name in ("a.nii", "a.nii.gz"):
        write_nifti(place / name, ARRAY, AFFINE)
    for name in ("a.mha", "a.nrrd", "a.mhd"):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(ARRAY), str(place / name))
    for name in ("a.png", "a.tif"):
        write_image(place / name, ARRAY[0])
    write_numpy(place / "a.npy", ARRAY)
    write_numpy(place / "a.npz", ARRAY, AFFINE)
    with h5py.File(place / "a.h5", "w") as file:
        file["g/x"], file["y"] = ARRAY, ARRAY
    (place / "dicom").mkdir()
    write_dicom_series(place / "dicom", ARRAY, AFFINE)
    return place


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        *((name, LoadNiftiFromFilename) for name in ("a.nii", "a.nii.gz")),
        *((name, LoadITKFromFilename) for name in ("a.mha", "a.nrrd", "a.mhd")),
        *((name, LoadPILImageFromFilename) for name in ("a.png", "a.tif")),
        *((name, LoadNumpyFromFilename) for name in ("a.npy", "a.npz", "a.npz:data")),
        ("a.h5:/g/x", LoadHDF5FromFilename),
        ("dicom", LoadDICOMSeries),
    ],
)
def test_every_format_gives_what_its_own_reader_gives(folder, name, reader):
    data = {"x": name, "age": 61}
    found, expected = LoadImageFromFilename(["x"], folder)(data), reader(["x"], folder)(data)
    assert data == {"x": name, "age": 61}
    assert list(found) == list(expected)
    assert type(found["x"]) is type(expected["x"])
    assert found.get("x_meta") == expected.get("x_meta")
    assert found["age"] == 61


@pytest.mark.parametrize("name", ["a.nii.gz", "dicom"])
def test_canonical_reaches_the_readers_that_turn_volumes(folder, name):
    assert LoadImageFromFilename(["x"], folder, canonical=True)({"x": name})["x_orientations"] == ("R", "A", "S")
    assert LoadImageFromFilename(["x"], folder)({"x": name})["x_orientations"] != ("R", "A", "S")


def test_the_content_decides_before_the_suffix(folder, tmp_path):
    for source, kind in (
        ("a.png", "picture"),
        ("a.npy", "numpy"),
        ("a.mha", "itk"),
        ("a.h5", "hdf5"),
        ("a.nii", "nifti"),
    ):
        (tmp_path / "odd.xyz").write_bytes((folder / source).read_bytes())
        assert format_of(tmp_path / "odd.xyz") == kind
    (tmp_path / "odd.nii").write_bytes(gzip.compress((folder / "a.nii").read_bytes()))
    assert format_of(tmp_path / "odd.nii") == "nifti"


def test_what_cannot_be_read_is_an_error_that_names_the_file(folder, tmp_path):
    (tmp_path / "a.xyz").write_bytes(b"hello")
    (tmp_path / "b.nii.gz").write_bytes(b"\x1f\x8bbroken")
    for name in ("a.xyz", "b.nii.gz"):
        with pytest.raises(CorruptFileError, match=name.replace(".", r"\.")):
            LoadImageFromFilename(["x"], tmp_path)({"x": name})
    with pytest.raises(MissingFileError, match=r"c\.nii does not exist"):
        LoadImageFromFilename(["x"], tmp_path)({"x": "c.nii"})
    with pytest.raises(DataError, match="not a file name"):
        LoadImageFromFilename(["x"], tmp_path)({"x": ARRAY})
    with pytest.raises(DataError, match="holds 2 datasets"):
        LoadImageFromFilename(["x"], folder)({"x": "a.h5"})


@pytest.mark.realdata
def test_real_files_of_every_format_are_read(realdata):
    names = [
        "nrrd_mr/brain1_image.nrrd",
        "bigendian_nifti/anatomical.nii",
        "hippocrop_dicom",
        "mha/CT_3D_lung_fixed_mask.mha",
    ]
    for name in names:
        path = realdata / name
        if path.is_dir():
            path = next(file.parent for file in sorted(path.rglob("*.dcm")))
        assert LoadImageFromFilename(["x"], realdata)({"x": str(path)})["x_meta"].spacing
