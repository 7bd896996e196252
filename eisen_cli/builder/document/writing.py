"""Writing a configuration so that what nobody changed keeps its characters, and the rest looks as if it had been there.

Short things stand in one line, as in the examples of eisen; a line is at most 120 characters long.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from eisen_cli.builder.document.layout import Layout, Node, reindented, spelled
from eisen_cli.builder.document.tree import same

__all__ = ["WIDTH", "written"]

WIDTH = 120
"""Longest line that is made; longer ones that are there stay."""


def written(data: Any, layout: Layout) -> str:
    """Return the text of a configuration.

    Args:
        data: The configuration.
        layout: How its file was written.

    Example:
        >>> print(written({"General": {}, "Training": {"Optimizer": [{"type": "torch.optim.Adam"}]}}, Layout()), end="")
        {
          "General": {},
          "Training": {
            "Optimizer": [
              {"type": "torch.optim.Adam"}
            ]
          }
        }
    """
    indent = layout.root.indent if layout.root is not None else ""
    body = _Writer(layout).value(data, layout.root, _Spot(indent))
    return f"{layout.head}{body}{layout.tail}"


@dataclass(frozen=True)
class _Spot:
    """Where a value is written: margin of its line, columns before it and behind it, levels above it."""

    indent: str = ""
    used: int = 0
    behind: int = 0
    depth: int = 0
    flat: bool = False


@dataclass(frozen=True)
class _Member:
    """Something inside of an object or a list: its value, how it was written, and the number it had."""

    name: str
    value: Any
    node: Node | None
    number: int | None


class _Writer:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def value(self, value: Any, node: Node | None, spot: _Spot) -> str:
        if not isinstance(value, dict | list):
            return node.raw if node is not None and node.raw and same(value, node.value) else spelled(value)
        if node is None or type(node.value) is not type(value) or not node.children:
            node = self.found(value, node, spot)
        if node is None:
            return self.fresh(value, spot)
        if node.raw is not None and same(value, node.value):
            return reindented(node.raw, node.indent, spot.indent)
        return self.changed(value, node, spot)

    def found(self, value: Any, node: Node | None, spot: _Spot) -> Node | None:
        """Return how the same was written elsewhere in the file."""
        if node is not None and node.raw is not None and same(value, node.value):
            return node
        known = self.layout.known.get(json.dumps(value)) if value else None
        raw = known.raw if known is not None else None
        return known if raw and ("\n" in raw or spot.used + len(raw) + spot.behind <= WIDTH) else None

    def fresh(self, value: Any, spot: _Spot) -> str:
        """Return something that was not in the file: in one line if it fits, else one line for each thing inside."""
        members = [_Member(name, inner, None, None) for name, inner in _inside(value)]
        if not members:
            return "{}" if isinstance(value, dict) else "[]"
        if spot.flat or not _is_tall(value, spot.depth):
            line = self.line(members, value, spot)
            if spot.flat or ("\n" not in line and spot.used + len(line) + spot.behind <= WIDTH):
                return line
        return self.lines(members, value, spot)

    def changed(self, value: Any, node: Node, spot: _Spot) -> str:
        members = list(_paired(value, node))
        if not members:
            return "{}" if isinstance(value, dict) else "[]"
        if node.is_broken:
            return self.lines(members, value, spot, node)
        line = self.line(members, value, spot, node)
        limit = max(WIDTH, spot.used + len(node.raw or "") + spot.behind)
        if spot.flat or "\n" in line or spot.used + len(line) + spot.behind <= limit:
            return line
        return self.lines(members, value, spot)

    def line(self, members: list[_Member], value: Any, spot: _Spot, node: Node | None = None) -> str:
        texts = []
        for member in members:
            inside = _Spot(_margin(member, node, spot.indent, spot.indent), 0, 0, spot.depth + 1, flat=True)
            texts.append(member.name + self.value(member.value, member.node, inside))
        gaps = _gaps(members, node, ("", ", ", ""), spot.indent)
        return _joined(value, texts, gaps)

    def lines(self, members: list[_Member], value: Any, spot: _Spot, node: Node | None = None) -> str:
        indent = spot.indent + self.layout.unit if node is None else _inner_indent(node, spot.indent, self.layout.unit)
        texts = []
        for member in members:
            is_last = member is members[-1]
            margin = _margin(member, node, spot.indent, indent)
            inside = _Spot(margin, len(indent) + len(member.name), int(not is_last), spot.depth + 1)
            texts.append(member.name + self.value(member.value, member.node, inside))
        gaps = _gaps(members, node, (f"\n{indent}", f",\n{indent}", f"\n{spot.indent}"), spot.indent)
        return _joined(value, texts, gaps)


def _joined(value: Any, texts: list[str], gaps: list[str]) -> str:
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    inner = "".join(gap + text for gap, text in zip(gaps, texts, strict=False))
    return f"{opening}{inner}{gaps[-1]}{closing}"


def _inside(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"{spelled(key)}: ", inner) for key, inner in value.items()]
    return [("", inner) for inner in value]


def _is_tall(value: Any, depth: int) -> bool:
    """Tell whether something takes several lines even where it would fit into one: the frame of a configuration."""
    has_modules = isinstance(value, list) and any(isinstance(inner, dict) for inner in value)
    has_lists = isinstance(value, dict) and any(isinstance(inner, list | dict) for inner in value.values())
    return depth == 0 or (depth == 1 and has_lists) or (depth == 2 and has_modules)


def _margin(member: _Member, node: Node | None, indent: str, plain: str) -> str:
    """Return the margin of something inside: as far from that of the whole as it was."""
    if node is None or member.node is None or not member.node.indent.startswith(node.indent):
        return plain
    return indent + member.node.indent[len(node.indent) :]


def _inner_indent(node: Node, indent: str, unit: str) -> str:
    below = next((gap for gap in node.gaps[:-1] if "\n" in gap), None)
    if below is None:
        return indent + unit
    return reindented("\n" + below.rpartition("\n")[2], node.indent, indent)[1:]


def _gaps(members: list[_Member], node: Node | None, plain: tuple[str, str, str], indent: str) -> list[str]:
    """Return what stands around the things inside: as it was where neighbours still are neighbours."""
    before, between, behind = plain
    numbers = [member.number for member in members]
    count = len(members)
    gaps = [before, *[between] * (count - 1), behind]
    if node is None:
        return gaps
    for place, (left, right) in enumerate(zip([-1, *numbers], [*numbers, len(node.children)], strict=True)):
        is_kept = left is not None and right is not None and left + 1 == right
        if is_kept:
            gaps[place] = reindented(node.gaps[left + 1], node.indent, indent)  # type: ignore[operator]
    return gaps


def _paired(value: Any, node: Node) -> list[_Member]:
    """Return what is inside, each with how it was written before."""
    if isinstance(value, dict):
        numbers = {key: number for number, key in enumerate(node.value)}
        return [
            _Member(node.names[numbers[key]], inner, node.children[numbers[key]], numbers[key])
            if key in numbers
            else _Member(f"{spelled(key)}: ", inner, None, None)
            for key, inner in value.items()
        ]
    numbers_of = _matched(value, node.value)
    nodes = [None if number is None else node.children[number] for number in numbers_of]
    return [_Member("", *each) for each in zip(value, nodes, numbers_of, strict=True)]


def _matched(new: list[Any], old: list[Any]) -> list[int | None]:
    """Return, for each thing in a list, the number that it, or what it was made from, had before."""
    texts, before = [json.dumps(item) for item in new], [json.dumps(item) for item in old]
    numbers: list[int | None] = [None] * len(new)
    for tag, low, high, first, last in SequenceMatcher(None, before, texts, autojunk=False).get_opcodes():
        if tag == "equal" or (tag == "replace" and high - low == last - first):
            numbers[first:last] = range(low, high)
        elif tag == "replace":
            _match_kinds(new, old, numbers, (low, high), (first, last))
    return numbers


def _match_kinds(
    new: list[Any], old: list[Any], numbers: list[int | None], before: tuple[int, int], now: tuple[int, int]
) -> None:
    low = before[0]
    for place in range(*now):
        kind = _kind(new[place])
        found = next((number for number in range(low, before[1]) if kind and _kind(old[number]) == kind), None)
        if found is not None:
            numbers[place], low = found, found + 1


def _kind(entry: Any) -> str:
    return str(entry.get("type", "")) if isinstance(entry, dict) else ""
