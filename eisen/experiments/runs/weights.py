"""Comparing saved weights byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eisen._core.errors import EisenError
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.checkpoint import load_weights
from eisen.experiments.provenance.digests import is_array
from eisen.experiments.provenance.state_digest import weights_digest

__all__ = ["WeightsPair", "compare_run_weights", "compare_weights"]


@dataclass(frozen=True)
class WeightsPair:
    """The weights of two models, compared.

    Args:
        which: Which weights, e.g. ``"best"`` or ``"final"``.
        n_weights: How many tensors there are.
        different: Names of those that are not equal byte for byte.
        largest: The largest difference between two numbers; None when shapes or names differ, or nothing does.
        where: The tensor it is in.

    Example:
        >>> print(WeightsPair("best", 12, (), None, ""))
        best: 12 tensors, identical
    """

    which: str
    n_weights: int
    different: tuple[str, ...]
    largest: float | None = None
    where: str = ""

    @property
    def identical(self) -> bool:
        """True when every byte is equal."""
        return not self.different

    def __str__(self) -> str:
        if self.identical:
            return f"{self.which}: {self.n_weights} tensors, identical"
        count = f"{self.which}: {len(self.different)} of {self.n_weights} tensors are different"
        if self.largest is None:
            return f"{count}: {', '.join(self.different[:3])}"
        return f"{count}, by at most {self.largest:.3g} in {self.where}"


def compare_weights(which: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> WeightsPair:
    """Compare two models tensor by tensor.

    Args:
        which: What to call them.
        first: Weights by name.
        second: Weights by name.

    Example:
        >>> import torch
        >>> print(compare_weights("best", {"w": torch.zeros(2)}, {"w": torch.tensor([0.0, 0.5])}))
        best: 1 of 1 tensors are different, by at most 0.5 in w
    """
    names = list({**first, **second})
    different = tuple(name for name in names if not _equal(first.get(name), second.get(name)))
    sizes = {name: _distance(first.get(name), second.get(name)) for name in different}
    known = {name: size for name, size in sizes.items() if size is not None}
    if not known or len(known) < len(sizes):
        odd = tuple(name for name in different if sizes[name] is None)
        return WeightsPair(which, len(names), (*odd, *known))
    where = max(known, key=lambda name: known[name])
    return WeightsPair(which, len(names), different, known[where], where)


def compare_run_weights(first: Path, second: Path, digests: Mapping[str, str]) -> list[WeightsPair]:
    """Compare the best and the final weights of two artifact folders.

    Args:
        first: The folder of the original run.
        second: The folder of the other one.
        digests: ``weights_digest`` of the original's record; used where its files were deleted.
    """
    found = []
    for which in ("best", "final"):
        ours, theirs = _state(first, which), _state(second, which)
        if theirs is None:
            continue
        if ours is not None:
            found.append(compare_weights(which, ours, theirs))
        elif which in digests:
            same = weights_digest(theirs) == digests[which]
            found.append(WeightsPair(which, len(theirs), () if same else tuple(theirs)))
    return found


def _state(folder: Path, which: str) -> Mapping[str, Any] | None:
    artifacts = Artifacts(folder)
    try:
        state = load_weights(artifacts.best if which == "best" else artifacts.checkpoint)
    except EisenError:
        return None
    return state if which == "best" else state.get("model")


def _equal(first: Any, second: Any) -> bool:
    if first is None or second is None:
        return first is second
    return weights_digest({"": first}) == weights_digest({"": second})


def _distance(first: Any, second: Any) -> float | None:
    """Return the largest difference of two tensors; None when they cannot be subtracted."""
    if not is_array(first) or not is_array(second) or tuple(first.shape) != tuple(second.shape):
        return None
    import torch

    difference = (first.to(torch.float64) - second.to(torch.float64)).abs()
    return float(difference.nan_to_num(float("inf")).max())
