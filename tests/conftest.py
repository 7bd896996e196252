"""What all tests may use: real scans where they are present, and small volumes on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# `make test` gives the same verdict twice; `make test-all` looks for new counterexamples.
settings.register_profile("steady", derandomize=True)
settings.register_profile("searching", max_examples=200)
settings.load_profile(os.environ.get("EISEN_HYPOTHESIS", "steady"))

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real scans beside the project; a test that asks for it is skipped where there is none."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real scans are not on this machine")
    return REAL_DATA


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small decathlon-format data set of phantoms: 4 training, 2 validation and 1 test cases. Not to be changed."""
    from eisen.datasets import make_phantoms

    return make_phantoms(tmp_path_factory.mktemp("phantoms"), 4, 2, 1, size=20)
