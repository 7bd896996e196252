"""The old name of `eisen.datasets.abcs`, for scripts written for the first versions of Eisen."""

from __future__ import annotations

from typing import Any

from eisen._core.legacy import resolve_attribute

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    return resolve_attribute(__name__, name)
