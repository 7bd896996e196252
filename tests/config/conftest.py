"""A good configuration made of the toys, and the toys themselves as an importable module."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import ConfigError, Problem
from eisen.config import Experiment, read_config

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``toys`` importable, as a module of a user is."""
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture
def good() -> dict[str, Any]:
    """A configuration without a fault, free to be changed."""
    config: dict[str, Any] = json.loads((HERE / "good.json").read_text(encoding="utf-8"))
    return config


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Write a configuration (data or text) to a file."""

    def write(content: Any) -> Path:
        path = tmp_path / "config.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return path

    return write


@pytest.fixture
def read(write: Callable[[Any], Path]) -> Callable[..., Experiment]:
    """Read a configuration through a file."""
    return lambda content, *overrides, **more: read_config(write(content), overrides, **more)


@pytest.fixture
def problems(read: Callable[..., Experiment]) -> Callable[..., list[Problem]]:
    """Return the problems of a configuration that must have some."""

    def problems(content: Any, *overrides: str) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            read(content, *overrides)
        return caught.value.problems

    return problems
