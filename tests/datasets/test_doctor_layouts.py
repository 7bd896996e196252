"""Which cases are in a folder, a list or a configuration: every layout is recognised, wrong input is explained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eisen._core.errors import ArgumentError, ConfigError, EmptyDatasetError, MissingFileError
from eisen.datasets.doctor import check_data

from .doctor_set import AFFINE, save

VOLUME = np.arange(6 * 5 * 4, dtype="int16").reshape(6, 5, 4)
MASK = (VOLUME > 60).astype("uint8")


def volumes(folder: Path, *names: str) -> Path:
    """Write small volumes; those called label, mask or seg are masks."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        is_mask = any(word in name for word in ("label", "mask", "seg"))
        array = MASK if is_mask else VOLUME + number * (VOLUME % 7).astype("int16")
        if name.endswith((".mha", ".nrrd")):
            import SimpleITK

            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.ascontiguousarray(array.T)), str(path))
        else:
            save(path, array, AFFINE)
    return folder


def cases_of(folder: Path) -> dict[str, list[str]]:
    return {entry.case.name: list(entry.case.files) for entry in check_data(folder, voxels=False).cases}


@pytest.mark.parametrize(
    ("names", "layout", "expected"),
    [
        (["imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/a.nii.gz", "imagesTs/b_0000.nii.gz"],
         "nnU-Net raw", {"a": ["image_0000", "image_0001", "label"], "b": ["image"]}),
        (["images/a.nii.gz", "images/b.nii", "labels/a.nii.gz", "labels/b_mask.nii.gz"],
         "folders images + labels", {"a": ["image", "label"], "b": ["image", "label"]}),
        (["train/image/a.nii", "train/label/a.nii", "val/image/a.nii", "val/label/a.nii"],
         "folders image + label, image + label", {"train/a": ["image", "label"], "val/a": ["image", "label"]}),
        (["t2.nii.gz", "t2_seg-manual.nii.gz", "t2_seg-other.nii.gz", "sub/brain_image.nrrd", "sub/brain_label.mha"],
         "loose files", {"t2": ["image", "label", "label_2"], "sub/brain_image": ["image", "label"]}),
        (["only_seg.nii.gz"], "loose files", {"only_seg": ["label"]}),
    ],
)  # fmt: skip
def test_layouts_are_recognised(names: list[str], layout: str, expected: dict[str, list[str]], tmp_path: Path) -> None:
    folder = volumes(tmp_path, *names)
    assert check_data(folder, voxels=False).layout == layout
    assert cases_of(folder) == expected


def test_phases_come_from_the_names_of_folders(tmp_path: Path) -> None:
    folder = volumes(tmp_path, "train/image/a.nii", "train/label/a.nii", "val/image/b.nii", "val/label/b.nii")
    assert check_data(folder, voxels=False).phases == {"training": 1, "validation": 1}


def test_nnunet_declares_labels_by_name(tmp_path: Path) -> None:
    folder = volumes(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    (folder / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "tumour": 1}, "numTraining": 1}))
    report = check_data(folder)
    assert [(row.value, row.name, row.n_cases) for row in report.labels] == [(1, "tumour", 1)]
    assert report.labels[0].volume is not None
    assert report.labels[0].volume.median == pytest.approx(MASK.sum() * 2.4 / 1000)


def test_pictures_with_masks_are_looked_at_in_pixels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(5):
        for sub in ("image", "mask"):
            (tmp_path / sub).mkdir(exist_ok=True)
        grey = random.integers(0, 255, (40, 30), dtype="uint8")
        Image.fromarray(grey).save(tmp_path / "image" / f"{number}.png")
        mask = np.zeros((40, 30), "uint8")
        mask[5 : 20 + number, 4:20] = 255
        Image.fromarray(mask).save(tmp_path / "mask" / f"{number}.png")
    report = check_data(tmp_path)
    assert report.findings == []
    assert [(row.value, row.unit, row.n_cases) for row in report.labels] == [(255, "pixels", 5)]


def test_colour_among_grey_pictures_and_a_broken_one_are_found(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(6):
        shape = (20, 20, 3) if number == 2 else (20, 20)
        Image.fromarray(random.integers(0, 255, shape, dtype="uint8")).save(tmp_path / f"{number}.png")
    (tmp_path / "5.png").write_bytes((tmp_path / "4.png").read_bytes()[:200])
    found = {(entry.code, entry.case) for entry in check_data(tmp_path).findings}
    assert ("channel-mismatch", "2") in found
    assert found & {("file-truncated", "5"), ("file-unreadable", "5")}


def test_a_list_of_cases_is_read_beside_its_files(tmp_path: Path) -> None:
    folder = volumes(tmp_path, "a.nii.gz", "a_label.nii.gz")
    (folder / "cases.json").write_text(json.dumps([{"image": "a.nii.gz", "label": "a_label.nii.gz", "age": 61}]))
    report = check_data(folder / "cases.json")
    assert (report.n_cases, report.findings) == (1, [])


def test_a_configuration_brings_phases_fields_and_names(tmp_path: Path, phantom_folder: Path) -> None:
    def phase(split: str) -> dict[str, object]:
        params = {"json_file": f"dataset_{split}.json", "phase": "training"}
        return {
            "Datasets": [{"type": "eisen.datasets.msd.MSDDataset", "params": params}],
            "Readers": [{"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": ["image", "label"]}}],
        }

    model = {"type": "eisen.models.segmentation.vnet.VNet", "params": {"input_names": ["image"], "output_names": ["x"]}}
    config = tmp_path / "config.json"
    general = {"Models": [model]}
    config.write_text(json.dumps({"General": general, "Validation": phase("val"), "Testing": phase("train")}))
    report = check_data(config, phantom_folder)
    assert report.phases == {"Validation": 2, "Testing": 4}
    assert [row.name for row in report.labels] == ["liver", "spleen", "kidneys"]
    assert report.fit_for_training(strict=True)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda folder: folder / "nowhere", MissingFileError, "does not exist"),
        (lambda folder: folder, EmptyDatasetError, "no case"),
        (lambda folder: _file(folder, "x.json", "{}"), ConfigError, "model|phase|dataset"),
        (lambda folder: _file(folder, "x.json", "[]"), EmptyDatasetError, "no case"),
    ],
)
def test_wrong_input_is_explained(make: object, error: type[Exception], words: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=words):
        check_data(make(tmp_path))  # type: ignore[operator]


def _file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    ("arguments", "words"), [({"jobs": 0}, "jobs"), ({"group": "("}, "group"), ({"group": "a"}, "group")]
)
def test_wrong_arguments_are_explained(arguments: dict[str, object], words: str, phantom_folder: Path) -> None:
    with pytest.raises(ArgumentError, match=words):
        check_data(phantom_folder, **arguments)


def test_the_number_of_jobs_makes_no_difference(phantom_folder: Path) -> None:
    one, four = (check_data(phantom_folder, jobs=jobs).as_dict() for jobs in (1, 4))
    assert one | {"seconds": 0} == four | {"seconds": 0}


def test_headers_only_reads_no_voxel(phantom_folder: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    report = check_data(phantom_folder, voxels=False, progress=lambda *call: calls.append(call))
    assert {what for what, _, _ in calls} == {"headers"}
    assert calls[-1] == ("headers", 7, 7)
    assert not report.voxels_read
    assert report.labels == []


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("folder", "codes"),
    [
        ("msd_hippocampus", {"intensity-scale-varies"}),
        ("totalseg_ct_mr", {"shared-slices", "label-specks"}),
        ("spinal_cord_mr", {"voxels-not-finite"}),
        ("prostatex_dicom", {"dicom-mixed-series"}),
        ("dicom_seg_ct", {"label-specks"}),
        *((name, set()) for name in ("bigendian_nifti", "em_membrane", "hippocrop_dicom", "mha", "nrrd_mr")),
        *((name, set()) for name in ("oblique_nifti", "totalseg_ct_dicom", "ultrasound_png", "blood_cells_jpeg")),
    ],
)
def test_real_scans_raise_no_false_alarm(folder: str, codes: set[str], realdata: Path) -> None:
    assert {entry.code for entry in check_data(realdata / folder).findings} == codes
