"""The demonstration: phantoms, a training, an evaluation and a picture, without any download."""

from __future__ import annotations

__all__: list[str] = []
