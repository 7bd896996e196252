"""The readers and the writer under the module name that configurations use."""

from __future__ import annotations

from typing import Any

from eisen._core.legacy import resolve_attribute
from eisen.io.dicom.single import LoadDICOMFromFilename
from eisen.io.itk import LoadITKFromFilename
from eisen.io.nifti import LoadNiftiFromFilename
from eisen.io.pil import LoadPILImageFromFilename
from eisen.io.write import WriteNiftiToFile

__all__ = [
    "LoadDICOMFromFilename",
    "LoadITKFromFilename",
    "LoadNiftiFromFilename",
    "LoadPILImageFromFilename",
    "WriteNiftiToFile",
]


def __getattr__(name: str) -> Any:
    return resolve_attribute(__name__, name)
