"""Importing is cheap: what is heavy comes in when it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "matplotlib", "scipy", "tensorboard", "SimpleITK", "PIL", "h5py", "pandas")


def loaded_by(*arguments: str) -> set[str]:
    """Return the top-level modules a fresh interpreter has loaded after running with these arguments."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "arguments",
    [("-c", "import eisen"), ("-c", "import eisen_cli, eisen_deploy"), ("-m", "eisen_cli", "--help")],
    ids=["import eisen", "import eisen_cli", "eisen --help"],
)
def test_nothing_heavy_is_loaded(arguments: tuple[str, ...]) -> None:
    assert not loaded_by(*arguments) & set(HEAVY)


def test_importing_eisen_loads_not_even_numpy() -> None:
    assert "numpy" not in loaded_by("-c", "import eisen")


@pytest.mark.parametrize(
    "package",
    ["io", "datasets", "evaluation", "transforms", "models", "ops", "utils", "config", "experiments"],
)
def test_a_package_alone_loads_no_torch(package: str) -> None:
    assert not loaded_by("-c", f"import eisen.{package}") & set(HEAVY)


def test_sub_packages_are_reachable_from_eisen() -> None:
    program = "import eisen; assert eisen.utils.EisenModuleWrapper.__module__.startswith('eisen.utils')"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
