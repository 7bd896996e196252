"""What a served model says of itself, and what it says about images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen_cli.show.progress import shortest
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import duration, show_rows
from eisen_cli.show.transfer import size

if TYPE_CHECKING:
    from eisen_deploy.client import ServerAnswer

__all__ = ["show_answer", "show_model", "show_summary"]

_KINDS = {
    "labels": "a label map",
    "image": "an image",
    "classes": "a class",
    "values": "numbers",
}


_UNSAID = ("warnings", "model", "version", "kind", "affine")
"""Parts of a summary that have their place elsewhere, or say nothing to people."""


def show_model(screen: Screen, url: str, metadata: Mapping[str, Any]) -> None:
    """Write what a model takes and gives.

    Args:
        screen: Where to write.
        url: Its address.
        metadata: What it says of itself.
    """
    custom = metadata.get("custom")
    custom = custom if isinstance(custom, Mapping) else {}
    version = _text(custom.get("model_version") or custom.get("version") or "")
    screen.line(f"{_text(custom.get('name') or url.rpartition('/')[2])} {version}".rstrip(), style="accent")
    screen.line(url, style="quiet")
    if custom.get("package") in _KINDS:
        screen.line(f"answers with {_KINDS[custom['package']]}")
    for title in ("inputs", "outputs"):
        _show_fields(screen, title, metadata.get(title))
    _show_labels(screen, custom.get("labels"))
    _show_more(screen, custom)


def show_answer(screen: Screen, source: str, answer: ServerAnswer) -> None:
    """Write a line about an image that was predicted, and the warnings about it.

    Args:
        screen: Where to write.
        source: What it is called.
        answer: What the server said.
    """
    place = f"{shortest(answer.path)}  {size(answer.size)}" if answer.path else size(answer.size)
    screen.line(f"{source} → {place}  {duration(answer.seconds)}", style="good")
    show_warnings(screen, answer.warnings)


def show_warnings(screen: Screen, warnings: Sequence[str]) -> None:
    """Write what a server wants to be known about an image."""
    for warning in warnings:
        screen.line(f"  warning: {_text(warning)}", style="warn")


def show_summary(screen: Screen, source: str | Path, summary: Any, warnings: Sequence[str]) -> None:
    """Write what a model says about an image in numbers.

    Args:
        screen: Where to write.
        source: What the image is called.
        summary: What the server says.
        warnings: What it wants to be known.
    """
    if not isinstance(summary, Mapping):
        screen.line(f"{source}: {_text(summary)}")
    else:
        by = " ".join(_text(summary[name]) for name in ("model", "version") if name in summary)
        screen.line(f"{source}  {by}".rstrip(), style="accent")
        told = [entry for entry in summary.get("warnings") or [] if isinstance(entry, str)]
        warnings = list(dict.fromkeys([*warnings, *told]))
        for name, value in summary.items():
            if name not in _UNSAID:
                _show_value(screen, _title(name), value)
    show_warnings(screen, warnings)


def _show_value(screen: Screen, title: str, value: Any) -> None:
    """Write a part of a summary: a table of rows or of numbers, or a line."""
    if isinstance(value, Mapping):
        show_rows(screen, (title, ""), [(_text(k), _number(v)) for k, v in value.items()], right=[1])
    elif isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        right = [i for i, name in enumerate(names) if all(isinstance(row.get(name, 0), (int, float)) for row in value)]
        rows = [[_number(row.get(name, "")) for name in names] for row in value]
        show_rows(screen, [_title(name) for name in names], rows, right=right)
    else:
        text = " × ".join(map(_number, value)) if isinstance(value, list) else _number(value)
        screen.line(f"{title}: {text}")


def _show_fields(screen: Screen, title: str, fields: Any) -> None:
    rows = [
        (_text(entry.get("name")), _text(entry.get("type")), _shape(entry.get("shape")))
        for entry in fields or []
        if isinstance(entry, Mapping)
    ]
    screen.line()
    if rows:
        show_rows(screen, (title, "type", "shape"), rows)
    else:
        screen.line(f"{title}: none are declared", style="quiet")


def _show_labels(screen: Screen, labels: Any) -> None:
    if isinstance(labels, Mapping):
        labels = [{"value": value, "name": name} for value, name in labels.items()]
    rows = [
        (_text(entry.get("value")), _text(entry.get("name")), _text(entry.get("colour") or ""))
        for entry in (labels if isinstance(labels, list) else [])
        if isinstance(entry, Mapping)
    ]
    if rows:
        screen.line()
        show_rows(screen, ("label", "name", "colour"), rows, right=[0])


def _show_more(screen: Screen, custom: Mapping[str, Any]) -> None:
    known = ("labels", "name", "package", "version", "model_version")
    rows = [(_title(key), _text(value)) for key, value in custom.items() if key not in known and _is_short(value)]
    if rows:
        screen.line()
        show_rows(screen, ("more", ""), rows)


def _is_short(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and 0 < len(str(value)) <= 80


def _title(name: str) -> str:
    return _text(name).replace("_", " ")


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else _text(value)


def _shape(shape: Any) -> str:
    if isinstance(shape, list):
        return " × ".join("any" if n == -1 else _text(n) for n in shape) or "one value"
    return "any length" if shape == -1 else _text(shape)


def _text(value: Any) -> str:
    """Return text of somebody else so that it does nothing to the terminal."""
    from eisen_deploy.client.refusals import one_line

    return one_line(value, 200)
