"""What all public data sets promise, each checked on a small tree that its factory makes."""

from __future__ import annotations

import inspect
import os
import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eisen.datasets as datasets
from eisen._core.errors import ArgumentError, CorruptFileError, DataError, EmptyDatasetError, MissingFileError
from eisen.datasets.public import PublicDataset
from eisen.io import write_nifti

CLASSES = datasets.CLASSES


def touch(folder: Path, *names: str) -> None:
    """Make empty files, in an order that is not sorted."""
    for name in random.Random(0).sample(names, len(names)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def camus(folder):
    touch(folder, *(f"patient000{n}/patient000{n}_2CH_ED.mhd" for n in (1, 2)))


def rsna_ihd(folder):
    touch(folder, "stage_2_train/ID_2.dcm", "stage_2_train/ID_1.dcm", "stage_2_test/ID_3.dcm")
    rows = [f"ID_{n}_{name},{int(name in ('any', CLASSES[n]))}" for n in (2, 1) for name in reversed(CLASSES)]
    (folder / "stage_2_train.csv").write_text("\n".join(["ID,Label", *rows]))


def bone_age(folder):
    train, test = ("boneage-training-dataset", "boneage-test-dataset")
    touch(folder, f"{train}/{train}/1377.png", f"{train}/{train}/1378.png", f"{test}/{test}/4360.png")
    (folder / f"{train}.csv").write_text("id,boneage,male\n1378,12,True\n1377,180,False\n")
    (folder / f"{test}.csv").write_text("Case ID,Sex\n4360,M\n")


def stack(folder):
    voxels = np.arange(4 * 5 * 3, dtype=np.int16).reshape(4, 5, 3)
    write_nifti(folder / "tr_im.nii.gz", voxels, np.eye(4))
    write_nifti(folder / "tr_mask.nii.gz", (voxels % 2).astype(np.uint8), np.eye(4))


def ucsd(folder):
    touch(folder, "pos/b.jpg", "pos/a.PNG", "neg/c.png", "neg/png_list.txt")


def panda(folder):
    header = "image_id,data_provider,isup_grade,gleason_score"
    (folder / "train.csv").write_text(f"{header}\n0018,karolinska,2,3+4\n0005,radboud,0,negative\n")
    (folder / "test.csv").write_text("image_id,data_provider\n0100,radboud\n")


def kaggle_covid(folder):
    rows = [",".join([f"../input/{n}.nii", f"C:\\x\\{n}.nii", f"{n}.nii", f"/y/{n}.nii"]) for n in "ab"]
    (folder / "metadata.csv").write_text("\n".join(["ct_scan,lung_mask,infection_mask,both", *rows]))


def abcs(folder):
    touch(folder, *(f"00{n}/00{n}_{kind}.mha" for n in (2, 1) for kind in ("ct", "t1", "labelmap_task1_ct")))


def emidec(folder):
    touch(folder, "Case_P001/Images/Case_P001.nii.gz", "Case_N006/Images/Case_N006.nii.gz", "notes.d/x")
    (folder / "Case P001.txt").write_bytes(b"Sex: F\r\nAge: \xff57\n")
    (folder / "Case N006.txt").write_text("Sex: M")


def brats(folder):
    touch(folder, *(f"BraTS20_Training_00{n}/x_t1.nii.gz" for n in (2, 1)))
    (folder / "name_mapping.csv").write_text("Grade,BraTS_2020_subject_ID\nHGG,BraTS20_Training_001\n")
    (folder / "survival_info.csv").write_text("Brats20ID,Age\nBraTS20_Training_002,60.5\n")


def camelyon(folder):
    import h5py

    values = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    arrays = {"x": np.broadcast_to(values * 60, (4, 6, 5, 3)), "y": values % 2, "mask": np.ones((4, 6, 5, 1), bool)}
    for name, array in arrays.items():
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file[name] = array


@dataclass
class Claim:
    """One data set: its arguments, a factory of its tree, and what the contract says about one case."""

    name: str
    arguments: dict[str, Any]
    make: Callable[[Path], None]
    size: int
    number: int
    item: dict[str, Any]
    list_file: str = ""
    columns: list[str] = field(default_factory=list)

    def build(self, folder: Path, *args: Any, **more: Any) -> Any:
        return getattr(datasets, self.name)(folder, *self.arguments.values(), *args, **more)

    def __str__(self) -> str:
        return f"{self.name}-{'-'.join(map(str, self.arguments.values()))}"


CAMUS_ITEM = {
    "type": "ES",
    **{
        f"{kind}_{view}": f"patient0002/patient0002_{view}_{end}.mhd"
        for view in ("2CH", "4CH")
        for kind, end in (("image", "ES"), ("label", "ES_gt"), ("sequence", "sequence"))
    },
}
BRATS_ITEM = {
    kind: f"BraTS20_Training_001/BraTS20_Training_001_{kind}.nii.gz" for kind in ("t1", "t1ce", "t2", "flair")
}
MAPPED = {"name_mapping": {"Grade": "HGG", "BraTS_2020_subject_ID": "BraTS20_Training_001"}}
SEG = {"label": "BraTS20_Training_001/BraTS20_Training_001_seg.nii.gz"}
BONE = "boneage-training-dataset/boneage-training-dataset/1377.png"
BONE_TEST = "boneage-test-dataset/boneage-test-dataset/4360.png"
PANDA_ITEM = {"image": "train_images/0018.tiff", "mask": "train_label_masks/0018_mask.tiff"}
KAGGLE = {
    "image": "ct_scans",
    "lung_mask": "lung_mask",
    "infection_mask": "infection_mask",
    "lung_infection_mask": "lung_and_infection_mask",
}
ABCS_ITEM = {kind: f"001/001_{kind}.mha" for kind in ("ct", "t1", "t2")}
ABCS_LABELS = {f"label_task{n}": f"001/001_labelmap_task{n}.mha" for n in (1, 2)}
SLICE = np.arange(60, dtype=np.float32).reshape(4, 5, 3)[..., 2]
X, Y = np.full((3, 6, 5), 180, np.float32), np.ones(1, np.float32)

CLAIMS = [
    Claim("CAMUS", {"gt": True, "2": True, "4": True, "all": True}, camus, 4, 3, CAMUS_ITEM),
    Claim("CAMUS", {"gt": False, "2": True, "4": False}, camus, 4, 0,
          {"type": "ED", "image_2CH": "patient0001/patient0001_2CH_ED.mhd"}),
    Claim("RSNAIntracranialHemorrhageDetection", {"training": True}, rsna_ihd, 2, 1,
          {"image": "stage_2_train/ID_2.dcm", "label": np.array([0.0, 0, 1, 0, 0, 1])},
          "stage_2_train.csv", ["Label"]),
    Claim("RSNAIntracranialHemorrhageDetection", {"training": False}, rsna_ihd, 1, 0,
          {"image": "stage_2_test/ID_3.dcm"}),
    Claim("RSNABoneAgeChallenge", {"training": True}, bone_age, 2, 0, {"image": BONE, "male": False, "label": 180},
          "boneage-training-dataset.csv", ["id", "boneage", "male"]),
    Claim("RSNABoneAgeChallenge", {"training": False}, bone_age, 1, 0, {"image": BONE_TEST, "male": True},
          "boneage-test-dataset.csv", ["Case ID", "Sex"]),
    Claim("MedSegCovid19", {"image": "tr_im.nii.gz", "mask": "tr_mask.nii.gz"}, stack, 3, 2,
          {"image": SLICE, "label": SLICE % 2}, "tr_mask.nii.gz"),
    Claim("MedSegCovid19", {"image": "tr_im.nii.gz", "mask": ""}, stack, 3, 2, {"image": SLICE}, "tr_im.nii.gz"),
    Claim("UCSDCovid19", {"positive_dir": "pos", "negative_dir": "neg"}, ucsd, 3, 1,
          {"image": "pos/b.jpg", "label": 1}),
    Claim("PANDA", {"csv": "train.csv", "training": True}, panda, 2, 0,
          {**PANDA_ITEM, "provider": "karolinska", "isup": 2, "gleason": "3+4"},
          "train.csv", ["image_id", "data_provider", "isup_grade", "gleason_score"]),
    Claim("PANDA", {"csv": "test.csv", "training": False}, panda, 1, 0,
          {"image": "test_images/0100.tiff", "provider": "radboud"}, "test.csv", ["image_id", "data_provider"]),
    Claim("KaggleCovid19", {"csv": "metadata.csv"}, kaggle_covid, 2, 1,
          {field: f"{place}/b.nii" for field, place in KAGGLE.items()},
          "metadata.csv"),
    Claim("ABCsDataset", {"training": True}, abcs, 2, 0, ABCS_ITEM | ABCS_LABELS),
    Claim("ABCsDataset", {"training": False, "flat": False}, abcs, 2, 0, ABCS_ITEM),
    Claim("EMIDEC", {"training": True}, emidec, 2, 1,
          {"image": "Case_P001/Images/Case_P001.nii.gz", "label": "Case_P001/Contours/Case_P001.nii.gz",
           "metadata": "Sex: FAge: 57", "pathological": True}, "Case P001.txt"),
    Claim("EMIDEC", {"training": False}, emidec, 2, 0,
          {"image": "Case_N006/Images/Case_N006.nii.gz", "metadata": "Sex: M"}, "Case N006.txt"),
    Claim("Brats2020", {"training": True}, brats, 2, 0, BRATS_ITEM | SEG | MAPPED, "survival_info.csv", ["Brats20ID"]),
    Claim("Brats2020", {"training": False}, brats, 2, 0, BRATS_ITEM | MAPPED,
          "name_mapping.csv", ["BraTS_2020_subject_ID"]),
    Claim("PatchCamelyon", {"x": "x.h5", "y": "y.h5", "mask": "mask.h5"}, camelyon, 4, 3,
          {"image": X, "label": Y, "mask": np.ones((6, 5, 1), bool)}, "y.h5"),
    Claim("PatchCamelyon", {"x": "x.h5", "y": "y.h5", "mask": ""}, camelyon, 4, 3, {"image": X, "label": Y}, "x.h5"),
]  # fmt: skip

every_data_set = pytest.mark.parametrize("claim", CLAIMS, ids=str)
with_two_cases = pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.size > 1], ids=str)
with_a_list = pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.list_file], ids=str)


@pytest.fixture
def tree(claim, tmp_path):
    claim.make(tmp_path)
    return tmp_path


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return list(a) == list(b) and all(
        type(a[k]) is type(b[k])
        and (np.array_equal(a[k], b[k]) and a[k].dtype == b[k].dtype if isinstance(a[k], np.ndarray) else a[k] == b[k])
        for k in a
    )


def test_the_suite_knows_every_public_data_set():
    ours = {name for name in datasets.__all__ if inspect.isclass(getattr(datasets, name))}
    public = {name for name in ours if issubclass(getattr(datasets, name), PublicDataset)}
    assert public - {"ABCDataset"} == {claim.name for claim in CLAIMS}


@every_data_set
def test_a_case_is_what_the_contract_says(claim, tree):
    dataset = claim.build(tree)
    assert len(dataset) == claim.size
    assert {*dataset[claim.number]} == {*claim.item}
    assert same({key: dataset[claim.number][key] for key in claim.item}, claim.item)
    assert same(dataset[claim.number - claim.size], dataset[claim.number])
    assert len(dataset.dataset) == len(dataset.data) == claim.size


@every_data_set
def test_the_order_does_not_depend_on_the_disk(claim, tree, monkeypatch):
    expected = list(claim.build(tree))
    scan = os.scandir
    listing = os.listdir

    class Backwards(list):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(os, "listdir", lambda *a: sorted(listing(*a), reverse=True))
    monkeypatch.setattr(os, "scandir", lambda *a: Backwards(sorted(scan(*a), key=lambda e: e.name, reverse=True)))
    assert all(same(a, b) for a, b in zip(claim.build(tree), expected, strict=True))


@every_data_set
def test_the_transform_gets_a_copy_and_comes_last(claim, tree):
    def spoil(case):
        for value in case.values():
            if isinstance(value, np.ndarray):
                value.fill(7)
        case["added"] = 1
        return case

    parameters = [p.name for p in inspect.signature(type(claim.build(tree))).parameters.values() if p.kind == 1]
    assert parameters[-1] == "transform"
    dataset = claim.build(tree, transform=spoil)
    assert dataset[0]["added"] == dataset[0]["added"] == 1
    dataset.transform = None
    assert same(dataset[claim.number], claim.build(tree)[claim.number])


@every_data_set
def test_it_pickles_also_after_a_read(claim, tree):
    dataset = claim.build(tree)
    first = dataset[0]
    assert same(pickle.loads(pickle.dumps(dataset))[0], first)


@every_data_set
def test_file_names_are_relative_text_with_slashes(claim, tree):
    for case in claim.build(str(tree)):
        files = [value for value in case.values() if isinstance(value, str) and "/" in value]
        assert not any(Path(name).is_absolute() or "\\" in name for name in files)


@with_two_cases
def test_both_sides_of_a_split_make_the_whole(claim, tree):
    whole = claim.build(tree)
    sides = [claim.build(tree, split=side, validation_fraction=0.4) for side in ("train", "validation")]
    assert sum(map(len, sides)) == len(whole)
    assert all(map(len, sides))


@every_data_set
def test_an_empty_folder_says_what_belongs_there_and_where_to_get_it(claim, tmp_path):
    with pytest.raises(DataError) as caught:
        claim.build(tmp_path, download=True)
    kind = getattr(datasets, claim.name)
    assert isinstance(caught.value, (EmptyDatasetError, MissingFileError))
    assert str(tmp_path) in caught.value.card.file
    assert kind.layout in caught.value.card.expected
    assert kind.where in caught.value.card.to_do


@every_data_set
def test_a_missing_folder_names_the_nearest_one(claim, tmp_path):
    (tmp_path / "images2020").mkdir()
    with pytest.raises(FileNotFoundError, match="does not exist") as caught:
        claim.build(tmp_path / "images2021")
    assert "images2020" in caught.value.card.to_do
    assert getattr(datasets, claim.name).where in caught.value.card.to_do


@with_a_list
def test_a_missing_list_names_the_nearest_file(claim, tree):
    path = tree / claim.list_file
    path.rename(path.with_name("x" + path.name))
    with pytest.raises(FileNotFoundError) as caught:
        claim.build(tree)
    assert claim.list_file in str(caught.value)
    assert f"x{path.name}" in caught.value.card.to_do


@with_a_list
def test_a_missing_column_names_file_and_column(claim, tree):
    for column in claim.columns:
        path = tree / claim.list_file
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(column, f"{column}_", 1))
        if claim.name.startswith("RSNAIntra"):  # there the place of a column counts, not its name
            claim.build(tree)
        else:
            with pytest.raises(CorruptFileError, match=f"no column '{column}'") as caught:
                claim.build(tree)
            assert caught.value.card.file == str(path)
            assert f"{column}_" in caught.value.card.to_do
        path.write_text(text)


@with_a_list
def test_a_list_that_is_not_text_or_not_what_it_should_be_is_an_error(claim, tree):
    if claim.name == "EMIDEC":  # its texts are for people; bytes that are none are passed over
        return
    (tree / claim.list_file).write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(CorruptFileError) as caught:
        claim.build(tree)
    assert claim.list_file in caught.value.card.file


@every_data_set
def test_wrong_options_are_refused(claim, tree):
    with pytest.raises(ArgumentError, match="split is 'valid'"):
        claim.build(tree, split="valid")
    with pytest.raises(TypeError):
        claim.build(tree, splits="train")
