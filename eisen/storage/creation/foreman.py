"""Who gives the cases to the workers, and notes what is done."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from eisen.storage.creation.crew import Crew
from eisen.storage.creation.facts import columns_of
from eisen.storage.creation.observer import StoreObserver
from eisen.storage.creation.settings import CaseFacts
from eisen.storage.creation.staging import Staging

__all__ = ["Foreman"]


class Foreman:
    """Gives the cases to the workers, one at a time to each, and notes what is done.

    Args:
        crew: The workers.
        staging: The unfinished store.
        names: Names of the cases.
        observer: Is told about the progress.
        channels: Names of the channels of fields, where the user gave some.
    """

    def __init__(
        self,
        crew: Crew,
        staging: Staging,
        names: Sequence[str],
        observer: StoreObserver,
        channels: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._crew, self._staging, self._names, self._observer = crew, staging, names, observer
        self._channels = channels
        self._first: tuple[CaseFacts, str] | None = None
        self._waiting = deque(range(len(names)))
        self._facts: dict[int, CaseFacts] = {}
        self._expected: list[deque[tuple[str, int, dict[str, int]]]] = [deque() for _ in range(crew.n_workers)]

    def run(self) -> None:
        """Work until every case is in the file.

        Raises:
            EisenError: What a worker met.
        """
        for worker in range(self._crew.n_workers):
            self._next(worker)
        while any(self._expected):
            for worker, answer in self._crew.answers():
                if isinstance(answer, BaseException):
                    raise answer
                method, number, offsets = self._expected[worker].popleft()
                if method == "prepare":
                    self._place(worker, number, answer)
                else:
                    self._note(number, offsets, answer)

    def _next(self, worker: int) -> None:
        if self._waiting:
            number = self._waiting.popleft()
            self._expected[worker].append(("prepare", number, {}))
            self._crew.ask(worker, "prepare", number, self._staging.known.get(number))

    def _place(self, worker: int, number: int, facts: CaseFacts) -> None:
        self._facts[number] = facts
        self._first = self._first or (facts, self._names[number])
        columns_of([self._first[0], facts], [self._first[1], self._names[number]], self._channels)  # raises now
        offsets = self._staging.allocate(number, facts)
        self._expected[worker].append(("place", number, offsets))
        self._crew.ask(worker, "place", number, self._staging.file, offsets)
        self._next(worker)

    def _note(self, number: int, offsets: dict[str, int], digests: dict[str, str]) -> None:
        facts = self._facts.pop(number)
        self._staging.complete(number, facts, offsets, digests)
        reused = bool(facts.get("reused"))
        self._observer.on_case(self._names[number], len(self._staging.done), len(self._names), reused)
