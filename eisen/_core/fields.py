"""The base of everything that works on fields of a data point: readers, writers and transforms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from eisen._core.errors import ArgumentError, EisenError, MissingFieldError, StepError, nearest
from eisen._core.field_roles import Role
from eisen._core.types import DataPoint

__all__ = ["DataStep", "FieldStep", "checked_fields", "missing_field", "shapes_of"]


class DataStep(ABC):
    """A step from a data point to a new data point; what fails inside becomes an error card.

    A child implements `transform`, and says in `field_roles` which of its parameters name fields.
    """

    field_roles: ClassVar[Mapping[str, Role]] = {}
    """Parameters that name fields, and what the step does to these; those of the bases need not be repeated."""

    @abstractmethod
    def transform(self, data: DataPoint) -> DataPoint:
        """Return the new data point. `data` is a private copy of the dict; its values are shared."""

    def __call__(self, data: DataPoint) -> DataPoint:
        """Return a new data point; the one that came in is not changed."""
        name = type(self).__name__
        try:
            return self.transform(dict(data))
        except EisenError as error:
            error.note(step=name, shapes=shapes_of(data))
            raise
        except Exception as error:
            what = f"{name} failed: {type(error).__name__}: {error}"
            raise StepError(what, step=name, shapes=shapes_of(data)) from error

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in vars(self).items() if not key.startswith("_"))
        return f"{type(self).__name__}({settings})"


class FieldStep(DataStep):
    """A step that does the same to each of its fields. It owns the dictionary, so its children need not.

    The data point that comes in is never changed: a new dict goes out that shares the values the step did not
    touch. A child implements `apply`.

    Args:
        fields: Names of the fields to work on.
    """

    fields: list[str]
    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "changes"}

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = checked_fields(fields, type(self).__name__)

    @abstractmethod
    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the new entries for one field, at least ``{field: value}``.

        Args:
            field: Name of the field; it is certain to be in `data`.
            data: The data point with the entries of the fields done so far. Not to be changed.
        """

    def transform(self, data: DataPoint) -> DataPoint:
        """Apply the step to its fields, one after the other."""
        return self.each_field(data, self.apply)

    def each_field(self, data: DataPoint, apply: Callable[[str, DataPoint], DataPoint]) -> DataPoint:
        """Update `data` with what `apply` returns for each field; what fails becomes an error card.

        Args:
            data: The data point, private to the step.
            apply: Function with the signature of `apply`, for steps that bind drawn parameters to it.
        """
        for field in self.fields:
            if field not in data:
                raise missing_field(field, data, type(self).__name__)
            try:
                data.update(apply(field, data))
            except EisenError as error:
                error.note(field=field)
                raise
            except Exception as error:
                what = f"{type(self).__name__} failed: {type(error).__name__}: {error}"
                raise StepError(what, field=field, shapes=shapes_of(data)) from error
        return data


def checked_fields(fields: Any, owner: str) -> list[str]:
    """Return the field names as a list, or say what is wrong with them."""
    if isinstance(fields, str) or not isinstance(fields, Sequence) or not all(isinstance(f, str) for f in fields):
        raise ArgumentError(
            f"{owner}: fields is {fields!r}",
            expected="a list of field names, e.g. ['image', 'label']",
            to_do=f"write fields=[{fields!r}]" if isinstance(fields, str) else "name the fields as strings",
        )
    return list(fields)


def missing_field(field: str, data: Mapping[str, Any], step: str) -> MissingFieldError:
    """Return the error for a field that a data point does not have."""
    present = [name for name in data if isinstance(name, str)]
    return MissingFieldError(
        f"{step} needs the field '{field}', which the data point does not have",
        expected=f"one of: {', '.join(present) or '(the data point is empty)'}",
        to_do=nearest(field, present) or "change the fields of the step, or add a step before it that makes the field",
        step=step,
        field=field,
        shapes=shapes_of(data),
    )


def shapes_of(data: Mapping[str, Any]) -> str:
    """Return the shapes of all arrays in a data point as one line.

    Example:
        >>> import numpy as np
        >>> shapes_of({"image": np.zeros((1, 4, 4), "float32"), "name": "a"})
        'image (1, 4, 4) float32'
    """
    parts = [
        f"{name} {tuple(value.shape)} {getattr(value, 'dtype', '')}".rstrip()
        for name, value in data.items()
        if hasattr(value, "shape") and not name.endswith(("_meta", "_affines"))
    ]
    return ", ".join(parts)
