"""Cases that were classified: a score per class and case, and the true classes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import cached_property
from typing import Any, Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ShapeError, VoxelValueError
from eisen._core.types import Array

__all__ = ["Needs", "ScorePair", "pieces"]

_T = TypeVar("_T")
_AT_A_TIME = 2**18
_SUM_TOLERANCE = 1e-2  # rows of half-precision softmax outputs differ from 1 by up to some thousandths

Needs = Literal["decisions", "scores", "probabilities"]
"""What a metric is computed from: the class that was decided for, any scores that rank, or probabilities."""


class ScorePair:
    """Scores of a classifier, and the true classes of the same cases; or of the voxels of a probability map.

    Args:
        scores: Of N cases and C classes, (N, C), best probabilities that add up to 1 (softmax); or (N,), the
            probability of class 1 where there are two. Logits serve for metrics of decisions between columns and for
            ranking; metrics that need probabilities say so. None: there are only decisions.
        classes: True classes (N,), from 0.
        predicted: Decisions (N,); None: the class with the largest score, for (N,) scores whether it is above 0.5.
        n_classes: How many classes there are; needed only where neither scores nor classes tell.

    Raises:
        ShapeError: If the shapes do not belong together.
        VoxelValueError: If classes are not whole numbers from 0 to the number of classes minus 1.

    Example:
        >>> pair = ScorePair(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]), np.array([0, 1, 1]))
        >>> pair.predicted.tolist(), pair.confusion.tolist()
        ([0, 1, 0], [[1, 0], [1, 1]])
    """

    def __init__(
        self,
        scores: Array | None,
        classes: Array,
        predicted: Array | None = None,
        n_classes: int | None = None,
    ) -> None:
        self.classes = _whole(classes, "classes")
        self._columns = [] if scores is None else _columns(np.asarray(scores))
        self._predicted = None if predicted is None else _whole(predicted, "predicted classes")
        self._check_lengths(scores)
        given = (self.classes, self._predicted)
        largest = max((int(values.max()) for values in given if values is not None and values.size), default=0)
        self.n_classes = max(2, n_classes or 0, len(self._columns) or largest + 1)
        if largest >= self.n_classes:
            raise VoxelValueError(f"there is a class {largest}", expected=f"classes from 0 to {self.n_classes - 1}")
        self._kept: dict[Hashable, Any] = {}

    @classmethod
    def of_maps(cls, scores: Array, labels: Array, mask: Array | None = None) -> Self:
        """Return the voxels of a probability map as cases; no copy is made of whole maps in C order.

        Args:
            scores: Probability of label 1, in the shape of the label map; or of each label, classes first.
            labels: True label of each voxel.
            mask: Where to look, of the shape of the label map; None: everywhere.

        Raises:
            ShapeError: If the shapes do not belong together.

        Example:
            >>> pair = ScorePair.of_maps(np.array([[0.9, 0.2]]), np.array([[1, 0]]), mask=np.array([[1, 0]]))
            >>> pair.n, pair.classes.tolist()
            (1, [1])
        """
        scores, labels = np.asarray(scores), np.asarray(labels)
        is_one = scores.shape == labels.shape
        fits = (is_one or scores.shape[1:] == labels.shape) and (mask is None or np.shape(mask) == labels.shape)
        if not fits:
            raise ShapeError(
                f"scores of shape {scores.shape}, labels of {labels.shape}"
                + ("" if mask is None else f", a mask of {np.shape(mask)}"),
                expected="scores of the shape of the labels, or with the classes as one more axis in front",
            )
        inside = None if mask is None else np.asarray(mask) != 0
        maps = [scores] if is_one else list(scores)
        columns = [each.reshape(-1) if inside is None else each[inside] for each in maps]
        flat = labels.reshape(-1) if inside is None else labels[inside]
        made = cls(None, flat, n_classes=2 if is_one else len(columns))
        made._columns = [_floats(column) for column in columns]
        return made

    @property
    def n(self) -> int:
        """How many cases."""
        return len(self.classes)

    @property
    def has_scores(self) -> bool:
        """Whether there are scores, not only decisions."""
        return bool(self._columns)

    def scores_of(self, class_: int) -> Array:
        """Return the probability of a class, per case.

        Args:
            class_: The class.
        """
        if len(self._columns) > 1:
            return self._columns[class_]
        return self._columns[0] if class_ == 1 else 1 - self._columns[0]

    @cached_property
    def predicted(self) -> Array:
        """The class that was decided for, per case."""
        return self.likeliest if self._predicted is None else self._predicted

    @property
    def likeliest(self) -> Array:
        """The class with the largest score, per case, whatever was decided for."""
        return self._decided[0]

    @cached_property
    def confidence(self) -> Array:
        """The score of the likeliest class, per case."""
        return self._decided[1]

    @cached_property
    def confusion(self) -> npt.NDArray[np.int64]:
        """How often each true class (rows) was taken for each class (columns)."""
        n = self.n_classes
        table = np.zeros(n * n, np.int64)
        for true, predicted in pieces(self.classes, self.predicted):
            table += np.bincount(true.astype(np.intp) * n + predicted, minlength=n * n)
        return table.reshape(n, n)

    def sorted_scores(self, class_: int) -> tuple[Array, Array]:
        """Return the scores of the cases that are of a class, and of those that are not, each ascending.

        Args:
            class_: The class; larger scores speak for it.
        """
        scores = -self._columns[0] if class_ == 0 and len(self._columns) == 1 else self.scores_of(class_)
        is_class = self.classes == class_
        return self.remember(("sorted", class_), lambda: (np.sort(scores[is_class]), np.sort(scores[~is_class])))

    def against_rest(self, class_: int) -> ScorePair:
        """Return one class against all others: two classes, of which 1 is the class.

        Args:
            class_: The class.
        """
        if class_ == 1 and self.n_classes == 2:
            return self
        scores = self.scores_of(class_) if self._columns else None
        known = self._predicted is not None or len(self._columns) != 1 or self._is_within_0_1
        decided = (self.predicted == class_).view(np.uint8) if known else None
        return ScorePair(scores, (self.classes == class_).view(np.uint8), decided, n_classes=2)

    def lack_of(self, needs: Needs) -> str:
        """Return why metrics that need something have no value; "" where they have one.

        Args:
            needs: What is needed.
        """
        if not self.n:
            return "there are no cases"
        if needs == "decisions" and self._predicted is not None:
            return ""
        return self._bad_scores or (self._not_probabilities if self._asks_for_probabilities(needs) else "")

    def remember(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return what was made for a key before, or make it.

        Args:
            key: Of what several metrics share.
            make: Makes it.
        """
        if key not in self._kept:
            self._kept[key] = make()
        kept: _T = self._kept[key]
        return kept

    def _asks_for_probabilities(self, needs: Needs) -> bool:
        return needs == "probabilities" or (needs == "decisions" and len(self._columns) == 1)

    @cached_property
    def _bad_scores(self) -> str:
        if not self._columns:
            return "there are decisions only, no scores"
        n_bad = sum(int(np.count_nonzero(~np.isfinite(part))) for c in self._columns for (part,) in pieces(c))
        return f"{n_bad} scores are NaN or infinite" if n_bad else ""

    @cached_property
    def _is_within_0_1(self) -> bool:
        return all(c.min(initial=0) >= 0 and c.max(initial=1) <= 1 for c in self._columns)

    @cached_property
    def _not_probabilities(self) -> str:
        if not self._is_within_0_1:
            low, high = min(float(c.min()) for c in self._columns), max(float(c.max()) for c in self._columns)
            return f"scores from {low:.4g} to {high:.4g} are no probabilities: apply a softmax or a sigmoid first"
        if len(self._columns) == 1:
            return ""
        far = max(float(np.abs(sum(parts, np.zeros(1)) - 1).max()) for parts in pieces(*self._columns))
        return f"the scores of a case do not add up to 1, but {far:.3g} off: apply a softmax first" * (
            far > _SUM_TOLERANCE
        )

    @cached_property
    def _decided(self) -> tuple[Array, Array]:
        if len(self._columns) == 1:
            scores = self._columns[0]
            return (scores > 0.5).view(np.uint8), np.maximum(scores, 1 - scores)
        best = self._columns[0].copy()
        decided = np.zeros(self.n, np.min_scalar_type(self.n_classes - 1))
        for class_, scores in enumerate(self._columns[1:], start=1):
            decided[scores > best] = class_
            np.maximum(best, scores, out=best)
        return decided, best

    def _check_lengths(self, scores: Array | None) -> None:
        sides = [*self._columns[:1], *([] if self._predicted is None else [self._predicted])]
        if any(len(side) != self.n for side in sides):
            shape = None if scores is None else np.shape(scores)
            raise ShapeError(
                f"scores of shape {shape}, {self.n} classes"
                + ("" if self._predicted is None else f" and {len(self._predicted)} predicted ones"),
                expected="scores (N,) or (N, C) and N classes",
                to_do="maps of voxels: use ScorePair.of_maps",
            )


def pieces(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Yield the next elements of some arrays of one length, so that what is made of them is small.

    Args:
        *arrays: Of one axis.
    """
    for start in range(0, len(arrays[0]), _AT_A_TIME):
        yield tuple(array[start : start + _AT_A_TIME] for array in arrays)


def _columns(scores: Array) -> list[Array]:
    scores = _floats(scores)
    if scores.ndim == 1:
        return [scores]
    if scores.ndim != 2 or not scores.shape[1]:
        raise ShapeError(
            f"the scores have the shape {scores.shape}",
            expected="(N,) or (N, C)",
            to_do="maps of voxels: use ScorePair.of_maps",
        )
    return list(scores.T)


def _floats(scores: Array) -> Array:
    if scores.dtype.kind not in "buif":
        raise VoxelValueError(f"the scores are {scores.dtype}", expected="numbers")
    return scores if scores.dtype in (np.float32, np.float64) else scores.astype(np.float64)


def _whole(values: Array, name: str) -> Array:
    values = np.asarray(values)
    if values.ndim != 1:
        raise ShapeError(f"the {name} have the shape {values.shape}", expected="one axis: (N,)")
    if values.dtype == bool:
        return values.view(np.uint8)
    whole = values
    if values.dtype.kind == "f" or not values.size:
        with np.errstate(invalid="ignore"):
            whole = values.astype(np.int64)
    if whole.dtype.kind not in "iu" or not np.array_equal(whole, values) or (whole.size and whole.min() < 0):
        raise VoxelValueError(f"the {name} are not whole numbers from 0", expected="0, 1, 2, ...")
    return whole
