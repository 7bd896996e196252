"""2.5-D: three opinions about each voxel become one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError, DataError, ShapeError
from eisen.patches import PlaneAssembler

SHAPE = (4, 5, 6)


def slices(volume: Any, axis: int) -> list[tuple[Any, Any]]:
    found = []
    for k in range(volume.shape[1 + axis]):
        region: list[Any] = [(0, n) for n in volume.shape[1:]]
        region[axis] = (k, k + 1)
        found.append((np.take(volume, k, 1 + axis), region))
    return found


def opinions(dtype: str = "float32", n_channels: int = 2) -> list[Any]:
    rng = np.random.default_rng(0)
    size = (3, n_channels, *SHAPE)
    return list(rng.integers(0, 4, size).astype(dtype) if dtype == "uint8" else rng.normal(size=size).astype(dtype))


def filled(volumes: list[Any], order: int = 1, **options: Any) -> PlaneAssembler:
    assembler = PlaneAssembler(SHAPE, len(volumes[0]), **options)
    parts = [part for axis, volume in enumerate(volumes) for part in slices(volume, axis)]
    for values, region in parts[::order]:
        assembler.add(values, region)
    return assembler


@pytest.mark.parametrize(
    ("merge", "function"),
    [("mean", lambda v: v.mean(0)), ("median", lambda v: np.median(v, 0)), (lambda v: v.max(0), lambda v: v.max(0))],
    ids=["mean", "median", "own function"],
)
@pytest.mark.parametrize("order", [1, -1])
def test_planes_are_merged_in_any_order(merge: Any, function: Any, order: int) -> None:
    volumes = opinions()
    expected = function(np.stack(volumes).astype("float64")).astype("float32")
    result = filled(volumes, order, merge=merge).result()
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == np.float32


def test_an_even_number_of_planes_has_the_mean_of_the_middle_two_as_median() -> None:
    volumes = opinions("float64")[:2]
    result = filled(volumes, planes=[0, 1], merge="median").result()
    np.testing.assert_allclose(result, np.median(np.stack(volumes), 0))


def test_the_majority_of_planes_wins_and_of_equals_the_smallest() -> None:
    volumes = opinions("uint8", 1)
    stack = np.stack(volumes)
    votes = np.stack([(stack == label).sum(0) for label in range(4)])
    result = filled(volumes, merge="majority", policy="last").result()
    np.testing.assert_array_equal(result, votes.argmax(0))
    assert result.dtype == np.uint8


def test_labels_have_no_mean() -> None:
    with pytest.raises(ArgumentError, match=r"uint8.*no mean"):
        filled(opinions("uint8", 1), policy="last").result()


def test_the_class_of_a_voxel_is_that_of_the_merged_planes() -> None:
    volumes = opinions()
    labels = filled(volumes).labels([3, 7])
    np.testing.assert_array_equal(labels, np.array([3, 7])[np.stack(volumes).astype("float64").mean(0).argmax(0)])


def test_tensors_are_merged_on_their_device() -> None:
    volumes = opinions()
    assembler = PlaneAssembler(SHAPE, 2, merge="median", device="same")
    for axis, volume in enumerate(volumes):
        for values, region in slices(volume, axis):
            assembler.add(torch.from_numpy(values), region)
    result = assembler.result()
    assert isinstance(result, torch.Tensor)
    np.testing.assert_array_equal(result.numpy(), np.median(np.stack(volumes), 0))


def test_a_voxel_is_covered_when_every_plane_has_it() -> None:
    assembler = PlaneAssembler(SHAPE, 2)
    volumes = opinions()
    for axis in (0, 1):
        for values, region in slices(volumes[axis], axis):
            assembler.add(values, region)
    assert (assembler.n_missing, assembler.is_complete) == (120, False)
    with pytest.raises(DataError, match="120 of 120"):
        assembler.result()
    for values, region in slices(volumes[2], 2)[1:]:
        assembler.add(values, region)
    with pytest.raises(DataError, match=r"20 of 120 voxels \(16.7 %\).*0:4, 0:5, 0:1"):
        assembler.result()
    result = assembler.result(allow_missing=9)
    assert (result[..., 0] == 9).all()
    np.testing.assert_array_equal(result[..., 1:], np.stack(volumes).mean(0, dtype=float)[..., 1:].astype("float32"))


def test_patches_of_slices_are_blended_within_their_plane() -> None:
    volume = opinions("float64", 1)[0]
    assembler = PlaneAssembler(SHAPE, 1, planes=[2])
    for k in range(6):
        for a, b in ((0, 3), (1, 4)):
            assembler.add(volume[:, a:b, :, k], [(a, b), (0, 5), (k, k + 1)])
    np.testing.assert_array_equal(assembler.result(), volume)


def test_a_slice_that_may_be_of_several_planes_must_say_which() -> None:
    assembler = PlaneAssembler((3, 3, 3), 1, planes=[0, 1])
    with pytest.raises(ShapeError, match="each of the axes"):
        assembler.add(np.zeros((1, 1, 3)), [(0, 1), (0, 1), (0, 3)])
    assembler.add(np.zeros((1, 1, 3)), [(0, 1), (0, 1), (0, 3)], plane=1)
    with pytest.raises(ShapeError, match="one voxel along the axis"):
        assembler.add(np.zeros((1, 2, 3, 3)), [(0, 2), (0, 3), (0, 3)])
    with pytest.raises(ArgumentError, match="across axis 2"):
        assembler.add(np.zeros((1, 3, 3)), [(0, 3), (0, 3), (0, 1)], plane=2)


@pytest.mark.parametrize("planes", [[], [0, 0], [3], [-1]])
def test_planes_are_different_axes_of_the_volume(planes: list[int]) -> None:
    with pytest.raises(ArgumentError, match="different axes"):
        PlaneAssembler(SHAPE, 1, planes=planes)


@pytest.mark.parametrize("answer", [np.zeros(3), 5.0, None])
def test_a_merging_function_must_return_one_value_per_voxel(answer: Any) -> None:
    with pytest.raises(ShapeError, match="merging function returned"):
        filled(opinions(), merge=lambda stack: answer).result()
