"""What the making of a store reports while it works."""

from __future__ import annotations

from pathlib import Path

__all__ = ["StoreObserver"]


class StoreObserver:
    """Listens to the making of a store. Every method does nothing; a child overrides those it wants.

    The methods are called in the main process, in the thread that called `create_store`.

    Example:
        >>> class Printer(StoreObserver):
        ...     def on_case(self, name: str, done: int, n_cases: int, reused: bool) -> None:
        ...         print(f"{name}: {done} of {n_cases}")
        >>> Printer().on_case("anna", 1, 60, reused=False)
        anna: 1 of 60
    """

    def on_start(self, n_cases: int) -> None:
        """The cases are known.

        Args:
            n_cases: How many there are.
        """

    def on_case(self, name: str, done: int, n_cases: int, reused: bool) -> None:
        """A case is in the file.

        Args:
            name: Its name.
            done: How many are, from 1.
            n_cases: How many there will be.
            reused: True if a run that was interrupted had read it already.
        """

    def on_end(self, path: Path, n_bytes: int) -> None:
        """The store is complete and has its name.

        Args:
            path: The file.
            n_bytes: Its size.
        """

    def on_message(self, text: str) -> None:
        """There is something to say, one line.

        Args:
            text: The line.
        """
