"""The signals of the original Eisen: hooks written by others listen to them through PyDispatcher.

    dispatcher.connect(self.end_epoch, signal=EISEN_END_EPOCH_EVENT, sender=workflow.id)

A receiver has a parameter called ``message``. PyDispatcher keeps receivers weakly: who uses it directly has to
keep the hook object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import numpy as np
from pydispatch import dispatcher

import eisen
from eisen.utils.events import BatchEnd, BestLoss, BestMetric, EpochEnd, Event, Message

__all__ = ["SIGNALS", "Sender", "event_of", "is_heard", "listen", "send"]

SIGNALS: dict[type[Event], str] = {
    BatchEnd: eisen.EISEN_END_BATCH_EVENT,
    BestLoss: eisen.EISEN_BEST_MODEL_LOSS,
    BestMetric: eisen.EISEN_BEST_MODEL_METRIC,
    EpochEnd: eisen.EISEN_END_EPOCH_EVENT,
}
"""The signal that is sent for an event."""

_ANY = dispatcher.Any
_ANY_SENDER = id(_ANY)


def is_heard(sender: UUID, signal: str) -> bool:
    """Tell whether anybody listens to a signal of a sender. Asked once per batch, so it reads the tables directly."""
    connections = dispatcher.connections
    if not connections:
        return False
    for key in (id(sender), _ANY_SENDER):
        signals = connections.get(key)
        if signals and (signal in signals or _ANY in signals):
            return True
    return False


def send(sender: UUID, signal: str, message: Message) -> None:
    """Send a signal to everybody who listens."""
    dispatcher.send(signal=signal, sender=sender, message=message)


@dataclass
class Sender:
    """Stands for a workflow that is not one of ours: what its messages tell about it."""

    id: UUID
    model: Any = None


def event_of(kind: type[Event], sender: UUID, message: Message) -> Event:
    """Return the event that a message of somebody else's workflow tells about."""
    workflow, epoch = cast(Any, Sender(sender, message.get("model"))), message.get("epoch", 0)
    losses, metrics = message.get("losses", []), message.get("metrics", [])
    if kind is BatchEnd:
        return BatchEnd(workflow, "", epoch, 0, message["inputs"], message["outputs"], losses, metrics)
    loss_means, metric_means = _means(losses), _means(metrics)
    return cast(type[EpochEnd], kind)(
        workflow,
        "",
        epoch,
        loss_means,
        metric_means,
        _mean(loss_means),
        _mean(metric_means),
        0,
        0.0,
        lambda: message,
    )


def listen(sender: UUID, kind: type[Event], listener: Any) -> None:
    """Call a listener with an event whenever the sender, somebody else's workflow, sends its signal.

    The listener is kept alive until the sender's id is gone.
    """

    def receive(message: Message, sender: UUID) -> None:
        listener(event_of(kind, sender, message))

    dispatcher.connect(receive, signal=SIGNALS[kind], sender=sender, weak=False)


def _means(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {name: float(np.mean(values)) for row in rows for name, values in row.items()}


def _mean(means: dict[str, float]) -> float | None:
    return float(np.mean(list(means.values()))) if means else None
