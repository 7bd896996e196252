from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from eisen._core.collate import collate, separate
from eisen._core.errors import DataError, MissingFieldError, ShapeError
from eisen._core.types import Geometry

Pair = namedtuple("Pair", "a b")


def together(*values):
    return collate([{"x": value} for value in values], [f"#{n} (c{n}.nii.gz)" for n in range(len(values))])["x"]


SAMPLES = {
    "arrays": (np.arange(6.0).reshape(2, 3), np.ones((2, 3))),
    "fortran": (np.asfortranarray(np.arange(6, dtype="int16").reshape(2, 3)), np.ones((2, 3), "int16")),
    "scalars": (np.array(3.0), np.array(4.0)),
    "tensors": (torch.arange(4), torch.zeros(4, dtype=torch.long)),
    "bfloat": (torch.ones(2, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.bfloat16)),
    "bool arrays": (np.array([True, False]), np.array([False, True])),
    "empty": (np.zeros((0, 3)), np.zeros((0, 3))),
    "ints": (1, 2),
    "floats": (1.5, 2.5),
    "bools": (True, False),
    "numpy numbers": (np.float32(1.5), np.float32(2)),
    "text": ("a", "b"),
    "bytes": (b"a", b"b"),
    "dicts": ({"a": 1, "b": "x"}, {"a": 2, "b": "y"}),
    "lists": ([1, "a"], [2, "b"]),
    "tuples": (("R", "A", "S"), ("L", "A", "S")),
    "named tuples": (Pair(1, "a"), Pair(2, "b")),
}


def plain(value):
    """Tuples as lists: torch gives either, depending on how deep one looks."""
    if isinstance(value, torch.Tensor):
        return (value.dtype, value.tolist())
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("kind", SAMPLES)
def test_it_does_what_torch_does(kind):
    ours, theirs = together(*SAMPLES[kind]), default_collate(list(SAMPLES[kind]))
    assert plain(ours) == plain(theirs)
    assert isinstance(ours, Pair) is isinstance(theirs, Pair)
    if isinstance(ours, torch.Tensor):
        assert ours.shape == theirs.shape
        assert ours.is_contiguous()


def test_what_torch_refuses_but_a_radiologist_has_stays_a_list():
    grid = Geometry.of(np.eye(4), (2, 2, 2))
    assert together(grid, grid) == [grid, grid]
    assert together(None, None) == [None, None]
    assert together(None, 3) == [None, 3]
    assert together(Path("a"), Path("b")) == [Path("a"), Path("b")]


def test_big_endian_arrays_become_native():
    batch = together(np.arange(3, dtype=">i2"), np.arange(3, dtype=">i2"))
    assert batch.dtype == torch.int16
    assert batch.tolist() == [[0, 1, 2]] * 2


def test_mixed_kinds_and_types_are_promoted():
    assert together(np.ones(2, "float32"), torch.ones(2, dtype=torch.float64)).dtype == torch.float64
    assert together(np.ones(2, "uint8"), np.ones(2, "int16")).dtype == torch.int16
    assert together(1, 2.5).tolist() == [1.0, 2.5]


def test_the_batch_is_a_copy():
    array = np.zeros(3)
    batch = together(array, array)
    batch += 1
    assert array.tolist() == [0, 0, 0]


def test_tensors_with_a_gradient_keep_it():
    assert together(torch.ones(2, requires_grad=True), torch.ones(2)).requires_grad


def test_unequal_shapes_name_both_cases_field_and_shapes():
    with pytest.raises(ShapeError) as caught:
        together(np.zeros((1, 4, 4)), np.zeros((1, 4, 4)), np.zeros((1, 4, 5)))
    card = caught.value.card
    assert card.what == "the field 'x' is (1, 4, 4) in #0 (c0.nii.gz) and (1, 4, 5) in #2 (c2.nii.gz)"
    assert (card.field, card.case) == ("x", "#0 (c0.nii.gz) and #2 (c2.nii.gz)")
    assert "CropCenteredSubVolumes" in card.to_do
    assert "batch size 1" in card.to_do


def test_lists_of_unequal_length_are_a_shape_error():
    with pytest.raises(ShapeError, match="1 entries"):
        together([1], [1, 2])


def test_a_missing_field_names_the_case():
    with pytest.raises(MissingFieldError, match="#1 has no field 'label'"):
        collate([{"image": 1, "label": 2}, {"image": 1}], ["#0", "#1"])


@pytest.mark.parametrize(
    "value", [nibabel.Nifti1Image(np.zeros((2, 2, 2), "uint8"), np.eye(4)), object(), np.array(["a"]), {1, 2}]
)
def test_what_a_batch_cannot_hold_is_named(value):
    with pytest.raises(DataError, match="cannot be put in a batch") as caught:
        together(value, value)
    assert "NiftiToNumpy" in caught.value.card.to_do
    with pytest.raises(DataError):
        together(value, 1)


def test_a_batch_is_taken_apart_again_into_what_it_was_made_of():
    grid = Geometry.of(np.eye(4), (1, 1, 1))
    shared = {"grid": grid, "none": None}
    cases = [{"age": n, "id": f"c{n}", "cut": [n, 2 * n], "names": ["a", f"b{n}"], **shared} for n in (1, 2)]
    cases = [{**case, "pair": Pair(case["age"], "p"), "more": {"x": case["age"]}} for case in cases]
    assert separate(collate(cases, ["#1", "#2"]), 2) == cases


def test_the_arrays_of_a_batch_are_taken_apart_as_views_and_what_is_shared_stays():
    batch = {"image": torch.arange(4.0).reshape(2, 2), "other": torch.zeros(3), "text": "for all"}
    first, second = separate(batch, 2)
    assert second["image"].data_ptr() == batch["image"][1].data_ptr()
    assert first["other"] is second["other"] is batch["other"]
    assert first["text"] == "for all"
