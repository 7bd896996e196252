"""What segments are called: a name for people, and codes of SNOMED CT for programs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eisen._core.errors import ArgumentError
from eisen._core.optional import require
from eisen._core.version import __version__

__all__ = ["checked_labels", "described"]

_SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_CODED = ("category", "type")


def checked_labels(labels: Any) -> dict[int, dict[str, Any]]:
    """Return label value to description, each with at least a name.

    Args:
        labels: Label value to a name, or to a dict with the name and codes.

    Raises:
        ArgumentError: If it is something else.

    Example:
        >>> checked_labels({1: "Liver"})
        {1: {'name': 'Liver'}}
    """
    if not isinstance(labels, Mapping) or not labels:
        raise _wrong(f"labels is {labels!r}")
    found = {}
    for key, value in labels.items():
        number = int(key) if isinstance(key, str) and key.isdecimal() else key  # JSON has no other keys than text
        entry = {"name": value} if isinstance(value, str) else value
        if not isinstance(number, int) or not 0 < number < 65536 or not isinstance(entry, Mapping):
            raise _wrong(f"labels has {key!r}: {value!r}")
        unknown = set(entry) - {"name", *_CODED}
        if unknown or not isinstance(entry.get("name"), str) or not 0 < len(entry["name"]) <= 64:
            raise _wrong(f"labels has {key!r}: {value!r}")
        if not all(_is_code(entry[part]) for part in _CODED if part in entry):
            raise _wrong(f"labels has {key!r}: {value!r}")
        found[number] = dict(entry)
    return dict(sorted(found.items()))


def described(labels: Sequence[Mapping[str, Any]], algorithm: str | None) -> list[Any]:
    """Return the segment descriptions of highdicom, numbered from 1.

    Args:
        labels: One description per segment.
        algorithm: Name of the program that made the segments; None if a person did.
    """
    highdicom: Any = require("highdicom", "dicom", "writing DICOM segmentations")
    identification = algorithm and highdicom.AlgorithmIdentificationSequence(
        name=algorithm, family=_code(("123110", "DCM", "Artificial Intelligence")), version=__version__
    )
    return [
        highdicom.seg.SegmentDescription(
            segment_number=k + 1,
            segment_label=label["name"],
            segmented_property_category=_code(label.get("category") or _known("AnatomicalStructure")),
            segmented_property_type=_code(label.get("type") or _looked_up(label["name"])),
            algorithm_type="AUTOMATIC" if algorithm else "MANUAL",
            algorithm_identification=identification or None,
        )
        for k, label in enumerate(labels)
    ]


def _looked_up(name: str) -> Any:
    """Return the code of SNOMED CT for a name, left and right apart; "Tissue" for what it does not have."""
    words = re.findall(r"[A-Za-z]+", _SIDES.sub(" ", name.replace("_", " ")))
    return _known("".join(word.capitalize() for word in words)) or _known("Tissue")


def _known(keyword: str) -> Any:
    from pydicom.sr.codedict import codes

    try:
        return getattr(codes.SCT, keyword) if keyword else None
    except (AttributeError, ValueError):
        return None


def _code(value: Any) -> Any:
    from pydicom.sr.coding import Code

    return Code(*value[:3])


def _is_code(value: Any) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return is_list and len(value) == 3 and all(isinstance(part, str) and part for part in value)


def _wrong(what: str) -> ArgumentError:
    return ArgumentError(
        f"write_dicom_seg: {what}",
        expected="a dict from label value (1, 2, ...) to a name of up to 64 characters, e.g. {1: 'Liver'}, or to a "
        "dict with name, category and type, the last two as (code, scheme, meaning)",
    )
