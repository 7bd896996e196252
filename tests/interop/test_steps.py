"""What holds for the steps of all three libraries."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

from eisen._core import random
from eisen._core.errors import ArgumentError, DataError, MissingFieldError, ShapeError, StepError
from eisen.config import Entry, build
from eisen.datasets import ListDataset, Loader
from eisen.transforms import Compose
from eisen.utils import interop

BOTH = ["image", "label"]
BG = "batchgeneratorsv2.transforms"


def part(path: str, *args: Any, **params: Any) -> Any:
    """Return an object of a library, or skip the test where the library is absent."""
    module, _, name = path.rpartition(".")
    pytest.importorskip(module.partition(".")[0])
    return getattr(import_module(module), name)(*args, **params)


def torchio_flip() -> Any:
    kind = "RandomFlip" if hasattr(pytest.importorskip("torchio"), "RandomFlip") else "Flip"  # TorchIO 1 and 2
    return part(f"torchio.{kind}", axes=(0, 1), flip_probability=0.5)


def monai_flip() -> Any:
    return part("monai.transforms.RandAxisFlipd", BOTH, prob=1.0)


def bg_flip() -> Any:
    return part(f"{BG}.spatial.mirroring.MirrorTransform", (0, 1))


def torchio_noise() -> Any:
    kind = "RandomNoise" if hasattr(pytest.importorskip("torchio"), "RandomNoise") else "Noise"
    return part(f"torchio.{kind}")


def monai_noise() -> Any:
    return part("monai.transforms.RandGaussianNoised", ["image"], prob=1.0)


def bg_noise() -> Any:
    return part(f"{BG}.intensity.gaussian_noise.GaussianNoiseTransform", (0.5, 1.0))


FLIPS = {"TorchIOStep": torchio_flip, "MONAIStep": monai_flip, "BatchgeneratorsStep": bg_flip}
NOISES = {"TorchIOStep": torchio_noise, "MONAIStep": monai_noise, "BatchgeneratorsStep": bg_noise}


def made(name: str, *transforms: Any, fields: Any = BOTH, **params: Any) -> Any:
    return getattr(interop, name)(fields, list(transforms), **params)


def sampled(step: Any, data: Any, *, seed: int = 1, epoch: int = 0, index: int = 0) -> Any:
    with random.sample(seed, epoch, index):
        return Compose([step])(data)


@pytest.fixture(params=sorted(FLIPS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_image_and_label_move_together(name: str, located: dict[str, Any]) -> None:
    located["label"] = (located["image"][:1] * 4).round().astype("int16")
    step = made(name, FLIPS[name]())
    results = [sampled(step, located, index=index) for index in range(8)]
    for result in results:
        np.testing.assert_array_equal((result["image"][:1] * 4).round(), result["label"])
        assert result["label"].dtype == np.int16
        assert result["id"] == "a"
    assert len({result["label"].tobytes() for result in results}) > 1


@pytest.mark.parametrize("transforms", [FLIPS, NOISES], ids=["flip", "noise"])
def test_random_numbers_are_a_function_of_seed_epoch_and_sample(
    name: str, transforms: dict[str, Callable[[], Any]], located: dict[str, Any]
) -> None:
    step = made(name, transforms[name]())
    first = sampled(step, located, epoch=3, index=5)
    np.random.random(7)
    torch.rand(7)
    step(located)
    for other in (step, pickle.loads(pickle.dumps(step)), made(name, transforms[name]())):
        np.testing.assert_array_equal(sampled(other, located, epoch=3, index=5)["image"], first["image"])
    others = [sampled(step, located, seed=s, epoch=e, index=i) for s in (1, 2) for e in (3, 4) for i in (5, 6)]
    assert len({other["image"].tobytes() for other in others}) > 2


def test_the_generators_of_the_program_are_left_alone(name: str, located: dict[str, Any]) -> None:
    state, numbers = torch.get_rng_state(), np.random.get_state()[1].tolist()
    made(name, NOISES[name]())(located)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.random.get_state()[1].tolist() == numbers


def test_nothing_that_came_in_is_changed_and_intensity_keeps_the_geometry(name: str, located: dict[str, Any]) -> None:
    before = {field: value.copy() for field, value in located.items() if isinstance(value, np.ndarray)}
    given = dict(located)
    result = made(name, NOISES[name](), FLIPS[name]())(located)
    assert not np.array_equal(result["image"], before["image"])
    assert located == given
    assert all(np.array_equal(located[field], value) for field, value in before.items())
    result = made(name, NOISES[name]())(located)
    assert result["image_meta"] is located["image_meta"]
    np.testing.assert_array_equal(result["label"], before["label"])


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("channels", [True, False], ids=["channels", "no channels"])
@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["NumPy", "torch"])
def test_arrays_come_back_as_they_went_in(name: str, spatial_dims: int, channels: bool, kind: Any) -> None:
    shape = (*([1] if channels else []), *(6, 7, 8)[:spatial_dims])
    data = {"image": kind(np.ones(shape, "float32")), "label": kind(np.full(shape, True))}
    result = made(name, FLIPS[name](), NOISES[name](), spatial_dims=spatial_dims)(data)
    for field in BOTH:
        assert type(result[field]) is type(data[field])
        assert (tuple(result[field].shape), result[field].dtype) == (shape, data[field].dtype)
    assert set(result) == set(data)  # no geometry is invented


def test_batches_do_not_depend_on_the_number_of_workers(name: str, located: dict[str, Any]) -> None:
    cases = [{field: located[field] for field in BOTH}] * 4
    dataset = ListDataset(cases, Compose([made(name, FLIPS[name](), NOISES[name]())]))
    here, there = (list(Loader(dataset, batch_size=2, n_workers=n, seed=3)) for n in (0, 1))
    threads = list(Loader(dataset, batch_size=2, n_workers=2, seed=3, workers="threads"))
    for a, b, c in zip(here, there, threads, strict=True):
        assert torch.equal(a["image"], b["image"])
        assert torch.equal(a["image"], c["image"])
    assert not torch.equal(here[0]["image"], here[1]["image"])


def test_a_transform_that_fails_is_named_with_its_place(name: str, located: dict[str, Any]) -> None:
    class Broken:
        def __call__(self, *values: Any, **named: Any) -> Any:
            return 1 / 0

    with pytest.raises(StepError, match="Broken failed: ZeroDivisionError") as caught:
        Compose([made(name, Broken(), places=["Training.Transforms[2]"])])(located)
    assert caught.value.card.step == f"step 1 of 1: {name} (Broken)"
    assert caught.value.card.config == "Training.Transforms[2]"


def test_wrong_arguments_are_refused_at_once(name: str) -> None:
    flip = FLIPS[name]()
    with pytest.raises(ArgumentError, match="transforms is"):
        getattr(interop, name)(BOTH, flip)
    for wrong in ([], ["flip"], [type(flip)]):
        with pytest.raises(ArgumentError):
            getattr(interop, name)(BOTH, wrong)
    with pytest.raises(ArgumentError, match="labels names"):
        made(name, flip, labels=["mask"])
    with pytest.raises(ArgumentError, match="fields is"):
        made(name, flip, fields="image")


def test_wrong_data_is_explained(name: str, located: dict[str, Any]) -> None:
    step = made(name, FLIPS[name]())
    with pytest.raises(MissingFieldError, match="'label'"):
        step({"image": located["image"]})
    with pytest.raises(DataError, match=r"a\.nii"):
        step({"image": "a.nii", "label": located["label"]})
    with pytest.raises(ShapeError):
        step({"image": np.zeros((1, 1, 4, 4, 4)), "label": np.zeros((1, 4, 4, 4))})
    with pytest.raises(ShapeError, match="spatial_dims"):
        step({"image": np.zeros((1, 9, 9)), "label": np.zeros((1, 9, 9))})


CONFIGS = {
    "TorchIOStep": {"type": "torchio.Flip", "params": {"axes": [0]}},
    "MONAIStep": {"type": "monai.transforms.Flipd", "params": {"keys": BOTH, "spatial_axis": 0}},
    "BatchgeneratorsStep": {
        "type": f"{BG}.utils.random.RandomTransform",
        "params": {
            "transform": {
                "type": f"{BG}.noise.gaussian_blur.GaussianBlurTransform",
                "params": {"blur_sigma": [0.5, 1.0]},
            },
            "apply_probability": 1.0,
        },
    },
}


def test_a_configuration_can_hold_the_transforms(name: str, located: dict[str, Any]) -> None:
    pytest.importorskip(CONFIGS[name]["type"].partition(".")[0])
    params = {"fields": BOTH, "transforms": [CONFIGS[name]]}
    step = build(Entry(f"eisen.utils.interop.{name}", params, "T[0]"), "Transforms")
    result = step(located)
    if name == "BatchgeneratorsStep":
        assert not np.array_equal(result["image"], located["image"])
    else:
        np.testing.assert_array_equal(result["image"], located["image"][:, ::-1])
