"""A module that can be dropped into a section, with its fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from eisen._core.field_roles import field_roles
from eisen.config.describe import ModuleInfo, describe
from eisen.config.injection import injected_inside, injected_names, settings_of
from eisen.config.others import entry_place
from eisen.config.sections import WIRED
from eisen.config.signature import Parameter, signature_of
from eisen_cli.builder.parts.derive import field_of, setting_field, wire_fields
from eisen_cli.builder.parts.fields import FieldSpec

__all__ = ["Part", "part_of", "unknown_part"]

_SECTIONS_OF_TEXT = re.compile(r"^(Args|Arguments|Parameters|Examples?|Returns|Raises|Shape|Note):", re.M)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class Part:
    """A module of the catalogue.

    Args:
        path: Its dotted path.
        name: The last part of it.
        section: The section it is offered in.
        summary: Its first sentence.
        doc: Its whole docstring.
        origin: The package it is from, e.g. ``"eisen"``, ``"torch"``, ``"monai"``.
        fields: Its parameters; those that the program fills in are not among them.
        filled: The parameters that the program fills in, for files that say them nevertheless.
        open: Whether it takes further parameters.
        is_known: Whether its class was found; if not, it takes any parameter.
        why: Why it was not found, and what would have been right.
        holder: Dotted path of the class that it stands inside of, e.g. a step that runs transforms of other libraries.
        place: The parameter of the holder that it stands in; ends with "[]" where that is a list.
    """

    path: str
    name: str
    section: str
    summary: str = ""
    doc: str = ""
    origin: str = ""
    fields: tuple[FieldSpec, ...] = ()
    filled: tuple[FieldSpec, ...] = ()
    open: bool = False
    is_known: bool = True
    why: tuple[str, str] = ("", "")
    holder: str = ""
    place: str = ""

    @property
    def about(self) -> str:
        """The docstring up to its lists of arguments and examples."""
        return _SECTIONS_OF_TEXT.split(self.doc, maxsplit=1)[0].strip()

    @property
    def words(self) -> str:
        """The name with blanks between its words, in lower case, for the search."""
        return " ".join(_WORDS.findall(self.name)).lower()

    def field(self, name: str) -> FieldSpec | None:
        """Return the field of a parameter, those that the program fills in included."""
        return next((spec for spec in (*self.fields, *self.filled) if spec.name == name), None)

    def new_entry(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """Return the entry that dropping the module adds; a module that needs a step around it brings the step.

        Its wires and its other required names are filled; the other required parameters are for the user to say.

        Args:
            names: The fields it shall read, e.g. those that are there in the phase. None: usual names.

        Example:
            >>> from eisen_cli.builder.parts.catalogue import Catalogue
            >>> Catalogue({}).part("Losses", "torch.nn.L1Loss").new_entry(["logits", "label"])["params"]
            {'input_names': ['logits', 'label'], 'output_names': ['l1']}
        """
        from eisen_cli.builder.parts.wires import own_entry

        entry = own_entry(self, list(names))
        if not self.holder:
            return entry
        parameter = self.place.removesuffix("[]")
        params = {parameter: [entry] if self.place.endswith("[]") else entry}
        outside = part_of(self.section, self.holder)
        around = own_entry(outside, list(names))
        order = [spec.name for spec in outside.fields if spec.name in {*around["params"], parameter}]
        return {"type": self.holder, "params": {name: {**around["params"], **params}[name] for name in order}}


def part_of(section: str, path: str, thing: Any = None, *, holder: str = "", inside: bool = False) -> Part:
    """Describe a class or function as a part.

    Args:
        section: Its role.
        path: Its dotted path.
        thing: The class, if it is at hand.
        holder: The class of ours that it has to stand inside of.
        inside: Whether it stands inside of an entry of its role, which has the wires for both.
    """
    from eisen.config.locate import locate_named

    thing = locate_named(path) if thing is None else thing
    info = describe(thing, path)
    fields, filled = _fields(section, thing, info, inside or (bool(holder) and section == "Datasets"))
    place = entry_place(locate_named(holder)) if holder else None
    is_list = place is not None and place.many
    return Part(
        path,
        path.rpartition(".")[2],
        section,
        info.summary,
        info.doc,
        path.partition(".")[0],
        fields,
        filled,
        info.open,
        holder=holder,
        place=f"{place.name}{'[]' * is_list}" if place else "",
    )


def unknown_part(section: str, path: str, what: str, expected: str) -> Part:
    """Return a part for a dotted path that names nothing; it takes any parameter, so a page can show them all."""
    return Part(path, path.rpartition(".")[2] or path, section, open=True, is_known=False, why=(what, expected))


def _fields(
    section: str, thing: Any, info: ModuleInfo, inside: bool
) -> tuple[tuple[FieldSpec, ...], tuple[FieldSpec, ...]]:
    """Return the fields of a class, and those of the parameters that the program fills in."""
    signature = signature_of(thing)
    given = set(injected_names(section, signature, {}))
    given |= set(injected_inside(section, {"data_dir": ""})) if inside else set()
    wires = wire_fields() if section in WIRED and not inside else ()
    names, roles = {spec.name for spec in wires}, field_roles(thing)
    every = [
        field_of(signature.parameters[parameter.name], parameter, section, roles)
        for parameter in info.parameters
        if parameter.name not in names
    ]
    seen = [spec for spec in every if spec.name not in given and _can_be_said(spec, signature.parameters[spec.name])]
    filled = [replace(spec, required=False, advanced=True, filled=True) for spec in every if spec not in seen]
    numbers = [spec for spec in filled if spec.name in given and spec.kind in ("number", "integer")]
    settings = [setting_field(name, hint) for name, hint in settings_of(section, signature).items()]
    return (*wires, *_folded(seen), *numbers, *settings), tuple(spec for spec in filled if spec not in numbers)


def _can_be_said(spec: FieldSpec, parameter: Parameter) -> bool:
    """Tell whether a file can say anything for a parameter: modules, or values that JSON has."""
    return spec.kind in ("entry", "entries") or (parameter.expressible and not parameter.opaque)


_MOST = 8
"""So many parameters that can be left out are shown at first; what comes behind them is folded."""


def _folded(fields: list[FieldSpec]) -> list[FieldSpec]:
    optional = [spec for spec in fields if not spec.required and not spec.advanced]
    return [replace(spec, advanced=True) if spec in optional[_MOST:] else spec for spec in fields]
