"""Which format an answer has: what the client accepts, among what there is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from eisen_deploy.serving.messages import Refusal

__all__ = ["MEDIA_TYPES", "Wanted", "negotiated"]

MEDIA_TYPES = {
    "nii": "application/x-nifti",
    "nii.gz": "application/gzip",
    "nrrd": "application/x-nrrd",
    "mha": "application/x-metaimage",
    "npy": "application/x-npy",
    "dcm": "application/dicom",
    "png": "image/png",
    "msgpack": "application/msgpack",
    "json": "application/json",
}
"""The media type of every format of an answer."""

_OTHER_NAMES = {
    "application/x-nifti+gzip": "nii.gz",
    "application/x-gzip": "nii.gz",
    "application/x-msgpack": "msgpack",
    "application/nifti": "nii",
    "application/octet-stream": "",
}
_FORMATS = {media: name for name, media in MEDIA_TYPES.items()} | _OTHER_NAMES
_LONGEST = 4000


@dataclass(frozen=True)
class Wanted:
    """What an answer is to be.

    Args:
        format: One of `MEDIA_TYPES`.
        probabilities: Whether probabilities are wanted in place of what is decided from them.
    """

    format: str
    probabilities: bool = False

    @property
    def media_type(self) -> str:
        """What the answer says it is."""
        return MEDIA_TYPES[self.format]


@dataclass(frozen=True)
class _Range:
    media: str
    content: str
    quality: float
    order: int

    @property
    def rank(self) -> tuple[float, int, int]:
        """The best comes first: quality, then how much it says, then its place."""
        return (-self.quality, self.media.count("*"), self.order)


def negotiated(accept: str, formats: Sequence[str], *, has_probabilities: bool = False) -> Wanted:
    """Return what the answer is to be.

    Args:
        accept: The header ``Accept``: media types with the parameters ``q`` and ``content``; empty for anything.
        formats: What there is, what is usual first.
        has_probabilities: Whether ``content=probabilities`` can be asked for.

    Raises:
        Refusal: If nothing of it is accepted (406); it lists what there is.

    Example:
        >>> negotiated("application/x-nrrd;q=0.5, application/json", ["nii.gz", "nrrd", "json"])
        Wanted(format='json', probabilities=False)
        >>> negotiated("*/*; content=probabilities", ["nii.gz"], has_probabilities=True)
        Wanted(format='nii.gz', probabilities=True)
    """
    ranges = _ranges(accept)
    banned = {_FORMATS.get(r.media, r.media) for r in ranges if r.quality == 0}
    for item in sorted((r for r in ranges if r.quality > 0), key=lambda r: r.rank):
        probabilities = item.content == "probabilities"
        if item.content not in ("", "labels", "probabilities") or (probabilities and not has_probabilities):
            continue
        usable = [name for name in formats if name not in banned and not (probabilities and name in _DECISIONS)]
        found = _first(item.media, usable)
        if found:
            return Wanted(found, probabilities)
    raise _not_acceptable(accept, formats, has_probabilities)


_DECISIONS = ("dcm", "png", "json")
"""Formats that hold no probabilities."""


def _first(media: str, formats: Sequence[str]) -> str:
    """Return the first format that a media range names."""
    if media in ("*/*", "application/octet-stream"):
        return next(iter(formats), "")
    if media.endswith("/*"):
        return next((name for name in formats if MEDIA_TYPES[name].startswith(media[:-1])), "")
    return _FORMATS.get(media, "") if _FORMATS.get(media) in formats else ""


def _ranges(accept: str) -> list[_Range]:
    found = []
    for order, part in enumerate((accept[:_LONGEST].strip() or "*/*").lower().split(",")):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        pairs = dict(piece.replace(" ", "").replace('"', "").partition("=")[::2] for piece in parameters)
        quality = pairs.get("q", "1")
        known = float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 0.0
        if media:
            found.append(_Range(media, pairs.get("content", ""), known, order))
    return found


def _not_acceptable(accept: str, formats: Sequence[str], has_probabilities: bool) -> Refusal:
    names = ", ".join(MEDIA_TYPES[name] for name in formats)
    suffix = "; those with voxels also with '; content=probabilities'" if has_probabilities else ""
    return Refusal(
        "the answer cannot be written as what 'Accept' asks for",
        HTTPStatus.NOT_ACCEPTABLE,
        "NotAcceptable",
        field="Accept",
        expected=names + suffix,
        got=accept[:200],
    )
