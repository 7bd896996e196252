"""One entry of the gallery, and its code as Python and as JSON, both made from the same parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import eisen.transforms
from eisen._core.types import DataPoint
from gallery.panels import Panel

__all__ = ["Entry", "Part", "Shown", "json_code", "made", "python_code"]

_WIDTH = 84


@dataclass(frozen=True)
class Part:
    """A transform and its parameters; parts may be parameters of parts."""

    name: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What an entry shows: a picture of some panels, or text, or both."""

    panels: list[Panel] = field(default_factory=list)
    text: str = ""
    n_columns: int = 0


@dataclass(frozen=True)
class Entry:
    """A transform with what it is shown on, and how.

    Args:
        name: The transform.
        params: Its parameters.
        scene: Makes the data point it works on.
        show: Makes what is shown, from the step and the data point.
        note: A sentence on what to look at.
        section: Section of a configuration that stands for the transform, e.g. "Transforms" for Compose.
    """

    name: str
    params: dict[str, Any]
    scene: Callable[[], DataPoint]
    show: Callable[[Any, DataPoint], Shown]
    note: str = ""
    section: str = ""

    @property
    def part(self) -> Part:
        """The transform without the rest."""
        return Part(self.name, self.params)

    def shown(self) -> Shown:
        """Run the transform on its scene."""
        return self.show(made(self.part), self.scene())


def made(part: Part) -> Any:
    """Return the transform itself."""
    params = {key: [made(p) for p in value] if _is_parts(value) else value for key, value in part.params.items()}
    return getattr(eisen.transforms, part.name)(**params)


def python_code(entry: Entry) -> str:
    """Return the lines that run the transform on a data point."""
    names = ", ".join(sorted(set(_names(entry.part))))
    call = _call(entry.part, len("step = "))
    return f"from eisen.transforms import {names}\n\nstep = {call}\ndata = step(data)\n"


def json_code(entry: Entry) -> str:
    """Return the entry of a configuration, or its section."""
    if entry.section:
        return f'"{entry.section}": {_folded(_plain(entry.params["transforms"]))}\n'
    return _folded(_plain(entry.part)) + "\n"


def _folded(value: Any, indent: int = 0) -> str:
    """Return JSON with each object on one line if it is short enough, and one line per member otherwise."""
    text = json.dumps(value)
    if len(text) + indent <= _WIDTH or not isinstance(value, dict | list):
        return text
    space, inner = " " * indent, indent + 2
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"{space}  {_folded(item, inner)}" for item in value) + f"\n{space}]"
    members = [f"{space}  {json.dumps(key)}: {_folded(item, inner)}" for key, item in value.items()]
    return "{\n" + ",\n".join(members) + f"\n{space}}}"


def _call(part: Part, indent: int) -> str:
    words = [_argument(key, value) for key, value in part.params.items()]
    line = f"{part.name}({', '.join(words)})"
    if len(line) + indent <= _WIDTH and not _is_parts(part.params.get("transforms")):
        return line
    return f"{part.name}(\n" + "".join(f"    {word},\n" for word in words) + ")"


def _argument(key: str, value: Any) -> str:
    if _is_parts(value):
        return "[\n" + "".join(f"        {_call(part, 8)},\n" for part in value) + "    ]"
    text = _literal(value)
    return text if key == "fields" else f"{key}={text}"


def _literal(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value).replace("'", '"')


def _names(part: Part) -> Iterator[str]:
    yield part.name
    for value in part.params.values():
        if _is_parts(value):
            for inner in value:
                yield from _names(inner)


def _plain(value: Any) -> Any:
    """Return what stands in a configuration for a value."""
    if isinstance(value, Part):
        return {"type": f"eisen.transforms.{value.name}", "params": _plain(value.params)}
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _is_parts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Part)
