"""What is different between two configurations, told apart by whether a training may go on with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from eisen.experiments.differences import differences

__all__ = ["config_changes"]

_Line = tuple[str, tuple[str, ...]]
"""A difference in words, and the classes of the entries it is about."""

_COUNTED = ("General", "Training", "Validation")
"""Parts of a configuration that a training depends on; the others belong to later commands."""

_FREE = re.compile(
    r"\.Hyperparameters\.(Epochs|NumWorkers|Workers|Device|Threads|MaxTime|CheckpointEvery|Distribution|EmptyLabel)\b"
    r"|\.Workflow\[\d+\]\.params\.(gpu|device)\b"
)
"""How long, how often saved and on what it is computed; each may change on the way."""

_WATCHING = ("eisen.utils.logging.", "eisen.utils.artifacts.")
"""Hooks from here only look on."""


def config_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield one line per difference, and whether it is serious.

    Hyperparameters are compared by name and entries of a section by type, so one step more in front does not look as
    if every step had changed. The seed and the section ``Split`` are left out: they have digests of their own.

    Args:
        old: A configuration, as `Experiment.resolved` gives it.
        new: Another one.

    Example:
        >>> old, new = ({"Training": {"Optimizer": [{"type": "Adam", "params": {"lr": lr}}]}} for lr in (0.001, 0.01))
        >>> list(config_changes(old, new))
        [('Training.Optimizer[0].params.lr: 0.001 -> 0.01', True)]
    """
    before, after = ({key: _by_name(value) for key, value in side.items() if key != "Split"} for side in (old, new))
    for part in _keys(before, after):
        for line, types in _differences(before.get(part, {}), after.get(part, {}), part):
            only_watches = bool(types) and all(type_.startswith(_WATCHING) for type_ in types)
            yield line, part in _COUNTED and not _FREE.search(line) and not only_watches


def _by_name(part: Any) -> Any:
    """Return a part of a configuration with its hyperparameters by name instead of in a list, without the seed."""
    if not isinstance(part, Mapping) or not isinstance(part.get("Hyperparameters"), list):
        return part
    entries = [entry for entry in part["Hyperparameters"] if isinstance(entry, Mapping)]
    settings = {str(entry.get("type", "")).removeprefix("."): _value(entry) for entry in entries}
    return {**part, "Hyperparameters": {name: value for name, value in settings.items() if name != "Seed"}}


def _value(entry: Mapping[str, Any]) -> Any:
    params = entry.get("params", {})
    return params.get("value", params) if isinstance(params, Mapping) else params


def _differences(old: Any, new: Any, where: str) -> Iterator[_Line]:
    """Yield what `differences` does, but compare lists of entries by their types."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in _keys(old, new):
            place = f"{where}.{key}"
            if _are_entries(old.get(key, [])) and _are_entries(new.get(key, [])):
                yield from _entry_differences(old.get(key, []), new.get(key, []), place)
            elif key in old and key in new:
                yield from _differences(old[key], new[key], place)
            else:
                before, after = ({place: side[key]} if key in side else {} for side in (old, new))
                yield from _plain(before, after)
    else:
        yield from _plain(old, new, where)


def _entry_differences(old: Sequence[Any], new: Sequence[Any], where: str) -> Iterator[_Line]:
    before, after = ([str(entry["type"]) for entry in side] for side in (old, new))
    for _, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        same = min(i_end - i, j_end - j)
        for step in range(same):
            types = before[i + step], after[j + step]
            yield from _plain(old[i + step], new[j + step], f"{where}[{j + step}]", types)
        for index in range(i + same, i_end):
            yield f"{where}[{index}] ({_name(before[index])}) was removed", (before[index],)
        for index in range(j + same, j_end):
            yield f"{where}[{index}] ({_name(after[index])}) was added", (after[index],)


def _plain(old: Any, new: Any, where: str = "", types: tuple[str, ...] = ()) -> Iterator[_Line]:
    yield from ((line, types) for line in differences(old, new, where))


def _keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [*old, *(key for key in new if key not in old)]


def _is_entry(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("type"), str)


def _are_entries(value: Any) -> bool:
    return isinstance(value, list) and all(_is_entry(item) for item in value)


def _name(dotted: str) -> str:
    return dotted.rpartition(".")[2]
