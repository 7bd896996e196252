"""Stores without pixels: these stay in their files."""

import h5py
import numpy as np
import pytest
import SimpleITK

from eisen._core.errors import MissingFileError, ShapeError
from eisen.datasets import ListDataset
from eisen.io import LoadITKFromFilename, LoadNiftiFromFilename, write_nifti
from eisen.storage import Store, create_store
from eisen.storage.reading import pixel_files as readers
from eisen.transforms import AddChannelDimension, Compose, ITKToNumpy, NiftiToNumpy, StackImagesChannelwise

AFFINE = np.array([[0, -1.5, 0, 30], [2.0, 0, 0, -20], [0, 0, 2.5, 7], [0, 0, 0, 1]])


def nifti_cases(folder, n_cases=2):
    draw, cases = np.random.default_rng(0), []
    for n in range(n_cases):
        names = {kind: f"{n}_{kind}.nii.gz" for kind in ("T1", "T2", "label")}
        for name in names.values():
            write_nifti(folder / name, draw.integers(0, 500, (6 + n, 7, 8)).astype("int16"), AFFINE)
        cases.append(names)
    return cases


@pytest.mark.parametrize("canonical", [False, True])
def test_pixels_come_from_their_files_as_the_data_set_gives_them(canonical, tmp_path):
    fields = ["T1", "label"]
    steps = [LoadNiftiFromFilename(fields, tmp_path, canonical=canonical), NiftiToNumpy(fields)]
    dataset = ListDataset(nifti_cases(tmp_path), transform=Compose([*steps, AddChannelDimension(fields)]))
    path = create_store(dataset, tmp_path / "meta.h5", fields=fields, pixels=False)
    with h5py.File(path) as file:
        assert "data" not in file
    store = Store(path)
    for n in range(2):
        expected = dataset[n]
        for field in fields:
            assert store.shape(n, field) == expected[field].shape
            np.testing.assert_array_equal(store.read(n, field), expected[field])
            part = store.read(n, field, np.s_[0:1, 1:4, 2:5, 0:8])
            np.testing.assert_array_equal(part, expected[field][0:1, 1:4, 2:5, 0:8])
            assert store.geometry(n, field) == expected[f"{field}_meta"]


def test_channels_come_from_a_file_each(tmp_path):
    fields = ["T1", "T2"]
    steps = [LoadNiftiFromFilename(fields, tmp_path), NiftiToNumpy(fields), StackImagesChannelwise(fields, "image")]
    dataset = ListDataset(nifti_cases(tmp_path), transform=Compose(steps))
    store = Store(create_store(dataset, tmp_path / "meta.h5", fields=["image"], pixels=False))
    np.testing.assert_array_equal(store.read(1, "image"), dataset[1]["image"])


def test_images_of_itk_keep_their_order_of_axes(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 99, (4, 5, 6)).astype("int16")
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 2.0, 3.0))
    SimpleITK.WriteImage(image, str(tmp_path / "a.mha"))
    steps = [LoadITKFromFilename(["image"], tmp_path), ITKToNumpy(["image"]), AddChannelDimension(["image"])]
    dataset = ListDataset([{"image": "a.mha"}], transform=Compose(steps))
    store = Store(create_store(dataset, tmp_path / "meta.h5", pixels=False))
    np.testing.assert_array_equal(store.read(0, "image")[0], voxels)


def test_a_file_is_decoded_once_for_many_parts(tmp_path, monkeypatch):
    steps = [LoadNiftiFromFilename(["T1"], tmp_path), NiftiToNumpy(["T1"]), AddChannelDimension(["T1"])]
    dataset = ListDataset(nifti_cases(tmp_path, 6), transform=Compose(steps))
    store = Store(create_store(dataset, tmp_path / "meta.h5", fields=["T1"], pixels=False))
    decoded, real = [], readers._readings
    monkeypatch.setattr(readers, "_readings", lambda path, n: decoded.append(path.name) or real(path, n))
    for _ in range(3):
        for z in range(4):
            store.read(0, "T1", (slice(0, 1), slice(z, z + 1), slice(0, 7), slice(0, 8)))
    assert decoded == ["0_T1.nii.gz"]
    for case in range(6):
        store.read(case, "T1")
    store.read(0, "T1")
    assert decoded.count("0_T1.nii.gz") == 2  # only the last few are kept


def test_files_that_went_or_changed_are_error_cards(tmp_path):
    steps = [LoadNiftiFromFilename(["T1"], tmp_path), NiftiToNumpy(["T1"]), AddChannelDimension(["T1"])]
    dataset = ListDataset(nifti_cases(tmp_path), transform=Compose(steps))
    store = Store(create_store(dataset, tmp_path / "meta.h5", fields=["T1"], pixels=False))
    write_nifti(tmp_path / "0_T1.nii.gz", np.zeros((3, 3, 3), "int16"), AFFINE)
    with pytest.raises(ShapeError, match=r"0_T1\.nii\.gz gives \(3, 3, 3\)") as caught:
        store.read(0, "T1")
    assert caught.value.card.case == "0_T1"
    write_nifti(tmp_path / "0_T1.nii.gz", np.zeros((6, 7, 8), "int16"), np.diag([9.0, 9.0, 9.0, 1.0]))
    with pytest.raises(ShapeError, match="on another grid"):
        store.read(0, "T1")
    (tmp_path / "1_T1.nii.gz").unlink()
    with pytest.raises(MissingFileError, match="are in the files it was made from"):
        store.read(1, "T1")


def test_a_file_of_pymia_without_pixels_gives_them_in_the_order_of_itk(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 99, (4, 5, 6)).astype("int16")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(tmp_path / "a.mha"))
    with h5py.File(tmp_path / "pymia.h5", "w") as file:
        text = h5py.string_dtype()
        file.create_dataset("meta/subjects", data=np.array(["anna"], object), dtype=text)
        file.create_dataset("meta/files/file_root", data=str(tmp_path), dtype=text)
        file.create_dataset("meta/files/images_files", data=np.array([["a.mha"]], object), dtype=text)
        file["meta/shapes/images_shapes"] = np.array([[4, 5, 6, 1]], "uint16")
    store = Store(tmp_path / "pymia.h5")
    assert store.shape("anna", "images") == (1, 4, 5, 6)
    np.testing.assert_array_equal(store.read("anna", "images")[0], voxels)
