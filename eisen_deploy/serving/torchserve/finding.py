"""What TorchServe needs and may not be there: Java, and the packages that come with ``eisen[deploy]``."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from eisen._core.errors import ArgumentError, MissingExtraError

__all__ = ["find_java", "find_torchserve", "has_java", "has_torchserve"]

_PACKAGES = {"ts": "torchserve", "yaml": "pyyaml"}
"""TorchServe does not declare PyYAML, and without it every worker dies while the server says that it is healthy."""


def has_java() -> bool:
    """Tell whether there is a Java that TorchServe can run on.

    Example:
        >>> isinstance(has_java(), bool)
        True
    """
    return _java() is not None


def has_torchserve() -> bool:
    """Tell whether the package ``torchserve`` is installed.

    Example:
        >>> isinstance(has_torchserve(), bool)
        True
    """
    return all(find_spec(module) for module in _PACKAGES)


def find_java() -> Path:
    """Return the program ``java``, from JAVA_HOME where that is set.

    Raises:
        ArgumentError: If there is none.

    Example:
        >>> find_java().name if has_java() else "java"
        'java'
    """
    if (java := _java()) is None:
        home = os.environ.get("JAVA_HOME")
        raise ArgumentError(
            f"JAVA_HOME is {home}, and there is no program bin/java"
            if home
            else "TorchServe needs Java; there is none",
            expected="Java 17 on the PATH, or its folder in the environment variable JAVA_HOME",
            to_do="install it (e.g. apt install openjdk-17-jre-headless), or use the embedded server",
        )
    return java


def find_torchserve() -> Path:
    """Return the folder that the package ``ts`` lies in, which TorchServe calls its home.

    Raises:
        MissingExtraError: If a package is missing.

    Example:
        >>> (find_torchserve() / "ts" / "version.txt").is_file() if has_torchserve() else True
        True
    """
    for module, package in _PACKAGES.items():
        if not find_spec(module):
            raise MissingExtraError(
                f"TorchServe needs the package '{package}', which is not installed",
                to_do="pip install 'eisen[deploy]'",
            )
    spec = find_spec("ts")
    folder = Path(next(iter(spec.submodule_search_locations or []), "")) if spec else Path()
    if not (folder / "frontend").is_dir():
        raise MissingExtraError(
            f"the package 'ts' at {folder} is not TorchServe",
            expected="the package torchserve",
            to_do="pip install 'eisen[deploy]'",
        )
    return folder.resolve().parent


def _java() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(str(Path(home) / "bin" / "java") if home else "java")
    return Path(found) if found else None
