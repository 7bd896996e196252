"""The hyperparameters as fields: ``.BatchSize``, ``.Seed`` ... and the windows of ``.SlidingWindow``."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from functools import cache
from typing import Any, get_type_hints

from eisen.config import hints
from eisen.config.describe import describe
from eisen.config.experiment import Hyperparameters
from eisen.config.hyper import WORDS, expected_of
from eisen.config.sections import HYPER
from eisen.config.units import unit_of
from eisen.config.windows import WindowSettings
from eisen_cli.builder.parts.derive import quoted
from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.kinds import shape_of

__all__ = ["WINDOW", "hyper_fields", "problem_of", "window_fields"]

WINDOW = "SlidingWindow"
"""The hyperparameter that has many parameters instead of one value."""


@cache
def hyper_fields() -> tuple[FieldSpec, ...]:
    """Return the hyperparameters in the order of the contract, each by its name without the dot.

    Example:
        >>> [spec.name for spec in hyper_fields()[:3]], hyper_fields()[0].default
        (['BatchSize', 'NumWorkers', 'Workers'], 4)
    """
    made = _fields_of(Hyperparameters)
    names = {attribute: name for name, attribute in reversed(HYPER.items()) if name not in ("NumWorker", WINDOW)}
    ordered = sorted(names, key=list(HYPER.values()).index)
    return tuple(_named(made[attribute], names[attribute], WORDS[attribute]) for attribute in ordered)


@cache
def window_fields() -> tuple[FieldSpec, ...]:
    """Return the parameters of ``.SlidingWindow``.

    Example:
        >>> window_fields()[0].name, window_fields()[0].required
        ('window', True)
    """
    return tuple(_fields_of(WindowSettings).values())


class HyperField(FieldSpec):
    """The field of a hyperparameter, whose value has limits that its type does not say."""

    def problem(self, value: Any) -> str:
        """Return what was expected instead of a value; "" when it fits."""
        return problem_of(self.name, value)


def _named(spec: FieldSpec, name: str, words: str) -> FieldSpec:
    made = replace(spec, name=name, words=words, nullable=False, advanced=spec.name not in _FIRST)
    return HyperField(**{field.name: getattr(made, field.name) for field in fields(made)})


_FIRST = ("batch_size", "n_workers", "seed", "epochs", "device", "precision", "labels")
"""What nearly every experiment says; the others are folded."""


def _fields_of(settings: type) -> dict[str, FieldSpec]:
    """Return the fields of a class of settings by attribute."""
    types, helps = get_type_hints(settings), {p.name: p.doc for p in describe(settings).parameters}
    found = {}
    for field in fields(settings):
        hint, doc = hints.plain(types[field.name]), helps.get(field.name, "")
        shape = {"choices": (), **shape_of(hint)}
        default = None if field.default is MISSING else field.default
        is_number = shape["kind"] in ("number", "integer")
        found[field.name] = FieldSpec(
            field.name,
            words=hints.in_words(hint),
            default=default,
            required=field.default is MISSING,
            doc=doc,
            unit=unit_of(field.name, doc) if is_number else "",
            advanced=default is None and field.default is not MISSING,
            hint=hint,
            suggestions=quoted(doc) if shape["kind"] == "text" else (),
            **shape,
        )
    return found


def problem_of(name: str, value: Any) -> str:
    """Return what was expected of a hyperparameter; "" when the value is right.

    Example:
        >>> problem_of("BatchSize", 0), problem_of("BatchSize", 2)
        ('a whole number from 1', '')
    """
    return expected_of(HYPER[name], value)
