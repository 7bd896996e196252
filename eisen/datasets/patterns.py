"""File name patterns that know which part of a name is the case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from eisen._core.errors import ArgumentError
from eisen.datasets.folders import existing_folder

__all__ = ["Pattern"]

_PART = re.compile(r"\*\*/|\*|\?|\{case\}|\{|\}")


@dataclass(frozen=True)
class Pattern:
    """A pattern such as ``labels/*_seg.nii.gz``: which files it means, and what tells one case from another.

    Args:
        text: The pattern, relative to the folder of the data. ``{case}`` stands for the name of the case; in a pattern
            without it every ``*`` is part of the name. ``**/`` is any number of folders, ``?`` one character.

    Raises:
        ArgumentError: If it has neither ``*`` nor ``{case}``, or is absolute.

    Example:
        >>> Pattern("labels/*_seg.nii.gz").case_of("labels/p7_seg.nii.gz")
        'p7'
        >>> Pattern("{case}/*/T1_*.nii.gz").case_of("p7/2021/T1_b.nii.gz")
        'p7'
    """

    text: str

    def __post_init__(self) -> None:
        parts = _PART.findall(self.text)
        if not any(part in ("*", "{case}") for part in parts) or {"{", "}"} & set(parts) or self.text.startswith("/"):
            raise ArgumentError(
                f"the pattern {self.text!r} does not say which part of a file name is the case",
                expected="a path relative to data_dir with * or {case} in it, e.g. 'images/*.nii.gz'",
            )

    @property
    def n_letters(self) -> int:
        """How many characters of a file name the pattern fixes."""
        return len(_PART.sub("", self.text))

    def case_of(self, name: str) -> str | None:
        """Return the case that a file belongs to, or None if the pattern does not mean the file."""
        match = re.fullmatch(self._expression(), name)
        return None if match is None else match["case"] if "{case}" in self.text else "/".join(match.groups())

    def files_in(self, folder: Path) -> dict[str, str]:
        """Return the files of a folder that the pattern means, sorted, with their cases; hidden ones are left out.

        Raises:
            MissingFileError: If a folder that the pattern names is not there.
        """
        existing_folder(folder / _PART.split(self.text, maxsplit=1)[0].rpartition("/")[0])
        glob = self.text.replace("{case}", "*")
        names = sorted(path.relative_to(folder).as_posix() for path in folder.glob(glob) if path.is_file())
        cases = {name: self.case_of(name) for name in names if not any(p.startswith(".") for p in name.split("/"))}
        return {name: case for name, case in cases.items() if case is not None}

    def file_of(self, case: str) -> str:
        """Return what the file of a case would be called, for messages."""
        if "{case}" in self.text:
            return self.text.replace("{case}", case)
        parts = iter(case.split("/"))
        return re.sub(r"(?<!\*)\*(?!\*)", lambda _: next(parts, "*"), self.text)

    def _expression(self) -> str:
        """Return the regular expression for whole file names."""
        pieces, end, named = [], 0, False
        for part in _PART.finditer(self.text):
            pieces.append(re.escape(self.text[end : part.start()]))
            end = part.end()
            if part[0] == "{case}":
                pieces.append("(?P=case)" if named else "(?P<case>[^/]+)")
                named = True
            else:
                pieces.append({"**/": "(?:.*/)?", "*": "([^/]*)", "?": "[^/]"}[part[0]])
        return "".join([*pieces, re.escape(self.text[end:])])
