"""One fold: the names of the cases that train, validate and test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eisen._core.errors import ArgumentError, nearest

__all__ = ["PARTS", "Fold"]

PARTS = ("training", "validation", "test")
"""The three parts of a fold."""


@dataclass(frozen=True)
class Fold:
    """The names of the cases that train, validate and test; any of the last two may be empty.

    Args:
        name: Its name, e.g. ``"0"``, ``"r1-f0"`` in a repeated split, ``"0/2"`` in a nested one.
        training: Cases that the model learns from.
        validation: Cases that choose the best epoch.
        test: Cases that nothing is chosen by.

    Example:
        >>> fold = Fold("0", ("anna", "ben"), ("carl",), ("dora",))
        >>> fold.part("Testing"), len(fold)
        (('dora',), 4)
    """

    name: str
    training: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.training) + len(self.validation) + len(self.test)

    def parts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the name and the cases of each part."""
        return ((part, getattr(self, part)) for part in PARTS)

    def part(self, phase: str) -> tuple[str, ...]:
        """Return the cases that a phase sees.

        Args:
            phase: ``"Training"``, ``"Validation"`` or ``"Testing"``.
        """
        return {"Training": self.training, "Validation": self.validation, "Testing": self.test}[phase]

    def as_dict(self) -> dict[str, Any]:
        """Return the fold as it stands in a file."""
        return {"name": self.name, **{part: list(cases) for part, cases in self.parts()}}

    @classmethod
    def from_dict(cls, entry: Any) -> Fold:
        """Return the fold that stands in a file.

        Args:
            entry: An object with a name and up to three lists of case names.

        Raises:
            ArgumentError: If it is something else.
        """
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str) or not entry["name"]:
            raise ArgumentError("a fold has no name", expected='{"name": "0", "training": [...], ...}')
        for key in set(entry) - {"name", *PARTS}:
            raise ArgumentError(
                f"fold '{entry['name']}' has a part '{key}'",
                expected=nearest(str(key), PARTS) or f"one of {', '.join(PARTS)}",
            )
        return cls(entry["name"], *(_names(entry, part) for part in PARTS))


def _names(entry: Mapping[str, Any], part: str) -> tuple[str, ...]:
    names = entry.get(part, ())
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"fold '{entry['name']}': {part} is no list of case names", expected='["case_1", ...]')
    return tuple(names)
