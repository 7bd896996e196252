"""The scripts and configurations of old users run in `test_user_code.py` and `test_user_configs.py` only."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
collect_ignore = ["scripts", "user_parts"]
sys.path.append(str(HERE / "user_parts"))  # configurations name the classes of old_parts


@pytest.fixture(scope="session")
def old_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an old user: one folder per source. Not to be changed."""
    from old_world import make_world

    return make_world(tmp_path_factory.mktemp("old_world"))
