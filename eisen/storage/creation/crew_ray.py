"""Reading the cases of a store over a Ray cluster. Every machine must see data and store under the same paths."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eisen._core.errors import DataError
from eisen._core.ray_cluster import connected, loaded_ray
from eisen.storage.creation.case_job import CaseJob
from eisen.storage.creation.crew import Answer, answered

__all__ = ["ray_crew"]

_OBJECT_STORE_BYTES = 100 * 2**20
"""Questions and answers are a few lines of text; arrays go straight into the file."""


class _Reader:
    """One worker, as an actor of Ray."""

    def __init__(self, job: Any, paths: list[str]) -> None:
        sys.path.extend(path for path in paths if path not in sys.path)
        self._job: CaseJob = job

    def answer(self, method: str, *arguments: Any) -> Any:
        return answered(self._job, method, arguments)


class _Actors:
    """Actors of a cluster."""

    def __init__(self, ray: Any, job: CaseJob, n_workers: int) -> None:
        self.n_workers = n_workers
        self._ray = ray
        paths = [str(Path(entry or ".").absolute()) for entry in sys.path]
        kept = ray.put(job)
        remote = ray.remote(num_cpus=1, max_restarts=0)(_Reader)
        self._actors = [remote.remote(kept, paths) for _ in range(n_workers)]
        self._asked: dict[Any, int] = {}

    def ask(self, worker: int, method: str, *arguments: Any) -> None:
        self._asked[self._actors[worker].answer.remote(method, *arguments)] = worker

    def answers(self) -> list[Answer]:
        done, _ = self._ray.wait(list(self._asked))
        return [(self._asked.pop(reference), self._value(reference)) for reference in done]

    def _value(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            raise DataError(
                f"a process of the Ray cluster that read cases has failed: {type(error).__name__}: {error}"[:500],
                to_do="see the log of Ray; the same call goes on from here",
            ) from error

    def end(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)


@contextmanager
def ray_crew(job: CaseJob, n_workers: int, address: str | None) -> Iterator[_Actors]:
    """Yield actors for a job; on leaving they are gone, and so is Ray if it was not there before.

    Args:
        job: What they know.
        n_workers: How many.
        address: Of the cluster; None: the one this process is connected to, else Ray on this machine alone.

    Raises:
        MissingExtraError: If Ray is not installed.
    """
    ray = loaded_ray(address)
    with connected(ray, address, n_workers, _OBJECT_STORE_BYTES):
        actors = _Actors(ray, job, n_workers)
        try:
            yield actors
        finally:
            actors.end()
