"""Transforms on whole batches: the same as on single cases, drawn for each element by itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

import eisen.transforms
from eisen._core import random
from eisen._core.collate import collate
from eisen._core.errors import ArgumentError, DataError, MissingFieldError, ShapeError, StepError
from eisen._core.types import Batch, Geometry
from eisen.transforms import (
    BatchCompose,
    Compose,
    RandomAffine,
    RandomFieldStep,
    RandomFlip,
    RandomGamma,
    RandomIntensityScaleShift,
    RandomNoise,
    RandomRicianNoise,
)
from eisen.transforms import batch as batch_module

_spec = importlib.util.spec_from_file_location("contract", Path(__file__).with_name("test_contract.py"))
contract = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(contract)

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
RANDOM = [name for name in contract.NAMES if issubclass(getattr(eisen.transforms, name), RandomFieldStep)]
SHAPE = (10, 10, 12)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return request.param


def made(name: str, **changes: object) -> RandomFieldStep:
    step: RandomFieldStep = getattr(eisen.transforms, name)(**{**contract.EXAMPLES[name][1], **changes})
    return step


def case(number: int, dtype: str = "float32") -> dict:
    rng = np.random.default_rng(number)
    grid = Geometry.of(contract.AFFINE, SHAPE)
    return {
        "image": rng.normal(size=(1, *SHAPE)).astype(dtype),
        "label": rng.integers(0, 3, size=(1, *SHAPE)).astype("uint8"),
        "image_meta": grid,
        "label_meta": grid,
        "id": f"case {number}",
    }


def batch_of(numbers: list[int], device: str = "cpu", dtype: str = "float32") -> Batch:
    names = [f"#{n}" for n in numbers]
    batch = collate([case(n, dtype) for n in numbers], names)
    return Batch({k: v.to(device) if hasattr(v, "to") else v for k, v in batch.items()}, names, numbers)


def on_cases(steps: list, numbers: list[int], device: str = "cpu", seed: int = 0, epoch: int = 0) -> dict:
    """Return what the steps make of the cases one by one, before they are put together."""
    points = []
    for number in numbers:
        with random.sample(seed, epoch, number):
            tensors = {k: torch.from_numpy(v).to(device) if hasattr(v, "dtype") else v for k, v in case(number).items()}
            points.append(Compose(steps)(tensors))
    return collate(points, list(map(str, numbers)))


def assert_alike(left: dict, right: dict, tolerance: float = 1e-4) -> None:
    assert list(left) == list(right)
    for field, value in left.items():
        if not isinstance(value, torch.Tensor):
            assert value == right[field], field
            continue
        assert (value.dtype, value.shape, value.device) == (right[field].dtype, right[field].shape, right[field].device)
        if "label" in field:
            assert (value != right[field]).float().mean() < 1e-3
        else:
            torch.testing.assert_close(value, right[field], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", RANDOM)
def test_every_random_step_does_to_a_batch_what_it_does_to_each_case(name: str, device: str) -> None:
    step = made(name)
    result = BatchCompose([step])(batch_of([4, 0, 7], device))
    assert_alike(result, on_cases([step], [4, 0, 7], device))


@pytest.mark.parametrize("name", [name for name in RANDOM if batch_module._computes_batches(made(name))])
def test_the_fast_way_gives_what_the_slow_way_gives(name: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step = made(name, p=0.6)
    batches = [batch_of([n, n + 1, n + 2], device, dtype) for n, dtype in ((0, "float32"), (9, "int16"))]
    fast = [BatchCompose([step], seed=3)(batch) for batch in batches]
    monkeypatch.setattr(batch_module, "_computes_batches", lambda step: False)
    for batch, result in zip(batches, fast, strict=True):
        assert_alike(result, BatchCompose([step], seed=3)(batch))


def test_some_steps_have_a_fast_way() -> None:
    fast = (RandomAffine, RandomFlip, RandomGamma, RandomIntensityScaleShift, RandomNoise)
    assert all(batch_module._computes_batches(kind(["image"])) for kind in fast)
    assert not batch_module._computes_batches(RandomRicianNoise(["image"])), "it changes what its parent does"


@pytest.mark.parametrize(
    "step",
    [
        RandomNoise(["image"], channelwise=True, p_channel=0.5),
        RandomGamma(["image"], retain_stats=True),
        RandomGamma(["image"], invert_p=0.5),
        RandomIntensityScaleShift(["image"], channelwise=True),
        RandomAffine(["image", "label"], padding="border", interpolation={"image": "nearest"}),
        RandomAffine(["image", "label"], spatial_dims=2, elastic_mm=1),
    ],
    ids=repr,
)
def test_options_make_no_difference_between_a_batch_and_its_cases(step: RandomFieldStep, device: str) -> None:
    assert_alike(BatchCompose([step])(batch_of([1, 2, 3], device)), on_cases([step], [1, 2, 3], device))


def test_a_step_that_changes_what_its_parent_does_to_a_case_is_not_sent_the_fast_way() -> None:
    class Shy(RandomNoise):
        def apply_drawn(self, field: str, data: dict, params: object) -> dict:
            return {field: data[field] * 0}

    assert not BatchCompose([Shy(["image"])])(batch_of([1, 2]))["image"].any()


STEPS = [RandomAffine(["image", "label"], elastic_mm=2), RandomFlip(["image", "label"]), RandomNoise(["image"])]


def test_an_element_does_not_depend_on_the_others_of_its_batch() -> None:
    together, alone = BatchCompose(STEPS)(batch_of([5, 2, 8])), BatchCompose(STEPS)(batch_of([2]))
    torch.testing.assert_close(together["image"][1], alone["image"][0])
    assert torch.equal(together["label"][1], alone["label"][0])


def test_steps_behind_the_chain_of_a_case_draw_what_they_would_have_drawn_at_its_end() -> None:
    whole = on_cases([RandomGamma(["image"]), *STEPS], [3, 1], seed=7, epoch=2)
    first = on_cases([RandomGamma(["image"])], [3, 1], seed=7, epoch=2)
    late = BatchCompose(STEPS, seed=7, first_step=1)
    late.set_epoch(2)
    assert_alike(late(Batch(first, ["a", "b"], [3, 1])), whole)


def test_seed_and_epoch_change_what_is_drawn() -> None:
    results = [BatchCompose(STEPS, seed=seed) for seed in (0, 0, 1, 0)]
    results[3].set_epoch(1)
    first, same, *others = [steps(batch_of([1, 2]))["image"] for steps in results]
    assert torch.equal(first, same)
    assert not any(torch.equal(first, other) for other in others)


def test_batches_without_numbers_are_counted_from_the_start_of_the_epoch() -> None:
    steps, plain = BatchCompose(STEPS), dict(batch_of([0, 1]))
    known = [BatchCompose(STEPS)(Batch(plain, samples=numbers))["image"] for numbers in ([0, 1], [2, 3])]
    for _ in range(2):
        steps.set_epoch(0)
        counted = [steps(plain)["image"] for _ in range(2)]
        assert all(map(torch.equal, counted, known))


def test_the_batch_that_came_in_is_not_changed_and_untouched_fields_stay_the_same_objects() -> None:
    batch = batch_of([0, 1])
    before = {name: value.clone() for name, value in batch.items() if isinstance(value, torch.Tensor)}
    result = BatchCompose([RandomNoise(["image"]), RandomGamma(["image"])])(batch)
    assert all(torch.equal(batch[name], value) for name, value in before.items())
    assert result["label"] is batch["label"]
    assert result["id"] is batch["id"]
    assert (result.cases, result.samples) == (batch.cases, batch.samples)


def test_elements_that_are_not_chosen_stay_as_they_are() -> None:
    batch = batch_of(list(range(12)))
    result = BatchCompose([RandomAffine(["image", "label"], p=0.5)])(batch)
    same = [torch.equal(a, b) for a, b in zip(result["image"], batch["image"], strict=True)]
    assert 0 < sum(same) < 12
    assert [new is old for new, old in zip(result["image_meta"], batch["image_meta"], strict=True)] == same


def test_image_and_label_of_an_element_move_together_and_their_geometry_follows() -> None:
    batch = batch_of([0, 1, 2])
    batch["label"] = (batch["image"] > 0).to(torch.uint8)
    step = RandomAffine(["image", "label"], rotation_degrees=20, interpolation="nearest")
    result = BatchCompose([step])(batch)
    assert torch.equal((result["image"] > 0).to(torch.uint8), result["label"])
    assert len({tuple(grid.affine.ravel()) for grid in result["image_meta"]}) == 3
    assert result["image_meta"] == result["label_meta"]


def test_steps_of_other_libraries_draw_for_each_element_too() -> None:
    def jitter(data: dict) -> dict:
        return {**data, "image": data["image"] + torch.rand(()) + np.random.rand()}

    state = torch.get_rng_state()
    steps = BatchCompose([jitter, jitter])
    together, alone = steps(batch_of([5, 2]))["image"], steps(batch_of([2]))["image"]
    assert torch.equal(together[1], alone[0])
    assert torch.equal(torch.get_rng_state(), state)
    once = BatchCompose([jitter])(batch_of([2]))["image"]
    first = once - batch_of([2])["image"]
    assert not torch.allclose(alone - once, first), "the second step must draw other numbers than the first"


def test_steps_may_add_change_the_shape_of_and_remove_fields() -> None:
    steps = BatchCompose(
        [
            eisen.transforms.LabelMapToOneHot(["label"], [1, 2]),
            eisen.transforms.CropCenteredSubVolumes(["image"], [4, 4, 14]),
            eisen.transforms.FilterFields(["image", "label", "image_src", "image_meta"]),
        ]
    )
    result = steps(batch_of([0, 1]))
    assert list(result) == ["image", "label", "image_src", "image_meta"]
    assert (result["image"].shape, result["label"].shape) == ((2, 1, 4, 4, 14), (2, 2, *SHAPE))
    assert [grid.shape for grid in result["image_meta"]] == [(4, 4, 14)] * 2


def test_geometry_that_describes_another_array_is_forgotten_rather_than_moved() -> None:
    batch = batch_of([0, 1])
    batch["image"] = batch["image"][..., :-2]
    batch["label"] = batch["label"][..., :-2]
    assert "image_meta" not in BatchCompose([RandomFlip(["image", "label"])])(batch)


def test_an_error_names_case_step_field_and_place() -> None:
    class Picky(RandomNoise):
        def draw(self, rng: np.random.Generator, data: dict) -> object:
            if data["id"] == "case 7":
                raise ValueError("not this one")
            return super().draw(rng, data)

    steps = BatchCompose([RandomFlip(["image"]), Picky(["image"])], ["T[0]", "T[1]"])
    with pytest.raises(StepError, match="not this one") as caught:
        steps(batch_of([3, 7]))
    card = caught.value.card
    assert (card.case, card.step, card.config) == ("#7", "step 2 of 2: Picky", "T[1]")


def test_a_missing_field_is_named_with_a_suggestion() -> None:
    with pytest.raises(MissingFieldError, match="did you mean 'image'") as caught:
        BatchCompose([RandomNoise(["imag"])])(batch_of([1]))
    assert caught.value.card.case == "#1"


def test_crops_of_different_sizes_cannot_stay_a_batch() -> None:
    def cut(data: dict) -> dict:
        return {**data, "image": data["image"][..., : int(data["id"][-1])]}

    with pytest.raises(ShapeError, match="element 0"):
        BatchCompose([cut])(batch_of([3, 4]))


def test_gradients_are_not_recorded() -> None:
    weight = torch.ones((), requires_grad=True)
    result = BatchCompose([lambda data: {**data, "image": data["image"] * weight}])(batch_of([0]))
    assert not result["image"].requires_grad


@pytest.mark.parametrize("options", [{"seed": -1}, {"first_step": 1.5}])
def test_wrong_arguments_are_refused(options: dict) -> None:
    with pytest.raises(ArgumentError, match=next(iter(options))):
        BatchCompose([RandomFlip(["image"])], **options)


def test_a_batch_without_tensors_has_no_length() -> None:
    with pytest.raises(DataError, match="has no length"):
        BatchCompose([RandomFlip(["image"])])({"image": 3})


def test_a_step_for_images_of_a_library_is_sent_to_the_transforms() -> None:
    with pytest.raises(StepError, match="move the step to Transforms"):
        BatchCompose([eisen.transforms.ResampleNiftiVolumes(["image"], [1, 1, 1])])(batch_of([1]))
    with pytest.raises(DataError, match="leave this step out: it is an array already"):
        BatchCompose([eisen.transforms.NiftiToNumpy(["image"])])(batch_of([1]))
