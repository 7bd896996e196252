import nibabel
import numpy as np
import pytest
import SimpleITK
import torch
from PIL import Image

from eisen._core.errors import ArgumentError, DataError
from eisen._core.types import Geometry
from eisen.transforms import ITKToNumpy, NiftiToNumpy, NumpyToNifti, PilToNumpy, ToTensor

AFFINE = np.array([[0.0, -1.5, 0.0, 10.0], [1.0, 0.0, 0.2, -20.0], [0.0, 0.0, 3.0, 5.0], [0.0, 0.0, 0.0, 1.0]])


def test_nifti_is_float32_in_the_order_of_the_file():
    voxels = np.arange(24, dtype="int16").reshape(2, 3, 4)
    data = NiftiToNumpy(["x"])({"x": nibabel.Nifti1Image(voxels, AFFINE)})
    assert data["x"].dtype == np.float32
    np.testing.assert_array_equal(data["x"], voxels)
    assert data["x_meta"] == Geometry.of(AFFINE, (2, 3, 4))


def test_scaling_of_the_header_is_applied(tmp_path):
    image = nibabel.Nifti1Image(np.arange(24, dtype="int16").reshape(2, 3, 4), AFFINE)
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "a.nii.gz")
    read = nibabel.load(tmp_path / "a.nii.gz")
    got = NiftiToNumpy(["x"])({"x": read})["x"]
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, read.get_fdata())


def test_a_nifti_that_is_mapped_from_disk_gives_an_array_torch_can_take(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.ones((2, 3, 4), "float32"), AFFINE), tmp_path / "a.nii")
    torch.from_numpy(NiftiToNumpy(["x"])({"x": nibabel.load(tmp_path / "a.nii", mmap="r")})["x"])


def test_channels_of_a_nifti_come_first_and_geometry_stays():
    voxels = np.arange(120, dtype="float32").reshape(2, 3, 4, 5)
    data = NiftiToNumpy(["x"], multichannel=True)({"x": nibabel.Nifti1Image(voxels, AFFINE)})
    np.testing.assert_array_equal(data["x"], np.moveaxis(voxels, -1, 0))
    assert data["x_meta"].shape == (2, 3, 4)


def test_without_channels_a_4d_nifti_loses_its_geometry_even_if_the_shape_would_fit():
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3, 3), "float32"), AFFINE)
    data = NiftiToNumpy(["x"])({"x": image, "x_meta": Geometry.of(AFFINE, (3, 3, 3))})
    assert "x_meta" not in data


def test_geometry_of_the_reader_is_kept_with_its_source():
    grid = Geometry.of(AFFINE, (2, 3, 4), "a.nii.gz")
    data = {"x": nibabel.Nifti1Image(np.zeros((2, 3, 4), "float32"), AFFINE), "x_meta": grid}
    assert NiftiToNumpy(["x"])(data)["x_meta"].source == "a.nii.gz"


def test_nifti_and_back_keeps_voxels_affine_and_type():
    image = nibabel.Nifti1Image(np.arange(24, dtype="uint8").reshape(2, 3, 4), AFFINE)
    chain = NumpyToNifti(["x"], data_types={"x": "uint8"})(NiftiToNumpy(["x"])({"x": image}))
    np.testing.assert_array_equal(chain["x"].dataobj, image.dataobj)
    np.testing.assert_array_equal(chain["x"].affine, AFFINE)
    assert chain["x"].get_data_dtype() == np.uint8


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 6), (2, 4, 5, 6)])
def test_without_affine_and_geometry_it_is_the_identity_in_any_dimension(shape):
    image = NumpyToNifti(["x"])({"x": np.zeros(shape)})["x"]
    assert image.shape == shape
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(image.affine, np.eye(4))


def test_int64_labels_can_be_written_when_asked_for():
    image = NumpyToNifti(["x"], data_types={"x": "int64"})({"x": np.full((2, 2, 2), 7)})["x"]
    assert image.get_data_dtype() == np.int64


def test_an_affine_given_by_the_user_wins_and_becomes_the_geometry():
    data = {"x": np.zeros((2, 3, 4)), "x_meta": Geometry.of(np.eye(4), (2, 3, 4))}
    data = NumpyToNifti(["x"], affine=AFFINE.tolist())(data)
    np.testing.assert_array_equal(data["x"].affine, AFFINE)
    np.testing.assert_array_equal(data["x_meta"].affine, AFFINE)


def test_channels_go_to_the_end_of_a_nifti_when_asked_for():
    data = {"x": np.zeros((5, 2, 3, 4)), "x_meta": Geometry.of(AFFINE, (2, 3, 4))}
    image = NumpyToNifti(["x"], multichannel=True)(data)["x"]
    assert image.shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(image.affine, AFFINE)
    np.testing.assert_array_equal(NumpyToNifti(["x"])(data)["x"].affine, np.eye(4))


def test_data_types_must_be_a_dict_with_every_field():
    with pytest.raises(AssertionError):
        NumpyToNifti(["x"], data_types="float32")
    with pytest.raises(KeyError):
        NumpyToNifti(["x", "y"], data_types={"x": "float32"})
    with pytest.raises(ArgumentError):
        NumpyToNifti(["x"], data_types={"x": "float33"})


@pytest.mark.parametrize("affine", [np.eye(3), "x", [[1, 2], [3]]])
def test_an_affine_must_be_4_by_4(affine):
    with pytest.raises(ArgumentError, match="4 x 4"):
        NumpyToNifti(["x"], affine=affine)


def itk_volume():
    image = SimpleITK.GetImageFromArray(np.arange(24, dtype="int16").reshape(4, 3, 2))
    image.SetSpacing((1.5, 2.0, 3.0))
    image.SetOrigin((10, -20, 30))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    return image


def test_itk_is_float32_in_the_reverse_order():
    array = ITKToNumpy(["x"])({"x": itk_volume()})["x"]
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.arange(24).reshape(4, 3, 2))


def test_itk_geometry_says_where_each_array_element_is():
    image = itk_volume()
    geometry = ITKToNumpy(["x"])({"x": image})["x_meta"]
    for x, y, z in [(0, 0, 0), (1, 2, 3), (1, 0, 2)]:
        left, posterior, superior = image.TransformIndexToPhysicalPoint((x, y, z))
        np.testing.assert_allclose(geometry.affine @ [z, y, x, 1], [-left, -posterior, superior, 1], atol=1e-12)
    assert geometry.shape == (4, 3, 2)
    assert geometry.native_shape == (2, 3, 4)


def test_itk_keeps_the_native_grid_of_the_reader():
    grid = Geometry.of(np.eye(4), (2, 3, 4), "a.mha")
    geometry = ITKToNumpy(["x"])({"x": itk_volume(), "x_meta": grid})["x_meta"]
    assert geometry.source == "a.mha"
    np.testing.assert_array_equal(geometry.native_affine, np.eye(4))


def test_itk_colours_come_first_when_asked_for():
    image = SimpleITK.Image([4, 5, 6], SimpleITK.sitkVectorUInt8, 3)
    data = ITKToNumpy(["x"], multichannel=True)({"x": image})
    assert data["x"].shape == (3, 6, 5, 4)
    assert data["x_meta"].shape == (6, 5, 4)
    assert "x_meta" not in ITKToNumpy(["x"])({"x": image})
    assert ITKToNumpy(["x"])({"x": SimpleITK.Image(4, 5, SimpleITK.sitkUInt8)})["x"].shape == (5, 4)


@pytest.mark.parametrize(
    ("mode", "multichannel", "shape"),
    [("L", False, (2, 4)), ("L", True, (1, 2, 4)), ("RGB", False, (2, 4, 3)), ("RGB", True, (3, 2, 4))],
)
def test_pictures_are_float32_rows_by_columns(mode, multichannel, shape):
    array = PilToNumpy(["x"], multichannel)({"x": Image.new(mode, (4, 2), 7)})["x"]
    assert (array.shape, array.dtype) == (shape, np.float32)
    assert array.max() == 7


def test_tensor_shares_memory_and_copies_only_what_torch_cannot_represent():
    array = np.zeros((2, 3), "float32")
    assert ToTensor(["x"])({"x": array})["x"].data_ptr() == array.ctypes.data
    assert ToTensor(["x"])({"x": array[::-1]})["x"].shape == (2, 3)
    assert ToTensor(["x"])({"x": np.arange(3, dtype=">i2")})["x"].tolist() == [0, 1, 2]


def test_tensor_types_can_be_named():
    assert ToTensor(["x"], dtype=torch.float64)({"x": 3})["x"].dtype == torch.float64
    assert ToTensor(["x"], "int64")({"x": torch.ones(2)})["x"].dtype == torch.int64
    with pytest.raises(ArgumentError, match="float33"):
        ToTensor(["x"], dtype="float33")


@pytest.mark.parametrize(
    ("step", "library"), [(NiftiToNumpy, "nibabel"), (ITKToNumpy, "SimpleITK"), (PilToNumpy, "Pillow")]
)
@pytest.mark.parametrize(
    ("value", "kind", "to_do"),
    [(np.zeros(3), "numpy.ndarray", "leave this step out"), ("a.nii", "a file name", "Load")],
)
def test_what_is_no_image_is_named_with_what_to_do(step, library, value, kind, to_do):
    with pytest.raises(DataError, match=f"holds {kind}, not an image of {library}") as caught:
        step(["image"])({"image": value})
    assert to_do in caught.value.card.to_do
