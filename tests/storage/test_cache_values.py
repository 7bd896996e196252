"""Taking data points apart and putting them together: to the last bit, with the order of axes in memory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from eisen._core.types import Geometry, Warp
from eisen.io import LoadITKFromFilename, LoadNiftiFromFilename, write_nifti
from eisen.storage.cache.layout import kind_of_array
from eisen.storage.cache.values import pack, unpack


def there_and_back(value):
    packed = pack(value)
    tree, table = json.loads(json.dumps([packed.tree, packed.table]))
    raw = b"".join(packed.pieces())
    assert len(raw) == packed.size
    return unpack(tree, table, [thing for _, thing in packed.strangers], bytearray(raw))


@given(arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0)))
def test_any_array_comes_back(array):
    if not kind_of_array(array):
        return
    back = there_and_back(array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(
    st.permutations(range(3)), st.lists(st.sampled_from([slice(None), slice(None, None, -1)]), min_size=3, max_size=3)
)
def test_axes_lie_in_memory_as_before(order, steps):
    array = np.random.default_rng(0).normal(size=(3, 4, 5)).transpose(order)[tuple(steps)]
    back = there_and_back(array)
    assert (back == array).all()
    assert back.strides == array.strides
    assert back.flags.writeable


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool, torch.int64, torch.complex64])
def test_tensors_come_back(dtype):
    tensor = torch.arange(24).reshape(1, 2, 3, 4).to(dtype).contiguous(memory_format=torch.channels_last)
    back = there_and_back({"t": tensor, "none": torch.empty((0, 3), dtype=dtype)})
    assert torch.equal(back["t"], tensor)
    assert back["t"].stride() == tensor.stride()
    assert back["none"].shape == (0, 3)


def test_everything_else_comes_back_as_what_it_was():
    point = {
        "name": "anna\ud800",
        "age": 61,
        "nan": float("nan"),
        "tiny": 5e-324,
        "none": None,
        "flag": True,
        "tuple": (1, [2.5, "x"]),
        "raw": b"\0abc",
        "path": Path("a/b.nii"),
        "scalar": np.float32(0.1),
        7: {"inner": ("a",)},
    }
    back = there_and_back(point)
    assert list(back) == list(point)
    assert repr(back) == repr(point)
    assert type(back["scalar"]) is np.float32


def test_one_array_under_two_names_stays_one_array():
    image = np.zeros((4, 4))
    back = there_and_back({"image": image, "same": image, "other": image.copy()})
    assert back["image"] is back["same"]
    assert back["image"] is not back["other"]


def test_geometry_comes_back_with_its_history_and_warps():
    warp = Warp(np.random.default_rng(0).normal(size=(4, 4, 4, 3)).astype("float32"), np.eye(4) / 3, (9, 9, 9))
    geometry = Geometry.of(np.eye(4) / 7, (3, 4, 5), "a.nii.gz").moved(np.eye(4), (1, 2, 3), "Crop", warp=warp)
    back = there_and_back(geometry)
    assert back == geometry
    assert (back.source, back.history, back.invertible) == (geometry.source, geometry.history, geometry.invertible)
    assert back.warps[0].points.dtype == warp.points.dtype


def test_structured_voxels_come_back():
    colours = np.zeros((2, 3), [("R", "u1"), ("G", "u1"), ("m", "<f4", (2,))])
    colours["G"], colours["m"][..., 1] = 7, 0.5
    back = there_and_back(colours)
    assert back.dtype == colours.dtype
    assert (back == colours).all()


@pytest.mark.parametrize("scaled", [False, True])
def test_nifti_images_come_back(tmp_path, scaled):
    import nibabel

    voxels = np.random.default_rng(0).integers(0, 99, (4, 5, 6)).astype("int16")
    image = nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 2.5, 1.0]))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"seen by Dr Q"))
    if scaled:
        image.header.set_slope_inter(0.5, 3)
    nibabel.save(image, tmp_path / "a.nii.gz")
    read = LoadNiftiFromFilename(["image"], tmp_path)({"image": "a.nii.gz"})
    before, back = read["image"], there_and_back(read)["image"]
    assert back.header.binaryblock == before.header.binaryblock
    assert [e.get_content() for e in back.header.extensions] == [e.get_content() for e in before.header.extensions]
    assert (back.affine == before.affine).all()
    assert back.get_filename() == before.get_filename()
    first, second = np.asanyarray(before.dataobj), np.asanyarray(back.dataobj)
    assert first.dtype == second.dtype
    assert (first == second).all()
    assert first.strides == second.strides


def test_reoriented_nifti_images_come_back(tmp_path):
    write_nifti(tmp_path / "a.nii.gz", np.arange(60.0).reshape(3, 4, 5), np.diag([-1.0, 1.0, 2.0, 1.0]))
    read = LoadNiftiFromFilename(["image"], tmp_path, canonical=True)({"image": "a.nii.gz"})
    back = there_and_back(read)
    assert (back["image"].affine == read["image"].affine).all()
    assert (np.asanyarray(back["image"].dataobj) == np.asanyarray(read["image"].dataobj)).all()
    assert back["image_meta"] == read["image_meta"]


def test_images_of_simpleitk_come_back(tmp_path):
    import SimpleITK

    for kind in (SimpleITK.sitkInt16, SimpleITK.sitkVectorFloat32):
        image = SimpleITK.Image([4, 5, 6], kind, 2 if "Vector" in SimpleITK.GetPixelIDValueAsString(kind) else 0)
        image.SetOrigin((0.1, 2, 3))
        image.SetSpacing((0.3, 0.7, 1.1))
        SimpleITK.WriteImage(image, tmp_path / "a.mha")
        read = LoadITKFromFilename(["image"], tmp_path)({"image": "a.mha"})["image"]
        back = there_and_back(read)
        assert back.GetPixelID() == read.GetPixelID()
        assert (back.GetOrigin(), back.GetSpacing(), back.GetDirection()) == (
            read.GetOrigin(),
            read.GetSpacing(),
            read.GetDirection(),
        )
        assert set(back.GetMetaDataKeys()) == set(read.GetMetaDataKeys())
        assert (SimpleITK.GetArrayFromImage(back) == SimpleITK.GetArrayFromImage(read)).all()


def test_pictures_come_back():
    from PIL import Image

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype("uint8"))
    back = there_and_back(picture)
    assert (back.mode, back.size) == ("RGB", (7, 5))
    assert back.tobytes() == picture.tobytes()


def test_what_is_none_of_these_is_kept_aside_and_named():
    thing = object()
    packed = pack({"a": [1, {"b": thing}], "grad": torch.zeros(2, requires_grad=True)})
    assert [where for where, _ in packed.strangers] == ["['a'][1]['b']", "['grad']"]
    assert there_and_back({"x": thing})["x"] is thing
