"""What else is known about cases, from a table: sex, age, scanner, site."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from eisen._core.errors import CorruptFileError

__all__ = ["read_attributes"]


def read_attributes(path: str | os.PathLike[str]) -> dict[str, dict[str, str]]:
    r"""Read a table with a row per case.

    Args:
        path: A CSV file with a head line, separated by commas, semicolons or tabs. The column ``case`` names the case;
            without it, the first column.

    Raises:
        CorruptFileError: If it is no such table, or has two rows for a case.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "patients.csv"
        >>> _ = path.write_text("case;sex;age\np7;f;61\n", encoding="utf-8")
        >>> read_attributes(path)
        {'p7': {'sex': 'f', 'age': '61'}}
    """
    text = Path(path).read_text(encoding="utf-8-sig")
    head = text.partition("\n")[0]
    rows = list(csv.DictReader(text.splitlines(), delimiter=max(",;\t", key=head.count)))
    names = list(rows[0]) if rows else []
    if len(names) < 2:
        raise CorruptFileError(
            f"{path} is no table of attributes",
            expected="a head line such as case,sex,age and a row per case",
            file=str(path),
        )
    key = next((name for name in names if name and name.strip().lower() == "case"), names[0])
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        case = (row[key] or "").strip()
        if case in found:
            raise CorruptFileError(f"{path} has two rows for the case {case!r}", file=str(path))
        found[case] = {name.strip(): (row[name] or "").strip() for name in names if name and name != key}
    return found
