"""Looking at a batch before it is sent: does it have what the model declares?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from eisen._core.errors import ArgumentError
from eisen._core.optional import is_torch

__all__ = ["validate"]


def validate(batch: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Compare a batch with the inputs that a model declares: names, types, axes, sizes.

    Args:
        batch: By the name of the input.
        metadata: What the server says of the model.

    Raises:
        ArgumentError: If something differs; it names every difference.

    Example:
        >>> import numpy
        >>> metadata = {"inputs": [{"name": "image", "type": "ndarray", "shape": [-1, 1, 64, 64]}]}
        >>> validate({"image": numpy.zeros((2, 1, 64, 64))}, metadata)
        >>> validate({"image": numpy.zeros((2, 64, 1, 64))}, metadata)
        Traceback (most recent call last):
            ...
        eisen._core.errors.ArgumentError: 'image': axis 1 has 64 entries, not 1; axis 2 has 1 entry, not 64
            field  image
         expected  ndarray of shape [any, 1, 64, 64]
    """
    if not isinstance(batch, Mapping):
        raise ArgumentError(f"the batch is a {type(batch).__name__}", expected="a dict with a value per input")
    declared = {str(entry.get("name")): entry for entry in metadata.get("inputs", []) if isinstance(entry, Mapping)}
    faults = _names(list(batch), list(declared))
    for name, entry in declared.items():
        if name in batch and (fault := _fault(batch[name], entry)):
            faults.append((name, f"'{name}': {fault}", _expected(entry)))
    if faults:
        raise _error(faults, declared)


def _names(given: Sequence[Any], declared: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return (field, what, expected) of inputs that are missing and of those the model does not have."""
    missing = [name for name in declared if name not in given]
    strange = [name for name in given if name not in declared]
    faults = []
    for name in missing:
        near = get_close_matches(name, [str(other) for other in strange], n=1)
        faults.append((name, f"'{name}' is missing{_maybe(near)}", ""))
    for name in strange:
        near = get_close_matches(str(name), missing or declared, n=1)
        faults.append((str(name), f"{name!r} is no input of the model{_maybe(near)}", ""))
    return faults


def _maybe(near: Sequence[str]) -> str:
    return f"; is it {near[0]!r}?" if near else ""


def _error(faults: list[tuple[str, str, str]], declared: Mapping[str, Mapping[str, Any]]) -> ArgumentError:
    inputs = "; ".join(f"{name}: {_expected(entry)}" for name, entry in declared.items())
    field, what, expected = faults[0]
    if len(faults) > 1:
        what = "\n".join([f"{len(faults)} things do not fit", *(f"- {text}" for _, text, _ in faults)])
        field, expected = "", ""
    return ArgumentError(what, field=field, expected=expected or inputs or "no input at all")


def _fault(value: Any, entry: Mapping[str, Any]) -> str:
    kind, shape = entry.get("type"), entry.get("shape")
    if kind == "ndarray":
        return _array_fault(value, shape, str(entry.get("dtype") or ""))
    if kind in ("list", "str"):
        return _length_fault(value, str(kind), shape)
    return ""


def _array_fault(value: Any, shape: Any, dtype: str) -> str:
    """Say what differs between an array and what is declared; everything else than -1 is a fixed size."""
    if is_torch(value):
        kind, sizes = str(value.dtype).removeprefix("torch."), tuple(value.shape)
    elif hasattr(value, "dtype") and hasattr(value, "shape"):
        if value.dtype.kind not in "biufc":
            return f"an array of {value.dtype} cannot be sent"
        kind, sizes = str(value.dtype), tuple(value.shape)
    else:
        return f"it is a {type(value).__name__}, not an array"
    faults = [_shape_fault(sizes, shape)]
    if dtype and kind != dtype:
        faults.append(f"its numbers are {kind}, not {dtype}")
    return "; ".join(filter(None, faults))


def _shape_fault(sizes: tuple[int, ...], shape: Any) -> str:
    wanted = [shape] if isinstance(shape, int) else shape
    if not isinstance(wanted, (list, tuple)):
        return ""
    if len(sizes) != len(wanted):
        return f"it has {_counted(len(sizes), 'axis', 'axes')} {list(sizes)}, not {len(wanted)}"
    return "; ".join(
        f"axis {axis} has {_counted(have, 'entry', 'entries')}, not {want}"
        for axis, (have, want) in enumerate(zip(sizes, wanted, strict=True))
        if want not in (-1, None, have)
    )


def _length_fault(value: Any, kind: str, shape: Any) -> str:
    if not isinstance(value, str if kind == "str" else (list, tuple)):
        return f"it is a {type(value).__name__}, not a {kind}"
    want = shape[0] if isinstance(shape, (list, tuple)) and shape else shape
    if isinstance(want, int) and want not in (-1, len(value)):
        return f"it has {_counted(len(value), 'entry', 'entries')}, not {want}"
    return ""


def _expected(entry: Mapping[str, Any]) -> str:
    shape = entry.get("shape")
    if isinstance(shape, (list, tuple)):
        text = f" of shape [{', '.join('any' if size == -1 else str(size) for size in shape)}]"
    else:
        text = f" of {shape} entries" if isinstance(shape, int) and shape != -1 else ""
    return " ".join(filter(None, [str(entry.get("dtype") or ""), f"{entry.get('type', 'anything')}{text}"]))


def _counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"
