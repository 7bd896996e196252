"""The parts a configuration can name, as a list and one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import shorten, wrap
from typing import TYPE_CHECKING

from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen.config import ModuleInfo

__all__ = ["described", "show_catalogue", "show_module"]

_INJECTED = ("data_dir", "transform", "workflow_id", "phase", "artifacts_dir", "model", "data_loader", "params")


def described(paths: Iterable[str]) -> list[ModuleInfo]:
    """Return what is known about each of some dotted paths."""
    from eisen.config import describe

    return [describe(path) for path in paths]


def show_catalogue(screen: Screen, infos: Mapping[str, Sequence[ModuleInfo]]) -> None:
    """Write every section with its parts, one line each.

    Args:
        screen: Where to write.
        infos: The parts of every section.
    """
    width = screen.console().width if screen.is_terminal() else 100
    for section, parts in infos.items():
        screen.line(section, style="accent")
        longest = max(len(part.path) for part in parts)
        for part in parts:
            summary = shorten(part.summary, max(width - longest - 6, 24), placeholder="…")
            screen.line(f"  {part.path:<{longest}}  {summary}".rstrip())
        screen.line()
    screen.line("eisen modules NAME shows the parameters of one of them", style="quiet")


def show_module(screen: Screen, info: ModuleInfo) -> None:
    """Write one part: what it is, and its parameters with types, defaults and help.

    Args:
        screen: Where to write.
        info: What is known about it.
    """
    screen.line(info.path, style="accent")
    for line in wrap(info.summary, 78):
        screen.line(f"  {line}")
    screen.line()
    for parameter in info.parameters:
        filled_in = parameter.required and parameter.name in _INJECTED
        need = "filled in" if filled_in else "required" if parameter.required else f"default {parameter.default!r}"
        screen.line(f"  {parameter.name}", style="title")
        screen.line(f"      {parameter.type}; {need}", style="quiet")
        if parameter.choices and str(parameter.choices[0]) not in parameter.type:
            screen.line(f"      one of {', '.join(map(repr, parameter.choices))}", style="quiet")
        for line in wrap(parameter.doc, 74):
            screen.line(f"      {line}")
    if info.open:
        screen.line("  further keywords are passed on")
    screen.line()
