"""RandomShapesDataset: the same shapes everywhere, wholly inside, equally large whatever their form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from eisen._core.errors import ArgumentError
from eisen.datasets import RandomShapesDataset

VOLUME = {"size": (20, 22, 24), "kinds": ("ball", "cube", "octahedron")}


def fields_of(dataset):
    return [[dataset[i][name] for i in range(len(dataset))] for name in ("image", "mask", "kind", "name")]


def test_a_case_depends_on_seed_and_number_only():
    few, many, other = RandomShapesDataset(3), RandomShapesDataset(300), RandomShapesDataset(3, seed=1)
    for i in (2, 0, 1):
        assert np.array_equal(few[i]["image"], many[i]["image"])
        assert not np.array_equal(few[i]["image"], other[i]["image"])
    assert len({case["name"] for data in (many, other) for case in data.cases}) == 303


@pytest.mark.parametrize("settings", [{"kinds": ("disc", "square", "diamond")}, VOLUME], ids=["2-D", "3-D"])
def test_every_case_has_one_shape_wholly_inside(settings):
    images, masks, kinds, _ = fields_of(RandomShapesDataset(60, **settings))
    assert kinds == [0, 1, 2] * 20
    for image, mask in zip(images, masks, strict=True):
        assert (image.dtype, mask.dtype, image.shape) == (np.float32, np.uint8, mask.shape)
        assert (image.min(), image.max()) == (0, 1)
        assert np.array_equal(mask, image > 0.5)
        assert ndimage.label(mask[0])[1] == 1
        n_axes = image.ndim - 1
        unit = np.pi if n_axes == 2 else 4 / 3 * np.pi
        least, most = (unit * (share * min(image.shape[1:])) ** n_axes for share in (0.14, 0.26))
        assert 0.9 * least < image.sum() < 1.1 * most, "a part of the shape is outside"
    assert images[0].shape[1:] == tuple(settings.get("size", (32, 32)))


@pytest.mark.parametrize("settings", [{"kinds": ("disc", "square", "diamond")}, VOLUME], ids=["2-D", "3-D"])
def test_kinds_are_equally_large_and_of_their_form(settings):
    images, masks, kinds, _ = fields_of(RandomShapesDataset(300, **settings))
    sizes, fills = np.zeros(3), np.zeros(3)
    for image, mask, kind in zip(images, masks, kinds, strict=True):
        box = mask[0][ndimage.find_objects(mask[0])[0]]
        sizes[kind] += image.sum() / 100
        fills[kind] += box.mean() / 100
    assert sizes.max() / sizes.min() < 1.06, "the area would tell the classes apart"
    wanted = [np.pi / 4, 1, 1 / 2] if images[0].ndim == 3 else [np.pi / 6, 1, 1 / 6]
    np.testing.assert_allclose(fills, wanted, atol=0.07)


def test_noise_is_on_the_image_only():
    plain, noisy = RandomShapesDataset(4), RandomShapesDataset(4, noise=0.1)
    for i in range(4):
        assert np.array_equal(plain[i]["mask"], noisy[i]["mask"])
        assert abs((noisy[i]["image"] - plain[i]["image"]).std() - 0.1) < 0.01


def test_splits_partition_the_cases():
    sides = [RandomShapesDataset(20, split=side) for side in ("train", "validation")]
    names = [case["name"] for side in sides for case in side.cases]
    assert len(names) == len(set(names)) == 20
    again = RandomShapesDataset(20)
    number = sides[1].cases[0]["number"]
    assert np.array_equal(sides[1][0]["image"], again[number]["image"])


@pytest.mark.parametrize(
    "settings",
    [
        {"n_cases": 0},
        {"n_cases": 2.5},
        {"size": (32,)},
        {"size": (4, 4)},
        {"size": "32"},
        {"kinds": ("dics",)},
        {"kinds": ()},
        {"kinds": ("disc", "ball")},
        {"seed": -1},
        {"noise": -0.1},
    ],
)
def test_what_cannot_be_is_refused_at_once(settings):
    with pytest.raises(ArgumentError) as caught:
        RandomShapesDataset(**{"n_cases": 2, **settings})
    assert caught.value.card.expected
    assert next(iter(settings)) in caught.value.card.what
