"""Sphinx extension: a picture of every transform, rendered from its real code whenever the documentation is built."""

from __future__ import annotations

from typing import Any

__all__ = ["setup"]


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx; the pages must be there before those of the reference, which show the pictures too."""
    from gallery.pages import write_gallery

    app.connect("builder-inited", write_gallery, priority=400)
    return {"parallel_read_safe": True}
