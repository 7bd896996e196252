"""What parameters with names of fields mean, so that the way of a field can be told before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["Role", "field_roles"]

Role = Literal["reads", "locates", "changes", "makes", "names", "removes", "keeps"]
"""What a step does to the fields that a parameter names.

``reads``: looks at them. ``locates``: takes their geometry only, ``<field>_meta``. ``changes``: replaces their values.
``makes``: adds them, or overwrites what was there. ``names``: the same, the names being the values of a mapping.
``removes``: drops them. ``keeps``: drops all others.
"""


def field_roles(cls: Any) -> dict[str, Role]:
    """Return the roles that a class and its bases declare in the attribute `field_roles`: parameter to role.

    A class names what it has beyond its bases; its own word goes first.

    Example:
        >>> from eisen.transforms import ZScoreNormalization
        >>> field_roles(ZScoreNormalization)
        {'fields': 'changes', 'mask': 'reads'}
    """
    roles: dict[str, Role] = {}
    for base in reversed(getattr(cls, "__mro__", ())):
        declared = vars(base).get("field_roles")
        roles |= declared if isinstance(declared, Mapping) else {}
    return roles
