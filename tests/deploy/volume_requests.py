"""The same volume as every kind of request, and answers read back."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from eisen._core.types import Geometry
from eisen.config import read_config
from eisen.experiments import Observer, Run
from eisen.io import write_dicom_series, write_itk
from eisen_deploy.serving.messages import Request
from eisen_deploy.utils import pack, unpack
from tests.deploy.safe_packages import write_weights


def nifti(array: np.ndarray, affine: np.ndarray, order: str = "<", second: bool = False) -> bytes:
    kind: Any = nibabel.Nifti2Image if second else nibabel.Nifti1Image
    header = kind.header_class(endianness=order)
    header.set_data_dtype(array.dtype.newbyteorder(order))
    return kind(array, affine, header, dtype=array.dtype.newbyteorder(order)).to_bytes()


def itk(array: np.ndarray, affine: np.ndarray, suffix: str, folder: Path, *, compress: bool = False) -> bytes:
    path = folder / f"volume.{suffix}"
    write_itk(path, array, Geometry.of(affine, array.shape[-3:]), compress=compress)
    return path.read_bytes()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def dicom(array: np.ndarray, affine: np.ndarray, folder: Path) -> list[Path]:
    attributes = {"SeriesDate": "20240229", "SeriesInstanceUID": "1.2.3.4", "StudyInstanceUID": "1.2.3"}
    return [Path(p) for p in write_dicom_series(folder, array, affine, "MR", attributes=attributes)]


def zipped(files: list[Path], prefix: str = "export/IMG", extra: dict[str, bytes] | None = None) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, path in enumerate(reversed(files)):
            archive.write(path, f"{prefix}{number}")
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    return file.getvalue()


def request_of(kind: str, array: np.ndarray, affine: np.ndarray, folder: Path) -> Request:
    """Return a request with a volume as one of: nii, nii.gz, big, second, nrrd, mha, mha.z, dicom, npy, msgpack."""
    if kind == "npy":
        return Request(npy(array), {"x-eisen-affine": json.dumps(affine.tolist())})
    if kind == "dicom":
        return Request(zipped(dicom(array, affine, folder / "series"), extra={"DICOMDIR": b"x", "a/readme.txt": b"y"}))
    if kind == "msgpack":
        return Request(pack({"image": array, "image_affine": affine}))
    bodies = {
        "nii": lambda: nifti(array, affine),
        "nii.gz": lambda: gzip.compress(nifti(array, affine)),
        "big": lambda: nifti(array, affine, ">"),
        "second": lambda: nifti(array, affine, second=True),
        "nrrd": lambda: itk(array, affine, "nrrd", folder),
        "nrrd.z": lambda: itk(array, affine, "nrrd", folder, compress=True),
        "mha": lambda: itk(array, affine, "mha", folder),
        "mha.z": lambda: itk(array, affine, "mha", folder, compress=True),
    }
    return Request(bodies[kind]())


def voxels(body: bytes, media_type: str, folder: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return voxels and affine of an answer, read with the library of the format."""
    if media_type == "application/msgpack":
        return unpack(body)["labels"], None
    if media_type == "application/x-npy":
        return np.load(io.BytesIO(body)), None
    suffix = {"application/gzip": "nii.gz", "application/x-nifti": "nii", "application/x-nrrd": "nrrd"}.get(
        media_type, "mha"
    )
    path = folder / f"answer.{suffix}"
    path.write_bytes(body)
    if suffix.startswith("nii"):
        image: Any = nibabel.load(path)
        return np.asarray(image.dataobj), image.affine
    import SimpleITK

    image = SimpleITK.ReadImage(str(path))
    array = SimpleITK.GetArrayFromImage(image)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return array.transpose(2, 1, 0, *range(3, array.ndim)), np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def predicted(config: dict[str, Any], name: str, data_dir: Path, folder: Path, **options: Any) -> Any:
    """Return the image that ``eisen predict`` writes for a file, with the weights that packages of tests have."""
    config["Prediction"]["Datasets"] = [{"type": "eisen.datasets.EisenDataset", "params": {"cases": [{"image": name}]}}]
    weights = write_weights(config, folder / "predict/weights.safetensors")
    run = Run(read_config(config), data_dir, folder / "predict/artifacts", observer=Observer())
    return run.predict(models=[weights], output=folder / "predict/out", **options)
