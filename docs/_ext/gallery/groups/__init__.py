"""The entries of the gallery, one module per group; a new transform gets one entry in one of them."""

from __future__ import annotations

from gallery.entry import Entry
from gallery.groups import (
    artefacts,
    chains,
    checks,
    convert,
    fields,
    intensity,
    labels,
    random_intensity,
    random_space,
    space,
)

__all__ = ["GROUPS", "all_entries"]

GROUPS = {
    "convert": convert,
    "fields": fields,
    "space": space,
    "intensity": intensity,
    "labels": labels,
    "random-space": random_space,
    "random-intensity": random_intensity,
    "artefacts": artefacts,
    "chains": chains,
    "checks": checks,
}
"""File name of a group's page to its module, which has TITLE, INTRODUCTION and ENTRIES."""


def all_entries() -> dict[str, Entry]:
    """Return the entries of all groups by the name of their transform."""
    return {entry.name: entry for group in GROUPS.values() for entry in group.ENTRIES}
