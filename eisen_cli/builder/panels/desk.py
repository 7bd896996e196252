"""What all fields of one panel share: the document, the findings, and what is known of the module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen.config.places import Place
from eisen_cli.builder.parts.names import known_names
from eisen_cli.builder.parts.values import UNSET, same

if TYPE_CHECKING:
    from eisen_cli.builder.document.checking import Finding
    from eisen_cli.builder.parts.catalogue import Catalogue
    from eisen_cli.builder.workspace import Workspace

__all__ = ["Desk"]


class Desk:
    """Reads and edits the document for the fields of a panel.

    Args:
        workspace: What the server works on.
        catalogue: What is known of modules.
        place: What the panel shows; it follows the module when that is moved.
    """

    def __init__(self, workspace: Workspace, catalogue: Catalogue, place: Place) -> None:
        self.workspace, self.catalogue, self.place = workspace, catalogue, place

    def at(self, inside: Place) -> Place:
        """Return the whole place of something inside of what the panel shows."""
        return (*self.place, *inside)

    def value(self, inside: Place) -> Any:
        """Return what stands there, or `UNSET`."""
        return self.workspace.document.value(self.at(inside), UNSET)

    def write(self, inside: Place, value: Any) -> None:
        """Set a value, or take it out when it is `UNSET`; nothing happens when it stands there already."""
        present = self.value(inside)
        if same(present, value):
            return
        if value is UNSET:
            self.workspace.document.unset(self.at(inside))
        else:
            self.workspace.document.set(self.at(inside), value)

    def do(self, edit: Callable[..., Any], *arguments: Any) -> None:
        """Make any other edit of the document."""
        edit(*arguments)

    def findings(self, inside: Place, *, below: bool) -> list[Finding]:
        """Return what is wrong with a place.

        Args:
            inside: The place.
            below: Whether what is wrong inside of it counts too.
        """
        place = self.at(inside)
        found = self.workspace.findings
        return [each for each in found if (each.place[: len(place)] if below else each.place) == place]

    def names(self) -> Sequence[str]:
        """Return the names of fields that are known where the module stands."""
        return known_names(self.catalogue, self.workspace.document.data, self.place)

    def shown_path(self, chosen: Path, *, is_data: bool) -> str:
        """Return a chosen path as the file should say it.

        Args:
            chosen: The whole path.
            is_data: Whether the module is told the data folder, so that names start there.
        """
        base = self.workspace.data_dir if is_data else None
        path = self.workspace.document.path
        if base is None and path is not None:
            base = path.parent.resolve()
        if base is not None and chosen.is_relative_to(base):
            return chosen.relative_to(base).as_posix() or "."
        return chosen.as_posix()
