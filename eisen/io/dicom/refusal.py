"""What is said when a folder does not hold exactly one volume, and which one is taken when the user chose."""

from __future__ import annotations

from collections.abc import Sequence

from eisen._core.errors import GeometryError, nearest
from eisen.io.dicom.stacks import Stack, named

__all__ = ["chosen", "reasons", "refusal"]

_REASONS = {
    "series": "several series",
    "frame of reference": "several frames of reference",
    "size": "images of different sizes",
    "lacks": "images that do not say where they are",
    "orientation": "images of different orientations (a scout among them?)",
    "spacing": "pixels of different sizes",
    "part": "a gap between slices",
    "repeat": "several images at the same position",
}
_AT_MOST = 12


def reasons(stacks: Sequence[Stack]) -> str:
    """Return what divides stacks, in words: "a gap between slices", "repeated positions that differ in b"."""
    keys = dict.fromkeys(
        part.split("=")[0].strip() for stack in stacks for part in stack.name.split(", ") if "=" in part
    )
    known = [_REASONS[key] for key in keys if key in _REASONS]
    traits = [key for key in keys if key not in _REASONS]
    return " and ".join([*known, *([f"repeated positions that differ in {', '.join(traits)}"] if traits else [])])


def refusal(stacks: Sequence[Stack], why: str = "") -> GeometryError:
    """Return the error for a folder whose images are several volumes, naming the files of each.

    Args:
        stacks: The volumes.
        why: What was wrong, if it is something else than that there are several.
    """
    lines = [f"  {stack.name}: {_size(stack)}: {named(stack.planes)}" for stack in stacks[:_AT_MOST]]
    lines += [f"  and {len(stacks) - _AT_MOST} more"] if len(stacks) > _AT_MOST else []
    where = _place_of(stacks)
    what = why or f"the images in {where} are not one volume but {len(stacks)}: {reasons(stacks)}"
    return GeometryError(
        "\n".join([what, *lines]),
        expected="one volume: parallel slices of one series, one size and one spacing, one at each position",
        to_do=_choices(stacks),
        file=where,
    )


def _choices(stacks: Sequence[Stack]) -> str:
    """Return what can be done about several volumes, what fits these first."""
    usable = sorted((len(stack.planes) for stack in stacks if not stack.problem), reverse=True)
    by_name = f"one volume with split={stacks[0].name!r}"
    if len(usable) == len(stacks) > 1 and usable[0] == usable[-1]:
        return f"choose {by_name}, or all of them with split='channels'"
    if usable[:1] != usable[1:2]:
        return f"take the odd files out of the folder, or choose split='largest', or {by_name}"
    return f"take the odd files out of the folder, or choose {by_name}"


def chosen(stacks: Sequence[Stack], split: str | None) -> list[Stack]:
    """Return the stacks to read: all of them for "channels", otherwise one.

    Args:
        stacks: The volumes of a folder, at least one.
        split: None, "largest", "channels", or the name of a stack.

    Raises:
        GeometryError: If the choice does not lead to a volume.
    """
    if split == "channels":
        return list(stacks)
    if split == "largest":
        return [_largest(stacks)]
    if split is None:
        if len(stacks) > 1:
            raise refusal(stacks)
        return [stacks[0]]
    found = [stack for stack in stacks if stack.name == split]
    if not found:
        names = [stack.name for stack in stacks if stack.name]
        why = f"{_place_of(stacks)} has no volume named {split!r}" + (
            f", {nearest(split, names)}" if nearest(split, names) else ""
        )
        raise refusal(stacks, why)
    return found


def _largest(stacks: Sequence[Stack]) -> Stack:
    usable = sorted((stack for stack in stacks if not stack.problem), key=lambda stack: -len(stack.planes))
    if not usable:
        return stacks[0]  # its affine raises the reason
    if len(usable) > 1 and len(usable[0].planes) == len(usable[1].planes):
        raise refusal(stacks, f"no volume is the largest: two have {len(usable[0].planes)} slices")
    return usable[0]


def _place_of(stacks: Sequence[Stack]) -> str:
    """Return the folder that the files of all stacks are in, or the file if there is only one."""
    return Stack(tuple(plane for stack in stacks for plane in stack.planes)).source


def _size(stack: Stack) -> str:
    return f"{len(stack.planes)} images" if len(stack.planes) > 1 else "1 image"
