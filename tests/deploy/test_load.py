"""The embedded server under load: a mixture of good and bad requests, and workers that are killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """Two workers with the model that writes down what it computes."""
    before, folder = list(sys.path), tmp_path_factory.mktemp("load")
    sys.path.append(str(BENCHMARKS))  # the load is that of bench_serving_load.py
    from _load import counted_archive
    from _servers import embedded

    journal = folder / "journal"
    with embedded([counted_archive(folder, journal)], folder / "served", workers=2, threads=1) as server:
        yield server, journal
    sys.path[:] = before


def test_every_good_request_is_answered_once_among_bad_ones(served: tuple[Any, Path]) -> None:
    from _load import GOOD, SHARES, Load

    load = Load(*served)
    load.run(500)
    load.check_journal()
    assert load.report.wrong == []
    assert load.report.n_answered == 500
    assert set(load.report.seconds) == set(SHARES)
    assert len(load.report.computed) == sum(len(load.report.seconds[kind]) for kind in GOOD)


def test_a_killed_worker_loses_only_what_it_computed(served: tuple[Any, Path]) -> None:
    from _load import kill_workers

    report, _ = kill_workers(*served, kills=1)
    assert report.wrong == []
    assert dict(report.errors) == {"500 WorkerDied": 1}
    assert len(report.computed) == report.n_answered - 1


@pytest.mark.slow
def test_memory_stays_where_it_is(served: tuple[Any, Path]) -> None:
    from _load import Load
    from bench_serving_load import GROWTH, Watch

    with Watch(served[0]) as watch:
        Load(*served).run(6000, sent=watch.count)
    assert watch.between(5400, 6000) <= watch.between(1200, 1800) * (1 + GROWTH)
