"""Which fields the entries of a configuration read, make, change and remove; told before anything is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eisen._core.field_roles import Role, field_roles
from eisen.config import hints
from eisen.config.injection import holds_entries, holds_entry
from eisen.config.locate import Unlocatable, locate_named
from eisen.config.places import Place
from eisen.config.sections import WIRED
from eisen.config.signature import Parameter, signature_of

__all__ = ["FieldUse", "NamedField", "field_use"]


@dataclass(frozen=True)
class NamedField:
    """A field that an entry names.

    Args:
        field: Its name.
        role: What happens to it there, see `eisen._core.field_roles.Role`.
        inside: Where the name stands inside of the entry, e.g. ``("params", "fields", 0)``; empty when it is a default.
    """

    field: str
    role: Role
    inside: Place = ()


@dataclass(frozen=True)
class FieldUse:
    """What an entry does to fields.

    Args:
        named: The fields it names, in the order of the file.
        is_known: Whether these are all it touches; a class that declares no `field_roles` may do anything.
        is_certain: Whether it does that to every case; false for steps that are drawn by chance.
    """

    named: tuple[NamedField, ...] = ()
    is_known: bool = True
    is_certain: bool = True

    def fields(self, *roles: Role) -> list[str]:
        """Return the fields of some roles, each once.

        Example:
            >>> FieldUse((NamedField("image", "changes"), NamedField("mask", "reads"))).fields("reads")
            ['mask']
        """
        return list(dict.fromkeys(named.field for named in self.named if named.role in roles))


def field_use(entry: Any, section: str) -> FieldUse:
    """Tell what an entry does to fields, from its class and its parameters alone; nothing of it is built.

    Classes say so themselves, see `eisen._core.field_roles`; models, losses and metrics by the names they are given.
    Classes that say nothing count as unknown; their parameter `fields`, if it is a list of names, as changed.

    Args:
        entry: The entry as it stands in the file; it may be incomplete or wrong.
        section: The section it stands in.

    Example:
        >>> step = {"type": "eisen.transforms.RenameFields", "params": {"fields": ["t1"], "new_fields": ["image"]}}
        >>> field_use(step, "Transforms").fields("makes")
        ['image']
    """
    params = entry.get("params") if isinstance(entry, Mapping) else None
    if not isinstance(params, Mapping):
        return FieldUse(is_known=False)
    if section in WIRED:
        read = _named(params.get("input_names"), "reads", ("params", "input_names"))
        made = _named(params.get("output_names"), "makes", ("params", "output_names"))
        return FieldUse((*read, *made))
    try:
        thing = locate_named(str(entry.get("type")))
    except Unlocatable:  # which is noted elsewhere
        return FieldUse((*_named(params.get("fields"), "changes", ("params", "fields")),), is_known=False)
    return _of_class(thing, params, section)


def _of_class(thing: Any, params: Mapping[str, Any], section: str) -> FieldUse:
    roles, parameters = field_roles(thing), signature_of(thing).parameters
    if not roles:
        steps = [name for name, parameter in parameters.items() if hints.holds_steps(parameter.hint)]
        if steps:
            return _of_steps(params.get(steps[0]), steps[0], section, is_certain=list(parameters)[1:] == ["places"])
    inner = [*_inner(params, parameters, section)] if section == "Datasets" else []
    own = [named for name, role in roles.items() for named in _given(name, role, params, parameters)]
    if not roles and not inner and section != "Workflow":
        own = [*_named(params.get("fields"), "changes", ("params", "fields"))]
    is_known = section == "Workflow" or (bool(roles) and section != "Datasets" and _speaks_for_itself(thing))
    return FieldUse((*inner, *own), is_known)


def _speaks_for_itself(thing: Any) -> bool:
    """Tell whether a class declares all it does; one of somebody else may do more than its base says."""
    return str(getattr(thing, "__module__", "")).startswith("eisen.") or "field_roles" in vars(thing)


def _given(
    name: str, role: Role, params: Mapping[str, Any], parameters: Mapping[str, Parameter]
) -> Iterator[NamedField]:
    """Yield the fields that a parameter names; those of its default stand nowhere in the file."""
    if name in params:
        yield from _named(params[name], role, ("params", name))
    elif name in parameters and not parameters[name].required:
        yield from _named(parameters[name].default, role, ())


def _named(value: Any, role: Role, inside: Place) -> Iterator[NamedField]:
    if isinstance(value, str):
        value = [value]
        pairs: Any = [(None, value[0])]
    elif isinstance(value, Mapping):
        pairs = [(key, value[key] if role == "names" else key) for key in value]
    else:
        pairs = enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, field in pairs:
        if isinstance(field, str) and field:
            yield NamedField(field, role, inside if key is None or not inside else (*inside, key))


def _of_steps(steps: Any, name: str, section: str, *, is_certain: bool) -> FieldUse:
    """Return what steps inside of a step do, one after the other or drawn by chance."""
    uses = [field_use(step, section) for step in steps] if isinstance(steps, list) else []
    named = tuple(
        NamedField(each.field, each.role, ("params", name, index, *each.inside) if each.inside else ())
        for index, use in enumerate(uses)
        for each in use.named
    )
    return FieldUse(named, all(use.is_known for use in uses), is_certain and all(use.is_certain for use in uses))


def _inner(params: Mapping[str, Any], parameters: Mapping[str, Parameter], section: str) -> Iterator[NamedField]:
    """Yield what the data sets inside of a data set do."""
    for name, value in params.items():
        parameter = parameters.get(name)
        if holds_entry(parameter, value, section):
            items: list[tuple[Place, Any]] = [(("params", name), value)]
        elif holds_entries(parameter, value, section):
            items = [(("params", name, index), item) for index, item in enumerate(value)]
        else:
            continue
        for place, item in items:
            for named in field_use({"params": {}, **item}, section).named:
                yield NamedField(named.field, named.role, (*place, *named.inside) if named.inside else ())
