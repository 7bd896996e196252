"""Real servers for the tests: each configuration is started once, and all are stopped at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def java() -> None:
    """A test that asks for it is skipped where Java or TorchServe is missing; where CI is set it fails instead."""
    from eisen_deploy.serving.torchserve import has_java, has_torchserve

    missing = [name for name, there in (("Java", has_java()), ("torchserve", has_torchserve())) if not there]
    if missing and os.environ.get("CI"):
        pytest.fail(f"CI must run the tests with TorchServe, and there is no {' and no '.join(missing)}")
    if missing:
        pytest.skip(f"TorchServe cannot run here: there is no {' and no '.join(missing)}")


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder with a name short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="eis"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def torchserve(java: None, short_folder: Path) -> Iterator[Callable[..., Any]]:
    """Return a function of archives and settings that returns a running TorchServe, the same one for the same."""
    from eisen_deploy.serving.settings import ServerSettings
    from eisen_deploy.serving.torchserve import TorchServe

    servers: dict[str, TorchServe] = {}

    def running(*archives: Path, **settings: Any) -> TorchServe:
        key = repr((archives, sorted(settings.items())))
        if key not in servers:
            told = ServerSettings(**{"port": 0, "threads": 1, **settings})
            servers[key] = TorchServe(told, archives, short_folder / str(len(servers))).start(120)
        return servers[key]

    yield running
    for server in servers.values():
        server.stop()
