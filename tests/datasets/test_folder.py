from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, EmptyDatasetError, MissingFileError
from eisen.datasets import FolderDataset
from eisen.datasets.patterns import Pattern

PAIR = {"image": "images/*.nii.gz", "label": "labels/*_seg.nii.gz"}


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.fixture
def pairs(tmp_path):
    return touch(tmp_path, *(f"{place}/{n}{end}.nii.gz" for n in "cab" for place, end in PLACES))


PLACES = (("images", ""), ("labels", "_seg"))


def test_files_of_one_name_are_one_case_sorted(pairs):
    cases = FolderDataset(pairs, PAIR)
    assert [case["image"] for case in cases] == [f"images/{n}.nii.gz" for n in "abc"]
    assert cases[-1]["label"] == "labels/c_seg.nii.gz"
    assert list(pickle.loads(pickle.dumps(cases))) == list(cases)
    assert FolderDataset(pairs, PAIR, transform=lambda case: {"n": 1})[0] == {"n": 1}


def test_a_case_without_a_partner_is_named_with_the_file_it_lacks(pairs):
    touch(pairs, "images/p041.nii.gz", "labels/p41_seg.nii.gz")
    with pytest.raises(MissingFileError) as caught:
        FolderDataset(pairs, PAIR)
    card = caught.value.card
    assert card.what == "'p041' has no label (labels/p041_seg.nii.gz); 'p41' has no image (images/p41.nii.gz)"
    assert card.to_do.startswith("did you mean 'p41'?")
    assert card.file == str(pairs / "labels" / "p041_seg.nii.gz")
    assert len(FolderDataset(pairs, PAIR, "skip")) == 3
    assert FolderDataset(pairs, PAIR, "none")[3] == {"image": "images/p041.nii.gz", "label": None}


def test_many_mismatches_are_counted(tmp_path):
    touch(tmp_path, "labels/x_seg.nii.gz", *(f"images/{n}.nii.gz" for n in range(20)))
    with pytest.raises(MissingFileError, match="and 16 more cases"):
        FolderDataset(tmp_path, PAIR)
    with pytest.raises(EmptyDatasetError, match="no case in"):
        FolderDataset(tmp_path, PAIR, "skip")


def test_images_and_masks_may_lie_in_one_folder(tmp_path):
    touch(tmp_path, "a.png", "a_mask.png", "b_mask.png", "b.png")
    assert list(FolderDataset(tmp_path, {"image": "*.png", "label": "*_mask.png"})) == [
        {"image": f"{n}.png", "label": f"{n}_mask.png"} for n in "ab"
    ]


def test_every_star_is_part_of_the_name_unless_case_is_written(tmp_path):
    touch(tmp_path, "p1/s1/t1.nii", "p1/s2/t1.nii", "p2/s1/t1.nii")
    assert len(FolderDataset(tmp_path, {"image": "*/*/t1.nii"})) == 3
    with pytest.raises(ArgumentError, match=r"two files are the image of 'p1': p1/s1/t1\.nii and p1/s2/t1\.nii"):
        FolderDataset(tmp_path, {"image": "{case}/*/t1.nii"})


def test_case_may_stand_twice_and_folders_may_be_skipped(tmp_path):
    touch(tmp_path, "p1/scan/p1_t1.nii", "p2/deep/er/p2_t1.nii", "p3/p4_t1.nii", "p1/p1_seg.nii", "p2/p2_seg.nii")
    cases = FolderDataset(tmp_path, {"image": "{case}/**/{case}_t1.nii", "label": "{case}/{case}_seg.nii"})
    assert [case["image"] for case in cases] == ["p1/scan/p1_t1.nii", "p2/deep/er/p2_t1.nii"]


def test_hidden_files_are_left_out(tmp_path):
    touch(tmp_path, "a.png", "._a.png", ".cache/b.png", ".DS_Store")
    assert [case["image"] for case in FolderDataset(tmp_path, {"image": "**/*.png"})] == ["a.png"]


def test_a_folder_that_is_not_there_is_named_with_the_nearest(pairs):
    with pytest.raises(MissingFileError, match="label does not exist") as caught:
        FolderDataset(pairs, PAIR | {"label": "label/*_seg.nii.gz"})
    assert "'labels'" in caught.value.card.to_do


def test_a_pattern_that_finds_nothing_names_its_field(pairs):
    with pytest.raises(EmptyDatasetError, match="for the field 'label'") as caught:
        FolderDataset(pairs, PAIR | {"label": "labels/*.mha"})
    assert caught.value.card.field == "label"


@pytest.mark.parametrize("text", ["images/a.png", "/images/*.png", "{name}.png", "images/**/a.png", ""])
def test_a_pattern_without_a_case_is_refused(tmp_path, text):
    with pytest.raises(ArgumentError, match="does not say which part"):
        FolderDataset(tmp_path, {"image": text})


@pytest.mark.parametrize("patterns", [{}, None, "images/*.png"])
def test_patterns_must_be_a_mapping(tmp_path, patterns):
    with pytest.raises(ArgumentError, match="patterns is"):
        FolderDataset(tmp_path, patterns)


def test_other_wrong_arguments_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="missing is"):
        FolderDataset(tmp_path, PAIR, "drop")
    with pytest.raises(MissingFileError, match="does not exist"):
        FolderDataset(tmp_path / "x", PAIR)


@given(st.text("abc_.-", min_size=1, max_size=9).filter(lambda name: not name.startswith(".")))
def test_a_pattern_finds_the_case_it_was_filled_with(name):
    for text in ("images/*_ct.nii.gz", "{case}/x/{case}.png"):
        pattern = Pattern(text)
        assert pattern.case_of(pattern.file_of(name)) == name


@pytest.mark.realdata
def test_real_folders_are_matched(realdata):
    patterns = {"image": "imagesTr/*.nii.gz", "label": "labelsTr/*.nii.gz"}
    assert len(FolderDataset(realdata / "msd_hippocampus", patterns)) == 60
    assert len(FolderDataset(realdata / "em_membrane", {"image": "image/*.png", "label": "label/*.png"})) == 20
    cells = {"image": "JPEGImages/*.jpg", "boxes": "Annotations/*.xml"}
    assert len(FolderDataset(realdata / "blood_cells_jpeg", cells)) == 30
    nrrd = FolderDataset(realdata / "nrrd_mr", {"image": "*_image.nrrd", "label": "*_label.nrrd"})
    assert nrrd[1] == {"image": "breast1_image.nrrd", "label": "breast1_label.nrrd"}
