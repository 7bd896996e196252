"""Patches of anything, in any order, become exactly what they were cut from."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from eisen._core.collate import collate
from eisen.patches import (
    CaseAssembler,
    Grid,
    Padded,
    PatchDataset,
    PlaneAssembler,
    Slabs,
    Slices,
    Voxels,
    Where,
    Whole,
)

FLOATS = ("float16", "float32", "float64")
LABELS = ("uint8", "int16", "int64", "bool")
POLICIES = ("majority", "first", "last", "max")


@st.composite
def grids(draw: st.DrawFn) -> tuple[tuple[int, ...], Where]:
    """A spatial shape, and places that cover it, some of them with a margin around."""
    n_axes = draw(st.integers(1, 3))
    shape = tuple(draw(st.lists(st.integers(1, 9 if n_axes < 3 else 6), min_size=n_axes, max_size=n_axes)))
    pad = draw(st.booleans())
    sizes = [draw(st.integers(1 if n == 1 else 2, n + 3 if pad else n)) for n in shape]
    strides = [draw(st.integers(1, size)) for size in sizes]
    axis = draw(st.integers(0, n_axes - 1))
    where = draw(
        st.sampled_from(
            [
                Grid(sizes, stride=strides, pad=pad),
                Slabs(sizes[axis], axis, strides[axis], pad),
                Voxels() if np.prod(shape) < 60 else Whole(),
                Whole(),
            ]
        )
    )
    if not draw(st.booleans()):
        return shape, where
    margin = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=n_axes, max_size=n_axes))
    return shape, Padded(where, margin)


@st.composite
def arrays(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    kind = draw(st.sampled_from(FLOATS + LABELS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = (draw(st.integers(1, 3)), *shape)
    if kind in FLOATS:
        return (rng.normal(size=size) * 10.0 ** rng.integers(-3, 3, size)).astype(kind)
    return rng.integers(0, 2 if kind == "bool" else 100, size).astype(kind)


WEIGHTS = st.sampled_from(
    ["constant", "gaussian", lambda shape: 0.1 + np.arange(np.prod(shape), dtype=float).reshape(shape) % 7]
)


def without_margin(patch: dict[str, Any]) -> Any:
    """A network of valid convolutions that changes nothing: the margin is lost, the rest stays."""
    margin = patch.get("patch_margin") or [(0, 0)] * (patch["image"].ndim - 1)
    inner = [slice(a, n - b) for (a, b), n in zip(margin, patch["image"].shape[1:], strict=True)]
    return patch["image"][(slice(None), *inner)]


@given(st.data())
def test_patches_become_exactly_what_they_were_cut_from(data: st.DataObject) -> None:
    shape, where = data.draw(grids())
    cases = [data.draw(arrays(shape)), data.draw(arrays(shape))]
    kinds = {case.dtype.kind for case in cases}
    if cases[0].dtype != cases[1].dtype and kinds != {"f"}:
        cases[1] = cases[0][..., ::-1].copy()
    patches = PatchDataset([{"image": case} for case in cases], where)
    is_label = cases[0].dtype.kind != "f"
    assembler = CaseAssembler(
        patches,
        weights=data.draw(WEIGHTS),
        policy=data.draw(st.sampled_from(POLICIES)) if is_label else None,
    )
    order = list(range(len(patches)))
    if data.draw(st.booleans()):
        random.Random(data.draw(st.integers(0, 2**32))).shuffle(order)
    batch_size = data.draw(st.integers(1, 5))
    whole: dict[int, Any] = {}
    for start in range(0, len(order), batch_size):
        members = [patches[n] for n in order[start : start + batch_size]]
        for number in {
            m["case_index"] for m in members
        }:  # patches of one case have one type and one number of channels
            of_case = [m for m in members if m["case_index"] == number]
            batch = collate([{k: m[k] for k in ("case_index", "patch_region")} for m in of_case], [""] * len(of_case))
            outputs = np.stack([without_margin(m) for m in of_case])
            assembler.add_batch(torch.from_numpy(outputs) if data.draw(st.booleans()) else outputs, batch)
        whole |= assembler.drain()
    assert sorted(whole) == [0, 1]
    for number, case in enumerate(cases):
        assert whole[number].dtype == case.dtype
        np.testing.assert_array_equal(whole[number], case)
    assert not assembler.missing


@given(st.data())
def test_the_middle_of_patches_that_kept_their_margin_is_enough(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(2, 7), min_size=2, max_size=2)))
    image = data.draw(arrays(shape))
    margin = data.draw(st.integers(0, 3))
    patches = PatchDataset([{"image": image}], Padded(Grid(2, overlap=0.5), margin))
    assembler = CaseAssembler(patches, margin="center", policy="max" if image.dtype.kind != "f" else "blend")
    for patch in (patches[n] for n in range(len(patches))):
        assembler.add_batch(patch["image"][None], {"case_index": [0], "patch_region": [patch["patch_region"]]})
    np.testing.assert_array_equal(assembler.pop(0), image)


@given(st.data())
def test_slices_of_several_planes_become_exactly_their_volume(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=3, max_size=3)))
    planes = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True))
    volume = data.draw(arrays(shape))
    is_label = volume.dtype.kind != "f"
    merge = data.draw(st.sampled_from(["majority", lambda v: v[0]] if is_label else ["mean", "median", "majority"]))
    around = data.draw(st.integers(0, 1))
    patches = PatchDataset([{"image": volume}], Slices(planes, around=around))
    assembler = CaseAssembler(patches, planes=planes, merge=merge, policy="last" if is_label else None)
    for number in data.draw(st.permutations(range(len(patches)))):
        patch, n = patches[number], len(volume)
        middle = patch["image"][around * n : (around + 1) * n]
        batch = {key: [patch[key]] for key in ("case_index", "patch_region", "patch_axis")}
        assembler.add_batch(middle[None], batch)
    whole = assembler.pop(0)
    assert whole.dtype == volume.dtype
    np.testing.assert_array_equal(whole, volume)


def test_the_plane_of_a_slice_is_found_without_being_told() -> None:
    volume = np.random.default_rng(0).random((2, 1, 4, 5))
    assembler = PlaneAssembler(volume.shape[1:], 2, planes=[1, 2])
    for patch in PatchDataset([{"image": volume}], Slices([1, 2], flat=False)):  # type: ignore[attr-defined]
        assembler.add(patch["image"], patch["patch_region"])
    np.testing.assert_array_equal(assembler.result(), volume)
