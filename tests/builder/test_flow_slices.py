"""Slices show the middle of a volume as radiologists hang it, whatever the order of its axes."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from PIL import Image

from eisen._core.types import Geometry
from eisen_cli.builder.flow.pictures import histogram_of, save_pictures, window_of
from eisen_cli.builder.flow.planes import Volume, is_label_map, planes_of, volume_of


def body(shape=(5, 7, 9)):
    """A volume in RAS+ order whose voxels say where they are: right, front and top are large."""
    x, y, z = np.indices(shape)
    return (x * 10000 + y * 100 + z).astype("float32")


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


AXES = [("RAS", (0, 1, 2), (1, 1, 1)), ("LPS", (0, 1, 2), (-1, -1, 1)), ("SRP", (2, 0, 1), (1, 1, -1))]


@pytest.mark.parametrize(("codes", "order", "signs"), AXES)
def test_slices_do_not_depend_on_the_order_of_the_axes(codes, order, signs):
    ornt = nibabel.orientations.axcodes2ornt(tuple("RAS"))
    turn = nibabel.orientations.ornt_transform(ornt, nibabel.orientations.axcodes2ornt(tuple(codes)))
    array = nibabel.apply_orientation(body(), turn)
    affine = np.diag([1.0, 1.0, 1.0, 1.0]) @ nibabel.orientations.inv_ornt_aff(turn, (5, 7, 9))
    image = nibabel.Nifti1Image(array, affine)
    for value in (image, None):
        if value is None:
            geometry = Geometry.of(affine, array.shape)
            found = volume_of("image", {"image": array[None], "image_meta": geometry})
        else:
            found = volume_of("image", {"image": value})
        sagittal, coronal, axial = planes_of(found)
        assert [sagittal.name, coronal.name, axial.name] == ["sagittal", "coronal", "axial"]
        assert axial.pixels.shape == (7, 5)
        assert axial.pixels[0, 0] == 40000 + 600 + 4  # right on the left, front at the top, the middle of 9
        assert coronal.pixels[0, 0] == 40000 + 300 + 8
        assert sagittal.pixels[0, 0] == 20000 + 600 + 8


def test_pixels_have_the_shape_they_have_in_the_body(tmp_path):
    volume = Volume(body((8, 8, 4))[None], 3, np.diag([1.0, 1.0, 2.0, 1.0]))
    found = save_pictures("image", volume, tmp_path, "s")
    assert [pixels(tmp_path / plane["file"]).shape for plane in found["planes"]] == [(224, 224)] * 3
    assert found["window"] == list(window_of(volume.array))


def test_an_element_of_a_batch_is_shown_with_its_own_geometry():
    torch = pytest.importorskip("torch")
    batch = {"image": torch.zeros(2, 1, 4, 5, 6), "image_meta": [Geometry.of(np.eye(4), (4, 5, 6))] * 2}
    batch["image"][1] = 7
    batch["logits"] = torch.zeros(2, 3, 4, 5, 6)
    volume = volume_of("image", batch, 1)
    assert volume.array.min() == 7
    assert volume_of("logits", batch, 1).affine is not None  # same grid as the image
    assert len(planes_of(volume_of("logits", batch, 0))) == 9


@pytest.mark.parametrize(
    ("field", "array", "is_label"),
    [
        ("seg", np.array([[0, 1], [2, 2]], "uint8"), True),
        ("image", np.array([[0.0, 1.0]], "float32"), False),
        ("label", np.array([[0.0, 1.0]], "float32"), True),
        ("label", np.array([[0.0, 0.5]], "float32"), False),
        ("image", np.arange(64, dtype="int16").reshape(8, 8), False),
        ("mask", np.array([[True, False]]), True),
    ],
)
def test_labels_are_whole_numbers_and_few(field, array, is_label):
    assert is_label_map(field, Volume(array[None], 2)) is is_label


def test_labels_have_colours_and_background_is_dark(tmp_path):
    label = np.zeros((4, 4), "uint8")
    label[:2] = 1
    found = save_pictures("label", Volume(label[None], 2), tmp_path, "s")
    picture = pixels(tmp_path / found["planes"][0]["file"])
    assert found["is_label"]
    assert picture[-1, 0].max() < 40
    assert np.ptp(picture[0, 0].astype(int)) > 100


@pytest.mark.parametrize(
    ("shape", "dtype", "n_space"),
    [((9, 8), "float32", 2), ((1, 9, 8), "float32", 2), ((9, 8, 3), "uint8", 2), ((9, 8, 7), "int16", 3)],
)
def test_arrays_without_geometry_are_shown_as_what_they_look_like(shape, dtype, n_space):
    assert volume_of("image", {"image": np.zeros(shape, dtype)}).n_space == n_space


@pytest.mark.parametrize("value", ["a.nii", 3, None, np.zeros(5), np.array(["a"]), [1, 2]])
def test_other_values_have_no_slices(value):
    assert volume_of("x", {"x": value}) is None


def test_values_that_are_no_numbers_do_not_stop_a_picture(tmp_path):
    array = np.array([[np.nan, np.inf], [0.0, 1.0]], "float32")
    assert save_pictures("image", Volume(array[None], 2), tmp_path, "s")["window"][1] <= 1
    assert histogram_of(np.full(4, np.nan)) is None
    assert histogram_of(np.ones(4)) is None
