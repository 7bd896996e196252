"""The catalogue: which modules each section can have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

from eisen.config.discover import discover
from eisen.config.locate import Unlocatable, locate_named, present_path
from eisen.config.others import holder_of, names_of_libraries
from eisen.config.sections import ALSO, SAME, SINGULAR
from eisen_cli.builder.parts.part import Part, part_of, unknown_part
from eisen_cli.builder.parts.search import found_in

__all__ = ["Catalogue", "load_catalogue"]

_FIRST = ("eisen", "torch", "torchvision", "monai", "torchio", "batchgeneratorsv2")


class Catalogue:
    """The modules that were found, by section; any other module can be asked for by its dotted path.

    Args:
        found: Dotted paths by section, as `eisen.config.discover` returns them.

    Example:
        >>> catalogue = Catalogue({"Optimizer": ["torch.optim.Adam", "torch.optim.SGD"]})
        >>> [part.name for part in catalogue.parts("Optimizer", "ada")]
        ['Adam']
        >>> catalogue.part("Optimizer", "torch.optim.Adam").field("lr").kind
        'number'
        >>> catalogue.part("Optimizer", "torch.optim.Adamm").is_known
        False
    """

    def __init__(self, found: Mapping[str, Sequence[str]]) -> None:
        self._found = {section: list(paths) for section, paths in found.items()}
        self._known: dict[tuple[str, str, bool], Part] = {}
        self._listed: dict[str, list[Part]] = {}
        self.has_libraries = False

    def add_libraries(self) -> None:
        """Offer the parts of torchvision, MONAI, TorchIO and batchgeneratorsv2 too, where they are installed.

        They are imported, which takes seconds; meanwhile other threads can go on with what is there.
        """
        found = {section: list(paths) for section, paths in self._found.items()}
        for path, (library, _) in names_of_libraries().items():
            found.setdefault(library.section, []).append(path)
        listed = {section: sorted(self._all(section, found), key=_order) for section in self.sections()}
        self._found, self._listed, self.has_libraries = found, listed, True

    def sections(self) -> list[str]:
        """Return the roles that modules can have, in the order of the contract."""
        return list(SINGULAR)

    def parts(self, section: str, search: str = "") -> list[Part]:
        """Return the modules of a section; with words to search for, those that have them all, the best first.

        Args:
            section: A section or role, e.g. ``"Transforms"``.
            search: Words, or the beginnings of words, of the name, path or first sentence; a dotted path also finds
                what is not in the catalogue.
        """
        if section not in self._listed:
            self._listed[section] = sorted(self._all(section, self._found), key=_order)
        parts = self._listed[section]
        if not search.strip():
            return list(parts)
        found = found_in(parts, search)
        if not found and "." in search.strip(". "):
            stranger = self.part(section, search.strip())
            return [stranger] if stranger.is_known else []
        return found

    def part(self, section: str, dotted_path: str, *, inside: bool = False) -> Part:
        """Return any module as a part of a section. A path that names nothing gives one that takes any parameter.

        Args:
            section: The section or role it stands in.
            dotted_path: Its dotted path; old names of the original Eisen work.
            inside: Whether it stands inside of an entry of its role, which has the wires for both.
        """
        path = present_path(dotted_path)
        key = (section, path, inside)
        if key not in self._known:
            try:
                thing = locate_named(path)
            except Unlocatable as error:  # not kept: it may be there the next time
                return unknown_part(section, dotted_path, error.what, error.expected)
            holder = "" if inside else holder_of(path)
            self._known[key] = part_of(section, path, thing, holder=holder, inside=inside)
        return self._known[key]

    def parts_inside(self, holder: str, role: str, search: str = "") -> list[Part]:
        """Return the modules that can stand inside of another one: those made for it first, if there are such.

        Args:
            holder: Dotted path of the module outside.
            role: The role of what stands inside, as its field says.
            search: Words to search for, as in `parts`.
        """
        known = self.parts(role, search)
        path = present_path(holder)
        meant = [part for part in known if part.holder == path]
        others = [part for part in known if not part.holder and part.path != path]
        is_step = any(part.holder == path for part in self.parts(role)) and role != "Datasets"
        return meant if is_step else [*meant, *others]

    def _all(self, section: str, found: Mapping[str, Sequence[str]]) -> Iterable[Part]:
        source = SAME.get(section, section)
        roles = (source, *ALSO.get(source, ()))
        paths = dict.fromkeys(path for role in roles for path in found.get(role, ()))
        return [part for part in map(self.part, repeat(section), paths) if part.is_known and not _is_old(part.path)]


def _is_old(path: str) -> bool:
    """Tell whether a class says of itself that it has another name now."""
    return "replaced_by" in getattr(locate_named(path), "__dict__", {})


def load_catalogue(imports: Sequence[str] = (), *, others: bool = True) -> Catalogue:
    """Find all modules. It imports libraries and takes seconds, so pages call it in a thread.

    Args:
        imports: Further packages of the user.
        others: Include the parts of torchvision, MONAI, TorchIO and batchgeneratorsv2. Without them it is quick.

    Raises:
        ConfigError: If a package of the user cannot be imported.
    """
    catalogue = Catalogue(discover(imports))
    if others:
        catalogue.add_libraries()
    for section in catalogue.sections():
        catalogue.parts(section)
    return catalogue


def _order(part: Part) -> tuple[int, str]:
    """Sort by package: the user's own first, then ours, then the libraries; inside of one by name."""
    rank = _FIRST.index(part.origin) + 1 if part.origin in _FIRST else 0
    return rank, part.name.lower()
