"""Batches of patches, mixed over cases, become whole cases; none is handed out in fragments."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from eisen._core.collate import collate
from eisen._core.errors import ArgumentError, DataError, MissingFieldError, ShapeError
from eisen._core.types import Geometry
from eisen.datasets import Loader
from eisen.io import read_nifti, write_nifti
from eisen.patches import CaseAssembler, Grid, Padded, PatchDataset, Slices, Uniform

SHAPES = [(9, 8, 7), (6, 8, 7), (7, 7, 7)]


@pytest.fixture
def cases() -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    affine = np.array([[-1.0, 0, 0, 5], [0, 2, 0.1, -3], [0, -0.1, 3, 7], [0, 0, 0, 1]])
    return [
        {
            "image": rng.normal(size=(2, *shape)).astype("float32"),
            "label": rng.integers(0, 4, (1, *shape)).astype("uint8"),
            "image_meta": Geometry.of(affine, shape, f"case{n}.nii.gz"),
            "age": 60 + n,
        }
        for n, shape in enumerate(SHAPES)
    ]


def batches(patches: PatchDataset, order: list[int], size: int) -> Iterator[dict[str, Any]]:
    for start in range(0, len(order), size):
        members = [patches[n] for n in order[start : start + size]]
        yield collate(members, [str(n) for n in range(len(members))])


def shuffled(n: int) -> list[int]:
    order = list(range(n))
    random.Random(5).shuffle(order)
    return order


@pytest.mark.parametrize("size", [1, 3, 100])
def test_shuffled_patches_of_several_cases_become_whole_cases(cases: list[dict[str, Any]], size: int) -> None:
    patches = PatchDataset(cases, Grid([4, 4, 4], overlap=0.5))
    assembler = CaseAssembler(patches, policy={"label": "majority"})
    done: dict[int, Any] = {}
    for batch in batches(patches, shuffled(len(patches)), size):
        outputs = {"logits": batch["image"], "label": batch["label"]}
        assembler.add_batch(outputs, batch)
        done |= assembler.drain()
    assert sorted(done) == [0, 1, 2]
    for case, result in zip(cases, (done[n] for n in range(3)), strict=True):
        np.testing.assert_array_equal(result["logits"], case["image"])
        np.testing.assert_array_equal(result["label"], case["label"])
        assert (result["logits"].dtype, result["label"].dtype) == (np.float32, np.uint8)
        assert result["logits_meta"] == result["label_meta"] == case["image_meta"]


def test_a_case_is_ready_when_its_last_patch_came_and_not_before(cases: list[dict[str, Any]]) -> None:
    patches = PatchDataset(cases[:1], Grid([4, 4, 4], overlap=0.75))
    assembler = CaseAssembler(patches)
    order = shuffled(len(patches))
    covered_early = False
    for n, batch in enumerate(batches(patches, order, 1), 1):
        assembler.add_batch(batch["image"], batch)
        assert assembler.ready == ([0] if n == len(order) else [])
        if n < len(order) and assembler.missing == {0: 0}:  # each voxel is in a patch, others are still to come
            covered_early = True
            with pytest.raises(DataError, match="patches of case 0 have not come yet"):
                assembler.pop(0)
    assert covered_early
    np.testing.assert_array_equal(assembler.pop(0), cases[0]["image"])


@pytest.mark.parametrize("loader", [Loader, DataLoader])
def test_batches_of_loaders_are_understood(cases: list[dict[str, Any]], loader: Any) -> None:
    for case in cases:
        del case["image_meta"]
    patches = PatchDataset(cases, Padded(Grid([3, 4, 4], pad=True), 1))
    assembler, whole = CaseAssembler(patches, ["image"], margin="center"), {}
    for batch in loader(patches, batch_size=4, shuffle=True):
        assembler.add_batch({"image": batch["image"], "loss": torch.zeros(())}, batch)
        whole |= assembler.drain()
    for number, case in enumerate(cases):
        np.testing.assert_array_equal(whole[number]["image"], case["image"])


def test_plain_dicts_with_places_are_enough() -> None:
    image = torch.arange(24.0).reshape(1, 4, 6)
    regions = [((0, 4), (0, 4)), ((0, 4), (2, 6))]
    whole = torch.stack([image[:, a:b, c:d] for (a, b), (c, d) in regions])
    collated: list[Any] = [
        regions,
        torch.tensor(regions),
        list(np.array(regions)),
        [[torch.tensor([0, 0]), torch.tensor([4, 4])], [torch.tensor([0, 2]), torch.tensor([4, 6])]],
    ]
    for region in collated:
        assembler = CaseAssembler({7: (4, 6)})
        assembler.add_batch(whole, {"case_index": torch.tensor([7, 7]), "patch_region": region})
        assert assembler.ready == [7]
        np.testing.assert_array_equal(assembler.pop(7), image)


def test_cases_in_order_leave_memory_one_by_one() -> None:
    shapes = [(4, 8)] * 50
    patches = PatchDataset([{"image": np.full((1, 4, 8), n, "float32")} for n in range(50)], Grid([4, 2]))
    assembler, most = CaseAssembler(shapes), 0
    for batch in batches(patches, list(range(len(patches))), 3):
        assembler.add_batch(batch["image"], batch)
        most = max(most, len(assembler.missing))
        for number, result in assembler.drain():
            assert (result == number).all()
    assert (most, assembler.missing) == (2, {})


@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_a_network_without_padding_says_the_same_about_patches_as_about_the_whole(
    cases: list[dict[str, Any]], overlap: float
) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv3d(2, 4, 3), torch.nn.ReLU(), torch.nn.Conv3d(4, 3, 3, dilation=2))
    patches = PatchDataset(cases, Padded(Grid([4, 5, 4], overlap=overlap), 3))
    assembler = CaseAssembler(patches)
    with torch.no_grad():
        for batch in batches(patches, shuffled(len(patches)), 5):
            assembler.add_batch(network(batch["image"]), batch)
        for number, case in enumerate(cases):
            whole = network(torch.nn.functional.pad(torch.from_numpy(case["image"])[None], (3,) * 6))[0]
            np.testing.assert_allclose(assembler.pop(number), whole.numpy(), rtol=0, atol=1e-5)


def test_pictures_are_cases_too() -> None:
    picture = np.random.default_rng(0).random((3, 10, 12))
    patches = PatchDataset([{"image": picture}], Grid([5, 5], overlap=0.4))
    assembler = CaseAssembler(patches)
    for batch in batches(patches, shuffled(len(patches)), 4):
        assembler.add_batch(batch["image"].numpy(), batch)
    np.testing.assert_array_equal(assembler.pop(0), picture)


def test_labels_come_out_without_a_copy_of_all_channels(cases: list[dict[str, Any]], tmp_path: Path) -> None:
    patches = PatchDataset(cases, Grid([4, 4, 4], overlap=0.5))
    plain, small = CaseAssembler(patches), CaseAssembler(patches, finish="labels", spill=tmp_path)
    own = CaseAssembler(patches, finish=lambda whole: whole.labels([5, 6]))
    for batch in batches(patches, shuffled(len(patches)), 8):
        for assembler in (plain, small, own):
            assembler.add_batch(batch["image"], batch)
    for number in range(3):
        expected = plain.pop(number).argmax(0)
        np.testing.assert_array_equal(small.pop(number), expected)
        np.testing.assert_array_equal(own.pop(number), expected + 5)


def test_a_function_may_change_values_and_places(cases: list[dict[str, Any]]) -> None:
    patches = PatchDataset(cases[:1], Grid([3, 4, 7]))
    seen = []

    def mirror(field: str, values: Any, region: Any) -> Any:
        seen.append((field, region))
        n = SHAPES[0][0]
        return values.flip(1), (slice(n - region[0].stop, n - region[0].start), *region[1:])

    assembler = CaseAssembler(patches, interaction=mirror)
    for batch in batches(patches, shuffled(len(patches)), 4):
        assembler.add_batch({"logits": batch["image"], "other": batch["image"]}, batch)
    result = assembler.pop(0)
    for field in ("logits", "other"):
        np.testing.assert_array_equal(result[field], cases[0]["image"][:, ::-1])
    assert {field for field, _ in seen} == {"logits", "other"}
    assert seen[0][1] == patches[shuffled(len(patches))[0]]["patch_region"].slices


def test_planes_are_merged(cases: list[dict[str, Any]]) -> None:
    patches = PatchDataset(cases, Slices([0, 1, 2]))
    assembler = CaseAssembler(patches, planes=[0, 1, 2], merge="median")
    for batch in batches(patches, shuffled(len(patches)), 1):
        shift = {0: -5.0, 1: 0.0, 2: 1.0}[int(batch["patch_axis"][0])]  # each plane has an error of its own
        assembler.add_batch(batch["image"] + shift, batch)
    assert assembler.ready
    for number, case in enumerate(cases):
        np.testing.assert_array_equal(assembler.pop(number), case["image"])


def test_a_result_is_written_where_its_case_is(cases: list[dict[str, Any]], tmp_path: Path) -> None:
    case = cases[0]
    patches = PatchDataset([case], Grid([4, 4, 4], overlap=0.5))
    assembler = CaseAssembler(patches)
    for batch in batches(patches, shuffled(len(patches)), 4):
        assembler.add_batch({"image": batch["image"][:, :1]}, batch)
    result = assembler.pop(0)
    write_nifti(tmp_path / "result.nii.gz", result["image"][0], result["image_meta"].affine)
    image = read_nifti(tmp_path / "result.nii.gz")
    np.testing.assert_allclose(image.affine, case["image_meta"].affine, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(image.dataobj), case["image"][0])


def test_what_was_not_sampled_is_missing(cases: list[dict[str, Any]]) -> None:
    patches = PatchDataset(cases[:1], Grid([4, 4, 4], overlap=0.5), Uniform(), n_per_case=3, seed=0)
    assembler = CaseAssembler(patches)
    for batch in batches(patches, [0, 1, 2], 3):
        assembler.add_batch(batch["image"], batch)
    assert assembler.ready == []
    with pytest.raises(DataError, match=r"voxels .* are in no patch") as error:
        assembler.pop(0)
    assert error.value.card.case.startswith("#0")
    result = assembler.pop(0, allow_missing=-9)
    kept = result != -9
    np.testing.assert_array_equal(result[kept], cases[0]["image"][kept])
    assert 0 < kept.sum() < kept.size


def test_a_second_round_begins_anew(cases: list[dict[str, Any]]) -> None:
    patches = PatchDataset(cases[:2], Grid([4, 4, 4], overlap=0.5))
    assembler = CaseAssembler(patches)
    for round_ in range(2):
        for batch in batches(patches, shuffled(len(patches)), 5):
            assembler.add_batch(batch["image"] + round_, batch)
        for number in (0, 1):
            np.testing.assert_array_equal(assembler.pop(number), cases[number]["image"] + round_)


def test_a_patch_that_comes_too_late_is_an_error_where_nothing_tells_how_many_there_are() -> None:
    assembler = CaseAssembler([(4,)])
    batch = {"case_index": [0], "patch_region": [((0, 4),)]}
    assembler.add_batch(np.zeros((1, 1, 4)), batch)
    assembler.pop(0)
    with pytest.raises(DataError, match="came after the case was taken"):
        assembler.add_batch(np.zeros((1, 1, 4)), batch)
    assembler.reset()
    assembler.add_batch(np.zeros((1, 1, 4)), batch)
    assert assembler.ready == [0]


def test_the_number_of_patches_may_be_told() -> None:
    assembler = CaseAssembler([(4,)], n_patches=2)
    batch = {"case_index": [0], "patch_region": [((0, 4),)]}
    assembler.add_batch(np.zeros((1, 1, 4)), batch)
    assert assembler.ready == []
    assembler.add_batch(np.full((1, 1, 4), 2.0), batch)
    assert assembler.pop(0).tolist() == [[1, 1, 1, 1]]


BATCH: dict[str, Any] = {"case_index": [0, 0], "patch_region": [((0, 2),), ((2, 4),)]}


@pytest.mark.parametrize(
    ("outputs", "batch", "kind", "message"),
    [
        (np.zeros((3, 1, 2)), BATCH, ShapeError, "for a batch of 2 patches"),
        (np.zeros(2), BATCH, ShapeError, "for a batch of 2 patches"),
        ({"a": np.zeros((2, 1, 2)), "loss": 0.5}, BATCH, ShapeError, "the output 'loss' is float"),
        (np.zeros((2, 1, 3)), BATCH, ShapeError, "its region has"),
        (np.zeros((2, 1, 2)), {"case_index": [0, 0]}, MissingFieldError, "'patch_region'"),
        (np.zeros((2, 1, 2)), {"patch_region": [((0, 2),)] * 2}, MissingFieldError, "'case_index'"),
        (np.zeros((2, 1, 2)), {"case_index": [0], "patch_region": [((0, 2),)] * 2}, ArgumentError, "cannot be read"),
        (np.zeros((2, 1, 2)), {"case_index": 0, "patch_region": ((0, 2),)}, ArgumentError, "cannot be read"),
        (np.zeros((2, 1, 2)), {"case_index": [9, 9], "patch_region": [((0, 2),)] * 2}, ArgumentError, "not known"),
    ],
)
def test_a_batch_that_does_not_fit_is_told_so(outputs: Any, batch: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind) as error:
        CaseAssembler([(4,)]).add_batch(outputs, batch)
    assert message in str(error.value)


def test_fields_that_are_wanted_must_be_there() -> None:
    with pytest.raises(MissingFieldError, match="no output 'logits'"):
        CaseAssembler([(4,)], ["logits"]).add_batch({"image": np.zeros((2, 1, 2))}, BATCH)


def test_outputs_always_come_in_one_form() -> None:
    assembler = CaseAssembler([(4,)])
    assembler.add_batch(np.zeros((2, 1, 2)), BATCH)
    with pytest.raises(ArgumentError, match="another a dict"):
        assembler.add_batch({"image": np.zeros((2, 1, 2))}, BATCH)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cases": 5.5}, "given as float"),
        ({"policy": "mean"}, "policy is 'mean'"),
        ({"fields": ["a"], "policy": {"a": "mean"}}, "policy is 'mean'"),
        ({"finish": "argmax"}, "finish is 'argmax'"),
        ({"planes": [0, 0]}, "different axes"),
        ({"planes": [0, 1], "merge": "max"}, "merged by 'max'"),
        ({"weights": "none"}, "window weights"),
    ],
)
def test_a_wrong_argument_is_told_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        CaseAssembler(**{"cases": [(4,)], **arguments})
    assert message in str(error.value)


def test_a_case_that_is_not_there_is_told_so() -> None:
    assembler = CaseAssembler([(4,)])
    with pytest.raises(DataError, match="case 0 is not being put together"):
        assembler.pop(0)
    assembler.add_batch(np.zeros((2, 1, 2)), BATCH)
    assembler.pop(0)
    with pytest.raises(DataError, match="taken already"):
        assembler.pop(0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("device", [None, "same"])
def test_outputs_on_a_device_become_whole_there_or_here(cases: list[dict[str, Any]], device: Any) -> None:
    patches = PatchDataset(cases, Grid([4, 4, 4], overlap=0.5))
    assembler = CaseAssembler(patches, device=device)
    for batch in batches(patches, shuffled(len(patches)), 8):
        assembler.add_batch(batch["image"].cuda(), batch)
    for number, case in enumerate(cases):
        result = assembler.pop(number)
        assert getattr(result, "is_cuda", False) == (device == "same")
        np.testing.assert_array_equal(torch.as_tensor(result).cpu().numpy(), case["image"])
