"""Names for result files; they are those that a store gives its cases."""

from __future__ import annotations

from eisen._core.case_names import case_names, listed_file, unique_names

__all__ = ["case_names", "listed_file", "unique_names"]
