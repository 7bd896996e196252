"""A configuration that is being put together, with a sentence for each thing that was chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from eisen.config.places import Place
from eisen_cli.builder.start.source import Entry, entry

__all__ = ["Draft", "Note"]


@dataclass(frozen=True)
class Note:
    """One sentence about a configuration.

    Args:
        kind: ``"understood"`` from the files, ``"assumed"`` because nothing tells, ``"chosen"`` because it works well.
        text: The sentence.
        place: Where it stands in the configuration; None: nowhere in particular.
    """

    kind: Literal["understood", "assumed", "chosen"]
    text: str
    place: Place | None = None


@dataclass
class Draft:
    """A configuration that is being put together.

    Attributes:
        data: The configuration.
        notes: Why things are there.
        places: What a sentence can be about (``"size"``, ``"normalization"``, ``"split"`` ...) to where that stands.

    Example:
        >>> draft = Draft()
        >>> draft.add("Training", "Optimizer", "torch.optim.SGD", "Small steps downhill.", lr=0.1)
        ('Training', 'Optimizer', 0)
        >>> draft.notes[0].text
        'Small steps downhill.'
    """

    data: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)

    def add(self, phase: str, section: str, path: str, why: str = "", **params: Any) -> Place:
        """Put a module at the end of a section, and return where it stands.

        Args:
            phase: The phase, or ``"General"``.
            section: Its section.
            path: Dotted path of the class.
            why: What it is for.
            **params: Its parameters.
        """
        return self.put(phase, section, entry(path, **params), why)

    def put(self, phase: str, section: str, module: Entry, why: str = "") -> Place:
        """Put a whole module at the end of a section, and return where it stands."""
        entries = self.data.setdefault(phase, {}).setdefault(section, [])
        entries.append(module)
        place: Place = (phase, section, len(entries) - 1)
        if why:
            self.notes.append(Note("chosen", why, place))
        return place

    def hyper(self, phase: str, name: str, value: Any, why: str = "") -> Place:
        """Set a hyperparameter, e.g. ``"BatchSize"``, and return where it stands."""
        params = dict(value) if name == "SlidingWindow" else {"value": value}
        return self.put(phase, "Hyperparameters", entry(f".{name}", **params), why)

    def about(self, what: str, place: Place) -> Place:
        """Remember the first place that something is about, and return it."""
        return self.places.setdefault(what, place)
