"""Both engines and the worker core, each opened once with the same two packages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

import pytest

from eisen_deploy.serving.settings import ServerSettings
from tests.deploy.calling import Reply
from tests.deploy.conformance import engines
from tests.deploy.conformance.cases import GROUPS
from tests.deploy.conformance.engines import Case, Engine, WorkerCore
from tests.deploy.served_packages import pickled_package, safe_archive


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    return {"small": pickled_package(folder), "tiny": safe_archive(folder)}


@pytest.fixture(scope="session")
def core(archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerCore]:
    with engines.worker_core(archives, tmp_path_factory.mktemp("core")) as core:
        yield core


@pytest.fixture(scope="session", params=["embedded", "torchserve"])
def engine(request: pytest.FixtureRequest, archives: dict[str, Path], short_folder: Path) -> Iterator[Engine]:
    """Each engine with batches of up to four and a token, for all tests at once."""
    if request.param == "torchserve":
        request.getfixturevalue("java")
    folder = Path(mkdtemp(prefix=f"{request.param}-", dir=short_folder))  # two files of tests may start it twice
    settings = ServerSettings(port=0, threads=1, batch_size=4, batch_delay_ms=2, max_bytes="20MB")
    with ExitStack() as stack:
        yield stack.enter_context(getattr(engines, request.param)(archives, folder, settings))


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Case]]:
    folders = {group: tmp_path_factory.mktemp("requests") for group in GROUPS}
    return {group: make(folders[group]) for group, make in GROUPS.items()}


@pytest.fixture(scope="session")
def expected(core: WorkerCore, cases: dict[str, dict[str, Case]]) -> dict[str, Reply]:
    """What the worker core says to each request."""
    return {name: core.ask(case) for group in cases.values() for name, case in group.items()}
