"""What the log of a run says about its epochs, as curves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["PARTS_OF_TIME", "Curves", "Passes", "Point", "events_of"]

Point = tuple[float, float]

PARTS_OF_TIME = ("loader", "transfer", "compute")
"""What the seconds of a pass are made of; the rest is anything else."""


@dataclass
class Curves:
    """The results of a run as points (epoch from 1, value), by phase and name.

    Args:
        losses: Of every loss.
        metrics: Of every metric; classes as ``dice[anterior]``.
        rates: Learning rates, by optimizer or number of the group.
        times: Seconds of the Training passes by `PARTS_OF_TIME` and ``"other"``, and of the whole Validation passes.
        rate: Samples per second of the Training passes, under ``("Training", "samples_per_second")``.
        memory: Bytes at the end of the Training passes, under ``("Training", "memory_bytes")``.
    """

    losses: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    metrics: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    rates: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    times: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    rate: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    memory: dict[tuple[str, str], list[Point]] = field(default_factory=dict)


class Passes:
    """The passes of the present run: one per epoch and phase, of those that were run twice the later one.

    An artifact folder may have seen several trainings. One that begins with its first epoch forgets those before; one
    that continues goes on from the epoch it continues at.

    Example:
        >>> passes = Passes()
        >>> row = {"event": "epoch", "epoch": 0, "phase": "Training", "losses": {"dice": 0.5}, "best": True}
        >>> passes.take([{"event": "start", "command": "train", "first_epoch": 0}, row])
        >>> passes.curves().losses
        {('Training', 'dice'): [(1.0, 0.5)]}
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[int, str], Mapping[str, Any]] = {}
        self.n_epochs: int | None = None
        self.has_log = False
        self.began = 0
        """How many trainings have begun from their first epoch."""
        self._rates: dict[int, Mapping[str, Any]] = {}
        self._is_training = True

    def take(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in lines of ``log.jsonl``, in order."""
        for event in events:
            kind = event.get("event")
            if kind == "start":
                self._start(event)
            elif kind == "epoch" and "best" in event and isinstance(event.get("epoch"), int):
                self.has_log = True
                self.rows[event["epoch"], str(event.get("phase"))] = event

    def take_history(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take in lines of ``history.jsonl``: learning rates by optimizer, and all results where there is no log."""
        for line in lines:
            epoch = line.get("epoch")
            if not isinstance(epoch, int):
                continue
            if isinstance(line.get("learning_rates"), dict):
                self._rates[epoch] = line["learning_rates"]
            if not self.has_log:
                self.rows.setdefault((epoch, str(line.get("phase"))), line)

    def forget_history(self) -> None:
        """Forget what ``history.jsonl`` said; it was replaced by that of another run."""
        self._rates = {}

    @property
    def n_done(self) -> int:
        """How many epochs have been trained."""
        return max((epoch + 1 for epoch, phase in self.rows if phase == "Training"), default=0)

    @property
    def best_epoch(self) -> int | None:
        """The last epoch that was the best so far, from 0."""
        return max((epoch for (epoch, _), row in self.rows.items() if row.get("best")), default=None)

    def curves(self) -> Curves:
        """Return all curves."""
        curves = Curves()
        for (epoch, phase), row in sorted(self.rows.items(), key=lambda item: item[0][0]):
            for target, values in ((curves.losses, row.get("losses")), (curves.metrics, row.get("metrics"))):
                _add(target, epoch, phase, values)
            _add(curves.times, epoch, phase, _times(phase, row))
            if phase == "Training":
                _add(curves.rates, epoch, phase, self._rates_of(epoch, row))
                _add(curves.rate, epoch, phase, {"samples_per_second": _throughput(row)})
                _add(curves.memory, epoch, phase, {"memory_bytes": row.get("memory_bytes")})
        return curves

    def _start(self, event: Mapping[str, Any]) -> None:
        if event.get("command") != "train":
            return
        first = event.get("first_epoch")
        first = first if isinstance(first, int) else 0
        if not first:
            self.began += 1
        self.rows = {key: row for key, row in self.rows.items() if key[0] < first}
        self.has_log = True
        asked = event.get("epochs")
        self.n_epochs = asked if isinstance(asked, int) else None

    def _rates_of(self, epoch: int, row: Mapping[str, Any]) -> dict[str, Any]:
        named = self._rates.get(epoch) or row.get("learning_rates") or []
        groups = named if isinstance(named, dict) else {"": named}
        return {
            " ".join(part for part in (str(name), str(i + 1) if len(values) > 1 else "") if part) or "learning rate": v
            for name, values in groups.items()
            for i, v in enumerate(values)
        }


def events_of(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of lines; what is none was torn by a run that was killed, and is passed over.

    Example:
        >>> list(events_of(['{"event": "end"}', '{"event": "ep']))
        [{'event': 'end'}]
    """
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _add(target: dict[tuple[str, str], list[Point]], epoch: int, phase: str, values: Any) -> None:
    for name, value in (values or {}).items():
        if isinstance(value, (int, float)):
            target.setdefault((phase, name), []).append((epoch + 1.0, float(value)))


def _times(phase: str, row: Mapping[str, Any]) -> dict[str, float]:
    whole = row.get("seconds")
    if not isinstance(whole, (int, float)):
        return {}
    if phase != "Training":
        return {"all": whole}
    known = {part: row.get(f"seconds_{part}") for part in PARTS_OF_TIME}
    parts = {part: float(value) for part, value in known.items() if isinstance(value, (int, float))}
    return {**parts, "other": max(whole - sum(parts.values()), 0.0)}


def _throughput(row: Mapping[str, Any]) -> float | None:
    seconds, samples = row.get("seconds"), row.get("n_samples")
    return samples / seconds if isinstance(samples, int) and isinstance(seconds, (int, float)) and seconds else None
