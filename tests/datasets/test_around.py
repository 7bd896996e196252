"""Data sets around data sets: joined, some of them, cached, slice by slice."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from eisen._core.errors import ArgumentError, EisenError, EmptyDatasetError, ShapeError
from eisen._core.random import generator
from eisen.datasets import CachedDataset, ConcatDataset, ListDataset, Loader, SlicesDataset, SubsetDataset
from eisen.io import LoadNiftiFromFilename, write_nifti
from eisen.transforms import AddChannelDimension, Compose, Lambda, NiftiToNumpy, RandomFlip, RandomNoise, ToNativeGrid


class Counted(ListDataset):
    """Counts how often a case is read."""

    n_read = 0

    def read(self, number):
        self.n_read += 1
        return super().read(number)


def scans(n=4):
    return Counted([{"image": np.full((1, 4, 4, 4), float(i), "float32"), "name": f"p{i}"} for i in range(n)])


# -- joined -----------------------------------------------------------------------------------------------------------


def test_joined_data_sets_show_all_cases_with_their_names():
    a, b = ListDataset([{"image": "a0.png"}, {"image": "a1.png"}]), ListDataset([{"image": "b0.png"}])
    both = ConcatDataset([a, b], source_field="source")
    assert [case["image"] for case in both] == ["a0.png", "a1.png", "b0.png"]
    assert [case["source"] for case in both] == [0, 0, 1]
    assert both.case_name(2) == "#2 (b0.png)"
    assert both.peek(2) == {"image": "b0.png", "source": 1}


def test_joined_data_sets_split_by_a_field_of_theirs():
    parts = [ListDataset([{"image": f"{k}{n}.png", "patient": n // 2} for n in range(10)]) for k in "ab"]
    train, held = (ConcatDataset(parts, split=side, group="patient") for side in ("train", "validation"))
    assert len(train) + len(held) == 20
    assert not {case["patient"] for case in train} & {case["patient"] for case in held}


def test_members_with_folders_of_their_own_name_their_files_absolutely(tmp_path):
    for name in ("one/x.txt", "two/x.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    parts = []
    for name in ("one", "two"):
        part = ListDataset([{"text": "x.txt"}])
        part.data_dir = str(tmp_path / name)
        parts.append(part)
    both = ConcatDataset(parts, data_dir=tmp_path)
    assert [(tmp_path / case["text"]).read_text(encoding="utf-8") for case in both] == ["one/x.txt", "two/x.txt"]
    assert both.peek(1)["text"] == str(tmp_path / "two" / "x.txt")


def test_an_error_inside_names_the_case_outside():
    def fail(case):
        raise ValueError("no")

    both = ConcatDataset([ListDataset([{"image": "a.png"}]), ListDataset([{"image": "b.png"}], fail)])
    with pytest.raises(EisenError) as caught:
        both[1]
    assert caught.value.card.case == "#1 (b.png)"


# -- some of them -----------------------------------------------------------------------------------------------------


def test_a_subset_shows_the_cases_that_were_named_and_no_others():
    """Delira's subsets of data in memory were always the first cases."""
    whole = ListDataset([{"number": n} for n in range(10)])
    assert [case["number"] for case in SubsetDataset(whole, [5, 6, -1])] == [5, 6, 9]
    assert [case["number"] for case in SubsetDataset(whole, [5, 6, -1], exclude=True)] == [0, 1, 2, 3, 4, 7, 8]


def test_a_subset_of_a_subset_and_of_a_foreign_data_set():
    whole = ListDataset([{"number": n} for n in range(10)])
    assert [c["number"] for c in SubsetDataset(SubsetDataset(whole, [9, 8, 7]), [2, 0])] == [7, 9]
    assert SubsetDataset([{"a": 1}, {"a": 2}], [1])[0] == {"a": 2}


def test_cases_are_found_by_file_stem_path_or_name():
    whole = ListDataset([{"image": "ct/anna.nii.gz", "id": "007"}, {"image": "mr/anna.nii.gz", "id": "008"}])
    assert SubsetDataset(whole, ["008"])[0]["image"] == "mr/anna.nii.gz"
    assert SubsetDataset(whole, ["mr/anna.nii.gz"])[0]["id"] == "008"
    with pytest.raises(ArgumentError, match="2 cases are called 'anna'"):
        SubsetDataset(whole, ["anna"])
    with pytest.raises(ArgumentError, match="no case is called 'ana'") as caught:
        SubsetDataset(whole, ["ana"])
    assert "anna" in caught.value.card.to_do


@pytest.mark.parametrize("cases", [[3], [-4], [0, 0], [1, -2], "all", [True]])
def test_a_case_that_is_not_there_or_named_twice_is_refused(cases):
    with pytest.raises(ArgumentError):
        SubsetDataset(ListDataset([{"n": 0}, {"n": 1}, {"n": 2}]), cases)


def test_what_is_changed_in_a_case_of_a_foreign_list_does_not_change_the_list():
    store = [{"image": np.zeros(3)}]
    SubsetDataset(store, [0])[0]["image"] += 1
    assert not store[0]["image"].any()


# -- cached -----------------------------------------------------------------------------------------------------------


def chain():
    return Compose([AddChannelDimension(["image"]), RandomNoise(["image"], [0.5, 0.6]), AddChannelDimension(["image"])])


def test_cached_and_uncached_batches_are_the_same_bit_for_bit():
    plain = ListDataset(scans().cases, chain())
    cached = CachedDataset(scans(), transform=chain())
    assert cached.n_steps == 1
    for n_workers in (0, 2):
        one, other = Loader(plain, 2, seed=3), Loader(cached, 2, seed=3, n_workers=n_workers)
        for _ in range(2):
            for a, b in zip(one, other, strict=True):
                assert (a["image"] == b["image"]).all()


def test_every_case_is_read_once():
    inside = scans()
    cached = CachedDataset(inside, transform=chain())
    for _ in range(3):
        list(Loader(cached, 2))
    assert inside.n_read == len(inside)
    assert cached.n_kept == len(inside)


def test_workers_find_the_cases_read_before_they_start():
    inside = scans()
    loader = Loader(CachedDataset(inside, transform=chain()), 2, n_workers=2)
    for _ in range(2):
        list(loader)
    assert inside.n_read == len(inside), "the main process has read them"


def test_changes_in_place_never_reach_what_is_kept():
    def spoil(case):
        case["image"] += 100
        case["image"][...] *= 2
        return case

    cached = CachedDataset(scans(), transform=Compose([AddChannelDimension(["image"]), spoil]))
    first = cached[1]["image"].copy()
    cached[1]["image"][...] = -1
    assert (cached[1]["image"] == first).all()


def test_a_step_that_may_be_random_ends_what_is_kept():
    steady = AddChannelDimension(["image"])
    for step in (RandomFlip(["image"]), Lambda(["image"], abs), lambda case: case, Compose([RandomFlip(["image"])])):
        assert CachedDataset(scans(), transform=Compose([steady, step, steady])).n_steps == 1
    assert CachedDataset(scans(), transform=Compose([steady, Compose([steady])])).n_steps == 2
    assert CachedDataset(scans(), transform=lambda case: case).n_steps == 0
    assert CachedDataset(scans(), n_steps=2, transform=Compose([steady, lambda case: case])).n_steps == 2


def test_random_numbers_of_a_function_are_new_every_time():
    def noisy(case):
        return {"x": float(generator().random())}

    cached = CachedDataset(scans(1), transform=noisy)
    assert cached[0] != cached[0]


def test_what_does_not_fit_is_read_every_time_and_said(caplog):
    inside = scans(4)
    size = inside.cases[0]["image"].nbytes + 64
    with caplog.at_level(logging.WARNING):
        cached = CachedDataset(inside, memory_gb=2.5 * size / 1e9)
        for _ in range(2):
            assert [int(case["image"].max()) for case in cached] == [0, 1, 2, 3]
    assert cached.n_kept == 2
    assert inside.n_read == 6
    assert "4 cases need about" in caplog.text


def test_a_bad_case_is_told_when_it_is_asked_for():
    def fail(case):
        raise ValueError("no voxels")

    cached = CachedDataset(ListDataset([{"image": "a.nii.gz"}], fail))
    cached.fill()
    with pytest.raises(EisenError) as caught:
        cached[0]
    assert caught.value.card.case == "#0 (a.nii.gz)"


def test_wrong_arguments_of_a_cache():
    with pytest.raises(ArgumentError, match="n_steps"):
        CachedDataset(scans(), n_steps=1)
    with pytest.raises(ArgumentError, match="memory_gb"):
        CachedDataset(scans(), memory_gb=0)
    with pytest.raises(ArgumentError, match="no data set"):
        CachedDataset(ListDataset)


# -- slice by slice ---------------------------------------------------------------------------------------------------


@pytest.fixture
def volumes(tmp_path):
    rng = np.random.default_rng(0)
    affine = np.array([[0.8, 0.1, 0, -5], [-0.1, 0.9, 0, 7], [0, 0, 3, 2], [0, 0, 0, 1.0]])
    for case in ("p0", "p1"):
        label = np.zeros((6, 5, 4), "uint8")
        label[2:4, 1:3, 1:3] = 1
        write_nifti(tmp_path / f"{case}.nii.gz", rng.normal(size=(6, 5, 4)).astype("float32"), affine)
        write_nifti(tmp_path / f"{case}_label.nii.gz", label, affine)
    cases = [{"image": f"{c}.nii.gz", "label": f"{c}_label.nii.gz", "patient": c} for c in ("p0", "p1")]
    return tmp_path, ListDataset(cases)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_those_of_the_volume_with_their_place_in_the_body(volumes, axis):
    folder, inside = volumes
    slices = SlicesDataset(inside, ["image", "label"], folder, axis=axis)
    whole = NiftiToNumpy(["image"])(LoadNiftiFromFilename(["image"], folder)(dict(inside.cases[1])))
    n = whole["image"].shape[axis]
    assert len(slices) == 2 * n
    case = slices[n + 1]
    assert (case["image"][0] == np.take(whole["image"], 1, axis)).all()
    assert case["slice"] == 1
    assert case["patient"] == "p1"
    index = [2, 3, 1]
    index[axis] = 1
    others = [k for k in range(3) if k != axis]
    here = case["image_meta"].affine @ [0, *(index[k] for k in others), 1]
    np.testing.assert_allclose(here, whole["image_meta"].affine @ [*index, 1])
    assert case["image_meta"].shape == case["image"].shape


def test_a_slice_goes_back_to_its_place_in_the_volume(volumes):
    folder, inside = volumes
    case = SlicesDataset(inside, ["label"], folder, axis=1)[2]
    back = ToNativeGrid(["label"])(case)["label"]
    whole = NiftiToNumpy(["label"])(LoadNiftiFromFilename(["label"], folder)(dict(inside.cases[0])))["label"]
    assert np.squeeze(back).shape == whole.shape
    assert (np.squeeze(back)[:, 2] == whole[:, 2]).all()


def test_the_listing_reads_headers_only_and_the_last_volumes_stay(volumes, monkeypatch):
    import eisen.datasets.slices as module

    read = []
    original = module.read_volume
    monkeypatch.setattr(module, "read_volume", lambda path: read.append(path.name) or original(path))
    folder, inside = volumes
    slices = SlicesDataset(inside, ["image"], folder, keep_volumes=1)
    assert not read
    for number in range(8):
        slices[number]
    assert read == ["p0.nii.gz", "p1.nii.gz"]
    slices[0]
    assert read[-1] == "p0.nii.gz"


def test_changes_in_place_do_not_reach_the_volume_in_memory(volumes):
    folder, inside = volumes
    slices = SlicesDataset(inside, ["image"], folder)
    before = slices[1]["image"].copy()
    slices[1]["image"][...] = 0
    assert (slices[1]["image"] == before).all()


def test_only_slices_with_a_label(volumes):
    folder, inside = volumes
    slices = SlicesDataset(inside, ["image", "label"], folder, labelled="label")
    assert [case["slice"] for case in slices] == [1, 2, 1, 2]
    assert all(case["label"].any() for case in slices)


def test_a_thick_slice_has_its_neighbours_as_channels(volumes):
    folder, inside = volumes
    slices = SlicesDataset(inside, ["image", "label"], folder, thickness=3)
    thin = SlicesDataset(inside, ["image"], folder)
    case = slices[0]
    assert case["image"].shape == (3, 6, 5)
    assert case["label"].shape == (1, 6, 5)
    assert (case["image"] == np.concatenate([thin[0]["image"], thin[0]["image"], thin[1]["image"]])).all()
    assert "image_meta" not in case


def test_slices_of_one_volume_stay_on_one_side_of_a_split(volumes):
    folder, inside = volumes
    train, held = (SlicesDataset(inside, ["image"], folder, split=s, group="patient") for s in ("train", "validation"))
    assert len(train) == len(held) == 4
    assert {c["patient"] for c in train} != {c["patient"] for c in held}
    assert train.case_name(2).endswith(", slice 2)")


def test_wrong_slices_are_cards(volumes):
    folder, inside = volumes
    for wrong in ({"axis": 3}, {"thickness": 2}, {"keep_volumes": 0}, {"labelled": "label"}):
        with pytest.raises(ArgumentError):
            SlicesDataset(inside, ["image"], folder, **wrong)
    write_nifti(folder / "p1.nii.gz", np.zeros((3, 3, 3), "uint8"), np.eye(4))
    with pytest.raises(ShapeError, match="label") as caught:
        SlicesDataset(inside, ["image", "label"], folder)
    assert caught.value.card.case == "#1 (p1.nii.gz)"
    write_nifti(folder / "p0_label.nii.gz", np.zeros((6, 5, 4), "uint8"), np.eye(4))
    with pytest.raises(EmptyDatasetError):
        SlicesDataset(SubsetDataset(inside, [0]), ["image", "label"], folder, labelled="label")


def test_slices_of_itk_and_numpy_files_have_the_axes_of_the_file(tmp_path):
    import SimpleITK

    volume = np.arange(60, dtype="float32").reshape(3, 4, 5)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(volume.transpose()), str(tmp_path / "v.mha"))
    np.save(tmp_path / "v.npy", volume)
    for name in ("v.mha", "v.npy"):
        slices = SlicesDataset(ListDataset([{"image": name}]), ["image"], tmp_path, axis=0)
        assert len(slices) == 3
        assert (slices[1]["image"][0] == volume[1]).all()
