"""Which places are taken: choices agree with looking at each patch, draws have the odds they promise."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats

from eisen._core.errors import ArgumentError, DataError, EmptyDatasetError, ShapeError, VoxelValueError
from eisen.patches import (
    All,
    Anywhere,
    Balanced,
    Cases,
    Foreground,
    Grid,
    Matching,
    NonConstant,
    Padded,
    PatchDataset,
    Slices,
    Uniform,
    Voxels,
    Weighted,
    Whole,
)
from eisen.patches.cutting.cases import opened
from eisen.patches.where.planes import ClassPlanes, WeightPlanes
from eisen.patches.which.bitmask import Bitmask
from eisen.storage import ArraySource

WHERES = [
    Whole(),
    Slices([0, 1, 2]),
    Grid([3, 4, 5], overlap=0.5),
    Grid([3, 4, 5], pad=True),
    Voxels(),
    Padded(Slices(1), 2),
    Grid(12, pad=True),
]


def blobs(shape: tuple[int, ...] = (8, 9, 7), n: int = 3) -> dict[str, Any]:
    """A case with few voxels that are not 0."""
    rng = np.random.default_rng(3)
    image, label = np.zeros((2, *shape), "float32"), np.zeros((1, *shape), "uint8")
    for value in range(1, n + 1):
        spot = tuple(int(k) for k in rng.integers(0, shape))
        label[(0, *spot)] = value
        image[(value % 2, *spot)] = -value
    return {"image": image, "label": label, "id": "blobs"}


def regions(which: Any, where: Any, item: dict[str, Any]) -> list[Any]:
    try:
        return [patch["patch_region"] for patch in PatchDataset([item], where, which)]
    except EmptyDatasetError:
        return []


def inner(array: np.ndarray, region: Any) -> np.ndarray:
    return array[(slice(None), *(slice(max(a, 0), b) for a, b in region))]


@pytest.mark.parametrize("where", WHERES, ids=repr)
def test_choices_agree_with_looking_at_each_place(where: Any) -> None:
    item = blobs()
    every = regions(All(), where, item)
    varies = [r for r in every if any(np.ptp(channel) > 0 for channel in inner(item["image"], r))]
    assert regions(NonConstant(), where, item) == varies
    for threshold, at_least in ((0, 1), (1, 2), (0, 0.02)):
        found = regions(Foreground(threshold=threshold, at_least=at_least), where, item)
        sizes = [np.prod([b - a for a, b in r]) if at_least < 1 else 1 for r in every]
        counts = [(inner(item["label"], r) > threshold).sum() for r in every]
        assert found == [r for r, n, size in zip(every, counts, sizes, strict=True) if n >= at_least * size]
    assert regions(Matching(lambda region: sum(a for a, _ in region) % 2 == 0, on="region"), where, item) == [
        r for r in every if sum(a for a, _ in r) % 2 == 0
    ]


def test_a_function_is_asked_about_each_patch() -> None:
    item = blobs()
    asked = []

    def bright(patch: dict[str, Any]) -> bool:
        asked.append(patch["patch_region"])
        return bool((patch["image"] < 0).any())

    patches = PatchDataset([item], Grid(4, pad=True), bright)
    assert [patch["patch_region"] for patch in patches] == regions(NonConstant(), Grid(4, pad=True), item)
    _ = list(patches)
    assert len(asked) == len(set(asked)), "once for each place"


def test_several_choices_have_to_agree() -> None:
    item, where = blobs(), Grid(3, overlap=0.5)
    both = regions([NonConstant(), lambda patch: patch["patch_region"][0][0] > 2], where, item)
    assert both == [r for r in regions(NonConstant(), where, item) if r[0][0] > 2]


def test_nan_is_not_constant_and_unsigned_numbers_do_not_wrap() -> None:
    nan = np.zeros((1, 4, 4))
    nan[0, 1, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert len(regions(NonConstant(), Grid(2), {"image": nan})) == 1
    wide = np.full((1, 4), 32767, "int16")
    wide[0, 1] = -32768
    assert len(regions(NonConstant(tolerance=70000), Grid(2), {"image": wide})) == 0
    assert len(regions(NonConstant(tolerance=60000), Grid(2), {"image": wide})) == 1


def test_a_bitmask_finds_what_flatnonzero_finds() -> None:
    rng = np.random.default_rng(0)
    for n, share in ((1, 1.0), (9, 0.5), (30_000, 0.001), (30_000, 0.9)):
        chosen = rng.random(n) < share
        mask = Bitmask(chosen)
        assert [mask[k] for k in range(len(mask))] == np.flatnonzero(chosen).tolist()
        assert mask.nbytes <= n / 8 + n / 512 + 16
    assert len(Bitmask(np.zeros(10, bool))) == 0


def test_choices_are_one_bit_per_place_and_survive_a_pickle() -> None:
    patches = PatchDataset([blobs((20, 20, 20))], Voxels(), Foreground())
    assert len(patches) == 3
    assert len(pickle.dumps(pickle.loads(pickle.dumps(patches))._counts)) < 8000 / 8 + 1500


def test_cases_are_chosen_by_number_and_name_and_the_others_are_not_read() -> None:
    class Reads(list[Any]):
        def __getitem__(self, number: Any) -> Any:
            seen.append(number)
            return super().__getitem__(number)

        def peek(self, number: int) -> Any:
            return {"id": super().__getitem__(number)["id"]}

    items = Reads({"image": np.full((1, 4), n), "id": f"case_{n}"} for n in range(4))
    for which, expected in (
        (Cases(["case_2", 0]), [0, 2]),
        (Cases([-1]), [3]),
        (Cases(["case_2", 0], exclude=True), [1, 3]),
        ([Cases([0, 1]), Cases([1, 2])], [1]),
    ):
        seen: list[int] = []
        assert [patch["case_index"] for patch in PatchDataset(items, Whole(), which)] == expected
        assert set(seen) == set(expected)
    with pytest.raises(ArgumentError, match="no cases are called 'case_7'") as caught:
        len(PatchDataset(items, Whole(), Cases(["case_7"])))
    assert "did you mean 'case_" in caught.value.card.to_do
    with pytest.raises(ArgumentError, match="Cases"):
        len(PatchDataset(items, Whole(), Cases([9])))
    with pytest.raises(ArgumentError):
        Cases("case_1")  # type: ignore[arg-type]


def test_cases_without_a_patch_are_left_out() -> None:
    empty = {"image": np.zeros((2, 8, 9, 7), "float32"), "label": np.zeros((1, 8, 9, 7), "uint8"), "id": "empty"}
    for which in (Foreground(), [Foreground(), Uniform()]):
        patches = PatchDataset([empty, blobs()], Grid(4, pad=True), which)
        assert {patch["case_index"] for patch in patches} == {1}
        assert list(patches.patches_of(0)) == []
    with pytest.raises(EmptyDatasetError, match="no patch of 1 cases"):
        len(PatchDataset([empty], Grid(4), Foreground()))


# Draws


def drawn(which: Any, where: Any, item: dict[str, Any], n: int) -> list[Any]:
    patches = PatchDataset([item], where, which, n_per_case=n, seed=0)
    case = patches.open(0)
    return [patches._place(case, turn, turn).patch_region for turn in range(n)]


def is_fair(counts: list[int], shares: list[float]) -> bool:
    expected = np.asarray(shares) / np.sum(shares) * np.sum(counts)
    return bool(stats.chisquare(counts, expected).pvalue > 1e-3)


def test_a_uniform_draw_is_fair() -> None:
    found = drawn(Uniform(), Anywhere(3), {"image": np.zeros((1, 5, 6))}, 2400)
    places = [place.patch_region for place in Anywhere(3).places((5, 6))]
    assert is_fair([found.count(place) for place in places], [1] * 12)


def test_a_uniform_draw_among_chosen_places_is_fair() -> None:
    item = blobs()
    chosen = regions(Foreground(), Grid(3), item)
    found = drawn([Foreground(), Uniform()], Grid(3), item, 600)
    assert set(found) == set(chosen)
    assert is_fair([found.count(region) for region in chosen], [1] * len(chosen))


def case_of(arrays: dict[str, np.ndarray], shape: tuple[int, ...]) -> Any:
    case = opened(0, "#0", arrays)
    case.shape = shape
    return case


def test_every_voxel_of_a_class_is_equally_likely() -> None:
    label = np.zeros((1, 5, 6, 4), "uint8")
    spots = [(0, 0, 0), (0, 5, 3), (2, 1, 1), (4, 5, 3), (4, 5, 2), (4, 0, 0)]
    for spot in spots:
        label[(0, *spot)] = 7
    label[0, 3] = 2
    case, rng = case_of({"label": label}, (5, 6, 4)), np.random.default_rng(1)
    planes = ClassPlanes(case, "label")
    assert [planes.count(value) for value in (0, 2, 7, 3)] == [90, 24, 6, 0]
    found = [planes.draw(case, 7, rng) for _ in range(1200)]
    assert is_fair([found.count(spot) for spot in spots], [1] * 6)


def test_voxels_are_drawn_as_often_as_their_weight_says() -> None:
    weights = np.zeros((2, 3, 4), "float32")
    weights[:, 0, 1], weights[0, 2, 0], weights[1, 2, 3] = 1, 1, 3
    case, rng = case_of({"weights": weights}, (3, 4)), np.random.default_rng(1)
    planes = WeightPlanes(case, "weights")
    found = [planes.draw(case, rng) for _ in range(1800)]
    assert is_fair([found.count(spot) for spot in [(0, 1), (2, 0), (2, 3)]], [2, 1, 3])
    assert len(found) == sum(found.count(spot) for spot in [(0, 1), (2, 0), (2, 3)])


def test_the_share_around_foreground_is_exact_for_each_case() -> None:
    label = np.zeros((1, 40, 40), "uint8")
    label[0, 35, 35] = 1
    for share in (0, 0.25, 1 / 3, 0.5, 0.7, 1):
        which = Balanced(foreground=share)
        turns = [which._is_foreground(turn) for turn in range(12)]
        assert all(abs(sum(turns[:n]) - n * share) < 1 for n in range(1, 13))
    hits = [
        a <= 35 < b and c <= 35 < d
        for (a, b), (c, d) in drawn(Balanced(foreground=0.5), Anywhere(4), {"label": label}, 40)
    ]
    assert 20 <= sum(hits) <= 23


def test_classes_are_drawn_by_their_ratios_however_rare_they_are() -> None:
    label = np.zeros((1, 30, 30), "uint8")
    label[0, :15] = 1
    label[0, 20, 20] = 2
    item = {"label": label}
    found = drawn(Balanced(foreground=1, classes=[1, 2, 5], ratios=[1, 3, 9]), Voxels(), item, 800)
    kinds = [int(label[(0, *(a for a, _ in region))]) for region in found]
    assert is_fair([kinds.count(1), kinds.count(2)], [1, 3])
    assert kinds.count(0) == 0
    background = drawn(Balanced(foreground=1, classes=[0]), Voxels(), item, 50)
    assert all(label[(0, *(a for a, _ in region))] == 0 for region in background)


def test_float_negative_and_boolean_label_maps_work() -> None:
    for values in (
        np.array([[0, -3], [250.5, 0]], "float32"),
        np.array([[0, -3], [250, 0]], "int64"),
        np.array([[False, False], [True, False]]),
    ):
        case = case_of({"label": values}, (2, 2))
        planes = ClassPlanes(case, "label")
        top = values.max()
        assert planes.draw(case, float(top), np.random.default_rng(0)) == (1, 0)
        assert planes.count(0) == int((values == 0).sum())


class Counting(ArraySource):
    read_bytes = 0

    def read(self, region: Any = None, out: Any = None) -> Any:
        part = super().read(region, out)
        Counting.read_bytes += part.nbytes
        return part


def test_after_the_first_patch_a_draw_reads_one_plane_of_the_label() -> None:
    label = np.zeros((1, 50, 40, 30), "uint8")
    label[0, 20:30, 10:20, 10:20] = 1

    class Store(list[Any]):
        def case_sources(self, number: int) -> Any:
            return {"label": Counting(self[number]["label"])}

        def case_rest(self, number: int) -> Any:
            return {}

    patches = PatchDataset(Store([{"label": label}]), Anywhere(8), Balanced(foreground=1), n_per_case=10)
    Counting.read_bytes = 0
    _ = patches[0]
    assert Counting.read_bytes == label.nbytes + 40 * 30 + 8**3
    Counting.read_bytes = 0
    _ = patches[1]
    assert Counting.read_bytes == 40 * 30 + 8**3


def test_balanced_slices_hold_foreground() -> None:
    label = np.zeros((1, 10, 10, 10), "uint8")
    label[0, 7, 2, 5] = 1
    found = drawn(Balanced(foreground=1), Slices([0, 1, 2]), {"label": label}, 30)
    assert {next(a for (a, b) in region if b - a == 1) for region in found} == {7, 2, 5}


# Bad cases


def test_a_case_without_foreground_warns_once_or_is_an_error() -> None:
    item = {"label": np.zeros((1, 8, 8), "uint8"), "id": "empty"}
    with pytest.warns(UserWarning, match="no voxel of any label: its patches are cut anywhere") as caught:
        assert len(set(drawn(Balanced(), Anywhere(4), item, 40))) > 5
    assert len(caught) == 1
    patches = PatchDataset([item], Anywhere(4), Balanced(classes=[2, 3], if_none="error"))
    with pytest.raises(VoxelValueError, match="no voxel of 2/3") as error:
        _ = patches[0]
    assert "exclude=True" in error.value.card.to_do


@pytest.mark.parametrize(
    ("weights", "words"),
    [(np.zeros((1, 4, 4)), "are 0"), (-np.ones((1, 4, 4)), "from -1"), (np.full((1, 4, 4), np.nan), "from nan")],
)
def test_weights_that_are_none_are_errors(weights: np.ndarray, words: str) -> None:
    with pytest.raises(VoxelValueError, match=words) as caught:
        _ = PatchDataset([{"weights": weights}], Anywhere(2), Weighted())[0]
    assert "case 0" in caught.value.card.case


def test_labels_with_channels_or_on_other_grids_are_errors() -> None:
    one_hot = {"image": np.zeros((1, 8, 8)), "label": np.zeros((3, 8, 8))}
    with pytest.raises(ShapeError, match="'label' has 3 channels"):
        _ = PatchDataset([one_hot], Anywhere(4), Balanced())[0]
    small = {"image": np.zeros((1, 8, 8)), "label": np.zeros((1, 4, 4))}
    with pytest.raises(ShapeError, match="'label' has the shape"):
        _ = PatchDataset([small], Anywhere(4), Balanced(), reference="image")[0]
    with pytest.raises(DataError, match="no array 'lab'"):
        _ = PatchDataset([one_hot], Anywhere(4), Balanced("lab"))[0]
    noise = {"label": np.random.default_rng(0).random((1, 80, 80)), "id": "noise"}
    with pytest.raises(VoxelValueError, match="more than 4096 values"):
        _ = PatchDataset([noise], Anywhere(4), Balanced())[0]


def test_wrong_arguments_are_told_at_once() -> None:
    for make in (
        lambda: Balanced(foreground=1.5),
        lambda: Balanced(classes=[]),
        lambda: Balanced(classes=[1], ratios=[1, 2]),
        lambda: Balanced(classes=[1], ratios=[0]),
        lambda: Balanced(if_none="skip"),  # type: ignore[arg-type]
        lambda: Foreground(at_least=0),
        lambda: NonConstant(tolerance="small"),  # type: ignore[arg-type]
        lambda: Matching("bright"),  # type: ignore[arg-type]
        lambda: Matching(len, on="case"),  # type: ignore[arg-type]
        lambda: PatchDataset([blobs()], Anywhere(2), [Uniform(), Balanced()]),
        lambda: PatchDataset([blobs()], Anywhere(2), [NonConstant(), Balanced()]),
        lambda: PatchDataset([blobs()], Anywhere(2), Uniform),  # type: ignore[arg-type]
    ):
        with pytest.raises(ArgumentError):
            make()
