"""Every kind of defect, planted alone in a clean data set: found for that case, and nothing else is wrong."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from eisen.datasets.doctor import KINDS, DataReport, Severity, check_data

from .doctor_set import AFFINE, changed, clean_set, copied, relisted, save, write_listing

Plant = Callable[[Path], object]

IMAGE, LABEL = "imagesTr/scan_d.nii.gz", "labelsTr/scan_d.nii.gz"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean_set(tmp_path_factory.mktemp("clean") / "set")


@pytest.fixture
def folder(clean: Path, tmp_path: Path) -> Path:
    """A copy of the clean set to spoil."""
    return Path(shutil.copytree(clean, tmp_path / "set"))


def found(report: DataReport) -> set[tuple[str, str]]:
    """Return (code, case) of everything worse than a note."""
    return {(entry.code, entry.case) for entry in report.findings if entry.severity is not Severity.NOTE}


def test_the_clean_set_has_no_findings(clean: Path) -> None:
    report = check_data(clean)
    assert report.findings == []
    assert report.phases == {"training": 9, "validation": 3}
    assert report.fit_for_training(strict=True)


def cut_short(path: Path, share: float = 0.5) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def wrong_checksum(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-6] ^= 255  # the last 8 bytes are checksum and length
    path.write_bytes(content)


def broken_affine(path: Path) -> None:
    """Write an affine without extent along an axis, which nibabel itself would refuse to make a qform of."""
    image = nibabel.load(path)
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[252:256] = (0).to_bytes(2, "little") + (1).to_bytes(2, "little")  # qform code 0, sform code 1
    content[280:328] = np.asarray(image.affine[:3] * [1, 1, 0, 1], "<f4").tobytes()
    path.write_bytes(gzip.compress(bytes(content)))


def moved(affine: np.ndarray) -> np.ndarray:
    affine[:3, 3] += [0, 3, 4]
    return affine


def longer(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Make a volume five times as long, and label no more of it."""
    again = 1 if name == IMAGE else 0
    return lambda array: np.concatenate([array, *[array * again] * 4], axis=2)


def sheared(affine: np.ndarray) -> np.ndarray:
    affine[1, 2] += 0.2
    return affine


def scaled(*factors: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda affine: affine @ np.diag([*factors, 1.0])


def mirrored(path: Path) -> None:
    """Store a label with its first axis the other way round, in the same place."""
    image = nibabel.load(path)
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = image.shape[0] - 1
    save(path, np.asanyarray(image.dataobj)[::-1], image.affine @ flip)


def turned_pair(folder: Path) -> None:
    mirrored(folder / IMAGE)
    mirrored(folder / LABEL)


def with_value(value: float, dtype: str | None = None) -> Callable[[np.ndarray], np.ndarray]:
    def put(array: np.ndarray) -> np.ndarray:
        array = array.astype(dtype or array.dtype)
        array[1, 2, 3] = value
        return array

    return put


def without(value: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda label: np.where(label == value, 1, label).astype(label.dtype)


def only_core_of(size: int) -> Callable[[np.ndarray], np.ndarray]:
    def shrink(label: np.ndarray) -> np.ndarray:
        places = np.flatnonzero(label == 2)
        label.ravel()[places[size:]] = 1
        return label

    return shrink


def renamed_patients(folder: Path) -> None:
    """Call a training case and a validation case by one patient, and all others by their own."""
    for file in ("dataset.json", "dataset_train.json", "dataset_val.json"):
        content = json.loads((folder / file).read_text(encoding="utf-8"))
        for case in content["training"]:
            for field, name in case.items():
                letter = Path(name).name[5]
                patient = {"d": "sub-01_ses-1", "l": "sub-01_ses-2"}.get(letter, f"sub-{letter}{ord(letter)}_ses-1")
                case[field] = name.replace(f"scan_{letter}", patient)
                if (folder / name).exists():
                    (folder / name).rename(folder / case[field])
        (folder / file).write_text(json.dumps(content))


def sub_volume(folder: Path) -> None:
    """Put most of one scan in the place of another."""
    image = nibabel.load(folder / "imagesTr/scan_e.nii.gz")
    array = np.asanyarray(image.dataobj)[..., 2:12]
    label = np.asanyarray(nibabel.load(folder / "labelsTr/scan_e.nii.gz").dataobj)[..., 2:12]
    save(folder / IMAGE, array, image.affine)
    save(folder / LABEL, label, image.affine)


def resaved(folder: Path) -> None:
    """Save one scan again on another scale with noise, in the place of another."""
    copied(folder, "scan_e", "scan_d")
    noise = np.random.default_rng(5).normal(0, 5, 100_000)
    changed(folder / IMAGE, lambda a: (a * 1.3 + noise[: a.size].reshape(a.shape) + 11).astype("int16"))


def recompressed_in_validation(folder: Path) -> None:
    copied(folder, "scan_d", "scan_k", "labelsTr")
    path = folder / "imagesTr/scan_k.nii.gz"
    path.write_bytes(gzip.compress(gzip.decompress((folder / IMAGE).read_bytes()), 9))


def constant_padding_under_label(folder: Path) -> None:
    label = np.asanyarray(nibabel.load(folder / LABEL).dataobj)
    changed(folder / IMAGE, lambda image: np.where(label > 0, -50, image).astype("int16"))


def first_into(listing: str, other: str) -> Plant:
    """List the case of a file in another file too."""

    def plant(folder: Path) -> None:
        case = json.loads((folder / other).read_text(encoding="utf-8"))["training"][3]
        relisted(folder, listing, lambda cases: cases.append(case))

    return plant


def hide(folder: Path, name: str) -> None:
    (folder / name).unlink()


def unlabelled(cases: list[dict[str, str]]) -> None:
    del cases[3]["label"]


PLANTED: dict[str, tuple[str, Plant]] = {
    "missing image": ("file-missing", lambda f: hide(f, IMAGE)),
    "missing label": ("file-missing", lambda f: hide(f, LABEL)),
    "empty file": ("file-empty", lambda f: (f / IMAGE).write_bytes(b"")),
    "no volume": ("file-unreadable", lambda f: (f / IMAGE).write_bytes(b"this is text " * 99)),
    "half a file": ("file-truncated", lambda f: cut_short(f / IMAGE)),
    "wrong checksum": ("file-checksum", lambda f: wrong_checksum(f / LABEL)),
    "not labelled": ("label-missing", lambda f: relisted(f, "dataset_train.json", unlabelled)),
    "listed twice": ("case-listed-twice", first_into("dataset_train.json", "dataset_train.json")),
    "in two phases": ("file-in-two-phases", first_into("dataset_val.json", "dataset_train.json")),
    "label too small": ("shape-mismatch", lambda f: changed(f / LABEL, lambda a: a[:-1])),
    "label moved by 5 mm": ("geometry-mismatch", lambda f: changed(f / LABEL, affine=moved)),
    "label stored backwards": ("grid-mirrored", lambda f: mirrored(f / LABEL)),
    "qform 5 mm off": (
        "sform-qform-conflict",
        lambda f: [changed(f / n, qform=(moved(AFFINE.copy()), 1)) for n in (IMAGE, LABEL)],
    ),
    "gantry tilt": (
        "affine-sheared",
        lambda f: [changed(f / n, affine=sheared) for n in (IMAGE, LABEL)],
    ),
    "flat affine": ("affine-unusable", lambda f: [broken_affine(f / n) for n in (IMAGE, LABEL)]),
    "microns as mm": (
        "spacing-absurd",
        lambda f: [changed(f / n, affine=scaled(1e-3, 1e-3, 1e-3)) for n in (IMAGE, LABEL)],
    ),
    "unit metre": ("unit-not-mm", lambda f: [changed(f / n, units="meter") for n in (IMAGE, LABEL)]),
    "thick slices": ("spacing-outlier", lambda f: [changed(f / n, affine=scaled(1, 1, 4)) for n in (IMAGE, LABEL)]),
    "whole body": (
        "size-outlier",
        lambda f: [changed(f / n, longer(n)) for n in (IMAGE, LABEL)],
    ),
    "axes turned": ("orientation-minority", turned_pair),
    "two channels": ("channel-mismatch", lambda f: changed(f / IMAGE, lambda a: np.stack([a, a], -1))),
    "NaN voxel": ("voxels-not-finite", lambda f: changed(f / IMAGE, with_value(np.nan, "float32"))),
    "infinite voxel": ("voxels-not-finite", lambda f: changed(f / IMAGE, with_value(-np.inf, "float32"))),
    "constant image": ("image-constant", lambda f: changed(f / IMAGE, lambda a: np.full_like(a, 7))),
    "label as image": ("image-is-label", lambda f: copied(f, "../labelsTr/scan_d", "scan_d", "imagesTr")),
    "scale 10^6": ("intensity-outlier", lambda f: changed(f / IMAGE, lambda a: a.astype("float32") * 1e6)),
    "interpolated label": (
        "label-not-whole",
        lambda f: changed(f / LABEL, with_value(0.5, "float32")),
    ),
    "undeclared value": ("label-unexpected", lambda f: changed(f / LABEL, with_value(7))),
    "forgotten value": ("label-value-missing", lambda f: changed(f / LABEL, without(2))),
    "empty label": ("label-empty", lambda f: changed(f / LABEL, np.zeros_like)),
    "tiny core": ("label-volume-outlier", lambda f: changed(f / LABEL, only_core_of(2))),
    "label in the air": ("label-outside-image", constant_padding_under_label),
    "label of another": ("label-copied", lambda f: same_size_label(f)),
    "same voxels": ("duplicate-image", lambda f: copied(f, "scan_e", "scan_d", "imagesTr", "labelsTr")),
    "same voxels in validation": ("duplicate-across-phases", recompressed_in_validation),
    "saved again with noise": ("near-duplicate", resaved),
    "part of another scan": ("shared-slices", sub_volume),
    "one patient, two phases": ("patient-in-two-phases", renamed_patients),
}


def same_size_label(folder: Path) -> None:
    """Give two scans of one size the same label, a blob in the middle."""
    for name in ("scan_d", "scan_e"):
        for sub in ("imagesTr", "labelsTr"):
            changed(folder / sub / f"{name}.nii.gz", lambda a: a[:20, :, :14])
    copied(folder, "scan_d", "scan_e", "labelsTr")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found_and_nothing_else(name: str, folder: Path) -> None:
    code, plant = PLANTED[name]
    plant(folder)
    report = check_data(folder)
    about = {entry.case: entry for entry in report.findings if entry.code == code}
    assert about, f"{code} was not found: {report.findings}"
    assert {entry for entry in found(report) if entry[0] != code} == set()
    assert all("scan_d" in f"{case} {entry.other}" or "sub-01" in case for case, entry in about.items())
    assert report.fit_for_training() == (KINDS[code].severity is not Severity.ERROR)
    entry = next(iter(about.values()))
    assert entry.what
    assert entry.to_do
    assert entry.file


NOTES: dict[str, tuple[str, Plant]] = {
    "forgotten case": ("file-unlisted", lambda f: shutil.copyfile(f / IMAGE, f / "imagesTr/scan_z.nii.gz")),
    "no code": (
        "position-unknown",
        lambda f: [changed(f / n, sform=(None, 0), qform=(None, 0)) for n in every_file(f)],
    ),
    "another type": ("dtype-minority", lambda f: changed(f / IMAGE, lambda a: a.astype("float32"))),
    "speck": ("label-specks", lambda f: changed(f / LABEL, with_value(1))),
    "class nobody drew": ("label-never-used", lambda f: declare_more(f)),
    "every scale": ("intensity-scale-varies", lambda f: many_scales(f)),
}


def every_file(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nii.gz"))


def declare_more(folder: Path) -> None:
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    content["labels"]["3"] = "shell"
    (folder / "dataset.json").write_text(json.dumps(content))


def many_scales(folder: Path) -> None:
    for power, path in enumerate(sorted((folder / "imagesTr").iterdir())):
        changed(path, lambda a, factor=3.0**power: a.astype("float32") * factor)


@pytest.mark.parametrize("name", NOTES)
def test_what_is_worth_knowing_is_a_note(name: str, folder: Path) -> None:
    code, plant = NOTES[name]
    plant(folder)
    report = check_data(folder)
    assert code in {entry.code for entry in report.findings}
    assert found(report) == set()
    assert report.fit_for_training(strict=True)


def test_intensities_that_are_not_in_hu_are_found(tmp_path: Path) -> None:
    folder = clean_set(tmp_path / "ct", base=-1500)
    changed(folder / IMAGE, lambda a: a - a.min())
    assert found(check_data(folder)) == {("rescale-missing", "scan_d")}


def test_a_label_without_image_is_found(tmp_path: Path) -> None:
    folder = clean_set(tmp_path / "set")
    for listing in folder.glob("*.json"):
        listing.unlink()
    (folder / IMAGE).unlink()
    assert found(check_data(folder)) == {("image-missing", "scan_d")}


def test_numbers_have_units_and_are_right(folder: Path) -> None:
    changed(folder / LABEL, affine=moved)
    entry = next(entry for entry in check_data(folder).findings)
    assert entry.numbers["displacement_mm"] == pytest.approx(5.0)
    assert "5 mm apart" in entry.what


def test_a_label_that_is_mirrored_is_no_error_where_all_axes_are_reordered(folder: Path) -> None:
    mirrored(folder / LABEL)
    reader = {"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": ["image", "label"], "canonical": True}}
    dataset = {"type": "eisen.datasets.MSDDataset", "params": {"json_file": "dataset.json", "phase": "training"}}
    config = folder / "config.json"
    model = {"type": "eisen.models.segmentation.vnet.VNet", "params": {"input_names": ["image"], "output_names": ["x"]}}
    phase = {"Datasets": [dataset], "Readers": [reader]}
    config.write_text(json.dumps({"Testing": phase, "General": {"Models": [model]}}))
    codes = {entry.code: entry.severity for entry in check_data(config, folder).findings}
    assert codes["grid-mirrored"] is Severity.NOTE


def test_every_kind_is_planted_somewhere() -> None:
    here = {code for code, _ in (*PLANTED.values(), *NOTES.values())} | {"rescale-missing", "image-missing"}
    elsewhere = {"dicom-gap", "dicom-duplicate-slice", "dicom-mixed-series"}  # test_doctor_dicom.py
    assert here | elsewhere == set(KINDS)


def test_write_listing_is_what_a_decathlon_has(folder: Path) -> None:
    write_listing(folder / "dataset.json", ["scan_a.nii.gz"])
    assert check_data(folder / "dataset_train.json").n_cases == 9
