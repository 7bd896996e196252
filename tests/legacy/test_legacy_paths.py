"""Every public name that a version of the original had is there, or the table of old names says why not."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import pytest

from eisen._core.legacy import GONE, RENAMED

PATHS = (Path(__file__).parent / "legacy-paths.txt").read_text(encoding="utf-8").split()


def resolve(path: str) -> object:
    """Return what a dotted path names, imported the way a script would."""
    owner, _, name = path.rpartition(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(importlib.import_module(owner), name)


@pytest.mark.parametrize("path", [path for path in PATHS if path not in GONE])
def test_an_old_name_still_works(path: str) -> None:
    assert resolve(path) is not None


@pytest.mark.parametrize("path", [path for path in PATHS if path in GONE])
def test_a_name_that_is_gone_says_why(path: str) -> None:
    assert len(GONE[path]) > 10
    with pytest.raises((AttributeError, ModuleNotFoundError)):
        resolve(path)


@pytest.mark.parametrize("path", [path for path in RENAMED if path.startswith("eisen.")])
def test_a_renamed_thing_works_under_its_old_name_and_warns(path: str) -> None:
    owner, _, name = path.rpartition(".")
    with pytest.warns(DeprecationWarning, match=RENAMED[path]):
        assert getattr(importlib.import_module(owner), name) is resolve(RENAMED[path])


def test_the_list_is_that_of_the_contract_and_the_table_names_nothing_else() -> None:
    assert len(PATHS) == len(set(PATHS)) == 259
    assert set(GONE) <= set(PATHS)
