import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core import random
from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import Geometry
from eisen.transforms import (
    RandomAffine,
    RandomFlip,
    RandomGamma,
    RandomIntensityScaleShift,
    RandomNoise,
    functional,
)

few = settings(max_examples=20, deadline=None)


def blob(shape, centre, width=3.0):
    distance = sum(
        ((i - c) / w) ** 2 for i, c, w in zip(np.indices(shape), centre, np.full(len(shape), width), strict=True)
    )
    return np.exp(-distance).astype("float32")


def centre_of_mass(image):
    weights = image.astype(np.float64)
    return (np.indices(image.shape) * weights).reshape(image.ndim, -1).sum(axis=1) / weights.sum()


def case(shape=(24, 28, 20), spacing=(1.0, 1.0, 1.0)):
    image = blob(shape, np.array(shape) / 2 - 1, min(shape) / 4)
    affine = np.eye(4)
    affine[:3, :3] = functional.rotation([20, -30, 40]) @ np.diag(spacing)
    affine[:3, 3] = [5, -60, 33]
    grid = Geometry.of(affine, shape)
    return {"image": image, "label": (image > 0.4).astype("uint8"), "image_meta": grid, "label_meta": grid}


@few
@given(st.integers(0, 10_000), st.booleans())
def test_image_and_label_stay_aligned(seed, is_elastic):
    step = RandomAffine(["image", "label"], 30, 0.2, 2, (0, 1, 2), elastic_mm=2 * is_elastic)
    with random.sample(seed, 0, 0):
        data = step(case((36, 40, 32)))
    overlap = ((data["image"] > 0.4) & (data["label"] == 1)).sum() * 2
    assert overlap / ((data["image"] > 0.4).sum() + (data["label"] == 1).sum()) > 0.9
    assert set(np.unique(data["label"])) <= {0, 1}


@few
@given(st.integers(0, 10_000), st.sampled_from([(1.0, 1.0, 1.0), (0.8, 0.8, 2.5)]))
def test_a_landmark_keeps_its_position_in_the_body(seed, spacing):
    shape, centre = (41, 41, 21), np.array([18.0, 22.0, 10.0])
    data = case(shape, spacing)
    data["image"] = blob(shape, centre)
    where = data["image_meta"].affine @ [*centre, 1]
    with random.sample(seed, 0, 0):
        moved = RandomAffine(["image"], 20, 0.1, 2, (0, 2))(data)
    found = moved["image_meta"].affine @ [*centre_of_mass(moved["image"]), 1]
    np.testing.assert_allclose(found, where, atol=0.15)
    assert moved["image_meta"].invertible


def test_a_rotation_is_rigid_in_millimetres():
    data = case((30, 30, 10), (1.0, 1.0, 3.0))
    affine = RandomAffine(["image"], (25, 25), scale=0)(data)["image_meta"].affine
    before = data["image_meta"].affine
    change = affine[:3, :3] @ np.linalg.inv(before[:3, :3])
    np.testing.assert_allclose(change @ change.T, np.eye(3), atol=1e-9)


@pytest.mark.parametrize(("step", "move"), [
    (RandomAffine(["x"], 0, 0, (2, 2)), lambda a: np.pad(a, [(2, 0), (2, 0)])[:-2, :-2]),
    (RandomAffine(["x"], (90, 90), 0), lambda a: np.rot90(a)),
    (RandomAffine(["x"], (180, 180), 0), lambda a: a[::-1, ::-1]),
])  # fmt: skip
def test_positive_numbers_shift_towards_higher_indices_and_turn_axis_0_to_axis_1(step, move):
    array = np.random.default_rng(0).random((7, 7)).astype("float32")
    np.testing.assert_allclose(step({"x": array})["x"], move(array), atol=1e-5)


def test_zoom_above_1_enlarges():
    image = blob((31, 31), (15, 15))
    assert RandomAffine(["x"], 0, (1.5, 1.5))({"x": image})["x"].sum() == pytest.approx(image.sum() * 1.5**2, rel=0.02)


def test_flips_of_the_affine_are_those_of_the_array():
    array = np.random.default_rng(0).random((5, 6, 7)).astype("float32")
    step = RandomAffine(["x"], 0, 0, flip_axes=[0, 1])
    seen = set()
    for seed in range(40):
        with random.sample(seed, 0, 0):
            result = step({"x": array})["x"]
        options = {(): array, (0,): array[::-1], (1,): array[:, ::-1], (0, 1): array[::-1, ::-1]}
        match = [axes for axes, option in options.items() if np.allclose(result, option, atol=1e-5)]
        assert len(match) == 1
        seen.add(match[0])
    assert len(seen) == 4


def test_elastic_displaces_at_most_what_it_says():
    shape = (20, 20, 20)
    index = np.stack(np.indices(shape)).astype("float32")
    data = {"image": index, "image_meta": Geometry.of(np.diag([2.0, 2.0, 2.0, 1.0]), shape)}
    moved = RandomAffine(["image"], 0, 0, elastic_mm=6, padding="border")(data)
    shift_mm = np.abs(moved["image"] - index) * 2
    assert 1 < shift_mm.max() <= 6


@pytest.mark.parametrize(("elastic_mm", "is_invertible"), [(2, True), (0, True), (80, False)])
def test_only_folded_tissue_cannot_be_brought_back(elastic_mm, is_invertible):
    geometry = Geometry.of(np.diag([2.0, 2.0, 2.0, 1.0]), (20, 20, 20))
    data = {"image": np.zeros((20, 20, 20), "float32"), "image_meta": geometry}
    with random.sample(0, 0, 0):
        moved = RandomAffine(["image"], 0, 0, elastic_mm=elastic_mm)(data)["image_meta"]
    assert moved.invertible == is_invertible
    assert len(moved.warps) == bool(elastic_mm)
    assert len(pickle.dumps(moved)) < 10_000


def test_padding_is_zeros_or_the_rim():
    array = np.full((8, 8), 3.0, "float32")
    assert RandomAffine(["x"], 0, 0, (4, 4), padding="zeros")({"x": array})["x"].min() == 0
    assert RandomAffine(["x"], 0, 0, (4, 4), padding="border")({"x": array})["x"].min() == pytest.approx(3)
    assert RandomAffine(["x_label"], 0, 0, (4, 4), padding="border")({"x_label": array})["x_label"].min() == 3


def test_interpolation_can_be_said_per_field():
    data = {"label": np.eye(9, dtype="float32")}
    linear = RandomAffine(["label"], (30, 30), 0, interpolation={"label": "linear"})(data)["label"]
    assert len(np.unique(linear)) > 2
    assert len(np.unique(RandomAffine(["label"], (30, 30), 0)(data)["label"])) == 2


def test_all_channels_move_alike_and_tensors_stay_tensors():
    image = np.random.default_rng(0).random((3, 9, 9)).astype("float32")
    data = {"a": image, "b": torch.from_numpy(image), "b_mask": torch.from_numpy(image)}
    moved = RandomAffine(["a", "b", "b_mask"], spatial_dims=2)(data)
    assert isinstance(moved["b"], torch.Tensor)
    assert isinstance(moved["b_mask"], torch.Tensor)
    np.testing.assert_allclose(moved["a"], moved["b"].numpy())


def test_whole_numbers_become_float32_when_interpolated():
    assert RandomAffine(["x"])({"x": np.ones((8, 8), "int16")})["x"].dtype == np.float32


@pytest.mark.parametrize("kind", [RandomAffine, RandomFlip])
def test_fields_of_different_shape_are_refused_by_name(kind):
    data = {"image": np.zeros((1, 8, 8, 8), "float32"), "label": np.zeros((8, 8, 9), "uint8")}
    with pytest.raises(ShapeError, match=r"'image' has the spatial shape \(8, 8, 8\) and 'label' has \(8, 8, 9\)"):
        kind(["image", "label"], p=1.0)(data)


def test_an_image_with_channels_and_a_label_without_move_together():
    data = case()
    data["image"] = data["image"][None]
    moved = RandomAffine(["image", "label"])(data)
    assert moved["image"].shape == (1, *moved["label"].shape)


def test_what_can_be_a_picture_or_a_thin_volume_has_to_be_said():
    thin = {"x": np.zeros((3, 16, 16), "float32")}
    with pytest.raises(ShapeError, match="a picture with 3 channels or a volume"):
        RandomFlip(["x"])(thin)
    for spatial_dims in (2, 3):
        assert RandomAffine(["x"], spatial_dims=spatial_dims)(thin)["x"].shape == (3, 16, 16)
    with pytest.raises(ShapeError, match="no 3 spatial axes"):
        RandomFlip(["x"], spatial_dims=3)({"x": np.zeros((4, 4))})


@pytest.mark.parametrize("fields", [["image", "label"], ["label"]])
def test_flip_mirrors_all_fields_and_keeps_world_coordinates(fields):
    data = case()
    centre = data["image_meta"].affine @ [*centre_of_mass(data["label"]), 1]
    moved = RandomFlip(fields, axes=(0, 2), p=1.0)(data)
    for field in fields:
        np.testing.assert_array_equal(moved[field], data[field][::-1, :, ::-1])
        found = moved[f"{field}_meta"].affine @ [*centre_of_mass((moved[field] > 0.4).astype("uint8")), 1]
        np.testing.assert_allclose(found, centre, atol=1e-6)
    torch.from_numpy(moved["label"])


def test_flip_has_a_chance_per_axis():
    array = np.arange(4).reshape(2, 2)
    seen = set()
    for index in range(60):
        with random.sample(0, 0, index):
            seen.add(tuple(RandomFlip(["x"], axes=(0, 1))({"x": array})["x"].ravel()))
    assert len(seen) == 4
    assert RandomFlip(["x"], p=0)({"x": array})["x"] is array


@pytest.mark.parametrize(
    "step",
    [
        RandomNoise(["x"], p=0.3),
        RandomGamma(["x"], p=0.3),
        RandomIntensityScaleShift(["x"], p=0.3),
        RandomAffine(["x"], p=0.3),
    ],
)
def test_p_is_the_fraction_of_samples_that_change(step):
    array = np.random.default_rng(0).random((4, 5)).astype("float32")
    changed = 0
    for index in range(200):
        with random.sample(7, 0, index):
            changed += step({"x": array})["x"] is not array
    assert 35 <= changed <= 85


def test_noise_has_the_drawn_strength_and_differs_between_fields():
    data = {"a": np.zeros(20_000, "float32"), "b": np.zeros(20_000, "float32"), "c": torch.zeros(100)}
    noisy = RandomNoise(["a", "b", "c"], std=(0.5, 0.5))(data)
    assert noisy["a"].std() == pytest.approx(0.5, rel=0.05)
    assert abs(np.corrcoef(noisy["a"], noisy["b"])[0, 1]) < 0.05
    assert noisy["a"].dtype == np.float32
    assert isinstance(noisy["c"], torch.Tensor)
    assert RandomNoise(["x"])({"x": np.zeros(3)})["x"].dtype == np.float64


def test_intensities_of_all_fields_change_alike():
    data = RandomIntensityScaleShift(["a", "b"])({"a": np.array([1.0, 2.0]), "b": np.array([1.0, 2.0])})
    np.testing.assert_array_equal(data["a"], data["b"])
    with random.sample(0, 0, 1):
        drawn = RandomIntensityScaleShift(["a"], scale=(0.9, 0.95), shift=(3, 4))({"a": np.array([0.0, 1.0])})["a"]
    assert 3 <= drawn[0] <= 4
    assert 0.9 <= drawn[1] - drawn[0] <= 0.95


def test_a_step_applied_to_one_field_alone_draws_for_it():
    assert RandomNoise(["x"], std=(1, 1)).apply("x", {"x": np.zeros(3)})["x"].any()


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (RandomAffine, {"p": 1.5}),
        (RandomAffine, {"p": "often"}),
        (RandomAffine, {"rotation_degrees": (5, 1)}),
        (RandomAffine, {"rotation_degrees": "a lot"}),
        (RandomAffine, {"scale": 1.0}),
        (RandomAffine, {"scale": (0, 1)}),
        (RandomAffine, {"elastic_mm": -1}),
        (RandomAffine, {"elastic_mm": float("nan")}),
        (RandomAffine, {"control_points": 3}),
        (RandomAffine, {"padding": "reflect"}),
        (RandomAffine, {"interpolation": "cubic"}),
        (RandomAffine, {"flip_axes": [3]}),
        (RandomAffine, {"spatial_dims": 4}),
        (RandomFlip, {"axes": [-1]}),
        (RandomFlip, {"axes": 0}),
        (RandomFlip, {"p": True}),
        (RandomNoise, {"std": 0.1}),
        (RandomNoise, {"std": (-1, 1)}),
        (RandomGamma, {"gamma": (0, 1)}),
        (RandomIntensityScaleShift, {"scale": [1, 2, 3]}),
    ],
)
def test_wrong_arguments_are_refused_in_the_constructor(kind, params):
    with pytest.raises(ArgumentError, match=f"{kind.__name__}: {next(iter(params))} is"):
        kind(["x"], **params)


def test_slices_of_a_volume_can_be_moved_in_plane_and_geometry_follows():
    shape, centre = (3, 41, 41), (1, 17, 24)
    data = {"x": blob(shape, centre, 2.5), "x_meta": Geometry.of(np.diag([5.0, 1.0, 0.5, 1.0]), shape)}
    moved = RandomAffine(["x"], (20, 20), (0.9, 0.9), (1, 1), spatial_dims=2)(data)
    for index in range(3):
        found = moved["x_meta"].affine @ [index, *centre_of_mass(moved["x"][index]), 1]
        np.testing.assert_allclose(found[:3], [5 * index, 17, 12], atol=0.1)


def test_2d_rotation_and_zoom_of_pictures_keep_colours_together():
    picture = np.random.default_rng(0).random((3, 16, 16)).astype("float32")
    picture[1] = picture[0]
    moved = RandomAffine(["x"], 30, 0.2, elastic_mm=1, spatial_dims=2)({"x": picture})["x"]
    np.testing.assert_array_equal(moved[0], moved[1])
