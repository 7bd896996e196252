"""Opening a file of somebody else: slips are read over, and what old files say is repaired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eisen._core.errors import ConfigError, Problem
from eisen.config.findings import Findings
from eisen.config.places import text_of
from eisen.config.read import examine
from eisen.config.sections import ALIASES, PHASES
from eisen.config.source import Source, parse_source, read_source
from eisen_cli.builder.document.files import OnDisk, has_only_crlf, text_of_bytes
from eisen_cli.builder.document.layout import Layout
from eisen_cli.builder.document.tree import at, copied, same

__all__ = ["Opened", "open_file"]


@dataclass(frozen=True)
class Opened:
    """What was found in a file.

    Args:
        data: The configuration, repaired.
        repairs: What was understood differently from what the file says, one line each.
        disk: The file as it stands.
        is_as_written: Whether the file says just that, so that nothing needs to be saved.
    """

    data: dict[str, Any]
    repairs: list[str]
    disk: OnDisk
    is_as_written: bool


def open_file(path: Path, *, repairs: bool = True) -> Opened:
    """Read a file.

    Args:
        path: The file.
        repairs: Whether to repair what old files say, for which all classes named in it have to be imported.

    Raises:
        ConfigError: If it cannot be understood at all.
    """
    source = read_source(path)
    content = path.read_bytes()
    if has_only_crlf(content):
        source = parse_source(text_of_bytes(content), str(path))
    if not isinstance(source.data, dict):
        what = "a configuration is an object"
        raise ConfigError([Problem("(the whole file)", what, '{"General": {...}, "Training": {...}}', str(path), 1, 1)])
    data, lines = repaired(source.data) if repairs else (source.data, [])
    slips = [f"line {slip.line}: {slip.what}" for slip in source.problems]
    disk = OnDisk(content, Layout.of(source.text, source))
    return Opened(data, [*slips, *lines], disk, not slips and same(data, source.data))


def repaired(data: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a copy of a configuration with all repairs of `eisen.config`, and one line for each.

    Old names, of classes and of hyperparameters, go on working and are kept.

    Example:
        >>> old = {"General": {"Hyperparameters": [{"type": ".BatchSize", "params": {"value": "2"}}]}}
        >>> repaired(old)[1]
        ["General.Hyperparameters[0].params.value: the text '2' is read as 2"]
    """
    result: dict[str, Any] = copied(data)
    lines = _repair(result)
    result.update({part: copied(data[part]) for part in data if part not in ("General", *PHASES)})
    if not lines:
        return copied(data), []
    again = set(_repair(copied(result)))  # what is said again was no change of the data
    return result, [line for line in lines if line not in again]


def _repair(data: dict[str, Any]) -> list[str]:
    names = [(entry, entry["type"]) for entry in _entries(data)]
    lines = [f"{text_of((phase, old))}: is now called {new}" for phase, old, new in _old_names(data)]
    findings = Findings(Source(data))
    examine(findings.source, findings)
    for entry, name in names:
        entry["type"] = name
    return [*lines, *findings.repairs]


def _entries(value: Any) -> Iterable[dict[str, Any]]:
    if isinstance(value, dict) and "type" in value:
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _entries(inner)


def _old_names(data: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    for phase in PHASES:
        part = at(data, (phase,), None)
        if isinstance(part, dict):
            yield from ((phase, old, new) for old, new in ALIASES.items() if old in part and new not in part)
