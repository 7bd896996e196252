"""Files of one case are found by their names, and what is missing is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from eisen._core.errors import ArgumentError, EmptyDatasetError, MissingFileError
from eisen.evaluation.matching import counterparts, match


def folder(root: Path, name: str, *files: str) -> Path:
    for file in files:
        path = root / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root / name


def pairs(prediction: Path, reference: Path, *patterns: str) -> dict[str, tuple[str, str]]:
    found = match(prediction, reference, *patterns)
    return {case: (a.name, b.name) for case, (a, b) in found.pairs.items()}


def test_equal_names_with_any_ending(tmp_path: Path) -> None:
    a = folder(tmp_path, "a", "p1.nii.gz", "p2.mha", "predictions.csv", ".hidden.nii.gz", "p1_probabilities.nii.gz")
    b = folder(tmp_path, "b", "p1.nrrd", "p2.nii")
    assert pairs(a, b) == {"p1": ("p1.nii.gz", "p1.nrrd"), "p2": ("p2.mha", "p2.nii")}
    assert match(a, b).is_complete


def test_words_besides_the_case_are_taken_off(tmp_path: Path) -> None:
    a = folder(tmp_path, "a", "p1_pred.nii.gz", "p2-seg.nii.gz", "scan_label.nii.gz")
    b = folder(tmp_path, "b", "p1_gt.nii.gz", "p2.nii.gz", "scan_label.nii.gz")
    assert pairs(a, b) == {
        "p1": ("p1_pred.nii.gz", "p1_gt.nii.gz"),
        "p2": ("p2-seg.nii.gz", "p2.nii.gz"),
        "scan_label": ("scan_label.nii.gz",) * 2,
    }


def test_patterns_say_where_the_case_is(tmp_path: Path) -> None:
    a = folder(tmp_path, "a", "p1/out_seg.nii.gz", "p2/out_seg.nii.gz", "p1/other.nii.gz")
    b = folder(tmp_path, "b", "sub-p1_v2.nii.gz", "sub-p2_v1.nii.gz")
    expected = {"p1": ("out_seg.nii.gz", "sub-p1_v2.nii.gz"), "p2": ("out_seg.nii.gz", "sub-p2_v1.nii.gz")}
    assert pairs(a, b, "{case}/out_seg.nii.gz", "sub-{case}_v?.nii.gz") == expected
    assert pairs(a, b, "*/out_seg.nii.gz", "sub-{case}_*.nii.gz") == expected
    assert pairs(a, b, "**/{case}/out*.nii.gz", "sub-{case}_*.nii.gz") == expected
    with pytest.raises(ArgumentError, match="which part"):
        match(a, b, "p1/out_seg.nii.gz")


def test_what_is_missing_is_named_on_either_side(tmp_path: Path) -> None:
    a = folder(tmp_path, "a", "p1.nii.gz", "extra_pred.nii.gz")
    b = folder(tmp_path, "b", "p1.nii.gz", *(f"q{i:02d}.nii.gz" for i in range(12)))
    found = match(a, b)
    assert found.missing(2) == [
        "12 without a prediction: q00.nii.gz, q01.nii.gz and 10 more",
        "1 without a reference: extra_pred.nii.gz",
    ]
    with pytest.raises(MissingFileError) as caught:
        found.demand_complete()
    assert "q00.nii.gz" in caught.value.card.what
    assert "--allow-missing" in caught.value.card.to_do
    inputs = found.inputs()
    assert [c.case_id for c in inputs] == ["p1", *(f"q{i:02d}" for i in range(12))]
    assert inputs[0].prediction is not None
    assert inputs[1].prediction is None


def test_single_files_are_a_case(tmp_path: Path) -> None:
    a, b = folder(tmp_path, "a", "x.mha"), folder(tmp_path, "b", "p7.nii.gz")
    found = match(a / "x.mha", b / "p7.nii.gz")
    assert found.pairs == {"p7": (a / "x.mha", b / "p7.nii.gz")}
    for mixed in ((a, b / "p7.nii.gz"), (a / "x.mha", b)):
        with pytest.raises(ArgumentError, match="a folder"):
            match(*mixed)


def test_masks_are_needed_for_every_case_and_images_are_not(tmp_path: Path) -> None:
    a, b = (folder(tmp_path, name, "p1.nii.gz", "p2.nii.gz") for name in "ab")
    masks = folder(tmp_path, "m", "p1_mask.nii.gz")
    with pytest.raises(MissingFileError, match="p2"):
        match(a, b, mask=masks)
    assert list(counterparts(masks, match(a, b))) == ["p1"]
    folder(tmp_path, "m", "p2.nii.gz")
    assert [c.mask.name for c in match(a, b, mask=masks).inputs()] == ["p1_mask.nii.gz", "p2.nii.gz"]
    one = match(a / "p1.nii.gz", b / "p1.nii.gz")
    assert counterparts(masks / "p2.nii.gz", one) == {"p1": masks / "p2.nii.gz"}


def test_nothing_in_common_and_two_of_a_kind_are_cards(tmp_path: Path) -> None:
    a, b = folder(tmp_path, "a", "x.nii.gz"), folder(tmp_path, "b", "y.nii.gz")
    with pytest.raises(EmptyDatasetError, match=r"a has x.nii.gz"):
        match(a, b)
    folder(tmp_path, "a", "y_pred.nii.gz", "y_seg.nii.gz")
    with pytest.raises(ArgumentError, match="two files are of the case 'y'"):
        match(a, b)
    with pytest.raises(MissingFileError):
        match(tmp_path / "none", b)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptyDatasetError, match="no such image files"):
        match(tmp_path / "empty", b)
