"""What is different between two configurations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["differences"]

_ABSENT = object()


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Yield one line per value that differs.

    Args:
        old: A configuration or a part of it.
        new: Another one.
        where: Path of the part.

    Example:
        >>> list(differences({"lr": 0.1, "fields": ["a"]}, {"lr": 0.2, "fields": ["a", "b"]}))
        ['lr: 0.1 -> 0.2', "fields[1]: (absent) -> 'b'"]
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            place = f"{where}.{key}" if where else str(key)
            yield from differences(old.get(key, _ABSENT), new.get(key, _ABSENT), place)
    elif isinstance(old, list) and isinstance(new, list):
        for i in range(max(len(old), len(new))):
            before, after = (values[i] if i < len(values) else _ABSENT for values in (old, new))
            yield from differences(before, after, f"{where}[{i}]")
    elif old is _ABSENT or new is _ABSENT or old != new:
        yield f"{where}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = "(absent)" if value is _ABSENT else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
