"""Reading JSON so that every value knows its line and column, and one slip does not hide the next.

Slips that everybody makes (a comma too many, single quotes, comments, Python's ``None``, a key twice) are noted and
read as they were meant, so that the rest of the file can be checked in the same run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from json import JSONDecodeError, decoder
from pathlib import Path
from typing import Any

from eisen._core.errors import ConfigError, Problem
from eisen.config.places import Place, text_of

__all__ = ["Source", "parse_source", "read_source", "rename_key"]

_BLANK = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"(?://|#)[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_WORD = re.compile(r"[^\s,:\[\]{}\"']+")
_QUOTED = {quote: re.compile(rf"{quote}(?:[^{quote}\\\n]|\\.)*{quote}") for quote in "\"'"}
_PYTHON = {"None": None, "True": True, "False": False}
_DEEPEST = 64


@dataclass
class Source:
    """The data of a configuration file, and where in the file each part of it stands.

    Args:
        data: The data, as `json.load` returns it.
        file: Name of the file; empty when the configuration came from Python.
        text: The characters of the file.
        values: Offset of each value by its place.
        ends: Offset behind each value by its place.
        keys: Offset of each key by its place.
        problems: Slips of syntax that did not prevent reading on.
        replaced: Values that came from elsewhere, e.g. the command line: the place and the words to say so.
    """

    data: Any
    file: str = ""
    text: str = ""
    values: dict[Place, int] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)
    keys: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    replaced: dict[Place, str] = field(default_factory=dict)

    def problem(self, place: Place, what: str, expected: str = "", *, at_key: bool = False) -> Problem:
        """Return a problem with the value (or the key) at a place, with its line and column."""
        where = text_of(place)
        for known, words in self.replaced.items():
            if place[: len(known)] == known:
                return Problem(where, f"{what} ({words})", expected, self.file)
        offset = self._offset(place, at_key)
        return Problem(where, what, expected, self.file, *(self._line_and_column(offset) if self.text else (0, 0)))

    def _offset(self, place: Place, at_key: bool) -> int:
        if at_key and place in self.keys:
            return self.keys[place]
        while place and place not in self.values:
            place = place[:-1]
        return self.values.get(place, 0)

    def _line_and_column(self, offset: int) -> tuple[int, int]:
        return self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset)


def rename_key(source: Source, place: Place, name: str) -> Problem | None:
    """Give a key of an object another name, and keep its line and column; return the problem if that name is taken.

    Args:
        source: The configuration; its data are changed.
        place: Where the key stands; it is there, and its parents are objects.
        name: The new name.
    """
    parent = source.data
    for part in place[:-1]:
        parent = parent[part]
    if name in parent:
        return source.problem(
            place, f"'{place[-1]}' is another name of '{name}', which is there too", "one", at_key=True
        )
    for key in list(parent):  # in the order of the file
        parent[name if key == place[-1] else key] = parent.pop(key)
    there = (*place[:-1], name)
    for offsets in (source.values, source.ends, source.keys):
        for known in [known for known in offsets if known[: len(place)] == place]:
            offsets[(*there, *known[len(place) :])] = offsets.pop(known)
    return None


def read_source(path: str | Path) -> Source:
    """Read a JSON file.

    Args:
        path: The file, UTF-8 with or without a byte order mark.

    Raises:
        ConfigError: If the file is absent, is not text, or breaks off; slips that can be read over are kept in
            `Source.problems` instead.
    """
    file = str(path)
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"the file is not UTF-8 text (byte {error.start})"
        raise ConfigError([Problem("(the whole file)", what, "a JSON file in UTF-8", file, 1, 1)]) from error
    except OSError as error:
        what = f"the file cannot be read: {error.strerror or error}"
        raise ConfigError([Problem("(the whole file)", what, "the path of a JSON file", file, 1, 1)]) from error
    return parse_source(text, file)


def parse_source(text: str, file: str = "") -> Source:
    """Read the text of a JSON file.

    Args:
        text: The characters of the file, without a byte order mark.
        file: Its name, for problems.

    Raises:
        ConfigError: If it breaks off; slips that can be read over are kept in `Source.problems` instead.

    Example:
        >>> source = parse_source('{"lr": 1e-3,}')
        >>> source.data, source.problems[0].what
        ({'lr': 0.001}, "a comma too many before '}'")
    """
    reader = _Reader(Source(None, file, text))
    try:
        return reader.read()
    except _Stop as stop:
        raise ConfigError([*reader.source.problems, *stop.args]) from None


class _Stop(Exception):  # noqa: N818 - it carries a problem, it is not one
    """The rest of the file cannot be understood."""


class _Reader:
    """Recursive descent over the text; each method takes an offset and returns the offset behind what it read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text

    def read(self) -> Source:
        self.source.data, position = self.value(0, ())
        if (position := self.blank(position)) < len(self.text):
            self.note(position, (), "the file goes on behind its last bracket", "one { ... } and nothing behind it")
        return self.source

    def problem(self, position: int, place: Place, what: str, expected: str) -> Problem:
        line, column = self.source._line_and_column(position)
        return Problem(text_of(place), what, expected, self.source.file, line, column)

    def note(self, position: int, place: Place, what: str, expected: str) -> None:
        self.source.problems.append(self.problem(position, place, what, expected))

    def stop(self, position: int, place: Place, expected: str) -> _Stop:
        word = repr(self.head(position)) if position < len(self.text) else "the end of the file"
        return _Stop(self.problem(position, place, f"{word} does not belong here", expected))

    def head(self, position: int) -> str:
        return self.text[position : position + 1]

    def blank(self, position: int) -> int:
        while match := _BLANK.match(self.text, position):
            position = match.end()
            comment = _COMMENT.match(self.text, position)
            if comment is None:
                break
            self.note(position, (), "JSON has no comments", "nothing; remove the comment")
            position = comment.end()
        return position

    def value(self, position: int, place: Place) -> tuple[Any, int]:
        found, end = self._value(position, place)
        self.source.ends[place] = end
        return found, end

    def _value(self, position: int, place: Place) -> tuple[Any, int]:
        position = self.blank(position)
        self.source.values[place] = position
        head = self.head(position)
        if head and head in "{[":
            if len(place) > _DEEPEST:
                raise self.stop(position, place, f"at most {_DEEPEST} brackets inside each other")
            return self.object(position + 1, place) if head == "{" else self.array(position + 1, place)
        return self.string(position, place) if head and head in "\"'" else self.word(position, place)

    def object(self, position: int, place: Place) -> tuple[dict[str, Any], int]:
        members: dict[str, Any] = {}
        while self.head(position := self.blank(position)) != "}":
            start = position
            if self.head(position) not in ("'", '"'):
                raise self.stop(position, place, 'a name in double quotes, or the closing "}"')
            key, position = self.string(position, place)
            if key in members:
                self.note(start, (*place, key), f"'{key}' is there twice", "each name once")
            self.source.keys[(*place, key)] = start
            if self.head(position := self.blank(position)) != ":":
                raise self.stop(position, (*place, key), f"a colon behind '{key}'")
            members[key], position = self.value(position + 1, (*place, key))
            position = self.comma(position, "}", place)
        return members, position + 1

    def array(self, position: int, place: Place) -> tuple[list[Any], int]:
        items: list[Any] = []
        while self.head(position := self.blank(position)) != "]":
            item, position = self.value(position, (*place, len(items)))
            items.append(item)
            position = self.comma(position, "]", place)
        return items, position + 1

    def comma(self, position: int, closing: str, place: Place) -> int:
        end, position = position, self.blank(position)
        head = self.head(position)
        if head == closing:
            return position
        if head == ",":
            following = self.blank(position + 1)
            if self.head(following) == closing:
                self.note(position, place, f"a comma too many before '{closing}'", "no comma behind the last entry")
            return following
        if not head or head in "}]:":
            raise self.stop(position, place, f"a comma or the closing '{closing}'")
        self.note(end, place, "a comma is missing", "a comma between two entries")
        return position

    def string(self, position: int, place: Place) -> tuple[str, int]:
        quote = self.text[position]
        if quote == "'":
            self.note(position, place, "text stands in single quotes", "double quotes")
        else:
            try:
                text, end = decoder.scanstring(self.text, position + 1, True)  # type: ignore[attr-defined]
                return str(text), int(end)
            except JSONDecodeError:
                pass
        match = _QUOTED[quote].match(self.text, position)
        if match is None:
            raise _Stop(self.problem(position, place, "this text is never closed", f"a closing {quote} in the line"))
        if quote == '"':
            self.note(position, place, "a backslash stands alone", r"\\ for a backslash, or / in paths")
        return match.group()[1:-1], match.end()

    def word(self, position: int, place: Place) -> tuple[Any, int]:
        match = _WORD.match(self.text, position)
        if match is None:
            raise self.stop(position, place, "a value: text, number, true, false, null, [ ... ] or { ... }")
        word = match.group()
        if word in _PYTHON:
            self.note(position, place, f"{word} is Python", json.dumps(_PYTHON[word]))
            return _PYTHON[word], match.end()
        try:
            return json.loads(word, parse_constant=_refuse), match.end()
        except ValueError:
            self.note(position, place, f"{word} is no value", "text in double quotes, a number, true, false or null")
            return word, match.end()


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
