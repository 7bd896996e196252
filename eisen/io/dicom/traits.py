"""What tells apart images that lie at the same position: b-value, echo, time point, cardiac phase, ..."""

from __future__ import annotations

import re
from typing import Any

from eisen.io.dicom.groups import FrameHeader

__all__ = ["TRAIT_TAGS", "traits_of"]

# Name in messages and in `split`, functional group, keyword; the first that separates repeated positions is used.
_TRAITS = (
    ("stack", "FrameContentSequence", "StackID"),
    ("echo", "MREchoSequence", "EffectiveEchoTime"),
    ("echo", "MREchoSequence", "EchoTime"),
    ("inversion", "MRModifierSequence", "InversionTime"),
    ("time", "FrameContentSequence", "TemporalPositionIndex"),
    ("time", "FrameContentSequence", "TemporalPositionIdentifier"),
    ("phase", "CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    ("phase", "CardiacSynchronizationSequence", "TriggerTime"),
    ("acquisition", "FrameContentSequence", "FrameAcquisitionNumber"),
    ("acquisition", "FrameContentSequence", "AcquisitionNumber"),
    ("type", "MRImageFrameTypeSequence", "FrameType"),
    ("type", "CTImageFrameTypeSequence", "FrameType"),
    ("type", "", "ImageType"),
    ("sequence", "", "SequenceName"),
)
# Where vendors put the b-value before it was standardised: Siemens, Philips, GE.
_PRIVATE_B = (0x0019100C, 0x20011003, 0x00431039)

TRAIT_TAGS: list[Any] = [
    *dict.fromkeys(keyword for _, _, keyword in _TRAITS if keyword != "FrameType"),
    *("DiffusionBValue", "DiffusionGradientOrientation", *_PRIVATE_B, 0x00190010, 0x20010010, 0x00430010),
]
"""The attributes that `traits_of` looks at."""


def traits_of(header: FrameHeader) -> dict[str, Any]:
    """Return the traits of one image in the order in which they are tried, without those it does not have.

    Example:
        >>> from pydicom import Dataset
        >>> header = Dataset()
        >>> header.DiffusionBValue, header.EchoTime, header.ImageType = 800.0, 63, ["DERIVED", "PRIMARY"]
        >>> traits_of(FrameHeader(header, 0))
        {'b': 800.0, 'echo': 63.0, 'type': 'DERIVED/PRIMARY'}
    """
    traits: dict[str, Any] = {}
    b = _b_value(header)
    if b is not None:
        traits["b"] = b
    direction = _direction(header)
    if direction is not None:
        traits["direction"] = direction
    for name, group, keyword in _TRAITS:
        value = header.value(group, keyword)
        if name not in traits and value is not None and value != []:
            traits[name] = _plain(value)
    return traits


def _plain(value: Any) -> Any:
    """Return a value that can be compared, sorted and printed."""
    if not isinstance(value, (str, bytes)) and hasattr(value, "__len__"):
        return "/".join(str(part) for part in value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _direction(header: FrameHeader) -> str | None:
    """Return the direction of the diffusion gradient as text, in LPS."""
    nested = header.value("MRDiffusionSequence", "DiffusionGradientDirectionSequence")
    values = (nested[0] if nested else header.header).get("DiffusionGradientOrientation")
    return None if not values else "/".join(f"{float(part):.3f}" for part in values)


def _b_value(header: FrameHeader) -> float | None:
    """Return the diffusion weighting in s/mm^2: the standard attribute, else the vendors' own."""
    standard = header.number("MRDiffusionSequence", "DiffusionBValue")
    if standard is not None:
        return standard
    for tag in _PRIVATE_B:
        element = header.header.get(tag)
        found = _first_number(element.value) if element is not None else None
        if found is not None:
            return found % 1e9 if tag == 0x00431039 else found  # GE adds 10^9 for some of its sequences
    return None


def _first_number(value: Any) -> float | None:
    """Return the first number in a value that may be bytes, text or a list: private attributes come as anything."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    elif not isinstance(value, (str, int, float)) and hasattr(value, "__len__"):
        value = value[0] if len(value) else ""
    found = re.match(r"\s*([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)", str(value))
    return float(found.group(1)) if found else None
