"""What the check of a store has found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from eisen_cli.show.progress import shortest
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import show_rows

if TYPE_CHECKING:
    from eisen.storage import StoreCheck

__all__ = ["show_store_check"]

_MOST = 20
_COLUMNS = {
    "intact": "intact",
    "unknown": "no digest",
    "elsewhere": "in files",
    "damaged": "damaged",
    "missing": "missing",
    "same": "files as before",
    "changed": "files changed",
    "gone": "files not here",
}
_ALWAYS = ("intact", "damaged", "missing")


def show_store_check(screen: Screen, check: StoreCheck) -> None:
    """Write what the check of a store has found: a table by field, then every finding.

    Args:
        screen: Where to write.
        check: What `eisen.storage.check_store` returned.
    """
    screen.line(shortest(check.path), style="title")
    kind = "store of eisen" if check.layout == "eisen" else "file of pymia"
    screen.line(f"{kind}, {len(check.cases)} case{'s' if len(check.cases) != 1 else ''}", style="quiet")
    screen.line()
    _show_table(screen, check)
    screen.line()
    for finding in check.findings[:_MOST]:
        screen.line(f"{finding.kind:<8}  {finding.case}: {finding.field}: {finding.text}", style="bad")
    if len(check.findings) > _MOST:
        screen.line(f"and {len(check.findings) - _MOST} more (--json lists all)", style="bad")
    screen.line(_verdict(check), style="good" if check.is_whole else "bad")
    gone = sum(counts.get("gone", 0) for counts in check.states.values())
    if gone:
        screen.line(f"the files of {gone} arrays are not here, and were not compared", style="quiet")


def _show_table(screen: Screen, check: StoreCheck) -> None:
    states = [
        state for state in _COLUMNS if state in _ALWAYS or any(counts.get(state) for counts in check.states.values())
    ]
    rows = [[name, *(str(counts.get(state, 0)) for state in states)] for name, counts in check.states.items()]
    show_rows(screen, ["field", *(_COLUMNS[state] for state in states)], rows, right=range(1, len(states) + 1))


def _verdict(check: StoreCheck) -> str:
    n_arrays = sum(counts.get(state, 0) for counts in check.states.values() for state in ("intact", "unknown"))
    if check.is_whole:
        return f"whole: {n_arrays} arrays are what was written" if n_arrays else "whole: there are no pixels to compare"
    counts = Counter(finding.kind for finding in check.findings)
    return f"{len(check.findings)} findings: {', '.join(f'{n} {kind}' for kind, n in counts.items())}"
