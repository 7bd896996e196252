"""Where a module may go: which sections take it, and which places that are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eisen.config.places import Place, text_of
from eisen.config.sections import ALIASES, ALSO, SAME
from eisen_cli.builder.canvas.lanes import lanes_of, tabs_of

if TYPE_CHECKING:
    from eisen_cli.builder.parts.catalogue import Catalogue

__all__ = ["Roles", "Target", "role_of", "targets_of"]


@dataclass(frozen=True)
class Target:
    """A list that a module could be moved to.

    Args:
        place: Where the list stands.
        words: What a menu calls it.
    """

    place: Place
    words: str

    def as_dict(self) -> dict[str, str]:
        """Return the same as plain data."""
        return {"place": text_of(self.place), "words": self.words}


def role_of(section: Place) -> str:
    """Return the role of the modules in a section, whatever its spelling."""
    name = str(section[1]) if len(section) > 1 else ""
    return ALIASES.get(name, name)


class Roles:
    """Knows which sections a module may stand in.

    Args:
        catalogue: The modules that were found; None while it is being loaded.

    Example:
        >>> Roles(None).of("torch.optim.Adam", "Optimizer")
        ['Optimizer']
    """

    def __init__(self, catalogue: Catalogue | None) -> None:
        self._sections: dict[tuple[str, str], list[str]] = {}
        for section in catalogue.sections() if catalogue else ():
            for part in catalogue.parts(section) if catalogue else ():
                self._sections.setdefault((part.origin, part.name), []).append(section)

    def of(self, path: str, role: str) -> list[str]:
        """Return the roles that a module can have, the present one first.

        Args:
            path: Its dotted path; old spellings name the same class.
            role: The role it has now.
        """
        known = self._sections.get((path.partition(".")[0], path.rpartition(".")[2]), [])
        if not known:
            known = [other for other, source in SAME.items() if source == role or other == role]
            known += [SAME[role]] if role in SAME else [other for other, also in ALSO.items() if role in also]
        return list(dict.fromkeys([role, *known]))


def targets_of(data: Mapping[str, Any], section: Place, roles: list[str]) -> list[Target]:
    """Return the other lists that modules of some roles can go to: those of the same phase first.

    Args:
        data: The configuration.
        section: The list they stand in now.
        roles: What they can be.

    Example:
        >>> [target.words for target in targets_of({}, ("Training", "Metrics"), ["Metrics"])]
        ['Validation', 'Testing', 'Prediction']
        >>> targets_of({}, ("Training", "Readers"), ["Readers", "Transforms"])[0].words
        'Transforms'
    """
    phase, role = str(section[0]), role_of(section)
    lanes = [lane for tab in tabs_of(data) if tab.has_lanes for lane in lanes_of(data, tab.name)]
    fitting = [lane for lane in lanes if lane.kind == "modules" and lane.role in roles and lane.place != section]
    here = [Target(lane.place, lane.title) for lane in fitting if lane.place[0] == phase]
    return here + [
        Target(lane.place, str(lane.place[0])) for lane in fitting if lane.place[0] != phase and lane.role == role
    ]
