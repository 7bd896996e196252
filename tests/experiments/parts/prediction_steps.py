"""Transforms for the tests of prediction."""

from __future__ import annotations


class FirstSlice:
    """Turns a volume of one slice into a picture."""

    def __call__(self, data):
        return {**data, "image": data["image"][..., 0]}
