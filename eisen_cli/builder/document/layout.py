"""How a file was written: the blanks, line breaks and spellings of each of its values."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

from eisen.config.places import Place
from eisen.config.source import Source, parse_source
from eisen_cli.builder.document.tree import same

__all__ = ["Layout", "Node", "reindented", "spelled"]

_BLANK = re.compile(r"[ \t\r\n]*")
_COMMA = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_COMMENT = re.compile(r"(?://|#)[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_FIRST_LEVEL = re.compile(r"\{\r?\n([ \t]+)")


@dataclass(slots=True)
class Node:
    """One value of a file.

    Args:
        value: What it says.
        raw: Its characters; None when they are not good JSON as they stand.
        indent: The blanks at the start of the line that it begins in.
        names: For objects, the characters of each key with its colon.
        children: What is inside.
        gaps: What stands before, between and behind the things inside: one more than there are things.
    """

    value: Any
    raw: str | None
    indent: str
    names: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    @property
    def is_broken(self) -> bool:
        """Whether the things inside stand on several lines."""
        return any("\n" in gap for gap in self.gaps)


@dataclass
class Layout:
    """How a file was written.

    Args:
        head: The characters before the first bracket.
        root: The whole.
        tail: The characters behind the last bracket.
        unit: By how much one level is indented.
        known: All objects and lists of the file by what they say, to be found again where they are moved.
    """

    head: str = ""
    root: Node | None = None
    tail: str = "\n"
    unit: str = "  "
    known: dict[str, Node] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, source: Source | None = None) -> Layout:
        """Return the layout of a text.

        Args:
            text: The characters of a file.
            source: The same, read; its data are as they stand in the file.
        """
        source = source or parse_source(text)
        builder = _Builder(source, text)
        root = builder.node((), source.data)
        head, tail = text[: source.values[()]], text[source.ends[()] :]
        unit = _FIRST_LEVEL.match(text, source.values[()])
        return cls(
            head if _BLANK.fullmatch(head) else "",
            root,
            tail if _BLANK.fullmatch(tail) else "\n",
            unit.group(1) if unit else "  ",
            builder.known,
        )

    def after(self, text: str) -> Layout:
        """Return the layout of a text that was written with this one; what the old file held is not forgotten."""
        layout = Layout.of(text)
        layout.unit, layout.known = self.unit, {**self.known, **layout.known}
        return layout


class _Builder:
    def __init__(self, source: Source, text: str) -> None:
        self.source, self.text = source, text
        self.known: dict[str, Node] = {}

    def node(self, place: Place, value: Any) -> Node:
        start, end = self.source.values[place], self.source.ends[place]
        raw = self.text[start:end]
        node = Node(value, raw, self.indent(start))
        if isinstance(value, dict | list):
            self.inner(node, place, start, end)
            if node.raw is not None and value:
                self.known[json.dumps(value)] = node
        elif not _says(raw, value):
            node.raw = None
        return node

    def inner(self, node: Node, place: Place, start: int, end: int) -> None:
        keys = list(node.value) if isinstance(node.value, dict) else range(len(node.value))
        node.children = [self.node((*place, key), node.value[key]) for key in keys]
        edges = [self.source.keys.get((*place, key), self.source.values[(*place, key)]) for key in keys]
        ends = [self.source.ends[(*place, key)] for key in keys]
        node.names = [self.name((*place, key)) if isinstance(key, str) else "" for key in keys]
        is_ordered = sorted([*edges, *ends]) == [offset for pair in zip(edges, ends, strict=True) for offset in pair]
        gaps = self.gaps([start + 1, *ends], [*edges, end - 1]) if is_ordered else self.plain_gaps(len(edges), start)
        node.gaps = [_cleaned(gap, is_edge=number in (0, len(edges))) for number, gap in enumerate(gaps)]
        names = [self.raw_name((*place, key)) if isinstance(key, str) else "" for key in keys]
        is_clean = is_ordered and node.gaps == gaps and node.names == names
        if not is_clean or any(child.raw is None for child in node.children):
            node.raw = None

    def gaps(self, starts: list[int], ends: list[int]) -> list[str]:
        return [self.text[start:end] for start, end in zip(starts, ends, strict=True)]

    def plain_gaps(self, count: int, start: int) -> list[str]:
        outer = "\n" + self.indent(start)
        return [outer + "  ", *[f",{outer}  "] * (count - 1), outer]

    def raw_name(self, place: Place) -> str:
        return self.text[self.source.keys[place] : self.source.values[place]]

    def name(self, place: Place) -> str:
        raw = self.raw_name(place)
        key, colon = str(place[-1]), raw.rpartition(":")[2]
        is_good = raw.endswith(f":{colon}") and _says(raw[: -len(colon) - 1].rstrip(" \t\r\n"), key)
        return raw if is_good and _BLANK.fullmatch(colon) else f"{spelled(key)}: "

    def indent(self, offset: int) -> str:
        line = self.text[self.text.rfind("\n", 0, offset) + 1 : offset]
        return line[: len(line) - len(line.lstrip(" \t"))]


def _says(raw: str, value: Any) -> bool:
    try:
        return same(json.loads(raw), value)
    except ValueError:
        return False


def _cleaned(gap: str, *, is_edge: bool) -> str:
    """Return a gap without comments and needless commas."""
    if (_BLANK if is_edge else _COMMA).fullmatch(gap):
        return gap
    blank = _COMMENT.sub("", gap).replace(",", "")
    below = "\n" + blank.rpartition("\n")[2] if "\n" in blank else "" if is_edge else " "
    return below if is_edge else f",{below}"


def reindented(text: str, old: str, new: str) -> str:
    r"""Return text whose lines, but for the first, are indented from another margin.

    Example:
        >>> reindented("[\n    1\n  ]", "  ", "")
        '[\n  1\n]'
    """
    return text if old == new else text.replace(f"\n{old}", f"\n{new}")


def spelled(value: Any) -> str:
    """Return a text, a number, true, false or null in JSON.

    Example:
        >>> spelled("Größe"), spelled(1e-5), spelled(None)
        ('"Größe"', '1e-05', 'null')
    """
    if isinstance(value, float) and math.isinf(value):  # as in 1e400; JSON has no word for it
        return "1e999" if value > 0 else "-1e999"
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(value)
    return text
