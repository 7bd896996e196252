"""The versions a package was made with, as a file for pip."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from typing import Any

from eisen._core.version import __version__

__all__ = ["made_with", "named_packages", "requirements_text"]

_SERVING = (
    "torch",
    "numpy",
    "nibabel",
    "SimpleITK",
    "pydicom",
    "pillow",
    "scipy",
    "scikit-image",
    "safetensors",
    "pydantic",
    "msgpack",
)
"""What the way from a request to an answer goes through, and what the numbers of an answer depend on."""


def made_with(packages: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of eisen, Python and what serving needs, as they are here.

    Args:
        packages: Names of more packages, e.g. of the one the network comes from.

    Example:
        >>> found = made_with()
        >>> found["eisen"] == __version__, "torch" in found
        (True, True)
    """
    import platform

    found = {"eisen": __version__, "python": platform.python_version()}
    for name in dict.fromkeys([*_SERVING, *packages]):
        version = _version(name)
        if version:
            found[name] = version
    return found


def named_packages(document: Any) -> dict[str, str]:
    """Return the packages that the classes of a configuration come from, and their versions; no version: none known.

    Args:
        document: The configuration, as plain data.

    Example:
        >>> list(named_packages({"Models": [{"type": "torch.nn.Linear"}, {"type": "eisen.models.UNet"}]}))
        ['torch']
    """
    tops = sorted({dotted.partition(".")[0] for dotted in _types(document)} - {"eisen", ""})
    owners = metadata.packages_distributions()
    return {(owners.get(top) or [top])[0]: _version((owners.get(top) or [top])[0]) for top in tops}


def requirements_text(versions: dict[str, str]) -> str:
    r"""Return ``requirements.txt``: exact versions, without the build of each machine (``+cpu``).

    Args:
        versions: From `made_with`.

    Example:
        >>> requirements_text({"eisen": "0.1.0", "python": "3.11.4", "torch": "2.9.0+cpu"})
        'eisen[deploy]==0.1.0\ntorch==2.9.0\n'
    """
    lines = [
        f"{'eisen[deploy]' if name == 'eisen' else name}=={version.partition('+')[0]}"
        for name, version in versions.items()
        if name != "python"
    ]
    return "\n".join(lines) + "\n"


def _types(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        if isinstance(value.get("type"), str) and not value["type"].startswith("."):
            yield value["type"]
        for item in value.values():
            yield from _types(item)
    elif isinstance(value, list):
        for item in value:
            yield from _types(item)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
