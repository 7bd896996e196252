"""The list of modules to choose from: which there are, in which order, under which headings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from eisen_cli.builder.canvas.lanes import Lane
from eisen_cli.builder.canvas.targets import Roles
from eisen_cli.builder.parts.catalogue import Catalogue
from eisen_cli.builder.parts.part import Part

__all__ = ["shelf"]

_MOST = 400


def shelf(catalogue: Catalogue, lanes: Sequence[Lane], search: str, roles: Roles) -> list[dict[str, Any]]:
    """Return the rows of the list: headings with a title and a count, and modules.

    Without words to search for, modules stand under the package they come from; with words, the best first.

    Args:
        catalogue: The modules that were found.
        lanes: The sections to choose for; with several, each module tells its own.
        search: Words to search for.
        roles: Which sections take which module.
    """
    rows: list[dict[str, Any]] = []
    for lane in lanes:
        parts = catalogue.parts(lane.role, search)[:_MOST]
        where = lane.title if len(lanes) > 1 else ""
        if not parts:
            continue
        if search.strip():
            rows += [_heading(where or "Found", parts)] if where or rows else []
            rows += [_row(part, lane, roles) for part in parts]
            continue
        for origin, group in groupby(parts, key=lambda part: part.origin):
            members = list(group)
            rows.append(_heading(f"{where} · {origin}" if where else origin, members))
            rows += [_row(part, lane, roles) for part in members]
    return rows


def _heading(title: str, parts: Sequence[Part]) -> dict[str, Any]:
    return {"title": title, "count": len(parts)}


def _row(part: Part, lane: Lane, roles: Roles) -> dict[str, Any]:
    takes = " ".join(dict.fromkeys([lane.role, *roles.of(part.path, lane.role)]))
    return {
        "path": part.path,
        "name": part.name,
        "summary": part.summary.replace("`", ""),
        "takes": takes,
        "role": lane.role,
        "key": f"{lane.role}/{part.path}",
    }
