"""NRRD and MetaImage files of requests: their headers are read here and written anew, so that ITK is told nothing else.

Both formats may name other files that hold the voxels. ITK would open them, whatever they are.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.volumes.limits import Limits

__all__ = ["clean_metaimage", "clean_nrrd"]

_LONGEST_HEADER = 1 << 16
_NRRD_FIELDS = {
    *("type", "dimension", "sizes", "encoding", "endian", "space", "space dimension", "space directions"),
    *("space origin", "space units", "spacings", "thicknesses", "axis mins", "axis maxs", "centers", "centerings"),
    *("kinds", "labels", "units", "measurement frame"),
}
_NRRD_PASSED_OVER = {"content", "number", "block size", "min", "max", "old min", "old max", "sample units"}
_NRRD_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"), 1),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), 2),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), 2),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t"), 4),
    **dict.fromkeys(("longlong", "long long", "long long int", "int64", "int64_t", "ulonglong"), 8),
    **dict.fromkeys(("unsigned long long", "unsigned long long int", "uint64", "uint64_t", "double"), 8),
    "float": 4,
}
_META_KEYS = {
    *("ObjectType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData"),
    *("CompressedDataSize", "TransformMatrix", "Rotation", "Orientation", "Offset", "Position", "Origin"),
    *("CenterOfRotation", "AnatomicalOrientation", "ElementSpacing", "ElementSize", "DimSize", "DistanceUnits"),
    *("ElementNumberOfChannels", "ElementType", "ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"),
}
_META_TYPES = {"CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "LONG": 4, "ULONG": 4}
_META_TYPES |= {"LONG_LONG": 8, "ULONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}


def clean_nrrd(content: memoryview, field: str, limits: Limits) -> tuple[bytes, memoryview]:
    """Return header and voxels of an NRRD file, the header written anew from what is understood of it.

    Raises:
        Refusal: If it is damaged, names other files, or announces more voxels than there may be.
    """
    lines, voxels = _nrrd_lines(content, field)
    plain = [line for line in lines[1:] if not line.startswith("#") and ":=" not in line]
    found = {k.lower(): v for k, v in _entries((line.partition(":") for line in plain), field).items()}
    strange = sorted(set(found) - _NRRD_FIELDS - _NRRD_PASSED_OVER)  # 'data file' is one of them
    if strange:
        raise _wrong(field, f"its header has '{strange[0][:40]}'", "an NRRD file that holds header and voxels")
    item = _NRRD_TYPES.get(found.get("type", "").lower())
    if item is None:
        raise _wrong(field, f"its type is {found.get('type')!r}", "whole numbers or floats")
    encoding = found.get("encoding", "").lower()
    if encoding not in ("raw", "gz", "gzip"):
        raise _wrong(field, f"its encoding is {found.get('encoding')!r}", "raw or gzip")
    needed = limits.demand_voxels(_integers(found.get("sizes", ""), field), item, field)
    if encoding == "raw":
        _demand_bytes(voxels, needed, field)
    kept = [f"{name}: {value}" for name, value in found.items() if name in _NRRD_FIELDS]
    return "\n".join([lines[0], *kept, "", ""]).encode("latin-1"), voxels


def clean_metaimage(content: memoryview, field: str, limits: Limits) -> tuple[bytes, memoryview]:
    """Return header and voxels of a MetaImage file, the header written anew from what is understood of it.

    Raises:
        Refusal: If it is damaged, names other files, or announces more voxels than there may be.
    """
    start = bytes(content[:_LONGEST_HEADER])
    end = re.search(rb"^[ \t]*ElementDataFile[ \t]*=[^\n]*\n", start, re.MULTILINE)
    if end is None:
        raise _wrong(field, "its header does not end", "a line 'ElementDataFile = LOCAL' before the voxels")
    lines = start[: end.end()].decode("latin-1").splitlines()
    found = _entries((line.partition("=") for line in lines), field)
    if found.get("ElementDataFile", "").upper() != "LOCAL" or found.get("HeaderSize", "0") != "0":
        raise _wrong(field, "its voxels are not behind its header", "'ElementDataFile = LOCAL' (.mha)")
    voxels = content[end.end() :]
    item = _META_TYPES.get(found.get("ElementType", "").removeprefix("MET_"))
    if item is None or found.get("BinaryData", "True").lower() != "true":
        raise _wrong(field, f"its type is {found.get('ElementType')!r}", "binary whole numbers or floats")
    channels = _integers(found.get("ElementNumberOfChannels", "1"), field)
    needed = limits.demand_voxels([*_integers(found.get("DimSize", ""), field), *channels], item, field)
    if found.get("CompressedData", "False").lower() != "true":
        _demand_bytes(voxels, needed, field)
    kept = [f"{name} = {value}" for name, value in found.items() if name in _META_KEYS]
    return "\n".join([*kept, "ElementDataFile = LOCAL", ""]).encode("latin-1"), voxels


def _nrrd_lines(content: memoryview, field: str) -> tuple[list[str], memoryview]:
    """Return the lines of the header of an NRRD file, and what follows the empty line at their end."""
    start = bytes(content[:_LONGEST_HEADER])
    end = re.search(rb"\r?\n\r?\n", start)
    if end is None:
        raise _wrong(field, "its header does not end", "an empty line before the voxels")
    lines = start[: end.start()].decode("latin-1").replace("\r\n", "\n").split("\n")
    if not re.fullmatch(r"NRRD000[1-5]", lines[0]) or any("\r" in line for line in lines):
        raise _wrong(field, f"it begins with {lines[0][:20]!r}", "NRRD0001 to NRRD0005")
    return lines, content[end.end() :]


def _entries(parts: Any, field: str) -> dict[str, str]:
    """Return the entries of a header; none may be there twice, because programs differ in which one they take."""
    found: dict[str, str] = {}
    for name, separator, value in parts:
        key = name.strip()
        if not separator or not key or any(key.lower() == known.lower() for known in found):
            raise _wrong(field, f"its header has the line {name[:40]!r}", "one line 'name: value' for every name")
        if not (name + value).isprintable():
            raise _wrong(field, "its header is no text", "plain text before the voxels")
        found[key] = value.strip()
    return found


def _integers(text: str, field: str) -> list[int]:
    parts = text.split()
    if not 0 < len(parts) <= 5 or not all(re.fullmatch(r"\d{1,12}", part) for part in parts):
        raise _wrong(field, f"its size is {text[:60]!r}", "two to four whole numbers")
    return [int(part) for part in parts]


def _demand_bytes(voxels: memoryview, needed: int, field: str) -> None:
    if len(voxels) < needed:
        raise _wrong(field, f"it is truncated: {len(voxels)} bytes of voxels", f"{needed} bytes")


def _wrong(field: str, what: str, expected: str) -> Refusal:
    return Refusal(
        f"'{field}' cannot be read: {what}",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Damaged",
        field=field,
        expected=expected,
    )
