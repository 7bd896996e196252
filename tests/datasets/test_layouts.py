"""nnU-Net, BIDS, MedMNIST and DICOM: the layouts other tools write."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from eisen._core.errors import (
    ArgumentError,
    CorruptFileError,
    EmptyDatasetError,
    GeometryError,
    MissingFileError,
)
from eisen.datasets import BIDSDataset, DicomTreeDataset, MedMNISTDataset, NnUNetDataset
from eisen.io import LoadDICOMSeries, write_dicom_series


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.fixture
def raw(tmp_path):
    """Two cases of two channels in the layout of nnU-Net 2, and one to predict."""
    content = {"channel_names": {"0": "T2", "1": "ADC"}, "labels": {"background": 0}, "file_ending": ".mha"}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    images = [f"imagesTr/{case}_000{n}.mha" for case in ("b_1", "a_2") for n in (1, 0)]
    return touch(
        tmp_path, *images, "labelsTr/b_1.mha", "labelsTr/a_2.mha", "imagesTs/c_0000.mha", "imagesTs/c_0001.mha"
    )


def test_channels_become_fields(raw):
    cases = NnUNetDataset(raw)
    first = {"image_0000": "imagesTr/a_2_0000.mha", "image_0001": "imagesTr/a_2_0001.mha", "label": "labelsTr/a_2.mha"}
    assert (len(cases), cases[0]) == (2, first)
    assert cases.attributes["labels"] == {"background": 0}
    assert NnUNetDataset(raw, "test", ["t2", "adc"])[0] == {"t2": "imagesTs/c_0000.mha", "adc": "imagesTs/c_0001.mha"}
    assert list(pickle.loads(pickle.dumps(cases))) == list(cases)


def test_the_first_version_of_nnunet_has_modality_and_no_ending(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"modality": {"0": "CT"}}))
    touch(tmp_path, "imagesTr/x_0000.nii.gz", "labelsTr/x.nii.gz", "imagesTr/.DS_Store")
    assert list(NnUNetDataset(tmp_path)) == [{"image": "imagesTr/x_0000.nii.gz", "label": "labelsTr/x.nii.gz"}]


def test_a_list_of_files_in_the_description_is_followed(raw):
    content = json.loads((raw / "dataset.json").read_text(encoding="utf-8"))
    content["dataset"] = {"z": {"images": ["../x/1.mha", "../x/2.mha"], "label": "../x/3.mha"}}
    (raw / "dataset.json").write_text(json.dumps(content))
    assert NnUNetDataset(raw)[0] == {"image_0000": "../x/1.mha", "image_0001": "../x/2.mha", "label": "../x/3.mha"}
    content["dataset"]["z"]["images"].pop()
    (raw / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(CorruptFileError, match="lists 1 images and a label for the case 'z'"):
        NnUNetDataset(raw)


@pytest.mark.parametrize("name", ["imagesTr/a_2_0001.mha", "labelsTr/a_2.mha"])
def test_a_missing_channel_or_label_is_named(raw, name):
    (raw / name).unlink()
    with pytest.raises(MissingFileError, match=f"'a_2' has no {name}"):
        NnUNetDataset(raw)


def test_wrong_nnunet_arguments_and_files_are_refused(raw):
    with pytest.raises(ArgumentError, match="phase"):
        NnUNetDataset(raw, "train")
    with pytest.raises(ArgumentError, match="2 different names"):
        NnUNetDataset(raw, "test", ["a"])
    (raw / "dataset.json").write_text("[]")
    with pytest.raises(CorruptFileError, match="holds list"):
        NnUNetDataset(raw)
    (raw / "dataset.json").write_text("{}")
    with pytest.raises(EmptyDatasetError, match="there are no images"):
        NnUNetDataset(raw)
    (raw / "dataset.json").unlink()
    with pytest.raises(MissingFileError, match=r"dataset\.json"):
        NnUNetDataset(raw)


@pytest.fixture
def bids(tmp_path):
    """Two subjects, the second with two sessions; labels and masks in a derivative."""
    for stem in ("sub-01/anat/sub-01", "sub-02/ses-b/anat/sub-02_ses-b", "sub-02/ses-a/anat/sub-02_ses-a"):
        touch(tmp_path, f"{stem}_T1w.nii.gz", f"{stem}_T1w.json", f"derivatives/hand/{stem}_space-orig_dseg.nii.gz")
        touch(tmp_path, f"{stem}_acq-fast_T2w.nii.gz", f"{stem}_acq-slow_T2w.nii.gz")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\tsex\nsub-02\t40\tF\nsub-01\t30\tM\n")
    return tmp_path


def test_visits_become_cases(bids):
    cases = BIDSDataset(bids, {"image": "anat/T1w", "label": "derivatives/hand/anat/dseg"}, participants=["age"])
    place = "sub-02/ses-a/anat/sub-02_ses-a"
    assert [(case["subject"], case.get("session")) for case in cases] == [("01", None), ("02", "a"), ("02", "b")]
    assert cases[1] == {
        "image": f"{place}_T1w.nii.gz",
        "label": f"derivatives/hand/{place}_space-orig_dseg.nii.gz",
        "subject": "02",
        "session": "a",
        "age": "40",
    }
    assert list(pickle.loads(pickle.dumps(cases))) == list(cases)


def test_entities_tell_images_apart(bids):
    with pytest.raises(ArgumentError, match="2 files are the t2 of sub-01") as caught:
        BIDSDataset(bids, {"t2": "anat/T2w"})
    assert "'anat/acq-fast_T2w'" in caught.value.card.to_do
    assert BIDSDataset(bids, {"t2": "anat/acq-slow_T2w"})[0]["t2"] == "sub-01/anat/sub-01_acq-slow_T2w.nii.gz"


def test_subjects_and_sessions_can_be_chosen(bids):
    assert len(BIDSDataset(bids, {"image": "anat/T1w"}, subjects=["sub-02"], sessions=["b"])) == 1
    with pytest.raises(EmptyDatasetError) as caught:
        BIDSDataset(bids, {"image": "anat/T1w"}, subjects=["7"])
    assert caught.value.card.expected.endswith("there are: 01, 02")


def test_sessions_of_a_subject_stay_together(bids):
    sides = [BIDSDataset(bids, {"image": "anat/T1w"}, split=s, group="subject") for s in ("train", "validation")]
    assert sorted(len(side) for side in sides) == [1, 2]


def test_a_missing_image_is_named_left_out_or_none(bids):
    (bids / "sub-01/anat/sub-01_T1w.nii.gz").unlink()
    with pytest.raises(MissingFileError, match="sub-01 has no image in sub-01/anat"):
        BIDSDataset(bids, {"image": "anat/T1w"})
    assert len(BIDSDataset(bids, {"image": "anat/T1w"}, missing="skip")) == 2
    assert BIDSDataset(bids, {"image": "anat/T1w"}, missing="none")[0] == {"image": None, "subject": "01"}


def test_wrong_bids_arguments_and_files_are_refused(bids, tmp_path):
    for wrong in ("T1w", "anat/T1w/x-", ""):
        with pytest.raises(ArgumentError, match="is no image"):
            BIDSDataset(bids, {"image": wrong})
    with pytest.raises(ArgumentError, match="images is"):
        BIDSDataset(bids, {})
    with pytest.raises(ArgumentError, match="missing is"):
        BIDSDataset(bids, {"image": "anat/T1w"}, missing="no")
    with pytest.raises(CorruptFileError, match="no column 'agee'") as caught:
        BIDSDataset(bids, {"image": "anat/T1w"}, participants=["agee"])
    assert "'age'" in caught.value.card.to_do
    (bids / "participants.tsv").write_text("participant_id\tage\nsub-02\t1\n")
    with pytest.raises(CorruptFileError, match="no row for sub-01"):
        BIDSDataset(bids, {"image": "anat/T1w"}, participants=["age"])
    with pytest.raises(EmptyDatasetError, match="no case in"):
        BIDSDataset(bids, {"image": "func/bold"}, missing="skip")
    with pytest.raises(EmptyDatasetError, match="there are no subjects"):
        BIDSDataset(bids / "derivatives", {"image": "anat/T1w"})


SHAPES = {(4, 8, 9): (1, 8, 9), (4, 8, 9, 3): (3, 8, 9), (4, 8, 8, 8): (1, 8, 8, 8)}


@pytest.mark.parametrize("shape", SHAPES)
def test_images_come_channel_first(tmp_path, shape):
    images = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    np.savez(tmp_path / "a.npz", val_images=images, val_labels=np.arange(4, dtype=np.uint8)[:, None])
    cases = MedMNISTDataset(tmp_path, "a.npz", "val")
    item = cases[2]
    assert item["image"].shape == SHAPES[shape]
    assert item["image"].dtype == np.uint8
    assert np.array_equal(item["image"][0], images[2] if shape[-1] != 3 else images[2, ..., 0])
    assert (item["label"], type(item["label"])) == (2, int)
    item["image"][:] = 0
    assert np.array_equal(pickle.loads(pickle.dumps(cases))[2]["image"][0], cases[2]["image"][0])
    assert cases[2]["image"].any()
    assert len(MedMNISTDataset(tmp_path, "a.npz", "val", split="train", validation_fraction=0.5)) == 2


def test_several_labels_per_image_become_an_array(tmp_path):
    np.savez(tmp_path / "a.npz", train_images=np.zeros((2, 4, 4)), train_labels=np.eye(2, 14, dtype=np.uint8))
    label = MedMNISTDataset(tmp_path, "a.npz", "train")[1]["label"]
    assert (label.shape, label.dtype, label.argmax()) == ((14,), np.float32, 1)


def test_wrong_medmnist_files_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", train_images=np.zeros((2, 4, 4)), train_labels=np.zeros((3, 1)))
    with pytest.raises(CorruptFileError, match="images of shape"):
        MedMNISTDataset(tmp_path, "a.npz", "train")
    with pytest.raises(ArgumentError, match="no part 'trian'") as caught:
        MedMNISTDataset(tmp_path, "a.npz", "trian")
    assert caught.value.card.to_do == "did you mean 'train'?"
    np.savez(tmp_path / "b.npz", train_images=np.zeros((2, 4, 4)))
    np.save(tmp_path / "c.npz", np.zeros(3), allow_pickle=False)
    (tmp_path / "c.npz.npy").rename(tmp_path / "c.npz")
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 no zip")
    (tmp_path / "e.npz").write_bytes(b"")
    for name in "bcde":
        with pytest.raises(CorruptFileError, match="is not a collection"):
            MedMNISTDataset(tmp_path, f"{name}.npz", "train")
    np.savez(tmp_path / "f.npz", train_images=np.zeros((0, 4, 4)), train_labels=np.zeros((0, 1)))
    with pytest.raises(EmptyDatasetError):
        MedMNISTDataset(tmp_path, "f.npz", "train")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Two CT series and an MR series, each in a folder of its own."""
    folder = tmp_path_factory.mktemp("scans")
    for name, modality in (("b/1", "CT"), ("a/2", "CT"), ("c", "MR")):
        (folder / name).mkdir(parents=True)
        write_dicom_series(folder / name, np.zeros((4, 5, 3), np.int16), np.diag([-1.0, -1, 2, 1]), modality=modality)
    (folder / "README.txt").write_text("not DICOM")
    return folder


def test_every_series_is_a_case_that_the_reader_reads(scans):
    cases = DicomTreeDataset(scans, transform=LoadDICOMSeries(["image"], scans))
    assert sorted(case["modality"] for case in cases) == ["CT", "CT", "MR"]
    assert {case["image"].shape for case in cases} == {(4, 5, 3)}
    files = [name for n in range(3) for name in cases.peek(n)["image"]]
    assert len(files) == 9
    assert all((scans / name).is_file() for name in files)


def test_filters_choose_series(scans):
    assert [case["modality"] for case in DicomTreeDataset(scans, {"modality": "mr"})] == ["MR"]
    assert len(DicomTreeDataset(scans, {"modality": ["C*", "PT"]})) == 2
    with pytest.raises(EmptyDatasetError, match="3 found, 0 fit the filters") as caught:
        DicomTreeDataset(scans, {"modality": "US"})
    assert "CT" in caught.value.card.expected


def test_a_series_that_is_not_one_volume_is_refused_left_out_or_kept(scans, tmp_path):
    import shutil

    shutil.copytree(scans / "b" / "1", tmp_path / "broken")
    shutil.copytree(scans / "c", tmp_path / "whole")
    files = sorted((tmp_path / "broken").iterdir())
    files[1].unlink()
    write_dicom_series(tmp_path / "long", np.zeros((4, 5, 4), np.int16), np.diag([-1.0, -1, 2, 1]), modality="CT")
    sorted((tmp_path / "long").iterdir())[1].unlink()
    with pytest.raises(GeometryError, match="CT"):
        DicomTreeDataset(tmp_path)
    assert {case["modality"] for case in DicomTreeDataset(tmp_path, unreadable="skip")} >= {"MR"}
    assert len(DicomTreeDataset(tmp_path, unreadable="keep")) == 3


def test_wrong_dicom_arguments_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="no filter 'modalities'") as caught:
        DicomTreeDataset(tmp_path, {"modalities": "CT"})
    assert "modality" in caught.value.card.to_do
    with pytest.raises(ArgumentError, match="unreadable is"):
        DicomTreeDataset(tmp_path, unreadable="no")
    with pytest.raises(EmptyDatasetError, match="0 found"):
        DicomTreeDataset(tmp_path)


@pytest.mark.realdata
def test_real_collections_load(realdata):
    folder = realdata / "prostatex_dicom"
    with pytest.raises(GeometryError, match="dwi"):
        DicomTreeDataset(folder)
    cases = DicomTreeDataset(folder, {"description": ["t2*", "*adc*"]}, transform=LoadDICOMSeries(["image"], folder))
    assert sorted(case["image"].shape for case in cases) == [(84, 128, 19), (384, 384, 19)]
    images = MedMNISTDataset(realdata / "pneumoniamnist", "pneumoniamnist_trainval.npz", "val")
    assert (len(images), images[0]["image"].shape) == (270, (1, 28, 28))
