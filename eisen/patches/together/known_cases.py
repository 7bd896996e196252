"""What is known beforehand about the cases that patches come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from eisen._core.errors import ArgumentError
from eisen._core.types import Geometry

__all__ = ["Known", "KnownCases"]


class Known(NamedTuple):
    """What is known about one case.

    Args:
        shape: Its spatial shape.
        name: What people call it.
        geometry: Where its voxels are; None: not known.
    """

    shape: tuple[int, ...]
    name: str
    geometry: Geometry | None = None


class KnownCases:
    """Shape, geometry and number of patches of each case, from a data set of patches or from tables.

    Args:
        cases: A `PatchDataset`; or the spatial shapes: a list, a dict, or a function of the number.
        n_patches: How many patches each case has: a number for all, a list, a dict, or a function; None: what the data
            set says.

    Raises:
        ArgumentError: If nothing tells the shapes.

    Example:
        >>> known = KnownCases([(10, 12)], n_patches=6)
        >>> known.of(0), known.n_patches(0)
        (Known(shape=(10, 12), name='#0', geometry=None), 6)
    """

    def __init__(self, cases: Any, n_patches: Any = None) -> None:
        self._dataset = cases if hasattr(cases, "open") and hasattr(cases, "patches_of") else None
        self._shape = None if self._dataset is not None else _lookup(cases)
        self._n_patches = self._counted if n_patches is None else _lookup(n_patches)

    def of(self, case: int) -> Known:
        """Return what is known about a case; a data set that reads cases whole may have to read it.

        Raises:
            ArgumentError: If there is no such case.
        """
        try:
            if self._shape is not None:
                return Known(tuple(int(n) for n in self._shape(case)), f"#{case}")
            parts: Any = self._dataset.open(case)  # type: ignore[union-attr]
        except (KeyError, IndexError) as error:
            raise ArgumentError(
                f"a patch is of case {case}, whose shape is not known",
                expected="patches of the cases that the assembler was made for",
            ) from error
        return Known(parts.shape, parts.name, _geometry(parts.rest.values(), parts.shape))

    def n_patches(self, case: int) -> int | None:
        """Return how many patches a case has; None: that is not known."""
        count = self._n_patches(case)
        return None if count is None else int(count)

    def _counted(self, case: int) -> int | None:
        return None if self._dataset is None else len(self._dataset.patches_of(case))


def _geometry(values: Iterable[Any], shape: tuple[int, ...]) -> Geometry | None:
    """Return the first geometry that is one of this shape; a picture may have an axis of one voxel there."""
    sizes = [n for n in shape if n > 1]
    return next((v for v in values if isinstance(v, Geometry) and [n for n in v.shape if n > 1] == sizes), None)


def _lookup(values: Any) -> Callable[[int], Any]:
    """Return a function of the number of a case."""
    if callable(values):
        function: Callable[[int], Any] = values
        return function
    if isinstance(values, int):
        return lambda _: values
    if not hasattr(values, "__getitem__") or isinstance(values, str):
        raise ArgumentError(
            f"the cases are given as {type(values).__name__}",
            expected="a data set of patches, or a list, dict or function of the shapes",
        )
    return lambda case: values[case]
