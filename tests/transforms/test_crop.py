"""Crops, pads, patches and boxes."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core import random
from eisen._core.errors import ArgumentError, GeometryError, MissingFieldError, ShapeError, VoxelValueError
from eisen._core.types import Geometry
from eisen.transforms import (
    Crop,
    CropCenteredSubVolumes,
    CropForeground,
    CropOrPad,
    Flip,
    Pad,
    PadToMultiple,
    RandomCrop,
    RandomCropByLabel,
    RandomRotate90,
    Rotate90,
    functional,
)

few = settings(max_examples=30, deadline=None)


@few
@given(st.integers(1, 6), st.integers(1, 6), st.tuples(*[st.integers(0, 15)] * 4), st.sampled_from(["edge", "reflect"]))
def test_pad_modes_are_those_of_numpy(n, m, widths, mode):
    image = np.arange(n * m).reshape(n, m)
    pairs = [widths[:2], widths[2:]]
    np.testing.assert_array_equal(Pad(["x"], pairs, mode=mode)({"x": image})["x"], np.pad(image, pairs, mode))


def test_what_fills_up_can_be_said_for_all_or_per_field_and_labels_get_0():
    data = {"ct": np.full((2, 2), 5, "int16"), "label": np.full((2, 2), 3, "uint8")}
    for step in (
        CropOrPad(["ct", "label"], 4, value=-1000),
        Pad(["ct", "label"], 1, value=-1000),
        PadToMultiple(["ct", "label"], 4, value=-1000),
        CropCenteredSubVolumes(["ct", "label"], 4, value=-1000),
        RandomCrop(["ct", "label"], 4, value=-1000),
    ):
        moved = step(data)
        assert (moved["ct"][0, 0], moved["label"][0, 0], moved["ct"][1, 1]) == (-1000, 0, 5)
        assert moved["ct"].dtype == np.int16
    moved = CropOrPad(["ct", "label"], 4, value={"label": 255, "ct": "min"})(data)
    assert (moved["ct"][0, 0], moved["label"][0, 0]) == (5, 255)


def test_a_value_that_the_dtype_cannot_hold_is_refused():
    with pytest.raises(VoxelValueError, match="uint8 cannot be filled up with -1000"):
        CropOrPad(["ct"], 4, value=-1000)({"ct": np.zeros((2, 2), "uint8")})
    with pytest.raises(ShapeError, match="no voxels to repeat"):
        Pad(["x"], 1, mode="edge")({"x": np.zeros((0, 2))})


def test_a_box_is_cut_where_it_says_and_must_lie_within_the_array():
    image = np.arange(24).reshape(1, 2, 3, 4)
    np.testing.assert_array_equal(Crop(["x"], [1, 0, 2], [1, 3, 2])({"x": image})["x"], image[:, 1:, :, 2:])
    for start in ([0, 2], [0, 0, 3]):
        with pytest.raises(ShapeError, match="does not lie within"):
            Crop(["x"], start, 3)({"x": image[0]})


@few
@given(st.integers(0, 9999), st.integers(0, 3), st.integers(0, 3))
def test_the_foreground_box_is_the_smallest_plus_its_margin(seed, first, second):
    image = (np.random.default_rng(seed).random((2, 9, 8, 7)) > 0.99).astype("float32")
    geometry = Geometry.of(np.diag([1.0, 2.0, 3.0, 1.0]), (9, 8, 7))
    hits = np.argwhere(image.any(axis=0))
    data = {"image": image, "other": image[0] + 1, "image_meta": geometry, "other_meta": geometry}
    step = CropForeground(["image", "other"], margin=[first, 0, 1], margin_mm=second)
    if not len(hits):
        with pytest.warns(UserWarning, match="has no voxel above 0"):
            assert step(data)["image"] is image
        return
    margins = np.array([first, 0, 1]) + np.ceil(second / np.array([1.0, 2.0, 3.0])).astype(int)
    low, high = np.maximum(hits.min(axis=0) - margins, 0), hits.max(axis=0) + 1 + margins
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    moved = step(data)
    np.testing.assert_array_equal(moved["image"], image[(slice(None), *box)])
    np.testing.assert_array_equal(moved["other"], data["other"][box])
    np.testing.assert_allclose(moved["other_meta"].affine[:3, 3], low * [1, 2, 3])


def test_the_foreground_box_needs_its_source_geometry_and_equal_shapes():
    with pytest.raises(MissingFieldError, match="mask"):
        CropForeground(["x"], "mask")({"x": np.ones((4, 4))})
    with pytest.raises(GeometryError, match="no 'x_meta'"):
        CropForeground(["x"], "x", margin_mm=2)({"x": np.ones((8, 8, 8))})
    with pytest.raises(ShapeError, match="'x' has the spatial shape"):
        CropForeground(["y"], "x")({"x": np.ones((8, 8, 8)), "y": np.ones((8, 8, 9))})
    with pytest.raises(ShapeError, match="margin has 2 numbers"):
        CropForeground(["x"], "x", margin=[1, 1])({"x": np.ones((8, 8, 8))})
    assert CropForeground(["x"], "x").apply("x", {"x": np.eye(8)[None].repeat(8, 0)})["x"].shape == (8, 8, 8)


def drawn(step, data, times=400, field="label"):
    results = []
    for index in range(times):
        with random.sample(1, 0, index):
            results.append(step(data)[field])
    return results


def test_uniform_patches_begin_anywhere_equally_often():
    starts = [int(patch[0]) for patch in drawn(RandomCrop(["x"], [3, 1]), {"x": np.arange(6)[:, None]}, field="x")
              for patch in [patch[:, 0]]]  # fmt: skip
    counts = np.bincount(starts, minlength=4)
    assert len(counts) == 4
    assert counts.min() > 70


def test_patches_are_centred_on_classes_as_often_as_the_ratios_say():
    label = np.zeros((40, 40), "uint8")
    label[20, 20], label[10:30, 8] = 1, 2
    step = RandomCropByLabel(["label"], [1, 1], classes=[1, 2, 7, 0], ratios=[3, 1, 100, 1])
    counts = np.bincount([int(patch[0, 0]) for patch in drawn(step, {"label": label}, 500)])
    np.testing.assert_allclose(counts / 500, [0.2, 0.6, 0.2], atol=0.07)
    step = RandomCropByLabel(["label"], [1, 1])
    counts = np.bincount([int(patch[0, 0]) for patch in drawn(step, {"label": label})])
    np.testing.assert_allclose(counts / 400, [0, 0.5, 0.5], atol=0.08)


@few
@given(st.integers(0, 9999), st.tuples(*[st.integers(1, 6)] * 3))
def test_every_voxel_of_a_class_is_found_and_equally_likely(seed, shape):
    label = np.random.default_rng(seed).integers(0, 3, shape)
    hits = np.argwhere(label == 1)
    if not len(hits):
        assert functional.nth_voxel(label, 1, 0.5) is None
    found = [functional.nth_voxel(label, 1, (i + 0.5) / len(hits)) for i in range(len(hits))]
    np.testing.assert_array_equal(np.array(found).reshape(-1, 3), hits)


@few
@given(st.integers(0, 9999), st.integers(1, 14))
def test_a_patch_holds_the_voxel_it_was_drawn_for_and_stays_within_the_case(seed, size):
    rng = np.random.default_rng(seed)
    label = np.zeros((1, 9, 10, 8), "uint8")
    label[(0, *(int(rng.integers(n)) for n in label.shape[1:]))] = 5
    data = {"image": torch.ones(2, 9, 10, 8), "label": label}
    with random.sample(seed, 0, 0):
        patch = RandomCropByLabel(["image", "label"], size)(data)
    assert patch["label"].max() == 5
    assert patch["image"].shape == (2, size, size, size)
    assert patch["image"][0].sum() == np.prod([min(n, size) for n in label.shape[1:]])


def test_a_case_without_foreground_gives_patches_anywhere_and_warns_once_naming_its_file():
    label = np.zeros((8, 8, 8), "uint8")
    data = {"label": label, "label_meta": Geometry.of(np.eye(4), label.shape, "case_007.nii.gz")}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(5):
            assert RandomCropByLabel(["label"], 4)(data)["label"].shape == (4, 4, 4)
    assert [str(w.message) for w in caught] == [
        "'label' has no voxel of any label: patches are cut anywhere (case_007.nii.gz)"
    ]


def test_a_label_on_another_grid_or_with_channels_is_refused():
    step = RandomCropByLabel(["image"], 4)
    with pytest.raises(MissingFieldError, match="label"):
        step({"image": np.zeros((8, 8, 8))})
    for label in (np.zeros((8, 8, 9)), np.zeros((2, 8, 8, 8))):
        with pytest.raises(ShapeError, match="'label' has the shape"):
            step({"image": np.zeros((8, 8, 8)), "label": label})


@few
@given(st.integers(-5, 5), st.permutations([0, 1, 2]))
def test_right_angles_are_those_of_numpy_and_four_of_them_are_nothing(times, order):
    image = np.random.default_rng(0).random((2, 5, 6, 7))
    axes = order[:2]
    turned = Rotate90(["x"], times, axes)({"x": image})["x"]
    np.testing.assert_array_equal(turned, np.rot90(image, times, [1 + a for a in axes]))
    np.testing.assert_array_equal(Rotate90(["x"], -times, axes)({"x": turned})["x"], image)


def test_random_right_angles_turn_all_fields_alike_and_never_by_nothing():
    data = {"image": torch.arange(25.0).reshape(1, 5, 5, 1).repeat(1, 1, 1, 3), "label": np.arange(25).reshape(5, 5, 1)}
    data["label"] = data["label"].repeat(3, 2)
    seen = set()
    for index in range(60):
        with random.sample(0, 0, index):
            moved = RandomRotate90(["image", "label"], p=1.0)(data)
        np.testing.assert_array_equal(moved["image"][0].numpy(), moved["label"])
        seen.add(tuple(moved["label"][0, :, 0]))
    assert len(seen) == 3
    with pytest.raises(ShapeError, match="works on axis 2"):
        Flip(["x"], [2])({"x": np.zeros((4, 4))})


@pytest.mark.parametrize(("kind", "params", "name"), [
    (CropOrPad, {"size": 0}, "size"),
    (CropOrPad, {"size": 4, "value": "max"}, "value"),
    (CropOrPad, {"size": 4, "value": {"x": None}}, "value"),
    (CropOrPad, {"size": 4, "mode": "wrap"}, "mode"),
    (Pad, {"width": -1}, "width"),
    (Pad, {"width": [1]}, "width"),
    (Pad, {"width": [(1, 2, 3), 1]}, "width"),
    (Crop, {"start": 3, "size": 4}, "start"),
    (Crop, {"start": [-1, 0], "size": 4}, "start"),
    (Crop, {"start": [0, 0], "size": [4, 4, 4]}, "size"),
    (CropForeground, {"margin": -1}, "margin"),
    (CropForeground, {"margin_mm": -1}, "margin_mm"),
    (CropForeground, {"threshold": "low"}, "threshold"),
    (RandomCrop, {"size": [4, 4], "spatial_dims": 3}, "size"),
    (RandomCropByLabel, {"size": 4, "classes": "1"}, "ratios|classes"),
    (RandomCropByLabel, {"size": 4, "classes": []}, "classes"),
    (RandomCropByLabel, {"size": 4, "ratios": [1]}, "ratios"),
    (RandomCropByLabel, {"size": 4, "classes": [1], "ratios": [0]}, "ratios"),
    (Flip, {"axes": [3]}, "axes"),
    (Rotate90, {"axes": [1, 1]}, "axes"),
    (Rotate90, {"times": 0.5}, "times"),
    (RandomRotate90, {"axes": [0]}, "axes"),
])  # fmt: skip
def test_wrong_arguments_are_refused_in_the_constructor(kind, params, name):
    with pytest.raises(ArgumentError, match=f"{kind.__name__}: ({name}) is"):
        kind(["x"], **params)
