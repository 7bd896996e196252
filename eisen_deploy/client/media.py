"""Which media type belongs to which file name, and the other way round."""

from __future__ import annotations

from pathlib import PurePath

from eisen._core.errors import ArgumentError, nearest

__all__ = ["FORMATS", "accept_header", "content_type_of", "is_packed", "stem_of", "suffix_of", "type_of_format"]

FORMATS = {
    "nii.gz": "application/x-nifti+gzip",
    "nii": "application/x-nifti",
    "nrrd": "application/x-nrrd",
    "mha": "application/x-metaimage",
    "npy": "application/x-npy",
    "dcm": "application/dicom",
    "png": "image/png",
    "json": "application/json",
    "msgpack": "application/msgpack",
}
"""What answers can be asked for, by the ending of their file."""

_OTHERS = {
    "zip": "application/zip",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "mpk": "application/msgpack",
}
_SUFFIXES = {
    **{kind: f".{name}" for name, kind in reversed((_OTHERS | FORMATS).items())},
    "application/gzip": ".nii.gz",
    "application/x-msgpack": ".msgpack",
    "image/jpeg": ".jpg",
    "image/tiff": ".tif",
    "text/plain": ".txt",
}
_PACKED = {FORMATS["nii.gz"], "application/gzip", "application/zip", "image/png", "image/jpeg", "image/tiff"}


def _ending(name: str | PurePath) -> str:
    lower = PurePath(name).name.lower()
    return next((end for end in (FORMATS | _OTHERS) if lower.endswith(f".{end}")), "")


def content_type_of(name: str | PurePath) -> str:
    """Return the media type of a file by its name.

    Example:
        >>> content_type_of("scan.NII.GZ"), content_type_of("scan")
        ('application/x-nifti+gzip', 'application/octet-stream')
    """
    return (FORMATS | _OTHERS).get(_ending(name), "application/octet-stream")


def stem_of(name: str | PurePath) -> str:
    """Return the name of a file without folder and ending.

    Example:
        >>> stem_of("scans/p.1.nii.gz"), stem_of("series/")
        ('p.1', 'series')
    """
    end = _ending(name)
    return PurePath(name).name[: -len(end) - 1] if end else PurePath(name).name


def suffix_of(content_type: str) -> str:
    """Return the ending of a file with an answer, ``".bin"`` if it is of no known kind.

    Example:
        >>> suffix_of("application/gzip"), suffix_of("Application/JSON; charset=utf-8")
        ('.nii.gz', '.json')
    """
    return _SUFFIXES.get(content_type.partition(";")[0].strip().lower(), ".bin")


def is_packed(content_type: str) -> bool:
    """Tell whether such a file is compressed already."""
    return content_type in _PACKED


def type_of_format(name: str) -> str:
    """Return the media type for a format, or a media type as it is.

    Raises:
        ArgumentError: If there is no such format.

    Example:
        >>> type_of_format("nrrd"), type_of_format(".nii")
        ('application/x-nrrd', 'application/x-nifti')
    """
    if "/" in name:
        return name
    try:
        return FORMATS[name.lower().lstrip(".")]
    except KeyError:
        raise ArgumentError(
            f"there is no format {name!r}", expected=", ".join(FORMATS), to_do=nearest(name, FORMATS)
        ) from None


def accept_header(wanted: str | None, output: str | PurePath | None, source: str, probabilities: bool) -> str | None:
    """Return what to ask for, None for what the server gives by itself.

    Args:
        wanted: A format or media type.
        output: The file the answer goes to, whose name may tell.
        source: Media type of the request.
        probabilities: Whether to ask for probabilities rather than labels.

    Raises:
        ArgumentError: If there is no such format, or the file is named otherwise.

    Example:
        >>> accept_header(None, "mask.nrrd", "application/zip", False)
        'application/x-nrrd'
        >>> accept_header(None, None, "application/x-npy", True)
        'application/x-npy; content=probabilities'
    """
    kind = type_of_format(wanted) if wanted else None
    end = _ending(output) if output is not None else ""
    if kind and end and suffix_of(kind) != suffix_of(content_type_of(f"x.{end}")):
        raise ArgumentError(
            f"{output} is not the name of a file of {kind}", expected=f"a name that ends in {suffix_of(kind)}"
        )
    if kind is None and end:
        named = (FORMATS | _OTHERS)[end]
        kind = named if named != source else None  # the format of the request is what comes back by itself
    if not probabilities:
        return kind
    if kind is None and source == "application/zip":
        kind = FORMATS["nii.gz"]
    return f"{kind or (source if source in FORMATS.values() else '*/*')}; content=probabilities"
