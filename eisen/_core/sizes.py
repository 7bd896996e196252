"""Sizes of memory as people write them."""

from __future__ import annotations

import re

from eisen._core.errors import ArgumentError

__all__ = ["MEMORY", "memory_bytes", "memory_text"]

MEMORY = r"^\s*\d+(\.\d+)?\s*([kKmMgGtT][iI]?)?[bB]\s*$"
"""How amounts of memory are written: "4GB", "512 MB", "1.5GiB"."""

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def memory_bytes(size: int | str) -> int:
    """Return an amount of memory in bytes.

    Args:
        size: A number of bytes, or text: ``"4GB"`` (10^9 bytes each), ``"512MB"``, ``"1.5GiB"`` (2^30 bytes each).

    Raises:
        ArgumentError: If it is not a size, or not above 0.

    Example:
        >>> memory_bytes("4GB"), memory_bytes("512 MiB")
        (4000000000, 536870912)
    """
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    found = re.match(r"^\s*([\d.]+)\s*([a-z]?)(i?)b\s*$", size.lower()) if isinstance(size, str) else None
    if found is None or not re.match(MEMORY, str(size)) or float(found[1]) == 0:
        raise ArgumentError(f"{size!r} is no amount of memory", expected="a size such as '4GB', '512MB' or '1.5GiB'")
    unit: int = (1024 if found[3] else 1000) ** _POWERS[found[2]]
    return max(1, round(float(found[1]) * unit))


def memory_text(n_bytes: float) -> str:
    """Return an amount of memory as people write it.

    Example:
        >>> memory_text(4_000_000_000), memory_text(340_000_000)
        ('4 GB', '340 MB')
    """
    for power, name in ((3, "GB"), (2, "MB"), (1, "KB")):
        if n_bytes >= 1000**power:
            return f"{n_bytes / 1000**power:.3g} {name}"
    return f"{n_bytes:.0f} B"
