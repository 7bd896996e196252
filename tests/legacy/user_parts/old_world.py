"""Data as users of the original Eisen have it on disk: one folder for the scripts, one per data source.

Written with nibabel, SimpleITK, Pillow, pydicom and h5py only, so that nothing here depends on what is tested.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import h5py
import nibabel
import numpy as np
import SimpleITK
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

SIZE = (16, 16, 16)


def volume(seed: int, shape: tuple[int, ...] = SIZE) -> np.ndarray:
    """A noisy scan with a bright box, in int16."""
    scan = np.random.default_rng(seed).integers(0, 90, shape).astype("int16")
    scan[tuple(slice(n // 4, max(1, 3 * n // 4)) for n in shape)] += 900
    return scan


def mask(shape: tuple[int, ...] = SIZE) -> np.ndarray:
    """The label of `volume`."""
    label = np.zeros(shape, "uint8")
    label[tuple(slice(n // 4, max(1, 3 * n // 4)) for n in shape)] = 1
    return label


def nifti(path: Path, voxels: np.ndarray, spacing: Iterable[float] = (1.0, 1.0, 1.0)) -> None:
    """Write a NIfTI file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([*spacing, 1.0])), path)


def itk(path: Path, voxels: np.ndarray) -> None:
    """Write a MetaImage."""
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(path))


def picture(path: Path, seed: int, size: tuple[int, ...] = (32, 32)) -> None:
    """Write a 2-D picture, in colour if the size has a third number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, size).astype("uint8")).save(path)


def dicom(path: Path, seed: int, size: int = 16) -> None:
    """Write one slice as DICOM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_ = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    slice_.SOPClassUID, slice_.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    slice_.Modality, slice_.PhotometricInterpretation, slice_.SamplesPerPixel = "CT", "MONOCHROME2", 1
    slice_.Rows = slice_.Columns = size
    slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 0
    slice_.PixelData = volume(seed, (size, size)).astype("uint16").tobytes()
    slice_.save_as(path, enforce_file_format=True)


def decathlon(root: Path) -> None:
    """Four cases of a decathlon task, and one for testing."""
    training = []
    for i in range(4):
        nifti(root / f"imagesTr/la_{i}.nii.gz", volume(i, (18, 14, 10)), (1.0, 1.0, 1.5))
        nifti(root / f"labelsTr/la_{i}.nii.gz", mask((18, 14, 10)), (1.0, 1.0, 1.5))
        training.append({"image": f"./imagesTr/la_{i}.nii.gz", "label": f"./labelsTr/la_{i}.nii.gz"})
    nifti(root / "imagesTs/la_9.nii.gz", volume(9))
    listing = {"name": "Heart", "training": training, "test": ["./imagesTs/la_9.nii.gz"]}
    (root / "dataset.json").write_text(json.dumps(listing))


def mixed(root: Path) -> None:
    """Cases that have one file of every kind."""
    cases = []
    for i in range(2):
        nifti(root / f"volume_{i}.nii.gz", volume(i, (20, 18, 16)))
        nifti(root / f"mask_{i}.nii.gz", mask((20, 18, 16)))
        itk(root / f"scan_{i}.mha", volume(i))
        picture(root / f"photo_{i}.png", i, (12, 10, 3))
        dicom(root / f"slice_{i}.dcm", i)
        names = {"volume": "volume_{}.nii.gz", "mask": "mask_{}.nii.gz", "scan": "scan_{}.mha"}
        names |= {"photo": "photo_{}.png", "dicom": "slice_{}.dcm"}
        cases.append({field: name.format(i) for field, name in names.items()})
    (root / "cases.json").write_text(json.dumps(cases))
    (root / "volumes.json").write_text(json.dumps([{"volume": case["volume"]} for case in cases]))


def camus(root: Path) -> None:
    """Ultrasound of the heart in two views."""
    for patient in ("patient0001", "patient0002"):
        for view in ("2CH", "4CH"):
            for time in ("ED", "ES"):
                itk(root / patient / f"{patient}_{view}_{time}.mhd", volume(1, (1, 20, 18)))
                itk(root / patient / f"{patient}_{view}_{time}_gt.mhd", mask((1, 20, 18)))


def pcam(root: Path) -> None:
    """Patches of pathology in HDF5."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, key, shape in (("x", "x", (4, 16, 16, 3)), ("y", "y", (4, 1, 1, 1)), ("mask", "mask", (4, 16, 16, 1))):
        with h5py.File(root / f"{name}.h5", "w") as file:
            file[key] = rng.integers(0, 2, shape).astype("uint8")


def hemorrhage(root: Path) -> None:
    """CT slices in DICOM with six labels."""
    kinds = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
    rows = ["ID,Label"]
    for i in range(4):
        dicom(root / f"stage_2_train/ID_{i}.dcm", i)
        rows += [f"ID_{i}_{kind},{int(kind == 'any')}" for kind in kinds]
    dicom(root / "stage_2_test/ID_9.dcm", 9)
    (root / "stage_2_train.csv").write_text("\n".join(rows))


def pictures(root: Path) -> None:
    """Three sources of 2-D pictures: bone age, COVID CT slices, prostate grades."""
    for name in ("boneage-training-dataset", "boneage-test-dataset"):
        for i in range(2):
            picture(root / name / name / f"{i}.png", i)
    (root / "boneage-training-dataset.csv").write_text("id,boneage,male\n0,120,True\n1,60,False\n")
    (root / "boneage-test-dataset.csv").write_text("Case ID,Sex\n0,M\n1,F\n")
    for i in range(2):
        picture(root / f"CT_COVID/{i}.png", i)
        picture(root / f"CT_NonCOVID/{i}.png", i)
        picture(root / f"train_images/p{i}.tiff", i)
        picture(root / f"train_label_masks/p{i}_mask.tiff", i)
    (root / "train.csv").write_text(
        "image_id,data_provider,isup_grade,gleason_score\np0,radboud,1,3+3\np1,karolinska,0,0+0\n"
    )


def covid(root: Path) -> None:
    """Stacks of CT slices, and CT volumes with three kinds of masks."""
    nifti(root / "tr_im.nii.gz", volume(0, (32, 32, 4)))
    nifti(root / "tr_mask.nii.gz", mask((32, 32, 4)))
    folders = ("ct_scans", "lung_mask", "infection_mask", "lung_and_infection_mask")
    rows = ["ct_scan,lung_mask,infection_mask,lung_and_infection_mask"]
    for i in range(2):
        for folder in folders:
            nifti(root / folder / f"{folder}_{i}.nii", volume(i) if folder == "ct_scans" else mask())
        rows.append(",".join(f"../input/{folder}/{folder}_{i}.nii" for folder in folders))
    (root / "metadata.csv").write_text("\n".join(rows))
    cases = [{"image": f"ct_scans/ct_scans_{i}.nii", "lung_mask": f"lung_mask/lung_mask_{i}.nii"} for i in range(2)]
    (root / "cases.json").write_text(json.dumps(cases))


def abcs(root: Path) -> None:
    """Brains in CT and MRI as MetaImages."""
    for case in ("001", "002"):
        for name in ("ct", "t1", "t2"):
            itk(root / case / f"{case}_{name}.mha", volume(1))
        for name in ("labelmap_task1", "labelmap_task2"):
            itk(root / case / f"{case}_{name}.mha", mask())


def emidec(root: Path) -> None:
    """Hearts with the story of the patient in a text file."""
    for case in ("Case_N001", "Case_P002"):
        nifti(root / case / f"Images/{case}.nii.gz", volume(1))
        nifti(root / case / f"Contours/{case}.nii.gz", mask())
        (root / f"{case.replace('_', ' ')}.txt").write_text("Sex: M\nAge: 61\n")


def brats(root: Path) -> None:
    """Brain tumours in four contrasts."""
    names = [f"BraTS20_Training_00{i}" for i in (1, 2)]
    for name in names:
        for contrast in ("t1", "t1ce", "t2", "flair"):
            nifti(root / name / f"{name}_{contrast}.nii.gz", volume(1))
        nifti(root / name / f"{name}_seg.nii.gz", 4 * mask())
    rows = "".join(f"HGG,{name}\n" for name in names)
    (root / "name_mapping.csv").write_text("Grade,BraTS_2020_subject_ID\n" + rows)
    (root / "survival_info.csv").write_text(f"Brats20ID,Age,Survival_days\n{names[0]},60.4,289\n")


SOURCES = (decathlon, mixed, camus, pcam, hemorrhage, pictures, covid, abcs, emidec, brats)


def make_world(folder: Path) -> Path:
    """Make the folder of every source and return the folder of all."""
    for source in SOURCES:
        source(folder / source.__name__)
    return folder
