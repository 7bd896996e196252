"""What is wrong with a configuration while it is being written: the words of `eisen check`, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from eisen._core.errors import EisenError, Problem
from eisen.config.findings import Findings
from eisen.config.places import Place, parse
from eisen.config.read import examine
from eisen.config.sections import PHASES, RESERVED
from eisen.config.source import Source

__all__ = ["Finding", "findings_of"]


@dataclass(frozen=True)
class Finding:
    """Something to know about a place of a configuration.

    Args:
        place: Where it is; of something that is absent: where it should be.
        what: What is wrong, or how a value is understood.
        expected: What would be right.
        kind: ``"error"``, which prevents a run, or ``"repair"``, which does not.
        missing: Something is not there yet, which is no mistake while one is still at work.
    """

    place: Place
    what: str
    expected: str = ""
    kind: Literal["error", "repair"] = "error"
    missing: bool = False


def findings_of(data: Mapping[str, Any], base: Path | None = None) -> list[Finding]:
    """Return what is wrong with a configuration, and what will be understood differently from what it says.

    Half-finished configurations and wrong types anywhere are welcome. The data are not changed; nothing is raised;
    several threads may call this at once.

    Args:
        data: The configuration.
        base: Folder of its file, for relative paths in it.

    Example:
        >>> findings_of({"Training": {"Transforms": [{"type": "eisen.transforms.RandomFlop", "params": {}}]}})[0]
        Finding(place=('Training', 'Transforms', 0, 'type'), what="module 'eisen.transforms' has no 'RandomFlop'", ...)
        >>> [finding.what for finding in findings_of({}) if finding.missing]
        ['there is no model', 'there is no phase']
    """
    del base  # no check of a configuration looks at files yet; those who do are `eisen check` and the dry run
    findings = _Placed(Source({}))
    try:
        findings.source.data = _plain(data, (), findings)
        examine(findings.source, findings)
        _welcome(findings)
    except EisenError as error:
        findings.found.append(Finding((), error.card.what, error.card.expected))
    except (Exception, SystemExit) as error:  # a class of somebody else may do anything while it is looked at
        what = f"checking ended early: {type(error).__name__}: {error}"
        findings.found.append(Finding((), what[:300], "a class that can be looked at without being made"))
    return list(dict.fromkeys([*findings.found, *findings.rest()]))


@dataclass
class _Placed(Findings):
    """Findings that keep their places as they are, whatever is in their keys."""

    found: list[Finding] = field(default_factory=list)
    _placed: set[int] = field(default_factory=set)

    def problem(
        self, place: Place, what: str, expected: str = "", *, key: bool = False, absent: Place | None = None
    ) -> None:
        self._placed.add(len(self.problems))
        super().problem(place, what, expected, key=key)  # how many there are is asked for on the way
        self.found.append(Finding(absent or place, what, expected, missing=absent is not None))

    def repair(self, place: Place, words: str) -> None:
        self.found.append(Finding(place, words, kind="repair"))

    def rest(self) -> list[Finding]:
        """Return the problems that were noted without a place."""
        return [_finding(problem) for number, problem in enumerate(self.problems) if number not in self._placed]


def _finding(problem: Problem) -> Finding:
    return Finding(parse(problem.where) or (), problem.what, problem.expected)


def _plain(value: Any, place: Place, findings: Findings) -> Any:
    """Return a copy that shares nothing with the data, and note what is no JSON in them."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, (*place, str(key)), findings) for key, inner in list(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(inner, (*place, index), findings) for index, inner in enumerate(value)]
    findings.problem(place, f"this is no JSON: {value!r:.60}", "text, a number, true, false, null, [ ... ] or { ... }")
    return None


def _welcome(findings: _Placed) -> None:
    """Say of an empty canvas what it needs first."""
    data = findings.source.data
    if any(part in data for part in (*PHASES, *RESERVED)):
        return
    general = data.get("General")
    if not (isinstance(general, dict) and general.get("Models")):
        findings.problem(
            ("General", "Models"), "there is no model", "one model, e.g. a UNet", absent=("General", "Models")
        )
    expected = f"a dataset in one of {', '.join(PHASES)}"
    findings.problem(("Training", "Datasets"), "there is no phase", expected, absent=("Training", "Datasets"))
