"""What every metric has in common: names, direction, range, and what is said about empty masks."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Literal

from eisen._core.types import Array
from eisen.evaluation.measured import EmptyPolicy, Measured
from eisen.evaluation.pairs.case_pair import CasePair
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["Metric", "SegmentationMetric"]

Better = Literal["higher", "lower", "neither"]


@cache
def _parameters_of(cls: type) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(cls).parameters


class Metric:
    """A number that tells how good a prediction is.

    Sub-classes are small: class attributes, `__init__` with the parameters, and `formula`. Two metrics are equal when
    their class and parameters are.

    Attributes:
        abbreviation: Short name in tables and on the command line, upper case; as in pymia's Table 2 where it has one.
        better: Which direction is better; "neither" for plain sizes and counts.
        low: Smallest possible value.
        high: Largest possible value.
        unit: "" for plain numbers, "mm", "mm²", "mm³", "voxels", "bits".
        groups: Names under which several metrics are asked for at once, e.g. "overlap".
        kind: What it is computed from: "segmentation", "image" or "classification".
    """

    abbreviation: ClassVar[str]
    better: ClassVar[Better]
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    unit: ClassVar[str] = ""
    groups: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[str] = "segmentation"

    @property
    def best(self) -> float | None:
        """The best value; None where there is no such thing."""
        return {"higher": self.high, "lower": self.low, "neither": None}[self.better]

    @property
    def worst(self) -> float | None:
        """The worst value; infinite for a distance, None where there is no such thing."""
        return {"higher": self.low, "lower": self.high, "neither": None}[self.better]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that differ from what they are when nothing is said."""
        cls: Any = type(self)
        signature = _parameters_of(cls)
        values = {name: getattr(self, name) for name in signature}
        return {name: value for name, value in values.items() if value != signature[name].default}

    @property
    def name(self) -> str:
        """The abbreviation, with the parameters that were given: how it is spelt on the command line.

        Example:
            >>> from eisen.evaluation import metric_of
            >>> metric_of("dice").name
            'DICE'
        """
        given = ", ".join(f"{key}={value!r}" for key, value in self.parameters.items())
        return f"{self.abbreviation}({given})" if given else self.abbreviation

    def __repr__(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in self.parameters.items())
        return f"{type(self).__name__}({given})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.name == other.name

    def __hash__(self) -> int:
        return hash((type(self), self.name))


class SegmentationMetric(Metric):
    """A metric of a label: of two masks on one grid.

    Sub-classes define `formula`. It is asked with masks that may be empty, returns `undefined(reason)` where there is
    no value, and never raises for any pair of masks.
    """

    perfect_when_absent: ClassVar[bool] = True
    """Whether two empty masks agree perfectly in the sense of this metric, where the formula has no value."""

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label.

        Args:
            pair: The two masks, and everything that is computed once for all metrics.
        """
        raise NotImplementedError

    def measure(self, pair: LabelPair, policy: EmptyPolicy | None = None) -> Measured:
        """Return the value for a label, with the policy for empty masks applied where the formula has none.

        Args:
            pair: The two masks.
            policy: None: the default of `EmptyPolicy`.
        """
        found = self.formula(pair)
        return found if found.is_defined else self._by_policy(pair, policy or EmptyPolicy(), found)

    def __call__(self, prediction: Array, reference: Array, spacing_mm: Any = None, label: int = 1) -> float:
        """Return the value for two arrays; NaN where there is none.

        Args:
            prediction: Integers or booleans, two or three axes.
            reference: Of the same shape.
            spacing_mm: Distance of voxels along each axis of the arrays; None: 1.
            label: Which value in the arrays is meant.

        Example:
            >>> import numpy as np
            >>> from eisen.evaluation.metrics import Dice
            >>> Dice()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
            0.6666666666666666
        """
        return self.measure(CasePair(prediction, reference, spacing_mm).label(label)).value

    def _by_policy(self, pair: LabelPair, policy: EmptyPolicy, found: Measured) -> Measured:
        presence = pair.presence
        if presence == "both":
            return found
        choice = {"missed": policy.prediction, "extra": policy.reference, "absent": policy.both}[presence]
        if choice == "nan":
            return found
        if choice == "perfect":
            is_perfect = self.perfect_when_absent and self.best is not None and math.isfinite(self.best)
            return Measured(float(self.best or 0.0), "both masks are empty") if is_perfect else found
        if choice == "worst":
            worst = pair.case.diagonal_mm if self.worst == math.inf and self.unit == "mm" else self.worst
            return found if worst is None or not math.isfinite(worst) else Measured(worst, f"{found.reason}: charged")
        return Measured(float(choice), f"{found.reason}: charged")
