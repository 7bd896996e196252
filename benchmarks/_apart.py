"""Contenders in processes of their own, so that one's forks and memory do not cost another one anything.

Starting worker processes marks all memory of their parent as shared: whoever writes to its own next pays a page fault
for every 4 KB. In one process a contender that starts workers in each round makes all others pay that.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["apart"]


@contextmanager
def apart(makers: Mapping[str, Callable[[], Callable[[], float]]]) -> Iterator[dict[str, Callable[[], float]]]:
    """Yield contenders of the same names, each of which works in a process of its own.

    Args:
        makers: Functions that can be pickled; called in the process, each makes a contender.
    """
    context = multiprocessing.get_context("spawn")
    started: list[tuple[Any, Connection]] = []
    contenders: dict[str, Callable[[], float]] = {}
    try:
        for name, make in makers.items():
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, make), name=name)
            process.start()
            theirs.close()
            started.append((process, ours))
            ours.recv()  # one after the other
            contenders[name] = lambda connection=ours: _ask(connection)
        yield contenders
    finally:
        for process, connection in started:
            connection.close()
            process.join()


def _ask(connection: Connection) -> float:
    connection.send(None)
    return float(connection.recv())


def _serve(connection: Connection, make: Callable[[], Callable[[], float]]) -> None:
    multiprocessing.set_start_method(None, force=True)  # what a program of its own has, not what started this one
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    os.dup2(nowhere, 1)
    contender = make()
    connection.send(None)
    try:
        while True:
            connection.recv()
            connection.send(contender())
    except EOFError:
        return
