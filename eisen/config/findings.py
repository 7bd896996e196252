"""What reading a configuration found: problems, and repairs with one line each."""

from __future__ import annotations

from dataclasses import dataclass, field

from eisen._core.errors import ConfigError, Problem
from eisen.config.places import Place, text_of
from eisen.config.source import Source

__all__ = ["Findings"]


@dataclass
class Findings:
    """Collects problems and repairs, so that one run shows them all.

    Args:
        source: The file, for lines and columns.
        problems: What is wrong.
        repairs: What was understood differently from what the file says.
    """

    source: Source
    problems: list[Problem] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)

    def problem(
        self, place: Place, what: str, expected: str = "", *, key: bool = False, absent: Place | None = None
    ) -> None:
        """Note a problem.

        Args:
            place: Where it is.
            what: What is wrong.
            expected: What would have been right.
            key: The problem is the key, not its value.
            absent: The problem is that nothing stands at this place, for those who want to lead there.
        """
        del absent  # the file is shown where something is
        self.problems.append(self.source.problem(place, what, expected, at_key=key))

    def repair(self, place: Place, words: str) -> None:
        """Note what was understood at a place."""
        self.repairs.append(f"{text_of(place)}: {words}")

    def demand_none(self) -> None:
        """Raise all problems, in the order of the file.

        Raises:
            ConfigError: If there is a problem.
        """
        if self.problems:
            raise ConfigError(sorted(self.problems, key=lambda problem: (problem.line, problem.column)))
