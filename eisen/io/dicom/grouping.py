"""From the images of a folder to stacks: images belong together when they can be one volume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from eisen.io.dicom.headers import Plane
from eisen.io.dicom.stacks import SAME_POSITION_MM, Stack

__all__ = ["stacks_of"]

_TOLERANCE = 1e-4  # of direction cosines, and of a pixel's size: 0.05 mm over a width of 500 mm

_Parts = list[tuple[str, list[Plane]]]


def stacks_of(planes: Iterable[Plane]) -> list[Stack]:
    """Divide images into stacks. Neither the order of the images nor the names of their files make a difference.

    Images are divided by series, frame of reference, size, orientation and spacing. Where positions repeat, they are
    divided by what tells the repeats apart (b-value, gradient direction, echo, time, cardiac phase, acquisition, ...;
    and failing all, by InstanceNumber). What then has a gap is divided at it.

    Args:
        planes: Images from the headers of files.

    Returns:
        Stacks with names that tell them apart: the series with the most images first, then by the values of
        the traits, then by position.
    """
    in_order = sorted(planes, key=lambda plane: (plane.uids["instance"], plane.frame, plane.instance, plane.name))
    parts: _Parts = [("", in_order)] if in_order else []
    for divide in (*(_by(title, value) for title, value in _FACTS), _by_trait, _by_rank, _at_gaps):
        parts = [
            (", ".join(filter(None, (name, inner))), group) for name, whole in parts for inner, group in divide(whole)
        ]
    names = _told_apart([name for name, _ in parts])
    return [Stack(tuple(sorted(group, key=_place)), name) for name, (_, group) in zip(names, parts, strict=True)]


def _told_apart(names: list[str]) -> list[str]:
    """Number names that are given twice: two series may have the same description."""
    return [
        name if names.count(name) == 1 else f"{name} ({names[: k + 1].count(name)})" for k, name in enumerate(names)
    ]


def _place(plane: Plane) -> tuple[Any, ...]:
    return (plane.height, plane.instance, plane.uids["instance"], plane.frame)


_FACTS: tuple[tuple[str, Callable[[Plane], Any]], ...] = (
    ("series", lambda plane: plane.uids["series"]),
    ("frame of reference", lambda plane: plane.uids["frame of reference"]),
    ("size", lambda plane: plane.shape),
    ("lacks", lambda plane: plane.lacks),
    ("orientation", lambda plane: plane.axes),
    ("spacing", lambda plane: plane.spacing),
)


def _by(title: str, value: Callable[[Plane], Any]) -> Callable[[list[Plane]], _Parts]:
    """Return the function that divides images by a fact, numbers within the tolerance being equal."""

    def divide(planes: list[Plane]) -> _Parts:
        groups: list[tuple[Any, list[Plane]]] = []
        for plane in planes:
            here = value(plane)
            group = next((members for known, members in groups if _same(known, here)), None)
            if group is None:
                groups.append((here, [plane]))
            else:
                group.append(plane)
        if len(groups) == 1:
            return [("", planes)]
        groups.sort(key=lambda group: -len(group[1]))
        return [(f"{title}={_text(title, members[0])}", members) for _, members in groups]

    return divide


def _same(a: Any, b: Any) -> bool:
    if not (a and b and isinstance(a[0], float) and isinstance(b[0], float)):
        return bool(a == b)
    scale = max(1.0, *map(abs, a)) if len(a) == 6 else min(map(abs, a)) or 1.0
    return bool(np.abs(np.subtract(a, b)).max() <= _TOLERANCE * scale)


def _text(title: str, plane: Plane) -> str:
    """Return a fact of an image as a user says it."""
    if title == "series":
        return plane.series["description"] or plane.uids["series"][-12:]
    if title == "size":
        return f"{plane.shape[0]}x{plane.shape[1]}" + (" colour" if plane.shape[2] == 3 else "")
    if title == "orientation":
        return _plane_name(plane.axes or ())
    if title == "spacing":
        return "x".join(f"{mm:.5g}" for mm in plane.spacing or ())
    if title == "lacks":
        return "+".join(plane.lacks) or "nothing"
    return plane.uids[title][-12:]


def _plane_name(axes: Sequence[float]) -> str:
    normal = np.abs(np.cross(axes[:3], axes[3:]))
    name = ("sagittal", "coronal", "transverse")[int(normal.argmax())]
    tilt = np.degrees(np.arccos(min(normal.max() / max(np.linalg.norm(normal), 1e-12), 1.0)))
    return name if tilt < 0.5 else f"{name} {tilt:.1f} degrees"


def _repeats(planes: Sequence[Plane]) -> list[list[Plane]]:
    """Return the images in order of position, those at one position together."""
    together: list[list[Plane]] = []
    for plane in sorted(planes, key=_place):
        if together and plane.height - together[-1][0].height < SAME_POSITION_MM:
            together[-1].append(plane)
        else:
            together.append([plane])
    return together


def _by_trait(planes: list[Plane], tried: tuple[str, ...] = ()) -> _Parts:
    """Divide by the first trait that separates images at one position, and go on until none repeats."""
    together = _repeats(planes)
    n_repeats, depth = len(planes) - len(together), max(map(len, together))
    if not n_repeats or planes[0].lacks:
        return [("", planes)]
    for trait in dict.fromkeys(name for plane in planes for name in plane.traits if name not in tried):
        parts: dict[Any, list[Plane]] = {}
        for plane in planes:
            parts.setdefault(plane.traits.get(trait), []).append(plane)
        if len(parts) <= depth and sum(len(part) - len(_repeats(part)) for part in parts.values()) < n_repeats:
            return [
                (", ".join(filter(None, (f"{trait}={_number(value)}", name))), group)
                for value, part in sorted(parts.items(), key=lambda item: _sortable(item[0]))
                for name, group in _by_trait(part, (*tried, trait))
            ]
    return [("", planes)]


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sortable(value: Any) -> tuple[bool, float, str]:
    return (value is not None, value if isinstance(value, float) else 0.0, str(value))


def _by_rank(planes: list[Plane]) -> _Parts:
    """Divide what still repeats: the first image at each position, the second, ... by InstanceNumber."""
    together = _repeats(planes)
    depth = max(map(len, together))
    if depth == 1 or planes[0].lacks:
        return [("", planes)]
    return [(f"repeat={n + 1}", [same[n] for same in together if len(same) > n]) for n in range(depth)]


def _at_gaps(planes: list[Plane]) -> _Parts:
    """Divide where the next slice is much farther away than the others are from each other."""
    in_order = sorted(planes, key=_place)
    steps = np.diff([plane.height for plane in in_order])
    if len(steps) < 2 or planes[0].lacks:
        return [("", planes)]
    ends = [int(k) + 1 for k in np.flatnonzero(steps > 1.5 * np.median(steps))]
    if not ends:
        return [("", planes)]
    bounds = [0, *ends, len(planes)]
    return [(f"part={n + 1}", in_order[a:b]) for n, (a, b) in enumerate(pairwise(bounds))]
