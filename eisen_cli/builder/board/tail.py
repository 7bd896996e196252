"""Lines of text that grow at their end."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui.element import Element

__all__ = ["Tail"]


class Tail(Element, component="tail.js"):
    """Shows the last lines of something; only new ones are sent.

    Args:
        most: How many lines are kept.
    """

    def __init__(self, most: int = 1000) -> None:
        super().__init__()
        self._props["most"] = most
        self._lines: list[str] = []

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines; what continues those shown is added to them.

        Args:
            lines: All lines.
        """
        new = added(self._lines, lines)
        if new is None or new:
            text = "".join(f"{line}\n" for line in (lines if new is None else new))
            self.run_method("feed", text, new is None)
            self._lines = list(lines)


def added(old: Sequence[str], new: Sequence[str]) -> Sequence[str] | None:
    """Return the lines at the end of `new` that `old` lacks, its first may be gone; None: it is another.

    Example:
        >>> added(["a", "b"], ["b", "c"]), added(["a"], ["x", "y"]), added([], ["a"])
        (['c'], None, ['a'])
    """
    if not old:
        return list(new)
    for gone in range(len(old) if new else 0):
        if len(old) - gone <= len(new) and old[gone] == new[0] and list(old[gone:]) == list(new[: len(old) - gone]):
            return list(new[len(old) - gone :])
    return None
