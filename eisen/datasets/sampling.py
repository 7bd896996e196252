"""Which cases an epoch draws, and how often: balanced classes, weights, or a rule of your own."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError, DataError, nearest
from eisen.datasets.values import case_values

__all__ = ["BalancedSampler", "CaseSampler", "WeightedSampler"]

Indices = npt.NDArray[np.int64]

_log = logging.getLogger(__name__)


class CaseSampler(ABC):
    """Chooses the cases of each epoch. The `Loader` asks it; what it returns is cut into batches.

    A child implements `draw`. All its random numbers come from the generator it is given, which is a function of seed
    and epoch: so the choice does not depend on the number of workers, and a run that was interrupted goes on with the
    cases it would have had. A case may be drawn more than once; its transforms have other random numbers each time.

    Args:
        n_samples: Cases per epoch. None: as many as the data set has.

    Raises:
        ArgumentError: If `n_samples` is not a whole number from 1.

    Example:
        >>> class EverySecond(CaseSampler):
        ...     def draw(self, dataset, rng):
        ...         return np.arange(0, len(dataset), 2)
        ...     def n_draws(self, dataset):
        ...         return -(-len(dataset) // 2)
        >>> from eisen.datasets import ListDataset, Loader
        >>> cases = ListDataset([{"number": n} for n in range(5)])
        >>> [batch["number"].tolist() for batch in Loader(cases, batch_size=2, sampler=EverySecond())]
        [[0, 2], [4]]
    """

    def __init__(self, n_samples: int | None = None) -> None:
        if n_samples is not None and (not isinstance(n_samples, int) or n_samples < 1):
            raise ArgumentError(
                f"{type(self).__name__}: n_samples is {n_samples!r}", expected="a whole number from 1, or None"
            )
        self.n_samples = n_samples

    @abstractmethod
    def draw(self, dataset: Any, rng: np.random.Generator) -> Sequence[int] | Indices:
        """Return the indices of the cases of one epoch, in their order.

        Args:
            dataset: The data set; how many there are says `n_draws`.
            rng: The only source of random numbers.
        """

    def n_draws(self, dataset: Any) -> int:
        """Return how many cases an epoch has."""
        return len(dataset) if self.n_samples is None else self.n_samples


class BalancedSampler(CaseSampler):
    """Draw every class equally often, however rare it is.

    Each epoch has the same number of cases of every class, to within one. Inside a class no case comes again before
    all others had their turn. Classes are read from what the data set lists about a case where they stand there;
    otherwise every case is read once, when the first epoch begins.

    Args:
        field: Name of the field that holds the class: a number or text.
        n_samples: Cases per epoch. None: as many as the data set has.

    Raises:
        ArgumentError: If `n_samples` is not a whole number from 1.
        MissingFieldError: If a case does not have the field.
        DataError: If the field holds more than one value.

    Example:
        >>> from eisen.datasets import ListDataset, Loader
        >>> cases = ListDataset([{"label": int(n == 0)} for n in range(8)])  # one ill, seven healthy
        >>> batch = next(iter(Loader(cases, batch_size=8, sampler=BalancedSampler())))
        >>> int(batch["label"].sum())
        4
    """

    def __init__(self, field: str = "label", n_samples: int | None = None) -> None:
        super().__init__(n_samples)
        self.field = field
        self._classes: tuple[Any, list[Indices]] | None = None

    def draw(self, dataset: Any, rng: np.random.Generator) -> Indices:
        """Return indices with every class equally often, in random order."""
        classes = self._by_class(dataset)
        n = self.n_draws(dataset)
        share, extra = divmod(n, len(classes))
        lucky = set(rng.permutation(len(classes))[:extra].tolist())
        parts = [_in_turns(members, share + (k in lucky), rng) for k, members in enumerate(classes)]
        return rng.permutation(np.concatenate(parts))

    def _by_class(self, dataset: Any) -> list[Indices]:
        """Return the cases of each class; looked up once per data set."""
        if self._classes is None or self._classes[0] is not dataset:
            values = case_values(dataset, self.field)
            names = sorted(dict.fromkeys(values), key=lambda value: (str(type(value)), value))
            classes = [np.flatnonzero([value == name for value in values]) for name in names]
            counts = ", ".join(f"{name}: {len(members)}" for name, members in zip(names, classes, strict=True))
            _log.info("BalancedSampler: cases per class of '%s': %s", self.field, counts)
            self._classes = dataset, classes
        return self._classes[1]


class WeightedSampler(CaseSampler):
    """Draw cases at random, each as often as its weight says.

    Args:
        weights: One number per case, from 0; or, with `field`, the weight of each value of the field, e.g.
            ``{"tumour": 5, "healthy": 1}``. None: `field` holds the weight itself.
        field: Name of the field that decides about a case; None: `weights` is one number per case.
        n_samples: Cases per epoch. None: as many as the data set has.
        replacement: Whether a case may be drawn more than once in an epoch.

    Raises:
        ArgumentError: If an argument is wrong, or the weights do not fit the data set.
        DataError: If a case has a value that has no weight.

    Example:
        >>> from eisen.datasets import ListDataset, Loader
        >>> cases = ListDataset([{"site": "a"}, {"site": "b"}, {"site": "b"}])
        >>> sampler = WeightedSampler({"a": 1, "b": 0}, field="site", n_samples=4)
        >>> next(iter(Loader(cases, sampler=sampler)))["site"]
        ['a', 'a', 'a', 'a']
    """

    def __init__(
        self,
        weights: Sequence[float] | Mapping[str, float] | None = None,
        field: str | None = None,
        n_samples: int | None = None,
        replacement: bool = True,
    ) -> None:
        super().__init__(n_samples)
        if field is None and (weights is None or isinstance(weights, Mapping)):
            raise ArgumentError(
                f"WeightedSampler: weights is {weights!r} and there is no field",
                expected="one number per case in weights, or the field that decides about a case",
            )
        if field is not None and weights is not None and not isinstance(weights, Mapping):
            raise ArgumentError(
                "WeightedSampler: weights is a list although there is a field",
                expected="an object from values of the field to weights, or no field",
            )
        self.weights, self.field, self.replacement = weights, field, replacement
        self._shares: tuple[Any, npt.NDArray[np.float64]] | None = None

    def draw(self, dataset: Any, rng: np.random.Generator) -> Indices:
        """Return indices drawn by weight."""
        shares, n = self._probabilities(dataset), self.n_draws(dataset)
        possible = int(np.count_nonzero(shares))
        if not self.replacement and n > possible:
            raise ArgumentError(
                f"WeightedSampler: {n} cases per epoch without replacement, and {possible} have a weight above 0",
                expected=f"n_samples of at most {possible}, or replacement=True",
            )
        return rng.choice(len(shares), size=n, replace=self.replacement, p=shares)

    def _probabilities(self, dataset: Any) -> npt.NDArray[np.float64]:
        if self._shares is None or self._shares[0] is not dataset:
            weights = np.asarray(self._weights_of(dataset), dtype=np.float64)
            if len(weights) != len(dataset) or not np.isfinite(weights).all() or weights.min() < 0 or not weights.any():
                raise ArgumentError(
                    f"WeightedSampler: {len(weights)} weights for {len(dataset)} cases, "
                    f"from {weights.min(initial=0):g} to {weights.max(initial=0):g}",
                    expected="one finite number per case, none below 0, at least one above",
                    to_do="with a split, name a field instead of giving one weight per case",
                )
            self._shares = dataset, weights / weights.sum()
        return self._shares[1]

    def _weights_of(self, dataset: Any) -> list[float]:
        if not isinstance(self.weights, Mapping) and self.weights is not None:
            return list(self.weights)
        field = self.field or ""
        values = case_values(dataset, field)
        if self.weights is None:
            return [_as_weight(value, field) for value in values]
        known = {str(key): weight for key, weight in self.weights.items()}  # keys of JSON are text
        missing = next((value for value in values if str(value) not in known), None)
        if missing is not None:
            raise DataError(
                f"WeightedSampler: a case has {missing!r} in '{field}', which has no weight",
                expected=f"one of {', '.join(known)}",
                to_do=nearest(str(missing), known) or f"add {str(missing)!r} to the weights",
                field=field,
            )
        return [known[str(value)] for value in values]


def _in_turns(members: Indices, n: int, rng: np.random.Generator) -> Indices:
    """Return n of the members: all of them in random order, then again, as long as it takes."""
    rounds = [rng.permutation(members) for _ in range(-(-n // len(members)))]
    return np.concatenate(rounds)[:n] if rounds else members[:0]


def _as_weight(value: Any, field: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        what = f"WeightedSampler: the field '{field}' holds {value!r}"
        raise DataError(what, expected="a number, the weight of the case", field=field) from None
