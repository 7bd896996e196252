"""Patches become a whole: values, types, what is missing, and where it is kept."""

from __future__ import annotations

import itertools
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError, ArtifactError, DataError, ShapeError
from eisen.patches import Assembler, window_starts, window_weights

SHAPE, WINDOW = (11, 9, 10), (5, 4, 6)
WEIGHTS = [
    "constant",
    "gaussian",
    np.linspace(0.5, 2, int(np.prod(WINDOW))).reshape(WINDOW),
    lambda shape: 1.0 + np.indices(shape).sum(0) % 3,
]


def regions() -> list[tuple[slice, ...]]:
    starts = [window_starts(n, w, 0.5) for n, w in zip(SHAPE, WINDOW, strict=True)]
    return [
        tuple(slice(a, a + w) for a, w in zip(corner, WINDOW, strict=True)) for corner in itertools.product(*starts)
    ]


def random_patches(dtype: Any = "float32", n_channels: int = 2) -> list[tuple[Any, tuple[slice, ...]]]:
    rng = np.random.default_rng(1)
    return [(rng.normal(size=(n_channels, *WINDOW)).astype(dtype), region) for region in regions()]


def summed(patches: list[tuple[Any, tuple[slice, ...]]], weights: Any) -> Any:
    """The mean as a sum that is divided in the end, in float64."""
    total, count = np.zeros((len(patches[0][0]), *SHAPE)), np.zeros(SHAPE)
    for values, region in patches:
        total[(slice(None), *region)] += values.astype("float64") * weights
        count[region] += weights
    return total / count


@pytest.mark.parametrize("weights", WEIGHTS, ids=["constant", "gaussian", "array", "function"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_overlapping_patches_are_a_weighted_mean(weights: Any, dtype: str) -> None:
    patches = random_patches(dtype)
    assembler = Assembler(SHAPE, 2, weights)
    for values, region in patches:
        assembler.add(values, region)
    used = weights(WINDOW) if callable(weights) else window_weights(WINDOW, weights)
    result = assembler.result()
    assert result.dtype == dtype
    tolerance = {"float16": 1e-3, "float32": 2e-6, "float64": 1e-14}[dtype]
    np.testing.assert_allclose(result, summed(patches, used), rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", ["read-only", "backwards", "big-endian", "with a gradient", "bfloat16"])
def test_values_may_come_in_any_memory(kind: str) -> None:
    whole = np.arange(12.0, dtype="float32").reshape(1, 12) / 4
    values: Any = whole.copy()
    if kind == "read-only":
        values.flags.writeable = False
    elif kind == "backwards":
        values = whole[:, ::-1].copy()[:, ::-1]
    elif kind == "big-endian":
        values = whole.astype(">f4")
    else:
        values = torch.from_numpy(values).to(torch.bfloat16 if kind == "bfloat16" else None).requires_grad_()
    assembler = Assembler((12,), 1)
    assembler.add(values[:, :8], [(0, 8)])
    assembler.add(values[:, 4:], [(4, 12)])
    np.testing.assert_array_equal(assembler.result(), whole)
    assert assembler.result().dtype.isnative


def test_infinite_logits_count_as_they_do_in_a_sum() -> None:
    assembler = Assembler((4,), 1, "constant")
    for values in ([[-np.inf, -np.inf, 1, 0]], [[-np.inf, 3, np.inf, 2]], [[-np.inf, 3, 5, 4]]):
        assembler.add(np.array(values, "float32"), [(0, 4)])
    np.testing.assert_allclose(assembler.result(), [[-np.inf, -np.inf, np.inf, 2]], rtol=1e-6)


def test_not_a_number_stays_one_and_goes_no_further() -> None:
    assembler = Assembler((3,), 1, "constant")
    assembler.add(np.array([[np.nan, 1, 2]]), [(0, 3)])
    assembler.add(np.array([[5.0, 3, 4]]), [(0, 3)])
    np.testing.assert_array_equal(assembler.result(), [[np.nan, 2, 3]])


def voted(patches: list[Any], weights: Any) -> Any:
    """The label with the most votes for each voxel, of equals the smallest, counted label by label."""
    labels = np.arange(6)
    votes = np.zeros((6, 1, *SHAPE))
    for values, region in patches:
        votes[(slice(None), slice(None), *region)] += (values[None] == labels.reshape(-1, 1, 1, 1, 1)) * weights
    return votes.argmax(0)


@pytest.mark.parametrize("weights", ["constant", "gaussian"])
def test_a_majority_is_counted_exactly(weights: str) -> None:
    rng = np.random.default_rng(2)
    patches = [(rng.integers(0, 6, (1, *WINDOW)).astype("uint8"), region) for region in regions()]
    expected = voted(patches, window_weights(WINDOW, weights).astype("float64"))
    for order in (1, -1):
        assembler = Assembler(SHAPE, 1, weights, policy="majority", accumulate="float64")
        for values, region in patches[::order]:
            assembler.add(values, region)
        np.testing.assert_array_equal(assembler.result(), expected)
        assert assembler.result().dtype == np.uint8


@pytest.mark.parametrize(("policy", "wanted"), [("first", [3, 3, 1, 1]), ("last", [3, 2, 2, 2]), ("max", [3, 3, 2, 2])])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_a_policy_chooses_one_patch(policy: Any, wanted: list[int], dtype: str) -> None:
    assembler = Assembler((4,), 1, policy=policy)
    for values, start in (([[3, 3]], 0), ([[1, 1]], 2), ([[2, 2, 2]], 1)):
        assembler.add(np.array(values, dtype), [(start, start + len(values[0]))])
    assert assembler.result().tolist() == [wanted]
    assert assembler.result().dtype == dtype


def test_labels_need_a_policy() -> None:
    with pytest.raises(ArgumentError, match="cannot be blended") as error:
        Assembler((4,), 1).add(np.ones((1, 4), "int64"), [(0, 4)])
    assert "majority" in error.value.card.expected


def test_what_is_missing_is_known_exactly() -> None:
    assembler = Assembler((4, 6), 1)
    assert (assembler.n_missing, assembler.is_complete) == (24, False)
    assembler.add(np.ones((1, 4, 4)), [(0, 4), (0, 4)])
    assembler.add(np.ones((1, 4, 4)), [(0, 4), (1, 5)])
    assert assembler.n_missing == 4
    with pytest.raises(DataError, match=r"4 of 24 voxels \(16.7 %\).*\[0:4, 5:6\]"):
        assembler.result()
    np.testing.assert_array_equal(assembler.result(allow_missing=-1)[0, 0], [1, 1, 1, 1, 1, -1])
    np.testing.assert_array_equal(assembler.slab(0, 1)[0, 0], [1, 1, 1, 1, 1, 0])
    assembler.add(np.ones((1, 4, 1)), [(0, 4), (5, 6)])
    assert assembler.is_complete
    assert (assembler.result() == 1).all()


def test_nothing_at_all_can_be_asked_for() -> None:
    with pytest.raises(DataError, match=r"24 of 24 voxels \(100 %\)"):
        Assembler((4, 6), 1).result()
    assert Assembler((4, 6), 2).result(allow_missing=7).tolist() == np.full((2, 4, 6), 7).tolist()
    assert Assembler((4, 6), 2).labels(allow_missing=0).shape == (4, 6)


@pytest.mark.parametrize("policy", ["blend", "max"])
def test_a_patch_is_cut_where_it_leaves_the_volume(policy: Any) -> None:
    assembler = Assembler((5, 4), 1, policy=policy)
    for a, b in itertools.product((-2, 2), (-1, 2)):
        values = np.add.outer(10.0 * np.arange(a, a + 4), np.arange(b, b + 3))[None]
        assembler.add(values, [(a, a + 4), (b, b + 3)])
    np.testing.assert_array_equal(assembler.result()[0], np.add.outer(10.0 * np.arange(5), np.arange(4)))


@pytest.mark.parametrize("given", ["without margin", "with margin"])
@pytest.mark.parametrize("margin", [2, [2, 1], [(2, 0), (1, 3)], "center"])
def test_the_margin_of_a_patch_is_left_out(margin: Any, given: str) -> None:
    pairs = {"2": [(2, 2)] * 2, "[2, 1]": [(2, 2), (1, 1)], "center": [(2, 2)] * 2}.get(str(margin), margin)
    shape, image = (6, 6), np.random.default_rng(0).random((1, 6, 6))
    padded = np.pad(image, [(0, 0), *pairs], constant_values=np.nan)
    outer = [(-a, n + b) for (a, b), n in zip(pairs, shape, strict=True)]
    assembler = Assembler(shape, 1, margin=margin)
    if margin == "center" and given == "with margin":  # the region is the inner one, the values are larger
        assembler.add(padded, [(0, 6), (0, 6)])
    else:
        assembler.add(padded if given == "with margin" else image, outer)
    np.testing.assert_array_equal(assembler.result(), image)


def test_labels_are_the_largest_channel_and_never_all_channels_at_once() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 48, 48, 48)).astype("float32")
    assembler = Assembler(values.shape[1:], 40)
    assembler.add(values, [(0, 48)] * 3)
    tracemalloc.start()
    labels = assembler.labels()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(labels, values.argmax(0))
    assert labels.dtype == np.uint8
    assert peak < values.nbytes / 2  # np.argmax of all would copy them all
    assert assembler.labels(range(300, 340)).max() == 339


@pytest.mark.parametrize(
    ("n_channels", "classes", "message"), [(1, None, "1 channels"), (3, [1, 2], "3 channels"), (2, [0.5, 1], "2 ch")]
)
def test_labels_need_a_channel_per_class(n_channels: int, classes: Any, message: str) -> None:
    assembler = Assembler((2,), n_channels)
    assembler.add(np.zeros((n_channels, 2)), [(0, 2)])
    with pytest.raises(ArgumentError, match=message):
        assembler.labels(classes)


@pytest.mark.parametrize("policy", ["blend", "majority", "max"])
def test_a_volume_in_a_file_is_the_same_and_leaves_nothing_behind(tmp_path: Path, policy: Any) -> None:
    results = []
    for spill in (None, tmp_path):
        assembler = Assembler(SHAPE, 2, policy=policy, spill=spill)
        for values, region in random_patches():
            assembler.add(values, region)
        results.append((assembler.result(), assembler.labels()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_a_volume_in_a_file_takes_no_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    assembler = Assembler((64, 64, 64), 50, spill=tmp_path)
    assembler.add(np.ones((50, 8, 8, 8), "float32"), [(0, 8)] * 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64**3 * 50 * 4 / 10


def test_a_full_disk_is_an_error_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ArtifactError, match="the disk is full"):
        Assembler((10, 10), 10**15, spill=tmp_path).add(np.broadcast_to(np.float32(0), (10**15, 1, 1)), [(0, 1)] * 2)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ArtifactError, match="the disk is full"):
        Assembler((4, 4), 1, spill=tmp_path).add(np.zeros((1, 4, 4)), [(0, 4)] * 2)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_tensors_stay_on_their_device_on_request() -> None:
    assembler = Assembler((6,), 1, device="same")
    for values, start in ((torch.tensor([[1.0, 2, 3, 4]]), 0), (torch.tensor([[3.0, 4, 5, 6]]), 2)):
        assembler.add(values.half(), [(start, start + 4)])
    result = assembler.result()
    assert isinstance(result, torch.Tensor)
    assert (result.dtype, result.tolist()) == (torch.float16, [[1, 2, 3, 4, 5, 6]])


@pytest.mark.parametrize("policy", ["majority", "first", "last", "max"])
def test_label_tensors_follow_the_same_policies(policy: Any) -> None:
    rng = np.random.default_rng(3)
    patches = [(rng.integers(0, 4, (1, *WINDOW)), region) for region in regions()]
    here, there = Assembler(SHAPE, 1, policy=policy), Assembler(SHAPE, 1, policy=policy, device="cpu")
    for values, region in patches:
        here.add(values, region)
        there.add(torch.from_numpy(values), region)
    np.testing.assert_array_equal(there.result().numpy(), here.result())
    assert there.result().dtype == torch.int64


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("device", [None, "same"])
def test_a_device_gives_the_same_as_the_host(device: Any) -> None:
    far, near = Assembler(SHAPE, 2, device=device), Assembler(SHAPE, 2)
    for values, region in random_patches():
        far.add(torch.from_numpy(values).cuda(), region)
        near.add(values, region)
    result = far.result()
    assert isinstance(result, torch.Tensor) == (device == "same")
    np.testing.assert_allclose(torch.as_tensor(result).cpu().numpy(), near.result(), rtol=0, atol=2e-6)
    np.testing.assert_array_equal(far.labels(), np.asarray(torch.as_tensor(result).cpu().argmax(0)))


def test_a_narrow_type_holds_labels_that_fit() -> None:
    assembler = Assembler((2,), 1, policy="last", dtype="uint8")
    assembler.add(np.array([[3, 200]], "int64"), [(0, 2)])
    assert assembler.result().dtype == np.uint8
    with pytest.raises(DataError, match="from 3 to 300"):
        assembler.add(np.array([[3, 300]], "int64"), [(0, 2)])


@pytest.mark.parametrize(
    ("values", "region", "message"),
    [
        (np.zeros((2, 4, 4)), [(0, 4), (0, 4)], "not 1 channels"),
        (np.zeros((1, 4, 3)), [(0, 4), (0, 4)], r"\(1, 4, 3\), and its region has \(4, 4\) voxels"),
        (np.zeros((1, 4, 4, 1)), [(0, 4), (0, 4)], r"\(1, 4, 4, 1\)"),
        (np.zeros((1, 4)), [(0, 4), (0, 4)], r"\(1, 4\)"),
        (np.zeros((1, 4, 4)), [(0, 4)], "2 times slice"),
        (np.zeros((1, 4, 4)), [slice(0, 4), slice(0, 8, 2)], "2 times slice"),
        (np.zeros((1, 4, 4)), [slice(0, 4), slice(None)], "2 times slice"),
        (np.zeros((1, 4, 4)), [(4, 0), (0, 4)], "start < stop"),
        (np.zeros((1, 4, 4)), [(20, 24), (0, 4)], "outside of the volume"),
        (np.zeros((1, 4, 4)), 5, "patch says it is at 5"),
    ],
)
def test_a_patch_that_does_not_fit_is_told_so(values: Any, region: Any, message: str) -> None:
    assembler = Assembler((8, 8), 1)
    with pytest.raises(ShapeError, match=message):
        assembler.add(values, region)
    assert assembler.n_missing == 64


@pytest.mark.parametrize("values", ["text", np.array([["a"]]), np.zeros((1, 1), complex)])
def test_values_that_are_no_numbers_are_told_so(values: Any) -> None:
    with pytest.raises(DataError, match="values of a patch"):
        Assembler((1,), 1).add(values, [(0, 1)])


def test_patches_have_one_type() -> None:
    assembler = Assembler((2,), 1)
    assembler.add(np.zeros((1, 2), "float32"), [(0, 2)])
    with pytest.raises(DataError, match="float64, the ones before it float32"):
        assembler.add(np.zeros((1, 2)), [(0, 2)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (0, 4)}, "no size"),
        ({"shape": ()}, "no size"),
        ({"n_channels": 0}, "no size"),
        ({"weights": "triangle"}, "window weights are 'triangle'"),
        ({"weights": np.array([0.0, 1.0])}, "not above 0"),
        ({"sigma": 0.0}, "sigma"),
        ({"policy": "mean"}, "policy is 'mean'"),
        ({"accumulate": "float16"}, "accumulate is 'float16'"),
        ({"margin": -1}, "margin of patches is -1"),
        ({"margin": [1]}, "margin of patches"),
        ({"margin": "same"}, "margin of patches"),
        ({"spill": "/nowhere/at/all"}, "no folder"),
        ({"spill": ".", "device": "cpu"}, "one of them"),
    ],
)
def test_a_wrong_argument_is_told_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        Assembler(**{"shape": (4, 4), "n_channels": 1, **arguments})
    assert message in str(error.value)


@pytest.mark.parametrize(("given", "dtype"), [("float32", "uint8"), ("int64", "float32")])
def test_a_result_of_another_kind_is_refused(given: str, dtype: str) -> None:
    policy: Any = "last" if given == "int64" else None
    with pytest.raises(ArgumentError, match=f"result shall be {dtype}"):
        Assembler((2,), 1, dtype=dtype, policy=policy).add(np.zeros((1, 2), given), [(0, 2)])


def test_weights_of_another_shape_are_told_so() -> None:
    assembler = Assembler((4,), 1, np.ones(3))
    with pytest.raises(ShapeError, match=r"window weights have shape \(3,\)"):
        assembler.add(np.zeros((1, 4)), [(0, 4)])


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("policy", ["blend", "majority", "first", "last", "max"])
def test_many_voxels_at_once_are_the_same_as_one_by_one(policy: Any, device: Any) -> None:
    rng = np.random.default_rng(4)
    at_once, one_by_one = (Assembler((5, 6), 2, policy=policy, device=device) for _ in range(2))
    every = np.stack(np.unravel_index(rng.permutation(30), (5, 6)), 1)
    for voxels in (every[:7], every[7:], every[:9], every[[3, 3, 4]]):  # new ones, known ones, one of them twice
        values = rng.normal(size=(len(voxels), 2))
        at_once.add_voxels(values, voxels)
        for value, voxel in zip(values, voxels, strict=True):
            one_by_one.add(value, [(k, k + 1) for k in voxel])
        assert at_once.n_missing == one_by_one.n_missing
    np.testing.assert_array_equal(np.asarray(at_once.result()), np.asarray(one_by_one.result()))


@pytest.mark.parametrize(
    ("values", "voxels"),
    [
        (np.zeros((2, 1)), [(0, 0)]),
        (np.zeros((1, 1)), [(0, 9)]),
        (np.zeros((1, 1)), [(-1, 0)]),
        (np.zeros(1), [(0, 0)]),
    ],
)
def test_voxels_that_do_not_fit_are_told_so(values: Any, voxels: Any) -> None:
    with pytest.raises(ShapeError):
        Assembler((4, 4), 1).add_voxels(values, voxels)
