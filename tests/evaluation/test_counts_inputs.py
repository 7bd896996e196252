"""The masks, boxes and counts of a case are right for every kind of label map that people have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen.evaluation import CasePair
from eisen.evaluation.pairs.counts import Counts, JointHistogram

SHAPE = (7, 8, 9)


def draw(low: int, high: int, dtype: str, seed: int = 0, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def near_the_top(dtype: str, seed: int = 0) -> np.ndarray:
    """Values right below the largest one of a type."""
    return (np.iinfo(dtype).max - draw(0, 4, "uint64", seed).astype(dtype)).astype(dtype)


def read_only(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values


INPUTS: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "uint8 and int32": (draw(0, 4, "u1"), draw(0, 4, "i4", 1)),
    "values with gaps": (draw(0, 3, "u1") * 70, draw(0, 3, "u2", 1) * 70),
    "no zero": (draw(5, 8, "u1"), draw(6, 9, "u1", 1)),
    "negative": (draw(-3, 4, "i1"), draw(-3, 4, "i8", 1)),
    "int8, all its values": (draw(-128, 128, "i1"), draw(-128, 128, "i1", 1)),
    "int16, far apart": (draw(-30000, 30000, "i2"), draw(-30000, 30000, "i2", 1)),
    "uint64, large": (near_the_top("u8"), near_the_top("u8", 1)),
    "uint64 and negative": (near_the_top("u8"), draw(-3, 4, "i8", 1)),
    "int64, both ends": (near_the_top("i8"), -near_the_top("i8", 1)),
    "float": (draw(0, 4, "f4"), draw(0, 4, "f8", 1)),
    "float16, negative": (draw(-2, 4, "f2"), draw(-2, 4, "u8", 1).astype("f8").clip(0, 5)),
    "bool": (draw(0, 2, "?"), draw(0, 2, "?", 1)),
    "bool, not contiguous": (draw(0, 2, "?")[:, ::2], draw(0, 2, "u1", 1)[:, 1::2]),
    "Fortran order": (np.asfortranarray(draw(0, 4, "u1")), np.asfortranarray(draw(0, 4, "u1", 1))),
    "one in Fortran order": (np.asfortranarray(draw(2, 40, "i2")), draw(2, 40, "i2", 1)),
    "backwards and strided": (draw(5, 44, "u1")[::-1, ::2], draw(5, 44, "i2", 1)[:, ::2]),
    "transposed": (draw(0, 4, "u1").transpose(2, 0, 1), draw(0, 4, "u1", 1, (9, 7, 8))),
    "more than 256 values": (draw(0, 400, "u2"), draw(0, 400, "u4", 1)),
    "uint8, with codes above 255": (draw(200, 256, "u1"), draw(-300, 100, "i2", 1)),
    "thousands of instances": (np.arange(8000).reshape(20, 20, 20), np.arange(8000)[::-1].reshape(20, 20, 20)),
    "more than 65536 values": (np.arange(68921).reshape(41, 41, 41), np.arange(9, 68930).reshape(41, 41, 41)),
    "big-endian": (draw(0, 4, ">i2"), draw(0, 4, ">i4", 1)),
    "big-endian, with gaps": (draw(3, 40, ">u4"), draw(3, 40, ">f4", 1)),
    "read-only": (read_only(draw(0, 4, "u1")), read_only(draw(0, 4, "u1", 1))),
    "read-only, with gaps": (read_only(draw(4, 90, "i4")), read_only(draw(4, 90, "i2", 1))),
    "2-D": (draw(0, 3, "u1", shape=(9, 8)), draw(0, 3, "u1", 1, (9, 8))),
    "no voxels": (np.zeros((0, 3, 4), "u1"), np.zeros((0, 3, 4), "i8")),
    "no pixels, float": (np.zeros((0, 0), "f4"), np.zeros((0, 0), "?")),
}


def check(prediction: np.ndarray, reference: np.ndarray) -> None:
    case = CasePair(prediction, reference)
    values = sorted({int(v) for side in (prediction, reference) for v in np.unique(side)})
    assert list(case.values) == values
    for label in (*values[:2], *values[-2:], 123456, tuple(values[:3]) or 5, (*values[-1:], -99999)):
        pair = case.label(label)
        wanted = np.array(label, dtype=object)
        p, r = (np.isin(side.astype(object), np.atleast_1d(wanted)) for side in (prediction, reference))
        found = pair.counts
        assert found == Counts(int((p & r).sum()), int((p & ~r).sum()), int((r & ~p).sum()), int((~p & ~r).sum()))
        assert all(type(n) is int for n in vars(found).values())
        for found_mask, whole in ((pair.prediction, p), (pair.reference, r)):
            assert np.array_equal(found_mask, whole[pair.box])
            assert found_mask.sum() == whole.sum()
        occupied = np.argwhere(p | r)
        if len(occupied):
            expected = zip(occupied.min(0), occupied.max(0) + 1, strict=True)
            assert [(s.start, s.stop) for s in pair.box] == [(int(a), int(b)) for a, b in expected]
        else:
            assert pair.prediction.size == 0
            assert pair.presence == "absent"


@pytest.mark.parametrize("kind", [k for k in INPUTS if "instances" not in k and "65536" not in k])
def test_any_integers_are_counted(kind: str) -> None:
    prediction, reference = INPUTS[kind]
    before = prediction.copy(), reference.copy()
    check(prediction, reference)
    assert all(np.array_equal(a, b) for a, b in zip(before, INPUTS[kind], strict=True)), "the input was changed"


@pytest.mark.parametrize("kind", ["thousands of instances", "more than 65536 values"])
def test_very_many_values_need_no_large_table(kind: str) -> None:
    prediction, reference = INPUTS[kind]
    case = CasePair(prediction, reference)
    n = prediction.size
    assert case.label(4000).counts == Counts(0, 1, 1, n - 2)
    assert case.label(tuple(range(100, 300))).counts.predicted == 200


@given(
    st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2", ">i4", "f4", "?"]).flatmap(
        lambda dtype: st.tuples(
            *[
                hnp.arrays(
                    dtype,
                    (3, 4),
                    elements=st.integers(-40, 40).map(float) if dtype == "f4" else hnp.from_dtype(np.dtype(dtype)),
                )
            ]
            * 2
        )
    )
)
def test_any_values_of_any_type_are_counted(maps: tuple[np.ndarray, np.ndarray]) -> None:
    check(*maps)


@given(
    hnp.arrays(np.uint8, (4, 5), elements=st.integers(0, 3)),
    hnp.arrays(np.uint8, (4, 5), elements=st.integers(0, 3)),
    st.permutations(range(4)),
)
def test_renaming_labels_changes_nothing(prediction: np.ndarray, reference: np.ndarray, names: list[int]) -> None:
    renamed = np.array(names) * 1000 - 1500
    plain, other = CasePair(prediction, reference), CasePair(renamed[prediction], renamed[reference])
    for label in range(4):
        assert plain.label(label).counts == other.label(int(renamed[label])).counts
        assert plain.label(label).box == other.label(int(renamed[label])).box


def test_both_ways_to_count_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    prediction, reference = draw(0, 30, "u1"), draw(0, 20, "u1", 1)
    by_table = JointHistogram(prediction, reference)
    monkeypatch.setattr("eisen.evaluation.pairs.counts._LARGEST_TABLE", 0)
    by_sorting = JointHistogram(prediction, reference)
    assert by_table.values == by_sorting.values == list(range(30))
    assert np.array_equal(by_table.table, by_sorting.table)
    for values in ([0], [3], [29], [99], [1, 2, 25]):
        assert by_table.counts(values) == by_sorting.counts(values)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.5, 1e30, 2.0**63, 1j, "a", None])
@pytest.mark.parametrize("side", ["prediction", "reference"])
def test_what_is_no_label_map_is_refused(value: Any, side: str) -> None:
    good, bad = draw(0, 2, "u1", shape=(3, 3)), np.full((3, 3), value)
    with pytest.raises(VoxelValueError, match=side):
        CasePair(**{"prediction": good, "reference": good, side: bad})


@pytest.mark.parametrize(
    ("one", "other"), [((3, 3), (3, 4)), ((3, 3), (1, 3)), ((3,), (3,)), ((2,) * 4, (2,) * 4), ((), ())]
)
def test_shapes_are_compared(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="the prediction has the shape"):
        CasePair(np.zeros(one, int), np.zeros(other, int))


@pytest.mark.parametrize(
    "spacing", [2, (1, 2), "abc", (0, 1, 1), (-1, 1, 1), (1, 1, np.nan), (1, 1, np.inf), ("a", 1, 1), (1e200, 1, 1), ()]
)
def test_a_spacing_that_does_not_fit_is_refused(spacing: Any) -> None:
    with pytest.raises(ArgumentError, match="the spacing is"):
        CasePair(np.zeros((2, 2, 2), int), np.zeros((2, 2, 2), int), spacing)


def test_a_spacing_may_be_an_array() -> None:
    case = CasePair(np.zeros((3, 4), int), np.zeros((3, 4), int), np.array([2.0, 0.5], np.float32))
    assert case.spacing == (2.0, 0.5)
    assert case.volume_of_voxel == 1.0
    assert case.diagonal_mm == pytest.approx(np.hypot(6, 2))


@pytest.mark.parametrize("label", [1.5, "a", "1", None, (), [], [1, [2]], (1, None)])
def test_what_is_no_label_is_refused(label: Any) -> None:
    with pytest.raises(ArgumentError, match="is no label"):
        CasePair(np.zeros((2, 2), int), np.zeros((2, 2), int)).label(label)


def test_a_label_is_the_same_object_however_it_is_asked_for() -> None:
    case = CasePair(np.array([[0, 1, 2]]), np.array([[0, 2, 2]]))
    assert case.label(2) is case.label(np.uint8(2)) is case.label([2]) is case.label(np.array([2, 2]))
    assert case.label((1, 2)) is case.label([2, 1])
    assert case.label(2**80).counts == Counts(0, 0, 0, 3)
