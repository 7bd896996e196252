"""Which fields of a data point the model needs in the end, and what of each step is left without all others.

A configuration that was trained reads labels, crops them, checks them. Requests bring no labels, so everything that
only works on fields nobody looks at afterwards is left out, going back from what the model reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["live_steps", "step_fields"]

Entry = dict[str, Any]

_BESIDE = ("_meta", "_affines", "_orientations")
"""What readers write beside a field; it lives as long as the field."""

_READ = ("mask", "source", "reference", "label", "source_key", "ref_image_key", "key_ref", "mask_key", "label_key")
"""Parameters that name one more field that a step reads."""

_ALONG = ("mode", "padding_mode", "dtype", "align_corners")
"""Parameters of MONAI's steps with a value per key."""


def live_steps(steps: Iterable[Entry], wanted: Iterable[str]) -> tuple[list[Entry], list[str]]:
    """Return what is left of a chain of steps, and the fields it starts from.

    Args:
        steps: Entries of a configuration, in order.
        wanted: Fields that the model reads.

    Example:
        >>> read = {"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": ["image", "label"]}}
        >>> onehot = {"type": "eisen.transforms.LabelMapToOneHot", "params": {"fields": ["label"], "classes": [1, 2]}}
        >>> live_steps([read, onehot], ["image"])
        ([{'type': 'eisen.io.LoadNiftiFromFilename', 'params': {'fields': ['image']}}], ['image'])
    """
    live = list(dict.fromkeys(map(_base, wanted)))
    kept = []
    for step in reversed(list(steps)):
        left = _left_of(step, live)
        if left is not None:
            kept.append(left)
    return kept[::-1], live


def step_fields(step: Entry) -> list[str]:
    """Return the fields that a step works on; nothing if it does not name them.

    Example:
        >>> step_fields({"type": "monai.transforms.Flipd", "params": {"keys": ["image"]}})
        ['image']
    """
    found = step.get("params", {}).get(_list_name(step), [])
    return [found] if isinstance(found, str) else list(found)


def _left_of(step: Entry, live: list[str]) -> Entry | None:
    """Return what is left of a step when only some fields matter behind it; `live` becomes what matters before it."""
    params, name = step.get("params", {}), step.get("type", "").rpartition(".")[2]
    if name == "DropFields":
        return None
    if "new_fields" in params:
        return _renamed(step, live, moves=name != "CopyFields")
    if name == "CreateConstantFlags":
        return _constants(step, live)
    target = params.get("dst_field") or (params.get("name") if name == "ConcatItemsd" else None)
    if isinstance(target, str):
        return _joined(step, target, live)
    if name in ("FilterFields", "SelectItemsd"):
        return _with(step, [field for field in step_fields(step) if _base(field) in live])
    return _in_place(step, live)


def _in_place(step: Entry, live: list[str]) -> Entry | None:
    if _list_name(step) not in step.get("params", {}):
        return step  # it does not say what it works on
    kept = [field for field in step_fields(step) if _base(field) in live]
    left = _with(step, kept)
    if left is None:
        return None
    inner = left["params"].get("transforms")
    if isinstance(inner, list) and all(isinstance(item, dict) and "type" in item for item in inner):
        nested = [part for item in reversed(inner) if (part := _left_of(item, live)) is not None]
        if not nested:
            return None
        left["params"]["transforms"] = nested[::-1]
    _add(live, [left["params"][key] for key in _READ if isinstance(left["params"].get(key), str)])
    return left


def _renamed(step: Entry, live: list[str], *, moves: bool) -> Entry | None:
    params = step["params"]
    pairs = [
        (old, new) for old, new in zip(step_fields(step), params["new_fields"], strict=False) if _base(new) in live
    ]
    if moves:
        live[:] = [field for field in live if field not in {new for _, new in pairs}]
    _add(live, [old for old, _ in pairs])
    left = _with(step, [old for old, _ in pairs])
    if left is not None:
        left["params"]["new_fields"] = [new for _, new in pairs]
    return left


def _constants(step: Entry, live: list[str]) -> Entry | None:
    pairs = [
        (field, value)
        for field, value in zip(step_fields(step), step["params"].get("values", []), strict=False)
        if field in live
    ]
    live[:] = [field for field in live if field not in {name for name, _ in pairs}]
    left = _with(step, [field for field, _ in pairs])
    if left is not None:
        left["params"]["values"] = [value for _, value in pairs]
    return left


def _joined(step: Entry, target: str, live: list[str]) -> Entry | None:
    if target not in live:
        return None
    live.remove(target)
    _add(live, step_fields(step))
    return step


def _with(step: Entry, fields: list[str]) -> Entry | None:
    """Return a step for some of its fields only; None without any."""
    if not fields:
        return None
    params, name, before = step["params"], _list_name(step), step_fields(step)
    places = [before.index(field) for field in fields]
    left = {key: _about(value, set(before) - set(fields)) for key, value in params.items()}
    for key in _ALONG if name == "keys" else ():
        if isinstance(params.get(key), list) and len(params[key]) == len(before):
            left[key] = [params[key][place] for place in places]
    return {"type": step["type"], "params": {**left, name: fields}}


def _about(value: Any, gone: set[str]) -> Any:
    """Return a parameter without what it says for each of the fields that are gone."""
    if isinstance(value, dict) and gone & set(value):
        return {key: item for key, item in value.items() if key not in gone}
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return [item for item in value if item not in gone]
    return value


def _add(live: list[str], fields: Iterable[str]) -> None:
    live += [field for field in dict.fromkeys(map(_base, fields)) if field not in live]


def _list_name(step: Entry) -> str:
    return "keys" if "keys" in step.get("params", {}) else "fields"


def _base(field: str) -> str:
    """Return the field that something lies beside: ``image`` for ``image_meta``."""
    return next((field.removesuffix(end) for end in _BESIDE if field.endswith(end)), field)
