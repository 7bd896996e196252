"""What the cases of a data set have in one field: from the listing where it stands there, else by reading them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from eisen._core import random
from eisen._core.errors import DataError, EisenError, MissingFieldError, nearest

__all__ = ["case_values", "listed"]

_log = logging.getLogger(__name__)
_MANY = 100


def listed(dataset: Any, number: int) -> Mapping[str, Any]:
    """Return what a data set lists about a case, without reading it; nothing where that is not known.

    Args:
        dataset: Any data set.
        number: Number of the case, from 0. The result is for looking at only.

    Example:
        >>> from eisen.datasets import ListDataset
        >>> listed(ListDataset([{"age": 61}]), 0), listed(["no data set of ours"], 0)
        ({'age': 61}, {})
    """
    peek = getattr(dataset, "peek", None)
    case = peek(number) if callable(peek) else None
    return case if isinstance(case, Mapping) else {}


def case_values(dataset: Any, field: str) -> list[Any]:
    """Return what each case has in a field: a number, text, or True and False.

    Args:
        dataset: Any data set of dicts.
        field: Name of the field.

    Raises:
        MissingFieldError: If a case does not have it.
        DataError: If it holds more than one value, e.g. an image.

    Example:
        >>> from eisen.datasets import ListDataset
        >>> case_values(ListDataset([{"age": 61}, {"age": 47}]), "age")
        [61, 47]
    """
    n = len(dataset)
    if n and all(_is_value(listed(dataset, number).get(field)) for number in range(n)):
        return [_plain(listed(dataset, number)[field]) for number in range(n)]
    if n > _MANY:
        _log.warning("'%s' does not stand in the list of cases: reading all %d cases once", field, n)
    return [_read(dataset, number, field) for number in range(n)]


def _read(dataset: Any, number: int, field: str) -> Any:
    """Read one case, undisturbed by and not disturbing anybody's random numbers."""
    with random.sample(0, 0, number):
        case = dataset[number]
    name = dataset.case_name(number) if hasattr(dataset, "case_name") else f"#{number}"
    try:
        return _plain(case[field])
    except (KeyError, TypeError):
        names = list(case) if isinstance(case, Mapping) else []
        raise MissingFieldError(
            f"{name} has no field '{field}', which decides how often cases are drawn",
            expected=f"one of: {', '.join(names)}",
            to_do=nearest(field, names),
            case=name,
            field=field,
        ) from None
    except EisenError as error:
        raise error.note(case=name, field=field) from None


def _is_value(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool)) or getattr(value, "size", 0) == 1


def _plain(value: Any) -> Any:
    """Return the one value that something holds, as Python knows it."""
    if isinstance(value, (str, int, float, bool)):
        return value
    count = value.numel() if hasattr(value, "numel") else getattr(value, "size", None)
    if count == 1:
        return value.item() if hasattr(value, "item") else value
    kind = f"an array of shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
    raise DataError(
        f"the field holds {kind}",
        expected="one number or text per case",
        to_do="add the class of each case to the table or list of cases, and name that field",
    )
