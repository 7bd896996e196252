"""Where the listeners of a workflow are kept, and how events reach them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary, ref

from eisen._core.errors import ArgumentError, nearest
from eisen.utils import dispatch
from eisen.utils.events import EVENTS, BatchEnd, Event

__all__ = ["Hub", "Listener", "Subscription", "attach", "hub_of"]

Listener = Callable[[Any], object]
"""Anything that can be called with one event."""

_HUBS: WeakValueDictionary[UUID, Hub] = WeakValueDictionary()


class Subscription:
    """What you get for subscribing: a handle to end it.

    Args:
        hub: Where the listeners are.
        entries: Pairs of event type and listener.
    """

    def __init__(self, hub: Hub, entries: list[tuple[type[Event], Listener]]) -> None:
        self._hub = hub
        self._entries = entries

    def remove(self) -> None:
        """End the subscription; a second call does nothing."""
        for kind, listener in self._entries:
            self._hub.listeners[kind].remove(listener)
        self._entries = []


class Hub:
    """Holds the listeners of one workflow, strongly, and gives them its events.

    Args:
        workflow_id: The id of the workflow, the sender of its PyDispatcher signals.
        owner: The workflow; not kept alive by its hub.
    """

    def __init__(self, workflow_id: UUID, owner: object = None) -> None:
        self.id = workflow_id
        self.owner: Callable[[], Any] = (lambda: None) if owner is None else ref(owner)
        self.listeners: dict[type[Event], list[Listener]] = {kind: [] for kind in EVENTS.values()}
        self._batch_listeners = self.listeners[BatchEnd]
        self._batch_signal = dispatch.SIGNALS[BatchEnd]
        _HUBS[workflow_id] = self

    def subscribe(self, subscriber: Any, kind: type[Event] | None = None) -> Subscription:
        """Subscribe a function to one kind of event, or an object to all it has methods for.

        Args:
            subscriber: A function of one event, or an object with at least one of the methods ``on_epoch_start``,
                ``on_batch_end``, ``on_best_loss``, ``on_best_metric``, ``on_epoch_end``.
            kind: The type of event a function wants.

        Raises:
            ArgumentError: If there is no such event, or the subscriber cannot be called with one event.
        """
        pairs = [(kind, subscriber)] if kind is not None else _methods_of(subscriber)
        for event_type, listener in pairs:
            _demand_event(event_type)
            _demand_signature(listener, event_type)
        for event_type, listener in pairs:
            self.listeners[event_type].append(listener)
        return Subscription(self, pairs)

    def hears(self, kind: type[Event]) -> bool:
        """Tell whether anybody listens to a kind of event."""
        if self.listeners[kind]:
            return True
        signal = dispatch.SIGNALS.get(kind)
        return signal is not None and dispatch.is_heard(self.id, signal)

    def hears_batches(self) -> bool:
        """The same as `hears` for the end of a batch, where it has to be quick."""
        return bool(self._batch_listeners) or dispatch.is_heard(self.id, self._batch_signal)

    def emit(self, event: Event) -> None:
        """Give an event to all its listeners in the order they came, then send its signal."""
        kind = type(event)
        for listener in tuple(self.listeners[kind]):
            listener(event)
        signal = dispatch.SIGNALS.get(kind)
        if signal is not None and dispatch.is_heard(self.id, signal):
            dispatch.send(self.id, signal, event.message)  # type: ignore[attr-defined]  # those with a signal have one


def hub_of(workflow_id: UUID) -> Hub:
    """Return the hub of a workflow; a new one for an id that has none, which lives as long as it is kept."""
    hub = _HUBS.get(workflow_id)
    return Hub(workflow_id) if hub is None else hub


def attach(workflow_id: UUID, subscriber: object) -> None:
    """Subscribe a hook to a workflow by its id, as the hooks of the papers do.

    A workflow of eisen keeps the hook alive. For the id of somebody else's workflow the hook listens to the
    PyDispatcher signals that are sent under it.
    """
    hub = _HUBS.get(workflow_id)
    if hub is not None:
        hub.subscribe(subscriber)
        return
    for kind, listener in _methods_of(subscriber):
        if kind in dispatch.SIGNALS:
            dispatch.listen(workflow_id, kind, listener)


def _methods_of(subscriber: object) -> list[tuple[type[Event], Listener]]:
    found = [(kind, getattr(subscriber, name)) for name, kind in EVENTS.items() if hasattr(subscriber, name)]
    if not found:
        near = [hint for name in dir(subscriber) if name.startswith("on") and (hint := nearest(name, EVENTS))]
        raise ArgumentError(
            f"{subscriber!r} listens to nothing",
            expected=f"an object with one of the methods {', '.join(EVENTS)}",
            to_do=near[0] if near else "for a function, name the event: @workflow.on(EpochEnd)",
        )
    return found


def _demand_event(kind: object) -> None:
    if kind not in EVENTS.values():
        names = [event.__name__ for event in EVENTS.values()]
        raise ArgumentError(
            f"{kind!r} is not an event one can listen to",
            expected=f"one of {', '.join(names)} of eisen.utils.events",
            to_do=nearest(getattr(kind, "__name__", str(kind)), names),
        )


def _demand_signature(listener: Any, kind: type[Event]) -> None:
    name = getattr(listener, "__qualname__", repr(listener))
    if not callable(listener):
        raise ArgumentError(f"{name} cannot be called", expected=f"a function of one {kind.__name__} event")
    try:
        inspect.signature(listener).bind(object())
    except TypeError as error:
        raise ArgumentError(
            f"{name} cannot be called with one event: {error}",
            expected=f"def {name.rpartition('.')[2]}(event): ...",
            to_do="take exactly one required argument, the event",
        ) from error
    except ValueError:  # a builtin without a signature; it will tell when it is called
        return
