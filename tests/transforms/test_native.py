"""Whatever the spatial steps were, results come home and tissue keeps its place in the body."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core import random
from eisen._core.errors import ArgumentError, GeometryError, ShapeError
from eisen._core.types import Geometry, Warp
from eisen.transforms import (
    Compose,
    CropForeground,
    CropOrPad,
    Flip,
    Pad,
    PadToMultiple,
    RandomAffine,
    RandomCrop,
    RandomElastic,
    RandomFlip,
    RandomRotate90,
    Reorient,
    Resample,
    ResampleToReference,
    Resize,
    Rotate90,
    ToNativeGrid,
    functional,
)

BOTH = ["image", "label"]
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = functional.rotation([10, -25, 15]) @ np.diag([1.0, 1.2, 2.0])
OBLIQUE[:3, 3] = [-30, 12, 80]


def positions(geometry):
    """Return the place in the body of every voxel, deformations included, shape (n, 3)."""
    index = np.stack([*np.indices(geometry.shape), np.ones(geometry.shape)]).reshape(4, -1)
    places = torch.from_numpy((geometry.affine @ index)[:3].T).float()
    for warp in reversed(geometry.warps):
        places = functional.deformed(warp, places)
    return places.numpy()


def pattern(geometry):
    """Return a smooth function of the position in the body, on the voxels of a grid."""
    x, y, z = positions(geometry).T
    values = np.sin(x / 8) + np.cos(y / 9 + 1) + np.sin(z / 10)
    return values.reshape(geometry.shape).astype("float32")


def scan(shape=(26, 24, 18), affine=OBLIQUE):
    grid = Geometry.of(affine, shape)
    inside = np.ones(shape, "uint8")
    return {"image": pattern(grid), "label": inside, "image_meta": grid, "label_meta": grid}


def ball(geometry, radius=13.0):
    return np.linalg.norm(positions(geometry) - geometry.native.corners().mean(axis=0), axis=1) < radius


def dice(a, b):
    return 2 * np.logical_and(a, b).sum() / (a.sum() + b.sum())


def exact_steps():
    sizes = st.tuples(*[st.integers(1, 9)] * 3)
    axes = st.lists(st.integers(0, 2), unique=True, max_size=3)
    planes = st.permutations([0, 1, 2]).map(lambda order: order[:2])
    letters = st.tuples(st.permutations(["RL", "AP", "SI"]), st.tuples(*[st.integers(0, 1)] * 3))
    return st.one_of(
        st.builds(lambda a: Flip(["x"], a), axes),
        st.builds(lambda k, a: Rotate90(["x"], k, a), st.integers(-3, 5), planes),
        st.builds(lambda a: Reorient(["x"], "".join(p[e] for p, e in zip(*a, strict=True))), letters),
        st.builds(lambda s: CropOrPad(["x"], s), sizes),
        st.builds(lambda w: Pad(["x"], w), st.integers(0, 4)),
        st.builds(lambda m: PadToMultiple(["x"], m), st.integers(1, 5)),
        st.builds(lambda s: RandomCrop(["x"], s), sizes),
        st.builds(lambda t: CropForeground(["x"], "x", threshold=t), st.integers(-1, 3)),
        st.builds(lambda a: RandomFlip(["x"], a), axes),
        st.builds(lambda a: RandomRotate90(["x"], a), planes),
    )


@pytest.mark.filterwarnings("ignore:.*has no voxel")
@settings(max_examples=60, deadline=None)
@given(st.lists(exact_steps(), min_size=1, max_size=5), st.tuples(*[st.integers(1, 7)] * 3), st.integers(0, 99))
def test_any_chain_of_turns_crops_and_pads_is_undone_exactly(steps, shape, seed):
    image = np.arange(1, np.prod(shape) + 1, dtype=np.int32).reshape(shape)
    data = {"x": image, "x_meta": Geometry.of(OBLIQUE, shape)}
    with random.sample(seed, 0, 0):
        moved = Compose(steps)(data)
    back = ToNativeGrid(["x"])(moved)
    assert back["x_meta"] == data["x_meta"]
    assert functional.is_exact(moved["x_meta"], data["x_meta"])
    np.testing.assert_array_equal(back["x"], np.where(np.isin(image, moved["x"]), image, 0))


def loose_steps():
    return st.one_of(
        st.builds(lambda s: Resample(BOTH, s), st.tuples(*[st.floats(0.8, 1.6)] * 3)),
        st.builds(lambda s: Resize(BOTH, s), st.tuples(*[st.integers(24, 40)] * 3)),
        st.builds(lambda s: RandomElastic(BOTH, s, 6, padding="border"), st.floats(0.1, 3)),
        st.builds(lambda s: RandomAffine(BOTH, 20, 0.1, 2, (0, 1), elastic_mm=s), st.floats(0, 2)),
        st.just(Flip(BOTH, [0])),
        st.just(Reorient(BOTH, "PIR")),
        st.just(CropOrPad(BOTH, 44)),
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(loose_steps(), min_size=1, max_size=3), st.integers(0, 999))
def test_resampling_rotation_and_elastic_deformation_come_home_within_interpolation(steps, seed):
    data = scan((30, 28, 20))
    shape = data["image"].shape
    data["label"] = ball(data["label_meta"]).reshape(shape).astype("uint8")
    with random.sample(seed, 0, 0):
        moved = Compose(steps)(data)
    assert moved["image_meta"].invertible
    back = ToNativeGrid(BOTH)(moved)
    assert back["image"].shape == shape
    assert dice(back["label"] == 1, data["label"] == 1) > 0.93
    middle = ball(data["image_meta"], 10).reshape(shape)
    assert np.abs(back["image"] - data["image"])[middle].mean() < 0.03


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.floats(1, 12))
def test_the_inverse_of_a_deformation_is_its_inverse(seed, reach):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-reach, reach, (7, 6, 5, 3))
    shape = (50, 40, 20)
    if functional.folds(points, shape):
        return
    warp = Warp(points @ OBLIQUE[:3, :3].T, OBLIQUE, shape)
    places = torch.from_numpy(rng.uniform(-10, 60, (500, 3)) @ OBLIQUE[:3, :3].T + OBLIQUE[:3, 3]).float()
    found = functional.undeformed(warp, functional.deformed(warp, places))
    assert (found - places).norm(dim=1).max() < 0.02


def test_channels_of_a_prediction_become_a_label_map_on_the_grid_of_the_reference():
    data = scan((12, 10, 8))
    data = Compose([Flip(BOTH, [0]), CropOrPad(BOTH, 14)])(data)
    winner = np.random.default_rng(0).integers(0, 3, (14, 14, 14))
    data["logits"] = torch.from_numpy(np.eye(3)[winner].transpose(3, 0, 1, 2).copy())
    data["mask"] = winner[None].astype("int16")
    home = ToNativeGrid(["image", "logits", "mask"], reference="image")(data)
    expected = winner[1:13, 2:12, 3:11][::-1]
    np.testing.assert_array_equal(home["mask"][0], expected)
    assert isinstance(home["logits"], torch.Tensor)
    np.testing.assert_array_equal(home["logits"].numpy(), expected)
    assert home["logits"].dtype == torch.uint8
    assert home["logits_meta"] == home["image_meta"] == data["image_meta"].native
    channels = ToNativeGrid(["logits"], reference="image", argmax=False)(data)["logits"]
    assert channels.shape == (3, 12, 10, 8)


def test_without_geometry_or_after_folding_there_is_no_way_home():
    with pytest.raises(GeometryError, match="no 'x_meta'"):
        ToNativeGrid(["x"])({"x": np.zeros((4, 4, 4))})
    with pytest.raises(GeometryError, match="no 'image_meta'"):
        ToNativeGrid(["x"], reference="image")({"x": np.zeros((4, 4, 4))})
    data = scan()
    with random.sample(0, 0, 0), pytest.raises(GeometryError, match="RandomElastic"):
        Compose([RandomElastic(BOTH, 60), ToNativeGrid(BOTH)])(data)
    with pytest.raises(ShapeError, match=r"\(3, 3, 3\)"):
        ToNativeGrid(["p"], reference="image")({**data, "p": np.zeros((3, 3, 3))})
    for wrong in ({"argmax": "yes"}, {"value": "min"}, {"interpolation": "cubic"}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            ToNativeGrid(["x"], **wrong)


def test_resampling_to_a_reference_compares_millimetres():
    import SimpleITK

    pet, ct = Geometry.of(OBLIQUE, (20, 22, 14)), Geometry.of(np.diag([1.5, -1.3, 2.0, 1.0]) + 0, (25, 24, 20))
    shifted = ct.affine.copy()
    shifted[:3, 3] = pet.corners().mean(axis=0) - ct.affine[:3, :3] @ [12, 12, 10]
    ct = Geometry.of(shifted, ct.shape)
    data = {"pet": pattern(pet), "pet_meta": pet, "ct": np.zeros(ct.shape), "ct_meta": ct}
    moved = ResampleToReference(["pet"], "ct", value=-9)(data)

    def itk(array, affine):
        image = SimpleITK.GetImageFromArray(array.transpose(2, 1, 0))
        lps = np.diag([-1, -1, 1]) @ affine[:3]
        spacing = np.linalg.norm(lps[:, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetOrigin(lps[:, 3].tolist())
        image.SetDirection((lps[:, :3] / spacing).ravel().tolist())
        return image

    target = itk(data["ct"].astype("float32"), ct.affine)
    expected = SimpleITK.Resample(
        itk(data["pet"], pet.affine), target, SimpleITK.Transform(), SimpleITK.sitkLinear, -9.0
    )
    expected = SimpleITK.GetArrayFromImage(expected).transpose(2, 1, 0)
    is_inside = (expected > -8) & (moved["pet"] > -8)
    np.testing.assert_allclose(moved["pet"][is_inside], expected[is_inside], atol=1e-4)
    assert ((expected > -8) == (moved["pet"] > -8)).mean() > 0.99
    assert is_inside.mean() > 0.2
    assert moved["pet_meta"].affine is not ct.affine
    assert moved["pet_meta"].shape == ct.shape
    assert moved["pet_meta"].native == pet


def test_a_reference_that_was_bent_alike_is_reached_without_following_the_bending():
    data = scan()
    with random.sample(3, 0, 0):
        bent = RandomElastic(BOTH, 3)(data)
    coarse = Resample(["label"], 3.0)(bent)
    assert coarse["label_meta"].warps == bent["image_meta"].warps
    moved = ResampleToReference(["image"], "label")(coarse)
    inside = moved["image"] != 0
    error = np.abs(moved["image"] - pattern(moved["image_meta"]))[inside]
    assert inside.any()
    assert np.median(error) < 0.03
