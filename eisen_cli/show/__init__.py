"""What people see: tables, progress and error cards, in colour on a terminal and as plain lines elsewhere."""

from __future__ import annotations

__all__: list[str] = []
