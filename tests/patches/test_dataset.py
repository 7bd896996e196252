"""Patches of cases: cut where they belong, over arrays, files and sources of regions alike."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError, DataError, EmptyDatasetError, ShapeError, StepError, VoxelValueError
from eisen._core.types import Geometry
from eisen.datasets import ListDataset, Loader, SubsetDataset, make_phantoms
from eisen.patches import Anywhere, Grid, Padded, PatchDataset, Slices, Voxels, Whole
from eisen.storage import ArraySource
from eisen.transforms import Compose, RandomFlip, ZScoreNormalization

SHAPES = [(8, 9, 10), (11, 8, 9), (8, 8, 8)]


def cases() -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    return [
        {
            "image": rng.normal(size=(2, *shape)).astype("float32"),
            "label": rng.integers(0, 3, (1, *shape), dtype="uint8"),
            "image_meta": Geometry.of(np.diag([1.0, 2.0, 3.0, 1.0]), shape),
            "age": 40 + n,
            "points": rng.normal(size=(5 + n, 3)),
            "id": f"case {n}",
        }
        for n, shape in enumerate(SHAPES)
    ]


class Regional:
    """A data set that can give parts of its cases, and counts what is read."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.items, self.bytes, self.whole = items, 0, 0

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> dict[str, Any]:
        self.whole += 1
        return dict(self.items[number])

    def case_name(self, number: int) -> str:
        return f"#{number} ({self.items[number]['id']})"

    def case_sources(self, number: int) -> dict[str, Any]:
        arrays = {key: value for key, value in self.items[number].items() if isinstance(value, np.ndarray)}
        return {key: Counting(self, value) for key, value in arrays.items()}

    def case_rest(self, number: int) -> dict[str, Any]:
        return {key: value for key, value in self.items[number].items() if not isinstance(value, np.ndarray)}


class Counting(ArraySource):
    def __init__(self, owner: Regional, array: np.ndarray) -> None:
        super().__init__(array)
        self.owner = owner

    def read(self, region: Any = None, out: Any = None) -> Any:
        part = super().read(region, out)
        self.owner.bytes += part.nbytes
        return part


def assert_same(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert list(a) == list(b) or sorted(a) == sorted(b)
    for key, value in a.items():
        if isinstance(value, np.ndarray):
            assert value.dtype == b[key].dtype
            np.testing.assert_array_equal(value, b[key])
        else:
            assert value == b[key], key


def test_a_patch_is_the_part_of_the_case_that_it_says() -> None:
    items = cases()
    patches = PatchDataset(items, Grid([4, 4, 4], overlap=0.5))
    assert len(patches) == sum(len(Grid([4, 4, 4], overlap=0.5).places(shape)) for shape in SHAPES)
    for number in range(0, len(patches), 7):
        patch = patches[number]
        case, box = items[patch["case_index"]], patch["patch_region"].slices
        np.testing.assert_array_equal(patch["image"], case["image"][(slice(None), *box)])
        np.testing.assert_array_equal(patch["label"], case["label"][(slice(None), *box)])
        np.testing.assert_array_equal(patch["points"], case["points"])
        assert (patch["age"], patch["id"]) == (case["age"], case["id"])
        assert number in patches.patches_of(patch["case_index"])
    assert [patches.case_shape(n) for n in range(3)] == SHAPES
    assert sum(patches.n_patches_of(n) for n in range(3)) == len(patches)


@pytest.mark.parametrize(
    "where",
    [Whole(), Slices([0, 1, 2], around=1), Grid(5, overlap=0.3), Padded(Voxels(), [2, 0, 1]), Grid(12, pad=True)],
    ids=repr,
)
def test_regions_arrays_and_data_sets_give_the_same_patches(where: Any) -> None:
    regional = Regional(cases())
    ways = [PatchDataset(each, where) for each in (cases(), regional, ListDataset(cases()))]
    assert [way.reads_regions for way in ways] == [False, True, False]
    assert len({len(way) for way in ways}) == 1
    for number in np.random.default_rng(1).integers(0, len(ways[0]), 25).tolist():
        arrays, regions, dataset = (way[number] for way in ways)
        assert_same(arrays, regions)
        assert_same(arrays, dataset)
    assert regional.whole == 0


def test_only_the_bytes_of_the_patch_are_read() -> None:
    regional = Regional(cases())
    patches = PatchDataset(regional, Anywhere(4), n_per_case=2, fields=["image"], seed=0)
    patch = patches[3]
    assert regional.bytes == patch["image"].nbytes + patch["label"].nbytes + patch["points"].nbytes
    assert patch["label"].shape == (1, 11, 8, 9), "what is not among the fields stays whole"


def test_a_subset_of_a_data_set_with_regions_is_read_by_region() -> None:
    class Named(Regional, ListDataset):  # type: ignore[misc]
        def __init__(self, items: Any) -> None:
            ListDataset.__init__(self, items)
            Regional.__init__(self, items)

    inside = Named(cases())
    patches = PatchDataset(SubsetDataset(inside, [2, 0]), Whole())
    assert patches.reads_regions
    assert [patch["id"] for patch in patches] == ["case 2", "case 0"]
    assert inside.whole == 0


def test_what_is_outside_is_filled_and_neighbours_are_real() -> None:
    image = np.arange(1, 37, dtype="int16").reshape(1, 6, 6)
    case = {"image": image, "label": np.ones((1, 6, 6), "uint8")}
    where = Padded(Grid([3, 3]), [2, 1])
    padded = np.pad(image, ((0, 0), (2, 2), (1, 1)), constant_values=-7)
    for patch in PatchDataset([case], where, fill={"image": -7}):
        (a, _), (b, _) = patch["patch_region"]
        np.testing.assert_array_equal(patch["image"], padded[:, a : a + 7, b : b + 5])
        assert patch["label"].shape == (1, 3, 3), "labels have no margin"
        assert patch["patch_margin"] == ((2, 2), (1, 1))
    for mode in ("edge", "reflect"):
        expected = np.pad(image, ((0, 0), (2, 2), (1, 1)), mode=mode)  # type: ignore[call-overload]
        for patch in PatchDataset([case], where, fill_mode=mode):  # type: ignore[arg-type]
            (a, _), (b, _) = patch["patch_region"]
            np.testing.assert_array_equal(patch["image"], expected[:, a : a + 7, b : b + 5])


def test_labels_are_filled_with_background() -> None:
    case = {"image": np.ones((1, 4)), "label": np.ones((1, 4), "uint8")}
    (patch,) = PatchDataset([case], Grid(6, pad=True), fill=-1000)
    assert patch["image"].tolist() == [[-1000, 1, 1, 1, 1, -1000]]
    assert patch["label"].tolist() == [[0, 1, 1, 1, 1, 0]]
    with pytest.raises(VoxelValueError, match="cannot hold the fill value"):
        PatchDataset([case], Grid(6, pad=True), fill={"label": -1})[0]


def test_a_flat_slice_drops_its_axis_and_neighbours_become_channels() -> None:
    item = cases()[0]
    patches = PatchDataset([item], Slices([0, 2], around=1))
    first, last = patches[0], patches[len(patches) - 1]
    assert first["image"].shape == (6, 9, 10)
    np.testing.assert_array_equal(first["image"][:2], 0)
    np.testing.assert_array_equal(first["image"][2:4], item["image"][:, 0])
    np.testing.assert_array_equal(first["image"][4:], item["image"][:, 1])
    np.testing.assert_array_equal(first["label"], item["label"][:, 0])
    assert last["patch_axis"] == 2
    np.testing.assert_array_equal(last["image"][:2], item["image"][..., 8])
    standing = PatchDataset([item], Slices([0, 2], around=1, flat=False))[0]
    assert standing["image"].shape == (2, 3, 9, 10)
    assert "patch_axis" not in standing


def world(geometry: Geometry, index: Any) -> list[float]:
    return [float(mm) for mm in geometry.affine @ [*index, 1]][:3]


def test_the_geometry_says_where_the_patch_is() -> None:
    affine = np.array([[0.9, 0.1, 0, 5], [-0.1, 0.9, 0, 6], [0, 0, 2, 7], [0, 0, 0, 1]])
    item = {"image": np.zeros((1, 8, 9, 10)), "image_meta": Geometry.of(affine, (8, 9, 10), "a.nii.gz")}
    for where in (Grid(4), Padded(Grid([3, 4, 5]), 2), Slices(1, flat=False), Grid(12, pad=True)):
        for patch in PatchDataset([item], where):
            start = [
                a - before
                for (a, _), (before, _) in zip(
                    patch["patch_region"], patch.get("patch_margin", ((0, 0),) * 3), strict=True
                )
            ]
            geometry = patch["image_meta"]
            assert geometry.shape == patch["image"].shape[1:]
            assert world(geometry, (0, 0, 0)) == pytest.approx(world(item["image_meta"], start))
            assert world(geometry, (1, 1, 1)) == pytest.approx(world(item["image_meta"], [n + 1 for n in start]))
            assert (geometry.native_shape, geometry.source) == ((8, 9, 10), "a.nii.gz")
    for k, patch in enumerate(PatchDataset([item], Slices(1))):
        assert patch["image_meta"].shape == (1, 8, 10)
        assert world(patch["image_meta"], (0, 3, 4)) == pytest.approx(world(item["image_meta"], (3, k, 4)))
    assert item["image_meta"].history == ()


def test_nothing_is_ever_changed() -> None:
    items, before = cases(), cases()

    def spoil(patch: dict[str, Any]) -> dict[str, Any]:
        patch["image"][...] = 0
        patch["points"][...] = 0
        patch["tags"].append("spoilt")
        return patch

    for item in (*items, *before):
        item["tags"] = ["fresh"]
    for dataset in (items, Regional(items)):
        patches = PatchDataset(dataset, Padded(Grid(4), 1), transform=spoil)
        for number in (0, 1, 0):
            assert patches[number]["tags"] == ["fresh", "spoilt"]
    for item, original in zip(items, before, strict=True):
        assert_same(item, original)


def test_tensors_give_tensors() -> None:
    (patch,) = PatchDataset([{"image": torch.arange(16.0).reshape(1, 4, 4)}], Grid(4))
    assert isinstance(patch["image"], torch.Tensor)
    patch["image"] += 1
    assert patch["image"].sum() == 136


def test_a_label_without_channels_goes_along() -> None:
    item = {"image": np.zeros((1, 8, 8)), "label": np.arange(64).reshape(8, 8)}
    patch = PatchDataset([item], Grid(4))[3]
    np.testing.assert_array_equal(patch["label"], item["label"][4:, 4:])


def test_steps_in_front_of_the_first_random_one_are_for_whole_cases() -> None:
    item = {"image": np.arange(64.0).reshape(1, 8, 8)}
    chain = Compose([ZScoreNormalization(["image"]), RandomFlip(["image"], p=0, spatial_dims=2)])
    expected = ZScoreNormalization(["image"])(item)["image"]
    patch = PatchDataset([item], Grid(4), transform=chain)[1]
    np.testing.assert_allclose(patch["image"], expected[:, :4, 4:])
    each = PatchDataset([item], Grid(4), transform=chain, n_steps=0)[1]
    assert abs(float(each["image"].mean())) < 1e-6
    region = PatchDataset(Regional([{**item, "id": "a"}]), Grid(4), transform=chain)
    assert region.reads_regions
    np.testing.assert_allclose(region[1]["image"], each["image"])
    whole = PatchDataset(Regional([{**item, "id": "a"}]), Grid(4), transform=chain, n_steps=1)
    assert not whole.reads_regions
    np.testing.assert_allclose(whole[1]["image"], patch["image"])
    with pytest.raises(ArgumentError, match="n_steps is 3"):
        PatchDataset([item], Grid(4), transform=chain, n_steps=3)


class Noisy:
    """A data set that draws anew whenever a case is read, and counts how often that is."""

    def __init__(self, n: int = 6) -> None:
        self.n, self.reads = n, Counter[int]()

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, number: int) -> dict[str, Any]:
        from eisen._core.random import generator

        self.reads[number] += 1
        return {"image": generator().normal(size=(1, 8, 8)), "number": number}


def test_a_case_is_the_same_whichever_patch_was_wanted_first() -> None:
    forward, backward = (PatchDataset(Noisy(), Grid(4), cases_at_once=1) for _ in range(2))
    order = list(range(len(forward)))
    one = {n: forward[n]["image"] for n in order}
    two = {n: backward[n]["image"] for n in order[::-1]}
    for n in order:
        np.testing.assert_array_equal(one[n], two[n])


def test_a_case_that_is_read_again_differs_between_epochs() -> None:
    for reread in (False, True):
        loader = Loader(PatchDataset(Noisy(1), Whole(), reread=reread), batch_size=1)
        first, second = (next(iter(loader))["image"] for _ in range(2))
        assert bool((first == second).all()) is not reread


def test_the_last_few_cases_are_kept_and_no_more() -> None:
    inside = Noisy()
    patches = PatchDataset(inside, Grid(4), cases_at_once=2)
    assert len(patches) == 24
    inside.reads.clear()
    for number in (0, 1, 4, 2, 5, 8, 0):  # cases 0 0 1 0 1 2 0
        _ = patches[number]
    assert inside.reads == {0: 2, 1: 1, 2: 1}
    assert len(patches._cases._kept) == 2


def test_random_patches_are_a_function_of_seed_epoch_and_number() -> None:
    def regions(n_workers: int, seed: int, n_epochs: int = 2) -> list[Any]:
        items = [{key: item[key] for key in ("image", "label")} for item in cases()]
        patches = PatchDataset(items, Anywhere(4), n_per_case=4)
        loader = Loader(patches, batch_size=3, shuffle=True, seed=seed, n_workers=n_workers)
        return [(batch["case_index"].tolist(), batch["patch_region"]) for _ in range(n_epochs) for batch in loader]

    here = regions(0, 5)
    assert here == regions(2, 5)
    assert here != regions(0, 6)
    assert here[:4] != here[4:], "epochs differ"


def test_a_seed_fixes_the_patches_for_all_epochs() -> None:
    patches = PatchDataset([{"image": item["image"]} for item in cases()], Anywhere(4), n_per_case=4, seed=3)
    first, second = ([batch["patch_region"] for batch in Loader(patches)] for _ in range(2))
    assert first == second
    assert len({region for batch in first for region in batch}) > 6


def test_batches_keep_regions_as_a_list() -> None:
    from torch.utils.data import DataLoader

    patches = PatchDataset([{"image": np.zeros((1, 8, 8))}], Grid(4))
    expected = [((0, 4), (0, 4)), ((0, 4), (4, 8))]
    assert next(iter(Loader(patches, batch_size=2)))["patch_region"] == expected
    assert next(iter(DataLoader(patches, batch_size=2)))["patch_region"] == expected


def test_a_pickled_data_set_gives_the_same_patches() -> None:
    patches = PatchDataset(cases(), Padded(Anywhere(4), 1), n_per_case=3, seed=1)
    expected = patches[5]
    copy = pickle.loads(pickle.dumps(patches))
    assert_same(copy[5], expected)
    assert len(pickle.dumps(patches)) < len(pickle.dumps(cases())) + 20_000, "kept cases are not part of it"


# Errors


def test_a_patch_larger_than_a_case_names_the_case(tmp_path: Path) -> None:
    folder = make_phantoms(tmp_path, 2, 0, 0, size=16)
    from eisen.datasets import MSDDataset
    from eisen.io import LoadNiftiFromFilename
    from eisen.transforms import AddChannelDimension, NiftiToNumpy

    both = ["image", "label"]
    read = Compose([LoadNiftiFromFilename(both, folder), NiftiToNumpy(both), AddChannelDimension(both)])
    patches = PatchDataset(MSDDataset(folder, "dataset.json", "training"), Grid(64), transform=read)
    with pytest.raises(ShapeError, match="larger than the case") as caught:
        len(patches)
    assert "phantom_000.nii.gz" in caught.value.card.case
    assert "phantom_000.nii.gz" in caught.value.card.file
    assert "pad=True" in caught.value.card.to_do
    assert "image (1," in str(caught.value)


def test_fields_on_other_grids_are_errors_unless_left_whole() -> None:
    item = {"image": np.zeros((1, 8, 8)), "label": np.zeros((1, 4, 4), "uint8"), "id": "anna"}
    with pytest.raises(ShapeError, match=r"'label' has the shape \(1, 4, 4\)") as caught:
        PatchDataset([item], Grid(4), reference="image")[0]
    assert "fields=[...]" in caught.value.card.to_do
    patch = PatchDataset([item], Grid(4), fields=["image"])[0]
    assert patch["label"].shape == (1, 4, 4)
    with pytest.raises(ShapeError, match="'label'"):
        PatchDataset([item], Grid(4), fields=["image", "label"])[0]


def test_a_failing_transform_names_case_and_patch() -> None:
    def fails(patch: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("no luck")

    patches = PatchDataset(Regional(cases()), Grid(8), transform=fails)
    with pytest.raises(StepError, match="fails failed") as caught:
        _ = patches[len(patches) - 1]
    assert caught.value.card.case == f"#{len(patches) - 1} (case 2, patch 0:8 x 0:8 x 0:8)"


def test_cases_without_arrays_or_fields_are_told() -> None:
    with pytest.raises(DataError, match="no array to cut") as caught:
        len(PatchDataset([{"image": "a.nii.gz"}], Grid(4)))
    assert "image (str)" in caught.value.card.to_do
    with pytest.raises(DataError, match="no array 'lable'") as wrong:
        len(PatchDataset(cases(), Grid(4), reference="lable"))
    assert "did you mean 'label'" in wrong.value.card.to_do
    with pytest.raises(ShapeError, match="at least one voxel"):
        len(PatchDataset([{"image": np.zeros((1, 0, 4))}], Whole()))


def test_wrong_arguments_are_told_at_once() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"where": "grid"}, "where is 'grid'"),
        ({"which": 3}, "which is 3"),
        ({"n_per_case": 2}, "nothing is drawn"),
        ({"where": Anywhere(4), "n_per_case": 0}, "n_per_case is 0"),
        ({"cases_at_once": 0}, "cases_at_once is 0"),
        ({"fill": "min"}, "fill is 'min'"),
        ({"fill_mode": "mirror"}, "fill_mode"),
        ({"fields": "image"}, "fields is 'image'"),
        ({"transform": 3}, "transform is 3"),
        ({"seed": -1}, "seed is -1"),
    ]
    for arguments, words in wrong:
        with pytest.raises(ArgumentError, match=words):
            PatchDataset(cases(), **{"where": Grid(4), **arguments})
    with pytest.raises(ArgumentError, match="no data set"):
        PatchDataset(ListDataset, Grid(4))  # type: ignore[arg-type]
    with pytest.raises(EmptyDatasetError, match="no cases"):
        PatchDataset([], Grid(4))  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        _ = PatchDataset(cases(), Whole())[3]


def test_patches_of_files_are_those_of_the_whole_volume(tmp_path: Path) -> None:
    from eisen.datasets import MSDDataset
    from eisen.io import LoadNiftiFromFilename
    from eisen.transforms import AddChannelDimension, NiftiToNumpy

    folder, both = make_phantoms(tmp_path, 2, 0, 0, size=16), ["image", "label"]
    read = Compose([LoadNiftiFromFilename(both, folder), NiftiToNumpy(both), AddChannelDimension(both)])
    whole = MSDDataset(folder, "dataset.json", "training", read)
    patches = PatchDataset(MSDDataset(folder, "dataset.json", "training"), Grid(8, overlap=0.5), transform=read)
    for patch in patches:
        case, box = whole[patch["case_index"]], patch["patch_region"].slices
        np.testing.assert_array_equal(patch["image"], case["image"][(slice(None), *box)])
        corner = patch["image_meta"].affine @ [0, 0, 0, 1]
        first = [a for a, _ in patch["patch_region"]]
        np.testing.assert_allclose(corner, case["image_meta"].affine @ [*first, 1])
