"""The input gate: is an image like those that the model was trained on?

At packing, `fingerprint_of` looks at the images of the training as they are in their files. At serving, `Gate` compares
an image of a request with that, before readers and transforms change it, and says in words and numbers what differs. A
model still answers about such an image; whether anybody should believe it is another question.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import ArgumentError, nearest
from eisen._core.types import Array, Geometry
from eisen_deploy.serving.fingerprint import AXES, Measured, fingerprint_of, measured
from eisen_deploy.serving.messages import Refusal

if TYPE_CHECKING:
    from eisen.config import Phase
    from eisen_deploy.packaging.layout import Package

__all__ = ["GATE", "POLICIES", "Gate", "check", "fingerprint_of"]

GATE = "EISEN_GATE"
"""Environment variable: what happens to images that are not like those of the training, in place of the package."""

POLICIES = ("off", "warn", "refuse")

_SPACING_FACTOR, _EXTENT_FACTOR = 1.25, 1.5
_SPREAD = 0.5
_SPAN_SHARE = 0.25
_FEW_CASES, _SPAN_FACTOR = 8, 10.0


class Gate:
    """Compares the images of requests with those of the training of a package.

    Args:
        package: The package, with its fingerprints and its policy.
        phase: Its readers and transforms: where they turn images to known axes, their orientation says nothing.

    Raises:
        ArgumentError: If the environment variable names no policy.
    """

    def __init__(self, package: Package, phase: Phase) -> None:
        self.policy = checked_policy(os.environ.get(GATE) or package.gate)
        self._fingerprints = _by_field(package.fingerprint, [given.field for given in package.inputs])
        self._turned = {field for field in self._fingerprints if turns_to_known_axes(phase, field)}

    def looks_at(self, field: str) -> bool:
        """Tell whether the voxels of an input are to be looked at."""
        return self.policy != "off" and field in self._fingerprints

    def passed(self, field: str, array: Array, geometry: Geometry | None) -> list[str]:
        """Return what is unusual about an image.

        Args:
            field: The input.
            array: Its voxels as they are in the file; channels last.
            geometry: Where they are; None for pictures.

        Raises:
            Refusal: If something is, and the policy is to refuse.
        """
        found = check(self._fingerprints[field], array, geometry, orientation=field not in self._turned)
        named = [f"{field}: {text}" if len(self._fingerprints) > 1 else text for text in found]
        if named and self.policy == "refuse":
            raise Refusal(
                f"'{field}' is not like the images that this model was trained on: {'; '.join(found)}",
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "OutsideTraining",
                field=field,
                got=found,
                to_do="send an image like those of the training; or let the server warn only ('eisen serve --gate "
                "warn')",
            )
        return named


def checked_policy(name: str) -> str:
    """Return the name of a policy if there is one.

    Raises:
        ArgumentError: If there is none.

    Example:
        >>> checked_policy("warn")
        'warn'
    """
    if name not in POLICIES:
        raise ArgumentError(
            f"the gate is {name!r}", expected=f"one of {', '.join(POLICIES)}", to_do=nearest(str(name), POLICIES)
        )
    return name


def check(
    fingerprint: Mapping[str, Any], array: Array, geometry: Geometry | None, *, orientation: bool = True
) -> list[str]:
    """Return in plain words what about an image is not like the training; nothing if all is.

    An image passes if it lies in the range of the training, or not far outside. Not far is: a spacing within a factor
    of 1.25, a field of view within 1.5, or half of the range of the training beyond it if that is more; intensities
    within a quarter of the training's own span, or three standard deviations between its cases if that is more, and
    twice as far for a training of 8 cases, three times for one of 4; a span within a factor of 10.

    Args:
        fingerprint: What `fingerprint_of` said about the training.
        array: The voxels, as they are in the file.
        geometry: Where they are; None for pictures.
        orientation: Whether it matters which way the axes point: not if a step turns them all the same way.

    Example:
        >>> cases = [(np.arange(1000.0).reshape(10, 10, 10), Geometry.of(np.eye(4), (10, 10, 10)))] * 3
        >>> thick = Geometry.of(np.diag([1.0, 1.0, 5.0, 1.0]), (10, 10, 10))
        >>> for line in check(fingerprint_of(cases, "image"), cases[0][0], thick):
        ...     print(line)
        spacing 5 mm along the foot-head axis; the training had 1 mm
        field of view 50 mm along the foot-head axis; the training had 10 mm
    """
    image = measured(array, geometry)
    lines: list[str] = []
    if image.spacing is not None and "spacing_mm" in fingerprint:
        lines += _along_axes("spacing", image.spacing, fingerprint["spacing_mm"], _SPACING_FACTOR)
        lines += _along_axes("field of view", image.extent or (), fingerprint["field_of_view_mm"], _EXTENT_FACTOR)
        known = fingerprint.get("orientations", [])
        if orientation and known and image.orientation not in known:
            lines.append(f"axes {image.orientation}; the training had {', '.join(known)}")
    elif geometry is None and "shape" in fingerprint:
        lines += _pixels(image, fingerprint["shape"])
    return lines + _intensities(image, fingerprint.get("intensity", {}), int(fingerprint.get("n_cases", 1)))


def turns_to_known_axes(phase: Phase, field: str) -> bool:
    """Tell whether a reader or a transform of a field turns its axes the same way in all images.

    Args:
        phase: What the configuration says.
        field: The field.
    """
    readers = any(entry.params.get("canonical") for entry in _steps_of(phase.readers, field))
    return readers or any(entry.name == "Reorient" for entry in _steps_of(phase.transforms, field))


def _steps_of(entries: Sequence[Any], field: str) -> list[Any]:
    return [entry for entry in entries if field in entry.params.get("fields", ())]


def _by_field(fingerprint: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Return the fingerprints of a package by field: it has one per field, or a single one that names its field."""
    if "field" in fingerprint:
        return {str(fingerprint["field"]): fingerprint}
    return {field: fingerprint[field] for field in fields if fingerprint.get(field)}


def _along_axes(what: str, values: Sequence[float], known: Mapping[str, Any], factor: float) -> list[str]:
    """Compare lengths along the axes of the body, on a scale of factors."""
    lines = []
    for axis, value, low, high in zip(AXES, values, known["low"], known["high"], strict=False):
        room = max(np.log(factor), _SPREAD * np.log(high / low)) + 1e-3
        if abs(np.log(value) - np.clip(np.log(value), np.log(low), np.log(high))) > room:
            lines.append(f"{what} {value:.3g} mm along the {axis} axis; the training had {_range(low, high)} mm")
    return lines


def _pixels(image: Measured, known: Mapping[str, Any]) -> list[str]:
    rows, columns = ((known["low"][i], known["high"][i]) for i in (0, 1))
    far = any(
        not low / _EXTENT_FACTOR <= n <= high * _EXTENT_FACTOR
        for n, (low, high) in zip(image.shape, (rows, columns), strict=False)
    )
    size = " x ".join(map(str, image.shape[:2]))
    return [f"{size} pixels; the training had {_range(*rows)} x {_range(*columns)}"] if far else []


_QUANTILES = {"low": "darkest voxels (0.5 %)", "middle": "median", "high": "brightest voxels (99.5 %)"}


def _intensities(image: Measured, known: Mapping[str, Any], n_cases: int) -> list[str]:
    """Compare quantiles of the intensities with those of the cases of the training; few cases say little."""
    lines = []
    doubt = 1 + _FEW_CASES / max(n_cases, 1)
    for name, words in _QUANTILES.items():
        if name not in known:
            continue
        of, value = known[name], image.quantiles[name]
        room = doubt * max(_SPAN_SHARE * known["span"]["mean"], 3 * of["std"], _SPREAD * (of["max"] - of["min"]), 1e-6)
        if not of["min"] - room <= value <= of["max"] + room:
            lines.append(f"{words} at {value:.4g}; the training had {_range(of['min'], of['max'])}")
    span, of = image.quantiles["high"] - image.quantiles["low"], known.get("span", {"min": 0.0, "max": np.inf})
    if not lines and not of["min"] / _SPAN_FACTOR <= span <= max(of["max"], 1e-6) * _SPAN_FACTOR:
        lines.append(f"{span:.3g} between dark and bright voxels; the training had {_range(of['min'], of['max'])}")
    return lines


def _range(low: float, high: float) -> str:
    first, last = f"{low:.4g}", f"{high:.4g}"
    return first if first == last else f"{first} to {last}"
