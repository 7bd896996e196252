"""Who does the work on the cases: this process, several processes, several threads, or actors of a Ray cluster.

All of them understand the same: a question (the name of a method of `CaseJob` and its arguments) goes to a worker, an
answer comes back. A worker answers its questions in order.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from eisen._core.errors import ArgumentError, EisenError, StepError, nearest
from eisen.storage.creation.case_job import CaseJob

__all__ = ["EXECUTORS", "Answer", "Crew", "crew_of"]

EXECUTORS = ("processes", "threads", "ray")
"""Where cases can be read."""

Answer = tuple[int, Any]
"""The number of a worker, and what it returned or the error it met."""


class Crew(Protocol):
    """Workers, numbered from 0."""

    n_workers: int

    def ask(self, worker: int, method: str, *arguments: Any) -> None:
        """Give a worker a question."""

    def answers(self) -> list[Answer]:
        """Wait until there is an answer at least, and return all there are."""


@contextmanager
def crew_of(job: CaseJob, n_workers: int, executor: str, address: str | None = None) -> Iterator[Crew]:
    """Yield the workers for a job; on leaving they are gone.

    Args:
        job: What they know.
        n_workers: How many; 0: this process alone.
        executor: One of `EXECUTORS`.
        address: Of a Ray cluster.

    Raises:
        ArgumentError: If there is no such executor.
        MissingExtraError: If Ray is asked for and not installed.
    """
    if executor not in EXECUTORS:
        raise ArgumentError(
            f"there is no executor {executor!r}",
            expected=f"one of {', '.join(EXECUTORS)}",
            to_do=nearest(str(executor), EXECUTORS),
        )
    if executor == "ray":
        from eisen.storage.creation.crew_ray import ray_crew

        with ray_crew(job, max(1, n_workers), address) as crew:
            yield crew
        return
    from eisen.storage.creation.crew_local import Alone, Processes, Threads

    if n_workers == 0:
        yield Alone(job)
        return
    workers: Processes | Threads = Threads(job, n_workers) if executor == "threads" else Processes(job, n_workers)
    try:
        yield workers
    finally:
        workers.end()


def answered(job: CaseJob, method: str, arguments: tuple[Any, ...]) -> Any:
    """Return what a method returns, or the error it raises.

    Args:
        job: What is asked.
        method: Name of a method.
        arguments: Its arguments.
    """
    try:
        return getattr(job, method)(*arguments)
    except EisenError as error:
        error.add_note("in a worker:\n" + "".join(traceback.format_exception(error)))
        return error
    except Exception as error:
        failure = StepError(f"a worker failed: {type(error).__name__}: {error}")
        failure.add_note("".join(traceback.format_exception(error)))
        return failure
