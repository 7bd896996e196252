"""Places at random: uniformly, balanced by label, or as a map of weights says."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from eisen._core.errors import ArgumentError, VoxelValueError
from eisen.patches.cutting.cases import CaseParts
from eisen.patches.where.planes import ClassPlanes, WeightPlanes
from eisen.patches.which.bitmask import Bitmask
from eisen.patches.which.sampling import Draw

__all__ = ["Balanced", "Uniform", "Weighted"]


class Uniform(Draw):
    """Draw places, all equally likely; those that a choice beside it leaves, if there is one.

    Example:
        >>> from eisen.patches import Anywhere, PatchDataset
        >>> case = {"image": np.zeros((1, 64, 64, 20))}
        >>> patches = PatchDataset([case], Anywhere([32, 32, 8]), Uniform(), n_per_case=5)
        >>> len(patches), patches[4]["image"].shape
        (5, (1, 32, 32, 8))
    """

    takes_choices: ClassVar[bool] = True

    def draw(self, case: CaseParts, turn: int, rng: np.random.Generator, among: Bitmask | None) -> int:  # noqa: ARG002
        """Return the number of a place."""
        if among is None:
            return int(rng.integers(len(case.places)))
        return among[int(rng.integers(len(among)))]


class Balanced(Draw):
    """Draw some patches around foreground and the others anywhere, so that small structures are seen often enough.

    For a patch around foreground a class is drawn, then one of its voxels, all equally likely; the patch is the one
    whose centre is nearest to it (at the rim of a case the voxel is not in the middle). The label map is read once to
    count its classes plane by plane; after that a draw reads a single plane.

    The share of patches around foreground is exact for each case, to within one patch: of 6 patches with
    ``foreground=0.5`` these are 3 in every epoch.

    Args:
        label: The field with the label map, one channel or none.
        foreground: Share of the patches around foreground, 0 to 1.
        classes: Label values that are foreground; None: all but 0 that the case has.
        ratios: How often each of the classes is drawn, relative to each other; None: equally often.
        if_none: What to do with a case without foreground: ``"anywhere"`` draws all its patches anywhere, with a
            warning that names the case; ``"error"`` raises.

    Raises:
        ArgumentError: If an argument is wrong.
        VoxelValueError: If a case has no foreground and `if_none` is "error" (when a patch is drawn).

    Source: Isensee et al. 2021, nnU-Net (oversampling of foreground).

    Example:
        >>> from eisen.patches import Anywhere, PatchDataset
        >>> label = np.zeros((1, 64, 64, 20), "uint8")
        >>> label[0, 50, 3, 11] = 1
        >>> patches = PatchDataset([{"label": label}], Anywhere([16, 16, 4]), Balanced(foreground=0.5), n_per_case=6)
        >>> sum(bool(patch["label"].any()) for patch in patches) >= 3
        True
    """

    def __init__(
        self,
        label: str = "label",
        foreground: float = 0.5,
        classes: Sequence[int] | None = None,
        ratios: Sequence[float] | None = None,
        if_none: Literal["anywhere", "error"] = "anywhere",
    ) -> None:
        if isinstance(foreground, bool) or not isinstance(foreground, (int, float)) or not 0 <= foreground <= 1:
            raise ArgumentError(f"Balanced: foreground is {foreground!r}", expected="a share from 0 to 1")
        if if_none not in ("anywhere", "error"):
            raise ArgumentError(f"Balanced: if_none is {if_none!r}", expected="'anywhere' or 'error'")
        self.label, self.foreground, self.if_none = str(label), float(foreground), if_none
        self.classes = _numbers("classes", classes, -math.inf)
        self.ratios = _numbers("ratios", ratios, 0)
        if self.ratios is not None and len(self.ratios) != len(self.classes or ()):
            raise ArgumentError(
                f"Balanced: ratios is {ratios!r} and classes is {classes!r}", expected="one ratio per class"
            )

    def draw(self, case: CaseParts, turn: int, rng: np.random.Generator, among: Bitmask | None) -> int:  # noqa: ARG002
        """Return the number of a place."""
        anywhere = int(rng.integers(len(case.places)))
        if not self._is_foreground(turn):
            return anywhere
        planes = case.remember(("classes", self.label), lambda: ClassPlanes(case, self.label))
        value = self._class(planes, rng)
        if value is None:
            self._nothing(case, planes)
            return anywhere
        return case.places.nearest(planes.draw(case, value, rng), rng)

    def _is_foreground(self, turn: int) -> bool:
        """Spread the share evenly over the patches of a case, the first of them around foreground."""
        share = self.foreground
        return math.ceil((turn + 1) * share - 1e-9) > math.ceil(turn * share - 1e-9)

    def _class(self, planes: ClassPlanes, rng: np.random.Generator) -> float | None:
        """Draw a class that the case has."""
        wanted = self.classes if self.classes is not None else tuple(float(c) for c in planes.classes if c != 0)
        ratios = self.ratios or (1.0,) * len(wanted)
        present = [(value, ratio) for value, ratio in zip(wanted, ratios, strict=True) if planes.count(value)]
        if not present:
            return None
        ends = np.cumsum([ratio for _, ratio in present])
        return present[min(int(np.searchsorted(ends, rng.random() * ends[-1], "right")), len(present) - 1)][0]

    def _nothing(self, case: CaseParts, planes: ClassPlanes) -> None:
        wanted = "any label" if self.classes is None else "/".join(f"{value:g}" for value in self.classes)
        what = f"'{self.label}' of case {case.name} has no voxel of {wanted}"
        if self.if_none == "error":
            raise VoxelValueError(
                what,
                expected="at least one voxel of foreground in every case",
                to_do='leave the case out with Cases([...], exclude=True), or use if_none="anywhere"',
                case=case.name,
                field=self.label,
            )
        if not getattr(planes, "warned", False):
            planes.warned = True  # type: ignore[attr-defined]
            warnings.warn(f"{what}: its patches are cut anywhere", UserWarning, stacklevel=2)


class Weighted(Draw):
    """Draw patches around voxels, each voxel as likely as a map says: a probability map, or distances to a border.

    The patch is the one whose centre is nearest to the voxel. The map is read once to add up its planes; after that a
    draw reads a single plane.

    Args:
        field: The map, on the grid of the image; no weight is negative. Weights of several channels are added.

    Raises:
        VoxelValueError: If a weight is negative or not finite, or all are 0 (when a patch is drawn).

    Example:
        >>> from eisen.patches import Anywhere, PatchDataset
        >>> weights = np.zeros((1, 20, 20))
        >>> weights[0, 10, 7] = 1
        >>> patches = PatchDataset([{"weights": weights}], Anywhere(5), Weighted("weights"), n_per_case=3)
        >>> patches[0]["patch_region"]
        ((8, 13), (5, 10))
    """

    def __init__(self, field: str = "weights") -> None:
        self.field = str(field)

    def draw(self, case: CaseParts, turn: int, rng: np.random.Generator, among: Bitmask | None) -> int:  # noqa: ARG002
        """Return the number of a place."""
        planes = case.remember(("weights", self.field), lambda: WeightPlanes(case, self.field))
        return case.places.nearest(planes.draw(case, rng), rng)


def _numbers(name: str, values: Any, above: float) -> tuple[float, ...] | None:
    if values is None:
        return None
    try:
        numbers = () if isinstance(values, str) else tuple(float(value) for value in values)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not all(math.isfinite(number) and number > above for number in numbers):
        words = "positive numbers" if above == 0 else "label values"
        raise ArgumentError(f"Balanced: {name} is {values!r}", expected=f"a list of {words}")
    return numbers
