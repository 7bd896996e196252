"""What kind of file a request brings: what it begins with decides, whatever it is called."""

from __future__ import annotations

from http import HTTPStatus

from eisen_deploy.serving.messages import Refusal

__all__ = ["ACCEPTED", "kind_of", "unknown_content"]

ACCEPTED = (
    "NIfTI (.nii, .nii.gz), NRRD, MetaImage (.mha), a zip of a DICOM series, .npy with its affine, "
    "a picture (PNG, JPEG, TIFF), or a msgpack map"
)
"""What a request may be, in words."""

_NIFTI_SIZES = {size.to_bytes(4, order) for size in (348, 540) for order in ("little", "big")}
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"NRRD000", "nrrd"),
    (b"\x93NUMPY", "npy"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
)
_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"\x89HDF", "an HDF5 file"),
    (b"(\xb5/\xfd", "compressed by zstd; send 'Content-Encoding: zstd' with it"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ", "compressed by xz"),
    (b"%PDF", "a PDF"),
    (b"<", "HTML or XML"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
)
_META_IMAGE_WITHIN = 1 << 16


def kind_of(content: bytes | bytearray | memoryview) -> str:
    r"""Return what kind of file this is: ``"nifti"``, ``"nrrd"``, ``"mha"``, ``"dicom"``, ``"zip"``, ``"gzip"``, ...

    Args:
        content: The file, or at least its first 64 KiB.

    Returns:
        Besides these ``"npy"``, ``"png"``, ``"jpeg"``, ``"tiff"``, ``"map"`` (of msgpack), ``"analyze"`` (half of a
        pair of ``.hdr`` and ``.img``), or nothing if it is none of them.

    Example:
        >>> kind_of(b"NRRD0004\ntype: short"), kind_of(b"\x81\xa5image"), kind_of(b"what is this")
        ('nrrd', 'map', '')
    """
    start = bytes(content[:_META_IMAGE_WITHIN])
    if start[:4] in _NIFTI_SIZES and len(start) >= 348:
        is_single = start[344:348] == b"n+1\0" or start[4:8] == b"n+2\0"
        return "nifti" if is_single else "analyze"
    for mark, kind in _BEGINNINGS:
        if start.startswith(mark):
            return kind
    if start[128:132] == b"DICM":
        return "dicom"
    if start[:1].isalpha() and b"ElementDataFile" in start and b"NDims" in start:
        return "mha"
    if any(start.startswith(mark) for mark, _ in _STRANGERS):
        return ""
    return "map" if start and (0x80 <= start[0] <= 0x8F or start[0] in (0xDE, 0xDF)) else ""


def unknown_content(content: bytes | bytearray | memoryview, field: str, content_type: str = "") -> Refusal:
    """Return the refusal of a file of no kind that is known."""
    start = bytes(content[:16])
    like = next((name for mark, name in _STRANGERS if start.startswith(mark)), f"it begins with {start[:8].hex(' ')}")
    return Refusal(
        f"'{field}' is no image that is understood here",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "UnknownFormat",
        field=field,
        expected=ACCEPTED,
        got=f"{like}{content_type and ', sent as ' + content_type}",
        to_do="nothing but the file itself belongs into the body; the first bytes tell what it is",
    )
