"""What is different between two runs, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eisen.experiments.differences import differences
from eisen.experiments.provenance.changed_config import config_changes
from eisen.experiments.provenance.changed_data import data_changes
from eisen.experiments.provenance.fingerprints import Fingerprint

__all__ = ["KINDS", "Change", "Kind", "changes"]

Kind = Literal["config", "data", "split", "code", "environment"]
KINDS: tuple[Kind, ...] = ("config", "data", "split", "code", "environment")
"""The kinds of changes, in the order in which they are told."""

_WORDS = {"config": "configuration"}

_ONLOOKERS = (
    "eisen_cli/",
    "eisen/utils/logging/",
    "eisen/utils/artifacts/",
    "eisen/evaluation/",
    "eisen/datasets/doctor/",
    "eisen/experiments/campaigns/",
    "eisen/experiments/prediction/",
    "eisen/experiments/provenance/",
    "eisen/experiments/runs/",
)
"""Code of ours that cannot change a weight."""


@dataclass(frozen=True)
class Change:
    """One thing that is different.

    Args:
        kind: ``"config"``, ``"data"``, ``"split"``, ``"code"`` or ``"environment"``.
        what: What it is, e.g. ``"Training.Optimizer[0].params.lr"`` or ``"eisen/ops/losses/dice.py changed"``.
        before: The old value; empty where `what` says it all.
        after: The new value.
        serious: Whether a training cannot go on with it as if nothing had happened.

    Example:
        >>> print(Change("config", "Training.Optimizer[0].params.lr", "0.001", "0.01"))
        Training.Optimizer[0].params.lr: 0.001 -> 0.01
        >>> print(Change("code", "my_models.py changed"))
        my_models.py changed
    """

    kind: Kind
    what: str
    before: str = ""
    after: str = ""
    serious: bool = True

    def __str__(self) -> str:
        return f"{self.what}: {self.before} -> {self.after}" if self.before or self.after else self.what

    @property
    def subject(self) -> str:
        """What the change is about, as people say it: ``"configuration"``, ``"data"`` ..."""
        return _WORDS.get(self.kind, self.kind)


def changes(old: Fingerprint | Mapping[str, Any], new: Fingerprint | Mapping[str, Any]) -> list[Change]:
    """Return everything that is different, serious things of each kind first.

    What one of the two does not know is not compared.

    Args:
        old: A fingerprint, a ``run.json`` or a checkpoint.
        new: Another one.

    Example:
        >>> print(*changes({"seed": 3, "versions": {"torch": "2.14"}}, {"seed": 4, "versions": {"torch": "2.15"}}))
        seed: 3 -> 4 torch: 2.14 -> 2.15
    """
    old, new = (side if isinstance(side, Fingerprint) else Fingerprint.of(side) for side in (old, new))
    found = [*_config(old, new), *_data(old, new), *_split(old, new), *_code(old, new), *_environment(old, new)]
    return sorted(found, key=lambda change: (KINDS.index(change.kind), not change.serious))


def _config(old: Fingerprint, new: Fingerprint) -> Iterator[Change]:
    before, after = old.facts, new.facts
    if "seed" in before and "seed" in after and before["seed"] != after["seed"]:
        yield Change("config", "seed", str(before["seed"]), str(after["seed"]))
    if "config" not in before or "config" not in after:
        return
    for line, serious in config_changes(before["config"], after["config"]):
        yield _said("config", line, serious=serious)


def _data(old: Fingerprint, new: Fingerprint) -> Iterator[Change]:
    before, after = old.facts.get("data", {}), new.facts.get("data", {})
    for phase in [phase for phase in before if phase in after]:
        names = old.names.get(phase, {}), new.names.get(phase, {})
        for line in data_changes(before[phase], after[phase], *names):
            yield Change("data", f"{phase}: {line}", serious=phase in ("Training", "Validation"))


def _split(old: Fingerprint, new: Fingerprint) -> Iterator[Change]:
    if "split" not in old.facts or "split" not in new.facts:
        return
    before, after = ({} if side.facts["split"] is None else side.facts["split"] for side in (old, new))
    if not before or not after:
        if before or after:
            yield Change("split", "split", _short(before), _short(after))
        return
    yield from (_said("split", line, serious=True) for line in differences(_named(before), _named(after)))


def _code(old: Fingerprint, new: Fingerprint) -> Iterator[Change]:
    before, after = (side.facts.get("code") or {} for side in (old, new))
    if not before or not after or before.get("digest") == after.get("digest"):
        return
    olds, news = before.get("files", {}), after.get("files", {})
    for name in sorted({*olds, *news}):
        if olds.get(name) != news.get(name):
            verb = "was removed" if name not in news else "was added" if name not in olds else "changed"
            yield Change("code", f"{name} {verb}", serious=not name.startswith(_ONLOOKERS))
    yield from _versions(before.get("packages", {}), after.get("packages", {}))


def _environment(old: Fingerprint, new: Fingerprint) -> Iterator[Change]:
    yield from _versions(old.facts.get("versions", {}), new.facts.get("versions", {}))
    before, after = old.facts.get("machine", {}), new.facts.get("machine", {})
    both = [key for key in before if key in after]
    for line in differences({key: before[key] for key in both}, {key: after[key] for key in both}):
        yield _said("environment", line, serious=False)


def _versions(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            old, new = (str(side.get(name, "(absent)")) for side in (before, after))
            yield Change("environment", name, old, new, serious=False)


def _said(kind: Kind, line: str, *, serious: bool) -> Change:
    """Make a change of a line of `differences`: ``place: before -> after``."""
    what, arrow, values = line.partition(": ")
    before, to, after = values.partition(" -> ")
    return Change(kind, what, before, after, serious) if arrow and to else Change(kind, line, serious=serious)


def _named(split: Any) -> Any:
    """Return what a split is, without where its file lies."""
    if not isinstance(split, Mapping):
        return {"split": split}
    return {f"split {key}": str(value)[:12] for key, value in split.items() if key != "file"}


def _short(split: Any) -> str:
    name = split.get("digest") if isinstance(split, Mapping) else split
    return str(name)[:12] if name else "none"
