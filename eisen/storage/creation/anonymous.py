"""Stores that do not tell whose images they hold."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, DataError
from eisen.storage.creation.settings import CaseFacts
from eisen.storage.geometry_text import geometry_from_json, geometry_to_json

__all__ = ["anonymous_facts", "anonymous_names"]

_IDENTIFIER = re.compile(r"(^|_)(id|uid|ids|name|names|patient|subject|mrn|case|slice_file|file|path)(_|$)")
_SHORTEST = 3
"""Parts of names that are shorter occur everywhere."""


def anonymous_names(names: Sequence[str], anonymous: bool | str) -> list[str]:
    """Return names that tell nothing.

    Args:
        names: The real ones.
        anonymous: True numbers them. A text is a secret that they are hashed with: whoever has it gives the same case
            the same name in another store; whoever has not cannot find out which name became which.

    Raises:
        ArgumentError: If the secret is empty.

    Example:
        >>> anonymous_names(["anna", "ben"], True)
        ['case_0', 'case_1']
        >>> anonymous_names(["anna"], "our secret") == anonymous_names(["anna"], "our secret")
        True
    """
    if anonymous is True:
        width = len(str(max(0, len(names) - 1)))
        return [f"case_{number:0{width}d}" for number in range(len(names))]
    if not isinstance(anonymous, str) or not anonymous:
        raise ArgumentError(f"anonymous is {anonymous!r}", expected="True to number the cases, or a secret text")
    key = anonymous.encode()
    return [hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16] for name in names]


def anonymous_facts(cases: Sequence[CaseFacts], names: Sequence[str], asked: Sequence[str] | None) -> list[CaseFacts]:
    """Return what is known about cases without what tells who they are: files, their digests, texts, identifiers.

    Text and lists are left out unless their fields were asked for by name, and so are numbers whose field is called
    like an identifier.

    Args:
        cases: What is known.
        names: The real names of the cases.
        asked: Fields that were asked for; None: no field was named.

    Raises:
        DataError: If a text that was asked for holds the name of a case or of one of its files.
    """
    result = []
    for facts, name in zip(cases, names, strict=True):
        words = _telling(facts, name)
        fields = {}
        for field, entry in facts["fields"].items():
            if entry["kind"] == "array":
                fields[field] = _without_source(entry)
            elif _is_harmless(field, entry, asked):
                _demand_silence(field, entry, words)
                fields[field] = entry
        result.append({**facts, "fields": fields})
    return result


def _without_source(entry: CaseFacts) -> CaseFacts:
    geometry = geometry_from_json(entry["geometry"])
    bare = None if geometry is None else replace(geometry, source="")
    return {**entry, "geometry": geometry_to_json(bare), "files": [], "source_digest": ""}


def _is_harmless(field: str, entry: CaseFacts, asked: Sequence[str] | None) -> bool:
    if asked is not None and field in asked:
        return True
    return entry["kind"] == "number" and not _IDENTIFIER.search(field.lower())


def _demand_silence(field: str, entry: CaseFacts, words: set[str]) -> None:
    text = str(entry["value"]).casefold() if entry["kind"] != "number" else ""
    if any(word in text for word in words):
        raise DataError(
            f"the field '{field}' names the case or one of its files",
            expected="texts that do not tell whose they are",
            to_do=f"take '{field}' out of fields=[...], or change the text",
            field=field,
        )


def _telling(facts: CaseFacts, name: str) -> set[str]:
    files: list[Any] = [Path(file) for entry in facts["fields"].values() for file in entry.get("files", ())]
    words = {name, *(file.name for file in files), *(file.name.split(".")[0] for file in files)}
    return {word.casefold() for word in words if len(word) >= _SHORTEST}
